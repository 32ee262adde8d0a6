"""The seam of phase 2: a policy decides what trains next, an executor trains it, `drive` alternates.

There is one barrier per stage, so no callbacks are needed. The journal holds every curve
point and failure; resuming is asking again: `drive` never asks an executor for a point that
the journal already has, and a policy is a pure function of the history, so a killed
selection continues with the same decisions. A history holds no test score.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hubselect.errors import SelectionFailed
from hubselect.records import CurvePoint, Failed, Verdict


@dataclass(frozen=True)
class Stage:
    """Bring every one of `models` to `number` stages of fine-tuning.

    `verdicts` are all decisions so far, in order of stage.
    """

    number: int
    models: tuple[str, ...]
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class Finished:
    """Nothing is left to train: `winner` has gone through every stage."""

    winner: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class History:
    """All a policy may know: the candidates in recall order, their curves so far, who failed."""

    candidates: tuple[str, ...]
    points: Mapping[str, tuple[CurvePoint, ...]] = field(default_factory=dict)
    failed: Mapping[str, Failed] = field(default_factory=dict)

    def point(self, model: str, stage: int) -> CurvePoint | None:
        return next((p for p in self.points.get(model, ()) if p.stage == stage), None)

    def reached(self, model: str, stage: int) -> bool:
        return self.point(model, stage) is not None

    def failed_by(self, model: str, stage: int) -> bool:
        """Whether `model` failed on its way to `stage` or before."""
        return model in self.failed and self.failed[model].stage <= stage


class Policy(Protocol):
    """Decides what trains next: pure, deterministic, ties broken by model id, no clock."""

    def next(self, history: History) -> Stage | Finished: ...


class Executor(Protocol):
    """Trains what a stage asks for, from wherever each model stands, one point per stage passed."""

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]: ...

    def discard(self, model: str) -> None:
        """Forget a model that was eliminated; its training state may be deleted."""
        ...


class Journal(Protocol):
    """Remembers every event durably before the next is asked for."""

    def history(self) -> History: ...

    def append(self, event: CurvePoint | Failed) -> None: ...

    def decide(self, verdicts: tuple[Verdict, ...]) -> None:
        """Record all verdicts so far; those already recorded are left as they are."""
        ...


def missing(stage: Stage, history: History) -> Stage:
    """The part of `stage` that the history does not hold yet."""
    todo = tuple(
        m
        for m in stage.models
        if not history.reached(m, stage.number) and not history.failed_by(m, stage.number)
    )
    return Stage(stage.number, todo, stage.verdicts)


def drive(policy: Policy, executor: Executor, journal: Journal) -> Finished:
    """Ask the policy, run what is missing, append to the journal, repeat until finished.

    Raises `SelectionFailed` when no candidate is left.
    """
    discarded: set[str] = set()
    while True:
        history = journal.history()
        if history.candidates and all(m in history.failed for m in history.candidates):
            raise _all_failed(history)
        step = policy.next(history)
        journal.decide(step.verdicts)
        for verdict in step.verdicts:
            if not verdict.kept and verdict.model not in discarded:
                discarded.add(verdict.model)
                executor.discard(verdict.model)
        if isinstance(step, Finished):
            return step
        todo = missing(step, history)
        if not todo.models:
            raise RuntimeError(
                f"the policy asked again for stage {step.number}, which the journal already holds"
            )
        for event in executor.run(todo):
            journal.append(event)


def _all_failed(history: History) -> SelectionFailed:
    reasons = "; ".join(f"{m}: {history.failed[m].reason}" for m in history.candidates)
    return SelectionFailed(f"every candidate failed ({reasons})", "recall others with a larger -k")
