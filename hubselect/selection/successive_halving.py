"""Successive halving (Jamieson & Talwalkar 2016; the paper's Sec. IV.B)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubselect.records import CurvePoint, Verdict
from hubselect.selection.rounds import StagedPolicy, judge, winners_first


@dataclass(frozen=True)
class SuccessiveHalving(StagedPolicy):
    """After each stage the better half by validation score stays: floor(n / 2), at least one."""

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        keep = 1 if len(points) == 1 else max(1, started // 2)
        best, rest = winners_first(points, keep)
        why = "the only one left" if len(points) == 1 else "in the better half by validation"
        return [judge(p, True, why) for p in best] + [
            judge(p, False, "halved: among the lowest validation scores") for p in rest
        ]
