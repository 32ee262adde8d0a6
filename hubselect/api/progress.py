"""How long-running work reports on itself: plain events to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of `step` are finished; `detail` says what happened last."""

    step: str
    done: int
    total: int
    detail: str = ""


PLAN = "plan"
"""The step of an announcement: `detail` says what will be fetched, before it is."""

Listener = Callable[[Progress], None]


def silent(event: Progress) -> None:
    """The default listener."""
