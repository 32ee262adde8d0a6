"""How records show themselves in a notebook. Records hold no behaviour, so it is lent to them here."""

from __future__ import annotations

from hubselect.records import Selection


def lend() -> None:
    """From now on a `Selection` at the end of a notebook's cell is a table (`_repr_html_`)."""
    Selection._repr_html_ = _selection  # type: ignore[attr-defined]


def _selection(found: Selection) -> str:
    from hubselect.reports.html.notebook import selection_table

    return selection_table(found)
