"""The journal of a selection, kept in the registry: every point, failure and verdict as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict

from hubselect.records import CurvePoint, Failed, Recipe, Verdict
from hubselect.registry import Registry
from hubselect.selection import History

Event = CurvePoint | Failed


class _Where(TypedDict):
    seed: int
    selection: int


class RegistryJournal:
    """A selection's memory. What it holds survives a kill; asking again continues from it."""

    def __init__(
        self,
        store: Registry,
        selection: int,
        candidates: Sequence[str],
        dataset: str,
        recipe: Recipe,
    ) -> None:
        self._store = store
        self._selection = selection
        self._candidates = tuple(candidates)
        self._dataset = dataset
        self._recipe = recipe
        self._digest = store.add_recipe(recipe)
        self.tells(lambda event: None, lambda verdicts: None)
        self._clock = time.monotonic()
        self._where: _Where = {"seed": recipe.seed, "selection": selection}
        known = {r.model for r in store.runs(selection=selection)}
        for model in self._candidates:
            if model not in known:
                store.start_run(model, dataset, self._digest, **self._where)

    def tells(
        self, on_event: Callable[[Event], None], on_verdicts: Callable[[tuple[Verdict, ...]], None]
    ) -> None:
        """Who hears of every event, and of all verdicts so far, once they are recorded."""
        self._on_event, self._on_verdicts = on_event, on_verdicts

    def history(self) -> History:
        runs = {r.model: r for r in self._store.runs(selection=self._selection)}
        failed = {
            m: Failed(m, len(r.curve) + 1, r.reason or "failed")
            for m, r in runs.items()
            if r.status == "failed"
        }
        return History(self._candidates, {m: r.curve for m, r in runs.items()}, failed)

    def append(self, event: Event) -> None:
        place, where = (self._dataset, self._digest), self._where
        if isinstance(event, Failed):
            self._store.fail_run(event.model, *place, event.reason, **where)
        else:
            if event.model in self._left():
                self._store.start_run(event.model, *place, **where)  # it is back in: all others failed
            self._store.append_point(event, *place, **where)
        self.spend()
        self._on_event(event)

    def decide(self, verdicts: tuple[Verdict, ...]) -> None:
        self._store.record_verdicts(self._selection, verdicts)
        latest = {v.model: v for v in verdicts}
        failed = self.history().failed
        for model, verdict in latest.items():
            if not verdict.kept and model not in failed:
                self._store.stop_run(model, self._dataset, self._digest, verdict.reason, **self._where)
        self._on_verdicts(verdicts)

    def finish(self, winner: str, test: float) -> None:
        """Record the winner's test score; who is still in beside it goes no further."""
        self._store.finish_run(winner, self._dataset, self._digest, test, **self._where)
        for run in self._store.runs(selection=self._selection, status="running"):
            self._store.stop_run(run.model, self._dataset, self._digest, "not the winner", **self._where)

    def _left(self) -> set[str]:
        return {r.model for r in self._store.runs(selection=self._selection, status="stopped")}

    def spend(self, bytes_downloaded: int = 0) -> None:
        """Add the time since the last call, and bytes, to the selection's cost."""
        now = time.monotonic()
        self._store.add_cost(self._selection, seconds=now - self._clock, bytes=bytes_downloaded)
        self._clock = now

    def training_epochs(self) -> float:
        """Epochs of fine-tuning recorded so far, over all candidates."""
        return sum(r.curve[-1].epochs for r in self._store.runs(selection=self._selection) if r.curve)
