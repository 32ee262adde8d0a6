"""`report`: one self-contained HTML page about a selection or a whole registry."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from hubselect.api.opening import opened
from hubselect.api.reporting.facts import registry_facts, selection_facts
from hubselect.errors import InvalidInput, StorageFailed
from hubselect.registry import Registry
from hubselect.reports.html.page import needed
from hubselect.reports.html.registry import registry_page
from hubselect.reports.html.selection import selection_page


def report(
    selection_id: int | None = None, *, html: str | Path, registry: Registry | str | Path | None = None
) -> Path:
    """Write a page about a selection, finished or not, to the file `html`; without a `selection_id` one
    about the whole registry. Returns where it is.

    The page is one file and asks for nothing: it can be read offline, and sent around. Needs plotly (the
    extra `report`). Raises what `check_report` does, `UnknownEntry` for a selection that the registry does
    not hold and `StorageFailed` when the disk does not take it; a page that was there before is then as
    it was.
    """
    place = check_report(html)
    with opened(registry, create=False) as store:
        if selection_id is None:
            page = registry_page(registry_facts(store))
        else:
            page = selection_page(selection_facts(store, selection_id))
    _write(place, page)
    return place


def check_report(html: str | Path) -> Path:
    """Where the page would be. Raises `InvalidInput` for a place that cannot hold a file, and when plotly
    is not installed: what is to be reported may take hours, and this is known before."""
    needed()
    place = Path(html).expanduser().absolute()
    if place.is_dir():
        raise InvalidInput(f"{place} is a folder", "name a file for the page, such as report.html")
    if not place.parent.is_dir():
        raise InvalidInput(f"{place.parent} is no folder", "make it first, or name another file")
    return place


def _write(place: Path, page: str) -> None:
    draft = place.with_name(f".{place.name}.partial")
    try:
        draft.write_text(page, encoding="utf-8", errors="replace", newline="\n")
        os.replace(draft, place)
    except OSError as error:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise StorageFailed(
            f"{place} cannot be written: {error.strerror or error}", "make room for it, or name another place"
        ) from error
