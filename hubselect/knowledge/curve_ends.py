"""Where validation curves end: predicted from all recorded curves, with an uncertainty.

The convergence trends (`knowledge.trends`) look at one model and one validation score. Here one
regression per barrier is shared by all models: from the last validation score and the mean of the last
three, against the other candidates', to the final test score. Scores are compared as log odds, in which a
point near 0 or 1 weighs more than one in the middle. The uncertainty is that of datasets which the
regression did not see. Datasets with about as many optimizer steps per epoch as the target count most:
a quarter of an epoch is five steps on a small dataset, hundreds on a large one.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from hubselect.errors import InvalidInput
from hubselect.knowledge.curve_lessons import RECENT, fit_rung, log_odds, recorded_lessons
from hubselect.knowledge.matrix import FloatArray
from hubselect.records import CurvePoint, Run

_FORMAT = 1

_NINE_OF_TEN = 2 * 1.6449
"""The width of an interval that holds nine of ten results, in standard deviations."""


class End(NamedTuple):
    """A test score to expect, and the standard deviation of its error against the other candidates'."""

    mean: float
    sd: float


class Rung(NamedTuple):
    """What the recorded curves say after `epochs` of training, in log odds.

    A candidate's end, relative to the mean of the candidates, is `last` times its last validation score
    plus `recent` times the mean of its last three, both relative as well; that mean ends at `level` +
    `slope` times where it is. The error's variance is `spread` times the candidates' variance plus
    `noise` / (p (1 - p)), p the validation score, and at least `floor`; `sd` is its typical size.
    """

    epochs: float
    last: float
    recent: float
    level: float
    slope: float
    spread: float
    noise: float
    floor: float
    sd: float


@dataclass(frozen=True)
class CurveEnds:
    """The regressions of every barrier, ascending by epochs, and what recall expects of single models.

    `priors`: model -> (test score, standard deviation) as known before any training; may be empty.
    `front_sd` is the standard deviation of their errors against each other, without what they share.
    """

    rungs: tuple[Rung, ...] = ()
    priors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    front_sd: float | None = None

    @classmethod
    def from_runs(
        cls,
        runs: Iterable[Run],
        barriers: Sequence[float],
        *,
        steps: Mapping[str, float] | None = None,
        target_steps: float | None = None,
    ) -> CurveEnds:
        """Learned from the finished benchmark runs among `runs`, for decisions after `barriers` epochs.

        A barrier that was not recorded is learned from the nearest recorded epochs before it; without
        such, or with fewer than three datasets of three models, it has no rung. `steps` are the
        optimizer steps per epoch of the datasets, `target_steps` those of the target; where they are
        not known all datasets count alike. Raises `InvalidInput` for runs under several recipes.
        """
        lessons = recorded_lessons(runs, barriers, steps or {}, target_steps)
        fitted = [(epochs, fit_rung(lessons, n)) for n, epochs in enumerate(barriers)]
        return cls(tuple(Rung(float(epochs), *found) for epochs, found in fitted if found is not None))

    def with_priors(
        self, priors: Mapping[str, tuple[float, float, float]], front_sd: float | None = None
    ) -> CurveEnds:
        """The same with what recall expects: model -> (test score, and the bounds that hold nine of ten).

        Raises `InvalidInput` for numbers that are not finite; a model without width is left out.
        """
        numbers = [*(n for prior in priors.values() for n in prior), front_sd or 0.0]
        if not all(map(math.isfinite, numbers)):
            raise InvalidInput("a prior is a test score between two bounds, all of them finite")
        kept = {m: (value, (high - low) / _NINE_OF_TEN) for m, (value, low, high) in sorted(priors.items())}
        known = {m: prior for m, prior in kept.items() if prior[1] > 0}
        return replace(self, priors=known, front_sd=front_sd)

    def expected(self, models: Collection[str]) -> Mapping[str, End]:
        """The ends as far as recall tells them, before any training; empty unless it does for all."""
        if not self.front_sd or any(m not in self.priors for m in models):
            return {}
        return {m: End(self.priors[m][0], self.front_sd) for m in models}

    def rung(self, epochs: float) -> Rung | None:
        """What is known after `epochs`: of the nearest barrier at or before; None before the first."""
        return max((r for r in self.rungs if r.epochs <= epochs + 1e-6), default=None)

    def predict(self, curves: Mapping[str, Sequence[CurvePoint]]) -> Mapping[str, End]:
        """The end of every candidate, all of which stand at the same stage; empty when it is not known.

        The result does not depend on the order of the candidates.
        """
        models = sorted(curves)
        if not models:
            return {}
        rung = self.rung(curves[models[0]][-1].epochs)
        if rung is None:
            return {}
        scores = np.array([curves[m][-1].val for m in models])
        last = log_odds(scores)
        recent = np.array([log_odds([p.val for p in curves[m][-RECENT:]]).mean() for m in models])
        ahead = rung.last * (last - last.mean()) + rung.recent * (recent - recent.mean())
        mean = _score(rung.level + rung.slope * float(last.mean()) + ahead)
        p = np.clip(scores, 0.02, 0.98)
        variance = np.maximum(rung.spread * last.var() + rung.noise / (p * (1 - p)), rung.floor)
        q = np.clip(mean, 0.02, 0.98)
        sd = np.sqrt(variance) * q * (1 - q)
        mean, sd = self._with_priors(models, mean, sd)
        return {m: End(*each) for m, *each in zip(models, mean.tolist(), sd.tolist(), strict=True)}

    def remaining(self, now: float, then: float) -> float:
        """The share of today's standard deviation that is still there `then`, both in epochs: in [0, 1]."""
        today, later = self.rung(now), self.rung(then)
        if today is None or later is None or today.sd <= 0:
            return 1.0
        return min(1.0, later.sd / today.sd)

    def _with_priors(
        self, models: Sequence[str], mean: FloatArray, sd: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Both sources weighted by precision. Only how models differ is taken from the priors."""
        known = np.array([m in self.priors for m in models])
        if known.sum() < 2:
            return mean, sd
        priors = np.array([self.priors.get(m, (0.0, 1.0)) for m in models])
        value = priors[:, 0] - priors[known, 0].mean() + mean[known].mean()
        weight = np.where(known, priors[:, 1] ** -2.0, 0.0)
        total = weight + sd**-2.0
        return (weight * value + mean * sd**-2.0) / total, total**-0.5

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, strings and numbers, for JSON; `from_dict` gives an equal object back."""
        return {
            "format": _FORMAT,
            "rungs": [list(rung) for rung in self.rungs],
            "priors": {model: list(prior) for model, prior in sorted(self.priors.items())},
            "front_sd": self.front_sd,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CurveEnds:
        """What `to_dict` wrote. Raises `InvalidInput` for anything else."""
        try:
            if data["format"] != _FORMAT:
                raise InvalidInput(
                    f"curve ends of format {data['format']} cannot be read",
                    "use the hubselect that wrote them",
                )
            rungs = tuple(Rung(*map(float, row)) for row in data["rungs"])
            priors = {str(model): (float(value), float(sd)) for model, (value, sd) in data["priors"].items()}
            sd = data.get("front_sd")  # not kept by older versions
            front_sd = None if sd is None else float(sd)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InvalidInput(
                f"these are not learned curve ends: {error!r}", "start the selection over with --fresh"
            ) from error
        return cls(rungs, priors, front_sd)


def _score(log_odds: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-log_odds))
