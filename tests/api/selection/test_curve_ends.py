"""What the registry teaches about curves, and how long an epoch is."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect.api.knowing import knowledge_for
from hubselect.api.selection.curve_ends import ends_for, priors, steps_by_dataset, steps_per_epoch
from hubselect.records import CurvePoint, Dataset, Model, Recalled, Recipe, Task
from hubselect.registry import Registry

TASK: Task = "text-classification"
RECIPE = Recipe(TASK, epochs=2, stages_per_epoch=2)
TARGET = Dataset("org/target", TASK, splits={"train": 8_000, "test": 10}, role="target")


@pytest.fixture
def store(tmp_path: Path) -> Registry:
    """Five models on four datasets of 640 examples, with curves; the target among them."""
    made = Registry.open(tmp_path / "registry.db")
    digest = made.add_recipe(RECIPE)
    for d in range(4):
        made.add_dataset(Dataset(f"org/d{d}", TASK, splits={"train": 640, "test": 100}))
    for m in range(5):
        made.add_model(Model(f"org/m{m}", TASK))
        for d in range(4):
            made.start_run(f"org/m{m}", f"org/d{d}", digest)
            for stage in range(1, 5):
                point = CurvePoint(f"org/m{m}", stage, stage / 2, 0.5 + 0.02 * m + 0.01 * d + 0.02 * stage)
                made.append_point(point, f"org/d{d}", digest)
            made.finish_run(f"org/m{m}", f"org/d{d}", digest, 0.6 + 0.02 * m + 0.01 * d, 1.0)
    return made


def test_steps_follow_from_examples_batch_size_and_cap() -> None:
    """8,000 examples in batches of 32 are 250 steps; capped at 1,000 they are 32; unknown is unknown."""
    assert steps_per_epoch(TARGET, RECIPE) == 250
    assert steps_per_epoch(TARGET, RECIPE.with_(max_train_samples=1_000)) == 32
    assert steps_per_epoch(Dataset("org/x", TASK), RECIPE) is None
    assert steps_per_epoch(Dataset("org/x", TASK, splits={"train": None}), RECIPE) is None


def test_the_registrys_curves_are_learned_from_at_the_recipes_barriers(store: Registry) -> None:
    """One rung per stage of the selection; recalled models bring their predicted scores along."""
    recalled = [Recalled("org/m1", 1.0, 0.6, None, None, predicted=0.7, low=0.6, high=0.8)]
    ends = ends_for(store, knowledge_for(store, TARGET), TARGET, RECIPE, recalled)
    assert [r.epochs for r in ends.rungs] == [0.5, 1.0, 1.5, 2.0]
    assert ends.priors["org/m1"][0] == 0.7
    assert steps_by_dataset(store, RECIPE) == {f"org/d{d}": 20.0 for d in range(4)}


def test_the_targets_own_curves_teach_nothing(store: Registry) -> None:
    """Selecting for a benchmark dataset learns from the three others alone."""
    target = store.dataset("org/d0")
    before = ends_for(store, knowledge_for(store, target), target, RECIPE, [])
    digest = RECIPE.digest
    store.add_model(Model("org/m9", TASK))
    store.start_run("org/m9", "org/d0", digest)
    store.append_point(CurvePoint("org/m9", 1, 0.5, 0.99), "org/d0", digest)
    store.finish_run("org/m9", "org/d0", digest, 0.01, 1.0)
    assert ends_for(store, knowledge_for(store, target), target, RECIPE, []) == before


def test_a_model_recall_cannot_predict_has_no_prior() -> None:
    """No score, no prior."""
    assert priors([Recalled("org/m1", 1.0, 0.6, None, None)]) == {}
