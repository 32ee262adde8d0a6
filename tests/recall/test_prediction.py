"""Predicted test scores and the intervals they come with."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from hubselect.recall.prediction import MIN_DATASETS, predictions
from tests.support.recall_lab import World


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_intervals_hold_what_they_promise(coverage: float) -> None:
    """Over 12 worlds and all their datasets the share of results inside is near the coverage asked for."""
    inside = []
    for seed in range(12):
        world = World(models=16, datasets=10, noise={"linear": 0.03, "logme": 0.1}, seed=seed)
        for target in world.datasets:
            found = predictions(world.evidence(target), ("linear", "logme"), coverage=coverage)
            truth = world.truth(target)
            inside += [p.low <= truth[m] <= p.high for m, p in found.items()]
    assert coverage - 0.05 <= np.mean(inside) <= coverage + 0.07


def test_a_proxy_that_measures_accuracy_narrows_the_interval() -> None:
    """Knowing how hard the target looks makes the prediction sharper than the record alone."""
    world = World(noise={"linear": 0.01})
    evidence = world.evidence("d04")
    narrow = predictions(evidence, ("linear",))
    wide = predictions(replace(evidence, proxies={}), ())
    width = [np.mean([p.high - p.low for p in found.values()]) for found in (narrow, wide)]
    assert width[0] < 0.6 * width[1]
    error = [abs(p.value - world.truth("d04")[m]) for m, p in narrow.items()]
    assert np.mean(error) < 0.03


def test_every_candidate_gets_one_within_the_scale() -> None:
    """Values and bounds are fractions in order; models that were not scored get one as well."""
    world = World(noise={"linear": 0.02})
    found = predictions(world.evidence("d00", scored=world.models[:6]), ("linear",))
    assert set(found) == set(world.models)
    for each in found.values():
        assert 0 <= each.low <= each.value <= each.high <= 1


def test_a_prediction_does_not_depend_on_the_other_candidates() -> None:
    """The best model alone is predicted as it is among all."""
    evidence = World(noise={"linear": 0.02}).evidence("d00")
    found = predictions(evidence, ("linear",))
    for model in ("m00", "m07"):
        alone = predictions(replace(evidence, candidates=(model,)), ("linear",))
        assert alone[model].value == pytest.approx(found[model].value)


def test_nothing_is_promised_for_a_model_of_which_nothing_is_known() -> None:
    """Neither results nor a proxy score: no number."""
    evidence = World(noise={"linear": 0.02}).evidence("d00")
    found = predictions(replace(evidence, candidates=("m00", "new")), ("linear",))
    assert set(found) == {"m00"}


def test_too_little_to_learn_from_promises_nothing() -> None:
    """Below four held-out datasets the size of errors is not known."""
    world = World(datasets=MIN_DATASETS)
    assert predictions(world.evidence("d00"), ("good",)) == {}
    world = World(datasets=MIN_DATASETS + 1)
    assert len(predictions(world.evidence("d00"), ("good",))) == len(world.models)
    bare = replace(world.evidence("d00"), benchmark_proxies={})
    assert predictions(bare, ("good",)) == {}


def test_the_target_s_results_play_no_part() -> None:
    """The predictions are the same whatever the hidden results were."""
    world, other = World(), World()
    other.scores[:, 2] = 1 - other.scores[:, 2]
    other.proxies = world.proxies
    assert predictions(world.evidence("d02"), ("good",)) == predictions(other.evidence("d02"), ("good",))
