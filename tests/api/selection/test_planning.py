"""The plan before a selection: right about what is known, and without a trace."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from hubselect import Registry, plan_selection, select
from hubselect.api.knowing import knowledge_for
from hubselect.api.selection.pace import pace_of
from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput
from hubselect.records import Dataset
from tests.api.test_growing import content
from tests.support.lab import MODELS, OWNER, TARGET, Lab

PAPER = {"recall": "paper", "scope": "representatives"}


def files(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_plan_names_models_bytes_epochs_and_time(
    registry: Path, lab: Lab, hub: MiniHub, empty_cache: None
) -> None:
    """With an empty cache: the representatives' weights and those of the likely models are to come; four
    models cost between 4 + 1 and halving's 4 + 2 epochs; the time is that of the recorded trainings.
    Nothing is fetched, and neither the registry nor a file beside it changes."""
    before, beside = content(registry), files(Path(f"{registry}.files"))
    plan = plan_selection(TARGET, registry=registry, k=4, policy="fine-selection", **PAPER, workers=1)
    with Registry.open(registry) as store:
        sizes = {m.id: m.weights_bytes or 0 for m in store.models()}
        (clustering,) = store.clusterings()
        runs = store.runs(status="done")
    assert set(plan.scored) == {c.representative for c in clustering.clusters if c.size > 1}
    assert (plan.candidates, plan.k, len(plan.likely)) == (len(MODELS), 4, 4)
    assert plan.bytes_expected == sum(sizes[m] for m in {*plan.scored, *plan.likely})
    assert plan.bytes_expected <= plan.bytes_at_most <= sum(sizes.values())
    span, recall = plan.epochs, plan.recall_epochs
    assert 0 < recall <= len(plan.scored) / 3
    assert (span.least, span.most) == (recall + 5, recall + 6)
    assert span.least <= span.expected <= span.most
    epoch = [sum(p.seconds for p in r.curve) / 2 for r in runs]
    assert plan.seconds is not None
    assert 5 * min(epoch) <= plan.seconds <= (6 + recall) * max(epoch)
    assert not hub.weights_fetched()
    assert content(registry) == before
    assert files(Path(f"{registry}.files")) == beside


def test_an_unknown_candidate_is_looked_up_without_a_trace(registry: Path, lab: Lab) -> None:
    """`candidates` may name models that the registry does not know yet; a plan does not add them, and their
    pace is judged by their size."""
    before = content(registry)
    names = (MODELS[0], f"{OWNER}/latecomer")
    plan = plan_selection(TARGET, registry=registry, candidates=names, recall="size")
    assert set(plan.likely) == set(names)
    assert "size of 1" in plan.seconds_from
    assert content(registry) == before


def test_a_budget_too_small_is_refused_before_anything_is_fetched(
    registry: Path, lab: Lab, hub: MiniHub, empty_cache: None
) -> None:
    """One line that names the least that is enough, and that is enough."""
    before = content(registry)
    for what in (select, plan_selection):
        with pytest.raises(InvalidInput, match=r"--budget-epochs 2\.34 is the least") as refused:
            what(TARGET, registry=registry, k=4, **PAPER, budget_epochs=2)
        assert "full training" in str(refused.value)
        with pytest.raises(InvalidInput, match="--budget-seconds"):
            what(TARGET, registry=registry, k=4, **PAPER, budget_seconds=0.001)
        with pytest.raises(InvalidInput, match="pays for nothing"):
            what(TARGET, registry=registry, budget_epochs=0)
    assert content(registry) == before
    assert not hub.weights_fetched()
    plan = plan_selection(TARGET, registry=registry, k=4, **PAPER, budget_epochs=2.34)
    assert plan.epochs.most <= 2.34
    assert plan.budget_epochs == 2.34


def test_without_a_recorded_time_seconds_are_unknown(registry: Path, lab: Lab) -> None:
    """Nothing timed: no estimate is made up, and a budget of seconds says what to do instead."""
    with sqlite3.connect(registry) as connection:
        connection.execute("update curve_points set seconds = 0")
    assert plan_selection(TARGET, registry=registry, k=4).seconds is None
    with pytest.raises(InvalidInput, match="use --budget-epochs"):
        plan_selection(TARGET, registry=registry, k=4, **PAPER, budget_seconds=100)


def test_a_plan_takes_what_select_takes_and_nothing_else(registry: Path, lab: Lab) -> None:
    """A mistyped argument is an error, and what `select` refuses is refused."""
    with pytest.raises(TypeError, match="polcy"):
        plan_selection(TARGET, registry=registry, polcy="brute-force")
    with pytest.raises(InvalidInput, match="unknown policy"):
        plan_selection(TARGET, registry=registry, policy="best")


def test_time_is_scaled_by_training_examples(registry: Path, lab: Lab) -> None:
    """Two seconds an epoch on 100 examples are four on 200; a cap on examples counts; where their number is
    unknown nothing is scaled, and that is said."""
    with sqlite3.connect(registry) as connection:
        connection.execute("update curve_points set seconds = 2")
    with Registry.open(registry) as store:
        for each in store.datasets(role="benchmark"):
            store.add_dataset(replace(each, splits={"train": 100}))
        target = Dataset(f"{OWNER}/other", "text-classification", splits={"train": 200})
        known, models = knowledge_for(store, target), store.models()
        paces = [
            pace_of(store, known, dataset, recipe, models)
            for dataset, recipe in (
                (target, known.recipe),
                (target, known.recipe.with_(max_train_samples=50)),
                (replace(target, splits={}), known.recipe),
            )
        ]
    assert [set(p.seconds.values()) for p in paces] == [{4.0}, {1.0}, {2.0}]
    assert ["not scaled" in p.basis for p in paces] == [False, False, True]
