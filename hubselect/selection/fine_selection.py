"""Fine selection: successive halving that also drops models with a worse predicted end.

Source: the paper's Algorithm 1 with Eq. 5-6. A model leaves when another one has both a
better validation score and a better predicted test score; then halving makes sure that at
least half of the models leave at every stage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hubselect.errors import InvalidInput
from hubselect.records import CurvePoint, Verdict
from hubselect.selection.rounds import StagedPolicy, best_first, judge


class Forecast(Protocol):
    """Predicts where a curve ends (test score) from one point of it; None when it cannot."""

    def predict(self, model: str, point: CurvePoint) -> float | None: ...


@dataclass(frozen=True)
class FineSelection(StagedPolicy):
    """Algorithm 1.

    `forecast` predicts the final test score from the convergence trends (Eq. 6). `threshold`
    is a proportion of the predicted score: a prediction counts as better only when it exceeds
    the other by more than `threshold` times the other (Table IV; 0 in all other experiments).
    A model without recorded trends has no prediction: it can only be halved away.
    """

    forecast: Forecast
    threshold: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.threshold < 1:
            raise InvalidInput(
                f"the filtering threshold is a proportion in [0, 1), not {self.threshold}",
                "choose another --threshold",
            )

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        predicted = {p.model: self.forecast.predict(p.model, p) for p in points}
        if len(points) == 1:
            return [judge(points[0], True, "the only one left", predicted[points[0].model])]
        ranked = best_first(points)
        reasons = self._dominated(ranked, predicted)
        left = [p for p in ranked if p.model not in reasons]
        limit = max(1, started // 2)
        for point in left[limit:]:
            reasons[point.model] = "halved: among the lowest validation scores"
        stays = "not overtaken in both validation and prediction"
        return [
            judge(p, p.model not in reasons, reasons.get(p.model, stays), predicted[p.model]) for p in ranked
        ]

    def _dominated(
        self, ranked: Sequence[CurvePoint], predicted: Mapping[str, float | None]
    ) -> dict[str, str]:
        """Who leaves by prediction, and because of whom; worst validation first."""
        out: dict[str, str] = {}
        for place in range(len(ranked) - 1, 0, -1):
            point = ranked[place]
            mine = predicted[point.model]
            if mine is None:
                continue
            better = [
                (theirs, other.model)
                for other in ranked[:place]
                if other.val > point.val
                and (theirs := predicted[other.model]) is not None
                and theirs - mine > self.threshold * abs(mine)
            ]
            if better:
                end, model = max(better, key=lambda b: b[0])
                out[point.model] = f"{model} is ahead and predicted to end higher ({end:.3f})"
        return out
