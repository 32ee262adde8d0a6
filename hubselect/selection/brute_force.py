"""Brute force: fine-tune every candidate to the end, keep the best by validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubselect.records import CurvePoint, Verdict
from hubselect.selection.rounds import StagedPolicy, judge, winners_first


@dataclass(frozen=True)
class BruteForce(StagedPolicy):
    """The baseline every saving is measured against: `stages` stages for every candidate."""

    def barriers(self) -> Sequence[int]:
        return (self.stages,)

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        best, rest = winners_first(points, 1)
        return [judge(p, True, "best validation score") for p in best] + [
            judge(p, False, f"lower validation score than {best[0].model}") for p in rest
        ]
