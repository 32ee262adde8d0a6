"""Who is scored next, when every score decides about the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.recall.adaptive import SEARCH, first_to_score, next_to_score
from hubselect.recall.methods import Evidence, Method, method
from hubselect.recall.quality import regrets
from hubselect.recall.scope import models_to_score, most_scored, next_models
from tests.support.recall_lab import World

FUSED = method("fused", ("good",))


def scored(
    world: World, target: str, how: Method = FUSED, most: int = 10, broken: Sequence[str] = ()
) -> tuple[list[list[str]], Evidence]:
    """The batches that were asked for, and the evidence in the end. `broken` models get no score."""
    evidence, asked = world.evidence(target, scored=()), []
    evidence = replace(evidence, shared_classes={"m20": 1.0, "m21": 0.4})
    batches = []
    while batch := next_to_score(evidence, how, asked, most=most):
        batches.append(list(batch))
        asked += batch
        found = world.evidence(target, scored=[m for m in asked if m not in broken])
        evidence = replace(evidence, proxies=found.proxies)
    return batches, evidence


def test_it_begins_with_the_best_and_with_whoever_knows_the_classes() -> None:
    """Three by mean score, then those whose head names at least half of the target's classes."""
    world = World()
    evidence = replace(world.evidence("d00", scored=()), shared_classes={"m20": 1.0, "m21": 0.4})
    best = models_to_score(evidence, "top", top=3)
    assert first_to_score(evidence) == (*best, *(() if "m20" in best else ("m20",)))
    assert models_to_score(evidence, "adaptive", top=2) == best[:2]


def test_it_ends_when_the_front_of_the_ranking_was_scored() -> None:
    batches, evidence = scored(World(), "d03", most=99)
    asked = [m for batch in batches for m in batch]
    front = [r.model for r in FUSED.rank(evidence)[: SEARCH.front]]
    assert set(front) <= set(asked)
    assert len(asked) < len(evidence.candidates)
    assert all(len(batch) <= 2 for batch in batches[1:])


def test_a_model_without_a_score_is_not_asked_for_again() -> None:
    """It could not be fetched, or not be loaded: the next one takes its turn, and it comes to an end."""
    world = World()
    best = models_to_score(world.evidence("d00"), "top", top=3)
    batches, _ = scored(world, "d00", broken=best)
    asked = [m for batch in batches for m in batch]
    assert len(asked) == len(set(asked)) > 3


@settings(deadline=None, max_examples=25)
@given(most=st.integers(1, 30), target=st.sampled_from(World().datasets))
def test_no_more_than_allowed_and_nobody_twice(most: int, target: str) -> None:
    world = World()
    batches, evidence = scored(world, target, method("rank-average", ("good",)), most)
    asked = [m for batch in batches for m in batch]
    assert len(asked) == len(set(asked)) <= most_scored(evidence, "adaptive", top=most) <= most
    assert set(asked) <= set(evidence.candidates)


def test_few_scores_well_chosen_lose_little() -> None:
    """Against scoring everybody, and against scoring as many by mean alone."""
    regret: dict[str, list[float]] = {"adaptive": [], "top": [], "all": []}
    for seed in range(4):
        world = World(seed=seed, quality=0.02, skill=0.08)
        for target in world.datasets[:5]:
            truth = world.truth(target)
            batches, evidence = scored(world, target)
            count = sum(map(len, batches))
            assert count <= 10
            regret["adaptive"].append(regrets([r.model for r in FUSED.rank(evidence)], truth)[2])
            for scope, kept in (("top", models_to_score(evidence, "top", top=count)), ("all", world.models)):
                ranked = FUSED.rank(world.evidence(target, scored=kept))
                regret[scope].append(regrets([r.model for r in ranked], truth)[2])
    assert fmean(regret["adaptive"]) < 0.6 * fmean(regret["top"])
    assert fmean(regret["adaptive"]) <= fmean(regret["all"]) + 0.01


@pytest.mark.parametrize("scope", ["top", "all", "representatives"])
def test_the_other_scopes_are_asked_for_once(scope: str) -> None:
    evidence = World().evidence("d00", scored=())
    first = next_models(evidence, FUSED, scope, (), top=4)  # type: ignore[arg-type]
    assert first == models_to_score(evidence, scope, top=4)  # type: ignore[arg-type]
    assert next_models(evidence, FUSED, scope, first or ("m00",), top=4) == ()  # type: ignore[arg-type]
