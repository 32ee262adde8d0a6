"""How numbers are written for people."""

from __future__ import annotations


def score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def counted(count: int, one: str, several: str = "") -> str:
    """`1 model`, `2,000 models`; `several` is the plural where an s does not make it."""
    return f"{count:,} {one if count == 1 else several or f'{one}s'}"


def size(count: int) -> str:
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
