"""What a selection is told of its trainings: who trained with what, and what to do without a winner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.errors import CheckpointBroken
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import LocalExecutor
from hubselect.executors.pool import WorkerPool
from hubselect.records import CurvePoint, Dataset, Environment, Model, Recipe
from hubselect.selection import Stage
from tests.support.repos import TEXT_LABELS, break_weights, write_text_dataset, write_text_model

TASK = "text-classification"
RECIPE = Recipe(TASK, epochs=1, max_train_samples=16, max_eval_samples=8)


@pytest.fixture
def job_for(tmp_path: Path) -> Callable[[str], TrainingJob]:
    """Jobs of two checkpoints: `o/sound`, and `o/broken` whose weights cannot be read."""
    data = write_text_dataset(tmp_path, "o/data", sizes=(32, 16, 16))
    dataset = Dataset(str(data), TASK, text_columns=("text",), label_column="label")
    break_weights(write_text_model(tmp_path, "o/broken"))
    write_text_model(tmp_path, "o/sound")

    def job(model: str) -> TrainingJob:
        known = Model(model, TASK, revision="1" * 40, labels=TEXT_LABELS)
        return TrainingJob(tmp_path / "models" / model, known, dataset, RECIPE, tmp_path / "states" / model)

    return job


def test_what_trained_is_told_before_its_points(
    job_for: Callable[[str], TrainingJob], tmp_path: Path
) -> None:
    """A kill after the points have been recorded loses nothing."""
    said: list[tuple[str, Environment] | CurvePoint] = []
    with WorkerPool(1) as pool:
        trainer = LocalExecutor(
            pool, job_for, lambda m: tmp_path / "states" / m, on_trained=lambda m, e: said.append((m, e))
        )
        for event in trainer.run(Stage(1, ("o/sound",), ())):
            assert isinstance(event, CurvePoint)
            said.append(event)
        assert 0 <= trainer.finish("o/sound", None) <= 1
    told, point = said
    assert isinstance(told, tuple)
    assert told[0] == "o/sound"
    assert {"hubselect", "torch", "Python"} <= set(told[1].versions)
    assert isinstance(point, CurvePoint)


def test_a_winner_that_cannot_be_loaded_says_how_to_go_on_without_it(
    job_for: Callable[[str], TrainingJob], tmp_path: Path
) -> None:
    """In a stage it is an event among others; at the end there is nobody else."""
    with WorkerPool(1) as pool:
        trainer = LocalExecutor(pool, job_for, lambda m: tmp_path / "states" / m)
        with pytest.raises(CheckpointBroken) as caught:
            trainer.finish("o/broken", None)
    assert caught.value.hint == "leave it out: --exclude o/broken"
