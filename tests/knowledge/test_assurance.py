"""How sure a winner is: against the known integral, and what holds for any curves."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from hubselect.knowledge.assurance import any_ahead, assurance
from hubselect.knowledge.curve_ends import CurveEnds, Rung
from hubselect.records import CurvePoint, Recalled

ENDS = CurveEnds(
    tuple(Rung(e, 1.0, 0.0, 0.0, 1.0, 0.0, sd**2 / 4, 1e-6, sd) for e, sd in ((1.0, 0.4), (2.0, 0.2)))
)


def curve(model: str, *values: float) -> tuple[CurvePoint, ...]:
    return tuple(CurvePoint(model, s, float(s), v) for s, v in enumerate(values, 1))


def recalled(*models: str, **foreseen: tuple[float, float, float]) -> list[Recalled]:
    return [
        Recalled(m, 0.5, 0.5, None, None, None, None, *foreseen.get(m, (None, None, None))) for m in models
    ]


def test_one_rival_is_a_difference_of_two_normals() -> None:
    """P(N(-.02, .03^2) - N(0, .04^2) > .005) = 1 - Phi(.025 / .05) = .3085."""
    found = any_ahead(np.array([-0.02]), np.array([0.03]), np.array([0.04]), 0.005)
    assert found == pytest.approx(1 - norm.cdf(0.5), abs=1e-6)


def test_the_winners_error_is_shared_by_all_comparisons() -> None:
    """A thousand draws of a thousand say the same; the winner's own error makes rivals rise together, so
    that one of three is ahead less often than if the three comparisons were independent."""
    ahead, own, winners = np.array([-0.01, -0.02, 0.0]), np.full(3, 0.02), np.full(3, 0.03)
    draws = np.random.default_rng(0)
    w = draws.standard_normal(1_000_000)
    top = np.max([a + 0.02 * draws.standard_normal(len(w)) - 0.03 * w for a in ahead], axis=0)
    exact = any_ahead(ahead, own, winners, 0.005)
    assert exact == pytest.approx((top > 0.005).mean(), abs=0.002)
    single = [any_ahead(ahead[[i]], own[[i]], winners[[i]], 0.005) for i in range(3)]
    assert max(single) < exact < 1 - math.prod(1 - p for p in single)


def test_rivals_are_compared_where_they_were_seen_last() -> None:
    """b left after stage 1, where it was as good as the winner; what the winner gained later says nothing
    about b. c stayed, and is far behind. d never trained: its interval counts, against the test score."""
    curves = {"a": curve("a", 0.8, 0.9), "b": curve("b", 0.8), "c": curve("c", 0.7, 0.5)}
    chosen = recalled("a", "b", "c", "d", d=(0.85, 0.75, 0.95))
    found = assurance("a", 0.9, curves, chosen, ENDS, 0.0)
    rivals = {r.model: r for r in found.rivals}
    assert (rivals["b"].stage, rivals["c"].stage, rivals["d"].stage) == (1, 2, 0)
    assert rivals["b"].behind == pytest.approx(0.0)
    assert rivals["b"].probability == pytest.approx(0.5)
    assert rivals["c"].probability < 0.01
    assert rivals["d"].probability == pytest.approx(1 - norm.cdf(0.05 / (0.1 / 1.6449)), abs=1e-3)
    assert found.rivals[0].model == "b"
    assert found.probability is not None
    assert found.probability > rivals["b"].probability


def test_what_is_not_known_is_said() -> None:
    """Nothing learned from curves and no interval: no number. Some known, some not: they are named. A
    model that failed is no alternative."""
    curves = {"a": curve("a", 0.8, 0.9), "b": curve("b", 0.8)}
    nothing = assurance("a", 0.9, curves, recalled("a", "b"), CurveEnds(), 0.005)
    assert (nothing.probability, nothing.left_out) == (None, ("b",))
    assert nothing.unknown is not None
    assert "too few recorded curves" in nothing.unknown
    some = assurance("a", 0.9, curves, recalled("a", "b", "c"), ENDS, 0.005)
    assert some.probability is not None
    assert some.left_out == ("c",)
    alone = assurance("a", 0.9, curves, recalled("a", "b"), ENDS, 0.005, failed={"b"})
    assert alone.probability is None
    assert alone.unknown == "no other recalled model could be trained"


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=1, max_size=2), min_size=2, max_size=6),
    st.floats(0, 0.1),
    st.floats(0, 0.1),
)
@settings(max_examples=50, deadline=None)
def test_probabilities_are_probabilities_and_fall_with_the_tolerance(
    values: list[list[float]], less: float, more: float
) -> None:
    """Between 0 and 1; at least that of the most likely rival; the order of recall decides nothing."""
    less, more = sorted((less, more))
    curves = {f"m{i}": curve(f"m{i}", *v) for i, v in enumerate(values)} | {"m0": curve("m0", 0.5, 0.6)}
    chosen = recalled(*curves)
    found = assurance("m0", 0.6, curves, chosen, ENDS, less)
    assert found.probability is not None
    assert max(r.probability for r in found.rivals) - 1e-9 <= found.probability <= 1
    strict = assurance("m0", 0.6, curves, chosen[::-1], ENDS, more).probability
    assert strict is not None
    assert 0 <= strict <= found.probability + 1e-9
