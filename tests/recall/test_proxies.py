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
from hubselect.recall.proxies.base import FOR_EVERY_TARGET, TARGETS
from hubselect.records import ProxyScore
from tests.recall.proxy_cases import Labels, Table, any_features, groups

FEATURES = sorted(name for name, p in PROXIES.items() if p.needs == "features")


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
    known = "hscore, hscore-reg, knn, leep, linear, logme, nce, nleep, transrate"
    with pytest.raises(InvalidInput, match=known):
        proxy("leap")


def test_a_proxy_refuses_the_targets_it_cannot_score_and_names_those_that_can() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.dirichlet(np.ones(4), 40)
    labels = {"regression": rng.normal(size=40), "multi-label": rng.integers(0, 2, (40, 3))}
    for entry in PROXIES.values():
        assert (set(entry.targets) == set(TARGETS)) == (entry.name in FOR_EVERY_TARGET)
        for target, values in labels.items():
            if target in entry.targets:
                assert math.isfinite(entry.score(inputs, values, target=target))
                continue
            for score_it in (entry.score, entry.function):
                with pytest.raises(InvalidInput, match=f"{target}.*knn, linear or logme"):
                    score_it(inputs, values, target=target)
        for score_it in (entry.score, entry.function):
            with pytest.raises(InvalidInput, match="there is no target 'ranking'"):
                score_it(inputs, rng.integers(0, 2, 40), target="ranking")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize(
    ("good", "noise"),
    [
        ((60, 200, 3, 1), (60, 200, 3, 1)),  # more dimensions than examples
        ((60, 16, 3, 1), (60, 600, 3, 1)),  # a wide checkpoint that knows nothing
        ((240, 200, 3, 4), (240, 200, 3, 4)),  # every example four times
        ((210, 200, 3, 1), (210, 200, 3, 1)),  # barely more examples than dimensions
        ((300, 20, 5, 1), (300, 20, 5, 1)),
    ],
)
def test_noise_never_beats_features_that_tell_classes_apart(
    name: str, good: tuple[int, int, int, int], noise: tuple[int, int, int, int]
) -> None:
    """The lowest of several informative checkpoints is above the highest of several random ones."""

    def scores(n: int, d: int, classes: int, copies: int, distance: float, scale: float) -> list[float]:
        cases = (groups(n, d, classes, distance=distance, seed=s, copies=copies) for s in range(4))
        return [PROXIES[name].score(features * scale, labels) for features, labels in cases]

    assert min(scores(*good, 8.0, 1.0)) > max(scores(*noise, 0.0, 50.0))


@pytest.mark.parametrize("name", FEATURES)
def test_clearer_features_score_higher(name: str) -> None:
    scores = [
        np.mean([PROXIES[name].score(*groups(160, 24, 4, distance=far, seed=s)) for s in range(3)])
        for far in (0.0, 2.0, 4.0, 8.0)
    ]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]


@pytest.mark.parametrize("name", FEATURES)
@settings(max_examples=20, deadline=None)
@given(any_features())
def test_any_features_and_labels_give_a_finite_number_that_repeats(
    name: str, case: tuple[Table, Labels]
) -> None:
    """Ties, heavy tails, constant columns, copies, one class, classes of one example, n <= d."""
    features, labels = case
    value = PROXIES[name].score(features, labels, seed=3)
    assert PROXIES[name].score(features, labels, seed=3) == value
    single = PROXIES[name].score(features, np.full(len(labels), 7))
    assert single == pytest.approx(PROXIES[name].score(features * 0, np.full(len(labels), 2)), abs=1e-9)


@pytest.mark.parametrize("name", FEATURES)
def test_features_of_half_and_single_precision_are_accepted(name: str) -> None:
    features, labels = groups(100, 12, 3, distance=4.0)
    exact = PROXIES[name].score(features, labels)
    assert PROXIES[name].score(features.astype(np.float32), labels) == pytest.approx(exact, abs=1e-4)
    assert PROXIES[name].score(features.astype(np.float16), labels) == pytest.approx(exact, abs=0.1)


@pytest.mark.parametrize("name", FEATURES)
def test_features_and_labels_that_cannot_be_scored_are_refused(name: str) -> None:
    cases: list[tuple[object, object]] = [
        ([[math.nan, 1.0]], [0]),
        ([[math.inf, 1.0]], [0]),
        ([[1.0], [2.0]], [0]),
        ([1.0, 2.0], [0, 1]),
        ([[1.0], [2.0]], [0, -1]),
        ([[1.0], [2.0]], [0.5, 1.5]),
        ([[1.0], [2.0]], ["a", "b"]),
        ([[1.0], [2.0]], [[0], [1]]),
        (np.empty((0, 3)), np.empty(0, dtype=int)),
    ]
    for features, labels in cases:
        with pytest.raises(InvalidInput):
            PROXIES[name].score(features, labels)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FOR_EVERY_TARGET)
def test_numbers_and_several_labels_that_cannot_be_scored_are_refused(name: str) -> None:
    two = [[1.0], [2.0]]
    for labels, target in (
        ([math.nan, 1.0], "regression"),
        (["a", "b"], "regression"),
        ([1.0], "regression"),
        (np.zeros((2, 2, 2)), "regression"),
        ([0, 1], "multi-label"),
        ([[0, 2], [1, 0]], "multi-label"),
        ([[0, -1], [1, 0]], "multi-label"),
    ):
        with pytest.raises(InvalidInput):
            PROXIES[name].score(two, labels, target=target)  # type: ignore[arg-type]


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
    assert declared({"a": score("a", -1.0, "nleep@layers")}) == "exp"
    assert declared({"a": score("a", 3.0, "their-own")}) == "min-max"
    with pytest.raises(InvalidInput, match="leep, their-own"):
        declared({"a": score("a", -1.0), "b": score("b", 3.0, "their-own")})
    with pytest.raises(InvalidInput, match="one proxy"):
        declared({"a": score("a", -1.0, "mine"), "b": score("b", 3.0, "their-own")})
