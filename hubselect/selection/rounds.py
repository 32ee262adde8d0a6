"""What every staged policy shares: replaying the history stage by stage.

A concrete policy only says who stays after a stage. Failures, models that fail late and the
choice of the winner are handled here, so that all policies treat them alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubselect.errors import InvalidInput, SelectionFailed
from hubselect.records import CurvePoint, Verdict
from hubselect.selection.stages import Finished, History, Stage


def best_first(points: Sequence[CurvePoint]) -> list[CurvePoint]:
    """Highest validation score first; ties by model id."""
    return sorted(points, key=lambda p: (-p.val, p.model))


def judge(point: CurvePoint, kept: bool, reason: str, predicted: float | None = None) -> Verdict:
    return Verdict(point.stage, point.epochs, point.model, point.val, predicted, kept, reason)


def not_started(model: str, reason: str) -> Verdict:
    return Verdict(0, 0.0, model, None, None, False, reason)


@dataclass(frozen=True)
class StagedPolicy(ABC):
    """A barrier after `every` stages, and after the last of `stages`; subclasses decide who passes it."""

    stages: int
    every: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        if self.stages < 1:
            raise InvalidInput(f"a selection needs at least one stage, not {self.stages}", "give at least 1")
        if self.every < 1:
            raise InvalidInput(f"barriers are at least one stage apart, not {self.every}", "give at least 1")

    @abstractmethod
    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        """One verdict per point of this stage; `started` models began it (failed ones included)."""

    def decide(self, history: History, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        """As `filter`, which it asks, for a policy that also looks at the points before this stage."""
        return self.filter(points, started)

    def barriers(self) -> Sequence[int]:
        """The stages after which `filter` decides; the last is always `stages`."""
        return (*range(self.every, self.stages, self.every), self.stages)

    def left_out(self, models: Sequence[str]) -> Mapping[str, str]:
        """Which of `models` need not start, and why, before anything of their curves is known."""
        return {}

    def limit(
        self, history: History, decisions: Sequence[Verdict], verdicts: Sequence[Verdict]
    ) -> Sequence[Verdict]:
        """The `decisions` of a barrier as they become final; `verdicts` are all before them."""
        return decisions

    def revive(self, history: History, verdicts: Sequence[Verdict]) -> str:
        """Who goes on when every survivor failed; raises `SelectionFailed` when nobody can."""
        return _best_eliminated(history, verdicts)

    def next(self, history: History) -> Stage | Finished:
        if not history.candidates:
            raise SelectionFailed("there is no candidate to fine-tune", "recall one at least: -k 1")
        out = self._not_started(history)
        alive = tuple(m for m in history.candidates if m not in out)
        verdicts: list[Verdict] = []
        for number in self.barriers():
            revived = False
            while True:
                if any(not history.reached(m, number) and not history.failed_by(m, number) for m in alive):
                    return Stage(
                        number, tuple(m for m in alive if not history.failed_by(m, number)), tuple(verdicts)
                    )
                verdicts += _failures(alive, history, number)
                reached = [
                    p for m in alive if not history.failed_by(m, number) and (p := history.point(m, number))
                ]
                if reached:
                    break
                alive, revived = (self.revive(history, verdicts),), True
            if number == self.barriers()[0]:  # until here who fails makes room
                verdicts[:0] = [not_started(m, why) for m, why in out.items()]
            decisions = self.decide(history, reached, len(alive))
            if revived:
                decisions = [replace(v, reason="back in: every other candidate failed") for v in decisions]
            decisions = list(self.limit(history, decisions, verdicts))
            verdicts += decisions
            alive = tuple(v.model for v in decisions if v.kept)
        winner = best_first([p for m in alive if (p := history.point(m, self.stages))])[0].model
        return Finished(winner, tuple(verdicts))

    def _not_started(self, history: History) -> dict[str, str]:
        """Who is left out, and why; when a model fails before the first barrier, who starts is asked again
        of the others."""
        first = self.barriers()[0]
        waiting, out = history.candidates, dict(self.left_out(history.candidates))
        started = {m for m in waiting if m not in out}
        while failed := {m for m in started if m in waiting and history.failed_by(m, first)}:
            waiting = tuple(m for m in waiting if m not in failed)
            started |= {m for m in waiting if m not in self.left_out(waiting)}
        return {m: why for m, why in out.items() if m not in started}


def _failures(alive: Sequence[str], history: History, number: int) -> list[Verdict]:
    verdicts = []
    for failure in (history.failed[m] for m in alive if history.failed_by(m, number)):
        points = history.points.get(failure.model, ())
        epochs = points[-1].epochs if points else 0.0
        reason = f"failed: {failure.reason}"
        verdicts.append(Verdict(number, epochs, failure.model, None, None, False, reason))
    return verdicts


def _best_eliminated(history: History, verdicts: Sequence[Verdict]) -> str:
    """Who goes on when every survivor failed: the best of those that left last, or who never started."""
    out = [v for v in verdicts if not v.kept and v.model not in history.failed]
    if not out:
        raise SelectionFailed("every candidate failed", "recall others with a larger -k")
    return min(out, key=lambda v: (-v.stage, -(v.val or 0.0), v.model)).model


def winners_first(points: Sequence[CurvePoint], keep: int) -> tuple[list[CurvePoint], list[CurvePoint]]:
    """Split into the `keep` best by validation and the rest."""
    ranked = best_first(points)
    return ranked[:keep], ranked[keep:]
