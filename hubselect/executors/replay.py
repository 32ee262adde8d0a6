"""Replays recorded curves: the executor of a backtest. It trains nothing and takes no time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hubselect.records import CurvePoint, Failed, Run
from hubselect.selection.stages import Stage


class ReplayExecutor:
    """Answers every stage from `runs`, one recorded run per model on the target dataset.

    A model without a recorded run, or whose run ended before the stage asked for, fails there
    with the recorded reason.
    """

    def __init__(self, runs: Mapping[str, Run]) -> None:
        self._runs = runs
        self._reached: dict[str, int] = {}

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        for model in stage.models:
            yield from self._bring(model, stage.number)

    def discard(self, model: str) -> None:
        self._reached.pop(model, None)

    def _bring(self, model: str, number: int) -> Iterator[CurvePoint | Failed]:
        recorded = {p.stage: p for p in self._runs[model].curve} if model in self._runs else {}
        for stage in range(self._reached.get(model, 0) + 1, number + 1):
            if stage not in recorded:
                reason = self._runs[model].reason if model in self._runs else None
                yield Failed(model, stage, reason or f"no recorded validation at stage {stage}")
                return
            self._reached[model] = stage
            yield recorded[stage]
