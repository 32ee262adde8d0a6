"""How the page writes tables, values and whether they agree with the paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NAMES = {"text": "text", "image": "images"}
Claims = Mapping[str, Mapping[str, bool]]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
        *("| " + " | ".join(row) + " |" for row in rows),
        "",
    ]


def number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def points(value: float | None, digits: int = 1) -> str:
    """A score in points: hundredths of the metric."""
    return number(None if value is None else 100 * value, digits)


def spread(value: Mapping[str, Any], digits: int = 1, scale: float = 1.0) -> str:
    """A mean, and from two seeds on the range over single seeds."""
    low, high = min(value["seeds"]), max(value["seeds"])
    text = f"{scale * value['mean']:.{digits}f}"
    if len(value["seeds"]) == 1:
        return text
    return f"{text} ({scale * low:.{digits}f} to {scale * high:.{digits}f})"


def interval(value: Sequence[float] | None, digits: int = 1) -> str:
    return f" [{points(value[0], digits)}, {points(value[1], digits)}]" if value else ""


def agreement(claims: Claims, otherwise: str = "") -> list[str]:
    """Which of the paper's findings hold in which zoo; `otherwise` says why where one does not."""
    held: list[str] = []
    failed: list[str] = []
    for claim, kinds in claims.items():
        for found, wanted in ((held, True), (failed, False)):
            names = [NAMES[kind] for kind, holds in kinds.items() if holds is wanted]
            if names:
                found.append(f"{claim} ({' and '.join(names)})")
    text = f"**Agrees in kind:** {'; '.join(held)}." if held else ""
    if failed:
        text += f" **Does not agree:** {'; '.join(failed)}. {otherwise}"
    return [text.strip(), ""]
