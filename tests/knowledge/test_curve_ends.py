"""Where curves end: learned from recorded curves, with errors that are as large as promised."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from hubselect.errors import InvalidInput
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.records import CurvePoint, Run

BARRIERS = (1.0, 2.0, 3.0, 4.0)


def recorded(datasets: int = 8, models: int = 12, seed: int = 0, noise: float = 0.3) -> list[Run]:
    """Log odds that rise to the end, with noise that fades as they do."""
    chance = np.random.default_rng(seed)
    runs = []
    for d in range(datasets):
        hard = chance.normal()
        for m in range(models):
            end = hard + chance.normal(0, 0.8)
            odds = [end - 0.5 * (4 - s) + chance.normal(0, noise * (5 - s) / 4) for s in range(1, 5)]
            curve = tuple(CurvePoint(f"m{m}", s, float(s), _score(x)) for s, x in enumerate(odds, 1))
            runs.append(Run(f"m{m}", f"d{d}", "r", "done", curve=curve, test=_score(end)))
    return runs


def _score(odds: float) -> float:
    return 1 / (1 + math.exp(-odds))


def curves_of(runs: list[Run], dataset: str, stage: int) -> dict[str, tuple[CurvePoint, ...]]:
    return {r.model: r.curve[:stage] for r in runs if r.dataset == dataset}


def test_a_new_datasets_ends_are_predicted_within_the_errors_promised() -> None:
    """Learned on eight datasets, asked about others: the order is right, two in three ends lie within one
    standard deviation of where they are expected against the others, and errors shrink with training."""
    ends, new = CurveEnds.from_runs(recorded(), BARRIERS), recorded(seed=1)
    for stage in (1, 4):
        inside, errors = [], []
        for dataset in sorted({r.dataset for r in new}):
            found = ends.predict(curves_of(new, dataset, stage))
            truth = {r.model: r.test or 0.0 for r in new if r.dataset == dataset}
            shift = np.mean([truth[m] - found[m].mean for m in truth])
            errors += [abs(truth[m] - shift - found[m].mean) for m in truth]
            inside += [errors[n - len(truth)] <= found[m].sd for n, m in enumerate(truth)]
        assert 0.5 < np.mean(inside) < 0.9
        assert np.mean(errors) < (0.08 if stage == 1 else 0.03)
    assert ends.remaining(1.0, 4.0) < 0.6
    assert ends.remaining(1.0, 1.0) == 1.0
    assert ends.remaining(4.0, 1.0) == 1.0


def test_the_rise_to_the_end_is_learned() -> None:
    """After one epoch the curves are 1.5 log odds below their end on average; the prediction is not."""
    runs = recorded(noise=0.01)
    found = CurveEnds.from_runs(runs[12:], BARRIERS).predict(curves_of(runs, "d0", 1))
    for run in runs[:12]:
        assert found[run.model].mean == pytest.approx(run.test, abs=0.03)


def test_neither_the_order_of_runs_nor_that_of_candidates_matters() -> None:
    """The same knowledge and the same predictions from shuffled input."""
    runs = recorded()
    assert CurveEnds.from_runs(runs[::-1], BARRIERS) == CurveEnds.from_runs(runs, BARRIERS)
    ends, curves = CurveEnds.from_runs(runs, BARRIERS), curves_of(runs, "d3", 2)
    assert ends.predict(dict(reversed(curves.items()))) == ends.predict(curves)


def test_it_survives_json_unchanged() -> None:
    """What a killed selection reads back decides as before, priors included."""
    ends = CurveEnds.from_runs(recorded(), BARRIERS).with_priors({"m1": (0.7, 0.6, 0.8)})
    copy = CurveEnds.from_dict(json.loads(json.dumps(ends.to_dict(), allow_nan=False)))
    assert copy == ends
    curves = curves_of(recorded(), "d0", 3)
    assert copy.predict(curves) == ends.predict(curves)


@pytest.mark.parametrize("data", [{}, {"format": 2}, {"format": 1, "rungs": [[1.0]], "priors": {}}, []])
def test_anything_else_is_refused(data: object) -> None:
    """Broken or foreign content is an error with one line."""
    with pytest.raises(InvalidInput, match="curve ends"):
        CurveEnds.from_dict(data)  # type: ignore[arg-type]


def test_too_little_teaches_nothing() -> None:
    """Two datasets, or two models each, or no curves: no rung, no prediction."""
    runs = recorded()
    for few in (recorded(datasets=2), recorded(models=2), [], [r for r in runs if not r.curve]):
        ends = CurveEnds.from_runs(few, BARRIERS)
        assert ends.rungs == ()
        assert ends.predict(curves_of(runs, "d0", 1)) == {}
    assert CurveEnds.from_runs(runs, BARRIERS).predict({}) == {}


def test_a_barrier_that_was_not_recorded_is_learned_from_the_one_before() -> None:
    """Half epochs use what is known of the whole epoch before; before the first nothing is known."""
    ends = CurveEnds.from_runs(recorded(), (0.5, 1.0, 1.5))
    assert [r.epochs for r in ends.rungs] == [1.0, 1.5]
    assert ends.rungs[0].sd == pytest.approx(ends.rungs[1].sd, rel=0.2)
    assert ends.predict({"a": (CurvePoint("a", 1, 0.5, 0.6),)}) == {}


def test_a_curve_with_missing_or_perfect_scores_is_no_problem() -> None:
    """Scores of 0 and 1 are compared like any other; a model that was recorded later is left out."""
    runs = [*recorded(), Run("x", "d0", "r", "done", curve=(CurvePoint("x", 3, 3.0, 0.5),), test=0.5)]
    ends = CurveEnds.from_runs(runs, BARRIERS)
    found = ends.predict({m: (CurvePoint(m, 1, 1.0, v),) for m, v in (("a", 0.0), ("b", 1.0))})
    assert found["b"].mean > found["a"].mean
    assert all(math.isfinite(e.mean) and e.sd > 0 for e in found.values())


def test_datasets_with_as_many_steps_teach_most() -> None:
    """Small datasets are noisy after an epoch, large ones are not: a target gets its own kind's errors."""
    small = recorded(noise=1.0)
    large = [
        Run(r.model, f"big-{r.dataset}", "r", "done", curve=r.curve, test=r.test)
        for r in recorded(noise=0.05, seed=2)
    ]
    steps = {r.dataset: 20.0 for r in small} | {r.dataset: 2000.0 for r in large}
    noisy, sure = (
        CurveEnds.from_runs([*small, *large], BARRIERS, steps=steps, target_steps=target)
        for target in (20.0, 2000.0)
    )
    unknown = CurveEnds.from_runs([*small, *large], BARRIERS, steps=steps)
    assert sure.rungs[0].sd < unknown.rungs[0].sd < noisy.rungs[0].sd


def test_priors_pull_equal_curves_apart_and_give_way_to_better_evidence() -> None:
    """Of two equal curves the one that recall expected more of is expected to end higher; a wide prior
    changes little; only how priors differ counts, not how high they are."""
    ends = CurveEnds.from_runs(recorded(), BARRIERS)
    curves = {m: (CurvePoint(m, 1, 1.0, 0.6),) for m in ("m1", "m2")}
    plain = ends.predict(curves)
    narrow = ends.with_priors({"m1": (0.9, 0.85, 0.95), "m2": (0.8, 0.75, 0.85)}).predict(curves)
    wide = ends.with_priors({"m1": (0.5, 0.0, 1.0), "m2": (0.4, -0.1, 0.9)}).predict(curves)
    assert plain["m1"] == plain["m2"]
    assert narrow["m1"].mean - narrow["m2"].mean > wide["m1"].mean - wide["m2"].mean > 0
    assert narrow["m1"].sd < wide["m1"].sd < plain["m1"].sd
    assert np.mean([e.mean for e in narrow.values()]) == pytest.approx(plain["m1"].mean)
    assert ends.with_priors({"m1": (0.9, 0.8, 1.0)}).predict(curves) == plain  # nothing to compare with


def test_priors_that_are_no_intervals_are_refused_or_left_out() -> None:
    """NaN is an error; a prior without width says nothing about its own error."""
    with pytest.raises(InvalidInput, match="finite"):
        CurveEnds().with_priors({"a": (math.nan, 0.0, 1.0)})
    assert CurveEnds().with_priors({"a": (0.5, 0.5, 0.5)}).priors == {}


def test_runs_under_two_recipes_are_refused() -> None:
    """Their scores are not comparable."""
    runs = recorded()
    other = Run("m0", "d9", "other", "done", curve=runs[0].curve, test=0.5)
    with pytest.raises(InvalidInput, match="recipes"):
        CurveEnds.from_runs([*runs, other], BARRIERS)
