"""How long-running work reports on itself: plain events to whoever listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hubselect.records import CurvePoint


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of `step` are finished; `detail` says what happened last."""

    step: str
    done: int
    total: int
    detail: str = ""


@dataclass(frozen=True)
class Candidate:
    """Where a recalled model stands in a selection that is running.

    `state` is one of "waits", "trains", "left", "failed" and "winner", `why` the policy's reason or the
    failure. `predicted` is the end that the policy predicted after stage `judged`, `test` the winner's test
    score.
    """

    model: str
    state: str = "waits"
    curve: tuple[CurvePoint, ...] = ()
    predicted: float | None = None
    judged: int = 0
    why: str = ""
    test: float | None = None

    @property
    def stage(self) -> int:
        """Stages finished."""
        return self.curve[-1].stage if self.curve else 0

    @property
    def epochs(self) -> float:
        """Epochs trained."""
        return self.curve[-1].epochs if self.curve else 0.0

    @property
    def val(self) -> float | None:
        """The last validation score."""
        return self.curve[-1].val if self.curve else None


@dataclass(frozen=True)
class Standings(Progress):
    """All candidates of selection number `selection`, in order of recall; told at every change.

    `seconds_left` is about how long it goes on, None before a first stage was timed.
    """

    selection: int = 0
    metric: str = "accuracy"
    candidates: tuple[Candidate, ...] = ()
    seconds_left: float | None = None


PLAN = "plan"
"""The step of an announcement: `detail` says what will be fetched, before it is."""

Listener = Callable[[Progress], None]


def silent(event: Progress) -> None:
    """The default listener."""
