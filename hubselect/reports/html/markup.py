"""Markup that cannot be broken out of: whatever is not `Html` already is escaped on its way in.

Names, class names and reasons come from the Hub and from libraries that read it, so none is trusted.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from typing import Any


class Html(str):
    """Text that is markup; only this file makes it from text that is not."""

    __slots__ = ()


def escaped(value: object) -> Html:
    """`value` as markup: itself when it is markup, else its text, escaped; None is nothing."""
    if isinstance(value, Html):
        return value
    return Html("" if value is None else html.escape(str(value), quote=True))


def joined(parts: Iterable[object]) -> Html:
    return Html("".join(escaped(p) for p in parts))


def element(tag: str, *children: object, **attributes: str | None) -> Html:
    """An element; attributes that are None are left out, `class_` is `class`."""
    given = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escaped(value)}"'
        for name, value in attributes.items()
        if value is not None
    )
    return Html(f"<{tag}{given}>{joined(children)}</{tag}>")


def name(value: object) -> Html:
    """The name of something on the Hub: it may be long, and may be broken anywhere."""
    return element("span", value, class_="name", dir="auto")


def moment(time: str) -> str:
    """A recorded time (ISO 8601) to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC" if time.endswith("+00:00") else time


def paragraph(*children: object, class_: str | None = None) -> Html:
    return element("p", *children, class_=class_)


def table(
    heads: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Sequence[str] = (),
    words: Sequence[str] = (),
) -> Html:
    """A table that scrolls by itself where it is too wide; columns in `numbers` are set to the right, those
    in `words` hold sentences and are never narrow."""
    kinds = ["number" if head in numbers else "words" if head in words else None for head in heads]
    top = joined(
        element("th", head, class_=kind, scope="col") for head, kind in zip(heads, kinds, strict=True)
    )
    body = joined(
        element("tr", *(element("td", cell, class_=kind) for cell, kind in zip(row, kinds, strict=True)))
        for row in rows
    )
    inner = element("table", element("thead", element("tr", top)), element("tbody", body))
    return element("div", inner, class_="scroll", tabindex="0")


def pairs(rows: Iterable[tuple[str, object]]) -> Html:
    """A list of terms and what they are."""
    items = joined(joined((element("dt", term), element("dd", value))) for term, value in rows)
    return element("dl", items)


def folded(summary: str, *children: object) -> Html:
    """Something to open."""
    return element("details", element("summary", summary), *children)


def listed(summary: str, whole: Html, rows: int, most: int = 15) -> Html:
    """A table as it is, or folded where its rows would push everything else away."""
    return folded(f"{summary} ({rows:,})", whole) if rows > most else whole


def data_block(identity: str, value: Any) -> Html:
    """A JSON document inside a page: no character in it can end the element that holds it."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json" id="{escaped(identity)}">{text}</script>')
