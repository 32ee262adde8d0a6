"""Names as labels of a chart: short enough to leave room for the chart, and plain text.

plotly reads a little markup in every text it draws (bold, links, line breaks), so names are escaped for it.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Sequence

WIDE = 40
NARROW = 19


def plain(text: object) -> str:
    """`text` as plotly draws it letter by letter."""
    return html.escape(str(text), quote=False)


def shortened(text: str, width: int) -> str:
    """At most `width` characters, the middle left out: beginnings and endings tell names apart."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - (width - 1 - head) :]}"


def labels(names: Sequence[str], width: int = WIDE) -> list[str]:
    """The names without their owner, where they are still told apart, shortened and escaped."""
    bare = [name.rpartition("/")[2] for name in names]
    chosen = bare if len(set(bare)) == len(bare) else list(names)
    return [plain(shortened(label, width)) for label in chosen]


def hover(*lines: object, width: int = 44) -> str:
    """Lines of a label that appears under the pointer: the first in bold, long ones folded; None is no
    line."""
    told = [plain_lines(str(line), width) for line in lines if line is not None]
    return "<br>".join([f"<b>{told[0]}</b>", *told[1:]]) if told else ""


def plain_lines(text: str, width: int) -> str:
    """`text` folded into lines, escaped."""
    return "<br>".join(plain(part) for part in textwrap.wrap(text, width) or [""])
