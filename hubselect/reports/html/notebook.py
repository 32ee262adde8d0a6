"""What a notebook shows of a selection and of a registry: a small table, without a script or a library."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hubselect.errors import without_secrets
from hubselect.records import Selection
from hubselect.reports.closing import closing_lines
from hubselect.reports.html.markup import Html, element, escaped, joined
from hubselect.reports.numbers import duration, score, size

LAST = 5


def selection_table(found: Selection) -> str:
    """The answer with its evidence in a few rows, then who was recalled and what became of them."""
    cost = found.cost
    rows: list[Sequence[object]] = [
        ("dataset", found.dataset),
        ("winner", element("b", found.model_id)),
        ("validation", f"{score(found.val_score)} ({found.metric})"),
        ("test", f"{score(found.test_score)} ({found.metric})"),
        (
            "cost",
            f"{cost.epochs:.2f} epochs, {duration(cost.seconds)}, {size(cost.bytes_downloaded)} downloaded",
        ),
        ("saved in", found.path or "not saved"),
        *(line.split(": ", 1) for line in closing_lines(found)),
        *(("warning", line) for line in found.warnings),
    ]
    last = {v.model: v for v in found.history}
    recalled = [
        (
            place,
            r.model,
            score(r.recall_score),
            score(v.val if (v := last.get(r.model)) else None),
            "won" if r.model == found.model_id else v.reason if v else "",
        )
        for place, r in enumerate(found.recalled, start=1)
    ]
    heads = ("", "recalled", "recall score", "validation", "what became of it")
    return without_secrets(joined((_table(f"Selection {found.id}", rows), _table("", recalled, heads))))


def registry_table(
    location: str, counts: Iterable[tuple[str, object]], selections: Sequence[Sequence[object]]
) -> str:
    """Where it is, how much it holds, and its last selections (dataset, status, model, test)."""
    parts = [_table(f"Registry {location}", list(counts))]
    if selections:
        parts.append(_table("", selections[-LAST:], ("last selections", "status", "model", "test")))
    return without_secrets(joined(parts))


def _table(title: str, rows: Iterable[Sequence[object]], heads: Sequence[str] = ()) -> Html:
    left = {"style": "text-align: left; vertical-align: top; overflow-wrap: anywhere"}
    caption = [element("caption", title, style="text-align: left; font-weight: bold")] if title else []
    top = [element("tr", *(element("th", head, **left) for head in heads))] if heads else []
    body = [
        element(
            "tr",
            *(element("td" if heads or i else "th", escaped(cell), **left) for i, cell in enumerate(row)),
        )
        for row in rows
    ]
    return element("table", *caption, *top, *body)
