"""The convergence trends of many models: mined from benchmark runs, frozen into a selection's journal."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hubselect.errors import InvalidInput
from hubselect.knowledge.benchmark_runs import finished
from hubselect.knowledge.trends import DEFAULT_GROUPS, Trend, mine, predict
from hubselect.records import CurvePoint, Run

Curve = tuple[str, float, float]  # dataset, validation score at the stage, final test score
_FORMAT = 1


@dataclass(frozen=True)
class TrendBook:
    """What every model's recorded validation curves say about where it ends.

    Stages are told apart by epochs of training so far, not by their number, so that a selection
    may validate more or less often than the benchmark did. A question about epochs that were not
    recorded is answered from the nearest recorded epochs before them: scores grow with training,
    so a later record would promise too little to every model; with no earlier record there is
    no answer.

    `curves`: model -> epochs (rounded to 6 decimals) -> one `Curve` per dataset, sorted by name.
    """

    groups: int
    curves: Mapping[str, Mapping[float, tuple[Curve, ...]]]
    _mined: dict[tuple[str, float], tuple[Trend, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if self.groups < 1:
            raise InvalidInput(f"{self.groups} trend groups were asked for", "ask for at least one")

    @classmethod
    def from_runs(cls, runs: Iterable[Run], groups: int = DEFAULT_GROUPS) -> TrendBook:
        """The book of the finished benchmark runs among `runs`; means over the seeds of a dataset.

        A validation score of NaN is left out. Raises `InvalidInput` for infinite scores, for
        runs under more than one recipe and for groups < 1.
        """
        pairs: dict[tuple[str, float, str], list[tuple[float, float]]] = defaultdict(list)
        for run in finished(runs):
            for point in run.curve:
                if run.test is not None and not math.isnan(point.val):
                    pairs[run.model, _epochs(point.epochs), run.dataset].append((point.val, run.test))
        curves: dict[str, dict[float, tuple[Curve, ...]]] = defaultdict(dict)
        for (model, epochs, dataset), values in sorted(pairs.items()):
            val, test = (sum(sorted(column)) / len(values) for column in zip(*values, strict=True))
            if math.isinf(val):
                raise InvalidInput(
                    f"a validation score of {model} on {dataset} is infinite", "remove or repeat that run"
                )
            known = curves[model].get(epochs, ())
            curves[model][epochs] = (*known, (dataset, val, test))
        return cls(groups, dict(curves))

    @property
    def models(self) -> tuple[str, ...]:
        """The models with at least one recorded curve, sorted."""
        return tuple(sorted(self.curves))

    def trends(self, model: str, epochs: float) -> tuple[Trend, ...]:
        """The trends of `model` after `epochs` of training, ascending by `val`; empty when unknown."""
        recorded = [e for e in self.curves.get(model, {}) if e <= _epochs(epochs)]
        if not recorded:
            return ()
        key = model, max(recorded)
        if key not in self._mined:
            self._mined[key] = mine(self.curves[model][key[1]], self.groups)
        return self._mined[key]

    def predict(self, model: str, point: CurvePoint) -> float | None:
        """Eq. 6: the final test score of `model`, whose curve on a new dataset has reached `point`.

        None when the registry has no curve of the model at or before the point's epochs.
        Raises `InvalidInput` when the validation score is not finite.
        """
        trends = self.trends(model, point.epochs)
        return predict(trends, point.val) if trends else None

    def without_dataset(self, name: str) -> TrendBook:
        """The book as if `name` had never been benchmarked: for a backtest on it."""
        kept = {
            model: {epochs: tuple(c for c in curves if c[0] != name) for epochs, curves in stages.items()}
            for model, stages in self.curves.items()
        }
        return TrendBook(self.groups, _without_empty(kept))

    def only(self, models: Collection[str]) -> TrendBook:
        """The book of `models`; those it does not know are left out."""
        return TrendBook(self.groups, {m: self.curves[m] for m in sorted(models) if m in self.curves})

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON; `from_dict` gives an equal book back."""
        return {
            "format": _FORMAT,
            "groups": self.groups,
            "curves": {
                model: [[epochs, [list(c) for c in curves]] for epochs, curves in sorted(stages.items())]
                for model, stages in sorted(self.curves.items())
            },
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TrendBook:
        """The book that `to_dict` wrote. Raises `InvalidInput` for anything else."""
        try:
            if data["format"] != _FORMAT:
                raise InvalidInput(
                    f"trends of format {data['format']} cannot be read", "use the hubselect that wrote them"
                )
            curves = {
                str(model): {
                    _epochs(epochs): tuple((str(d), float(val), float(test)) for d, val, test in rows)
                    for epochs, rows in stages
                }
                for model, stages in data["curves"].items()
            }
            return cls(int(data["groups"]), curves)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"these are not recorded trends: {error!r}", "start the selection over with --fresh"
            ) from error


def _epochs(epochs: float) -> float:
    """Epochs as a key: thirds and eighths computed in different ways must meet."""
    return round(float(epochs), 6)


def _without_empty(
    curves: Mapping[str, Mapping[float, tuple[Curve, ...]]],
) -> dict[str, dict[float, tuple[Curve, ...]]]:
    stages = {m: {e: c for e, c in by_epochs.items() if c} for m, by_epochs in curves.items()}
    return {m: by_epochs for m, by_epochs in stages.items() if by_epochs}
