"""How sure it is that the winner is the best of the recalled models: stated from predicted ends.

A model that left is compared with the winner at the stage where it left, the last one both were seen
at: their predicted ends there share the error in the level of the dataset, which cancels. What is left
are the errors of the two. That of the winner is one and the same in every comparison, so the probability
of any rival being ahead is an integral over it; given it, the errors of the rivals are taken to be
independent. All errors are taken to be normal. A rival that never trained is compared by what recall
predicts, with the winner's test score as it was measured.

`benchmarks/quality/assurance.py` compares the stated probabilities with what happened.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.matrix import FloatArray
from hubselect.records import CurvePoint, Recalled, Rival

_NINE_OF_TEN = 2 * 1.6449  # standard deviations
_NODES = 31


@dataclass(frozen=True)
class Assurance:
    """`probability` that one of `rivals` would have ended better than the winner by more than the
    tolerance, None where nothing can be said; `unknown` then says why. `rivals` stand nearest first;
    `left_out` are models of which nothing is known."""

    probability: float | None
    rivals: tuple[Rival, ...] = ()
    left_out: tuple[str, ...] = ()
    unknown: str | None = None


@dataclass(frozen=True)
class _Compared:
    """A rival's predicted end minus the winner's, the rival's standard deviation and the winner's."""

    model: str
    stage: int
    ahead: float
    own: float
    winners: float


def assurance(
    winner: str,
    test: float | None,
    curves: Mapping[str, Sequence[CurvePoint]],
    recalled: Sequence[Recalled],
    ends: CurveEnds,
    tolerance: float,
    *,
    failed: Collection[str] = (),
) -> Assurance:
    """How sure it is that no other of the `recalled` models is better than `winner` by more than
    `tolerance` (in the metric's unit).

    `curves` are the validation curves so far by model, each up to where it left; `ends` what recorded
    curves teach about them; `test` the winner's test score. Models that `failed` are no alternative.
    """
    others = [r for r in recalled if r.model != winner and r.model not in failed]
    if not others:
        return Assurance(None, unknown="no other recalled model could be trained")
    found, left_out = [], []
    for rival in others:
        compared = _at_its_last_stage(rival.model, winner, curves, ends) or _by_recall(rival, test)
        if compared is None:
            left_out.append(rival.model)
        else:
            found.append(compared)
    if not found:
        why = "too few recorded curves to predict where the others would have ended"
        return Assurance(None, (), tuple(left_out), why)
    ahead = np.array([c.ahead for c in found])
    own = np.maximum(np.array([c.own for c in found]), 1e-9)
    winners = np.array([c.winners for c in found])
    single = np.array([any_ahead(ahead[[i]], own[[i]], winners[[i]], tolerance) for i in range(len(found))])
    spread = np.hypot(own, winners)
    rivals = [
        Rival(c.model, c.stage, -c.ahead, float(sd), float(p))
        for c, sd, p in zip(found, spread, single, strict=True)
    ]
    rivals.sort(key=lambda r: (r.behind, r.model))
    return Assurance(any_ahead(ahead, own, winners, tolerance), tuple(rivals), tuple(left_out))


def any_ahead(ahead: FloatArray, own: FloatArray, winners: FloatArray, tolerance: float) -> float:
    """P(max_i (ahead_i + own_i e_i - winners_i w) > tolerance) for independent standard normal e_i and one
    standard normal w: by Gauss-Hermite quadrature over w. Arrays [rivals]; `own` > 0."""
    from scipy.special import log_ndtr  # here, because it takes a while to import

    w, weight = np.polynomial.hermite_e.hermegauss(_NODES)
    z = (tolerance - ahead + w[:, None] * winners) / own
    none = float(weight @ np.exp(log_ndtr(z).sum(axis=1)) / weight.sum())
    return min(1.0, max(0.0, 1.0 - none))


def _at_its_last_stage(
    model: str, winner: str, curves: Mapping[str, Sequence[CurvePoint]], ends: CurveEnds
) -> _Compared | None:
    """Both as they were predicted among all that reached the stage where `model` was seen last."""
    if not curves.get(model) or not curves.get(winner):
        return None
    stage = min(curves[model][-1].stage, curves[winner][-1].stage)
    group = {
        m: tuple(p for p in curve if p.stage <= stage)
        for m, curve in curves.items()
        if curve and curve[-1].stage >= stage
    }
    expected = ends.predict(group)
    if not expected:
        return None
    own, top = expected[model], expected[winner]
    return _Compared(model, stage, own.mean - top.mean, own.sd, top.sd)


def _by_recall(rival: Recalled, test: float | None) -> _Compared | None:
    if rival.predicted is None or rival.low is None or rival.high is None or test is None:
        return None
    # the interval is cut off at 0 and 1, so its wider half tells the width
    half = max(rival.high - rival.predicted, rival.predicted - rival.low)
    return _Compared(rival.model, 0, rival.predicted - test, 2 * half / _NINE_OF_TEN, 0.0)
