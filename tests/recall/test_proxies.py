"""The list of proxies, and how their scores come to [0, 1]."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.recall.normalise import declared, normalised
from hubselect.recall.proxies import PROXIES, proxy
from hubselect.records import ProxyScore


def test_every_proxy_goes_by_its_name_and_scores_arrays() -> None:
    rng = np.random.default_rng(0)
    inputs, labels = rng.dirichlet(np.ones(4), 40), rng.integers(0, 3, 40)
    for name, entry in PROXIES.items():
        assert entry.name == name
        assert proxy(name) is entry
        assert entry.needs in ("head", "features")
        assert entry.fallback is None or PROXIES[entry.fallback].needs == "features"
        assert entry.summary
        assert math.isfinite(entry.score(inputs, labels, seed=1))


def test_an_unknown_proxy_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="leep, nleep"):
        proxy("leap")


def score(model: str, value: float, name: str = "leep") -> ProxyScore:
    return ProxyScore(model, "org/target", name, value)


def test_a_log_likelihood_becomes_the_probability_it_is_the_log_of() -> None:
    assert normalised({"a": math.log(0.25), "b": 0.0}, "exp") == {"a": pytest.approx(0.25), "b": 1.0}


def test_anything_else_is_spread_between_the_lowest_and_the_highest() -> None:
    assert normalised({"a": -3.0, "b": 5.0, "c": 1.0}, "min-max") == {"a": 0.0, "b": 1.0, "c": 0.5}
    assert normalised({"a": 7.0}, "min-max") == {"a": 1.0}
    assert normalised({}, "min-max") == {}


@settings(deadline=None)
@given(
    st.dictionaries(st.text(min_size=1), st.floats(-700, 0), min_size=1), st.sampled_from(["exp", "min-max"])
)
def test_normalised_scores_are_in_range_and_keep_their_order(scores: dict[str, float], how: str) -> None:
    result = normalised(scores, how)  # type: ignore[arg-type]
    assert all(0.0 <= value <= 1.0 for value in result.values())
    for a in scores:
        for b in scores:
            assert scores[a] > scores[b] or result[a] <= result[b]


def test_scores_that_cannot_be_normalised_are_refused() -> None:
    with pytest.raises(InvalidInput, match="never above 0"):
        normalised({"a": 0.5}, "exp")
    with pytest.raises(InvalidInput, match="nan"):
        normalised({"a": math.nan}, "min-max")
    with pytest.raises(InvalidInput, match="softmax"):
        normalised({"a": 0.5}, "softmax")  # type: ignore[arg-type]


def test_each_proxy_declares_its_normalisation_and_scales_are_not_mixed() -> None:
    assert declared({}) == "exp"
    assert declared({"a": score("a", -1.0), "b": score("b", -1.0, "nleep")}) == "exp"
    assert declared({"a": score("a", 3.0, "their-own")}) == "min-max"
    with pytest.raises(InvalidInput, match="leep, their-own"):
        declared({"a": score("a", -1.0), "b": score("b", 3.0, "their-own")})
    with pytest.raises(InvalidInput, match="one proxy"):
        declared({"a": score("a", -1.0, "mine"), "b": score("b", 3.0, "their-own")})
