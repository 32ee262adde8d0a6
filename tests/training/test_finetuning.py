from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hubselect.errors import InvalidInput, StorageFailed, TrainingFailed
from hubselect.records import CurvePoint, Dataset, Model, Recipe
from hubselect.training.finetuning import FineTuning
from tests.support.repos import write_text_dataset
from tests.training.conftest import same_weights, weights_of

FOUR_STAGES = {"epochs": 2, "stages_per_epoch": 2}


def run_through(tuning: FineTuning) -> tuple[tuple[tuple[int, float, float], ...], dict[str, torch.Tensor]]:
    """The curve without timings, and the final weights."""
    while not tuning.finished:
        tuning.advance()
    return curve(tuning.points), weights_of(tuning._network)


def curve(points: tuple[CurvePoint, ...]) -> tuple[tuple[int, float, float], ...]:
    return tuple((point.stage, point.epochs, point.val) for point in points)


def test_a_run_learns_and_is_bit_identical_for_its_seed(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """Two runs of one seed agree in every bit, another seed does not, and the task is learned."""
    recipe = text_recipe.with_(epochs=6)
    first, second = (FineTuning(bert, text_model, sentences, recipe) for _ in range(2))
    one, two = run_through(first), run_through(second)
    assert one[0] == two[0]
    assert same_weights(one[1], two[1])
    assert first.test() == second.test() > 0.9
    other = FineTuning(bert, text_model, sentences, recipe, seed=1)
    assert other.splits.fingerprint == first.splits.fingerprint
    assert not same_weights(one[1], run_through(other)[1])


@pytest.mark.parametrize("stop", [0, 1, 2, 3, 4])
def test_a_run_killed_after_any_stage_ends_as_if_it_had_not_been(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path, stop: int
) -> None:
    """With dropout, fractional stages and noise drawn in between, resumed equals uninterrupted."""
    assert json.loads((bert / "config.json").read_text())["hidden_dropout_prob"] > 0
    recipe = text_recipe.with_(**FOUR_STAGES)
    expected = run_through(FineTuning(bert, text_model, sentences, recipe))
    paused = FineTuning(bert, text_model, sentences, recipe, state_dir=tmp_path)
    for _ in range(stop):
        paused.advance()
    del paused
    torch.rand(17), np.random.rand(3)
    resumed = FineTuning(bert, text_model, sentences, recipe, state_dir=tmp_path)
    assert resumed.stage == stop
    points, weights = run_through(resumed)
    assert points == expected[0]
    assert same_weights(weights, expected[1])


def test_runs_that_take_turns_do_not_touch_each_other(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """Two runs advancing alternately equal two runs one after the other; the caller's randomness stays."""
    recipe = text_recipe.with_(**FOUR_STAGES)
    alone = [run_through(FineTuning(bert, text_model, sentences, recipe, seed=seed)) for seed in (0, 1)]
    torch.manual_seed(123)
    expected_noise = torch.rand(3)
    torch.manual_seed(123)
    both = [FineTuning(bert, text_model, sentences, recipe, seed=seed) for seed in (0, 1)]
    for _ in range(recipe.stages):
        for tuning in both:
            tuning.advance()
    assert torch.equal(torch.rand(3), expected_noise)
    for tuning, (points, weights) in zip(both, alone, strict=True):
        assert curve(tuning.points) == points
        assert same_weights(weights_of(tuning._network), weights)


def test_image_runs_resume_too(
    vit: Path, image_model: Model, pictures: Dataset, image_recipe: Recipe, tmp_path: Path
) -> None:
    """An image run paused after its first stage equals the uninterrupted one, and learns."""
    expected = run_through(FineTuning(vit, image_model, pictures, image_recipe))
    FineTuning(vit, image_model, pictures, image_recipe, state_dir=tmp_path).advance()
    resumed = FineTuning(vit, image_model, pictures, image_recipe, state_dir=tmp_path)
    assert resumed.stage == 1
    points, weights = run_through(resumed)
    assert points == expected[0]
    assert same_weights(weights, expected[1])
    assert resumed.test() > 0.8


def test_stages_are_fractions_of_epochs(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """Four stages over two epochs of eight steps report epochs 0.5 to 2."""
    tuning = FineTuning(bert, text_model, sentences, text_recipe.with_(**FOUR_STAGES))
    run_through(tuning)
    assert [(p.stage, p.epochs) for p in tuning.points] == [(1, 0.5), (2, 1.0), (3, 1.5), (4, 2.0)]
    assert tuning.schedule.total == 16
    with pytest.raises(InvalidInput, match="already finished"):
        tuning.advance()


def test_the_first_stages_do_not_depend_on_how_long_one_means_to_stay(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """The schedule is laid out for the full length: a shorter recipe is another run from the start."""
    long, short = (
        FineTuning(bert, text_model, sentences, text_recipe.with_(epochs=epochs)) for epochs in (4, 1)
    )
    long.advance(), short.advance()
    assert not same_weights(weights_of(long._network), weights_of(short._network))


def test_only_a_finished_run_has_a_test_score(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """Testing early is refused, so that no decision can rest on a test score."""
    tuning = FineTuning(bert, text_model, sentences, text_recipe)
    tuning.advance()
    with pytest.raises(InvalidInput, match="stage 1 of 2"):
        tuning.test()


@pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
def test_a_damaged_state_starts_again(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path, damage: str
) -> None:
    """A state file that cannot be read is no state, and the run ends as always."""
    FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path).advance()
    file = tmp_path / "state.pt"
    content = file.read_bytes()
    file.write_bytes(
        {"truncated": content[: len(content) // 2], "garbage": b"\xff" * 99, "empty": b""}[damage]
    )
    tuning = FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path)
    assert tuning.stage == 0
    expected = run_through(FineTuning(bert, text_model, sentences, text_recipe))
    assert run_through(tuning)[0] == expected[0]


def test_the_state_of_another_run_is_ignored(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """A folder that holds another recipe's or seed's state does not continue it."""
    FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path).advance()
    other = FineTuning(bert, text_model, sentences, text_recipe.with_(epochs=3), state_dir=tmp_path)
    assert other.stage == 0
    assert FineTuning(bert, text_model, sentences, text_recipe, seed=5, state_dir=tmp_path).stage == 0
    assert FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path).stage == 1


def test_the_state_is_read_without_running_pickles(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """The state file loads with weights_only, and no draft is left beside it."""
    FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path).advance()
    content = torch.load(tmp_path / "state.pt", weights_only=True)
    assert len(content["points"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_weights_that_are_not_numbers_fail_the_training(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """NaN in the checkpoint ends in TrainingFailed and leaves no state."""
    broken = Path(shutil.copytree(bert, tmp_path / "broken"))
    weights = load_file(broken / "model.safetensors")
    weights["bert.encoder.layer.0.output.dense.weight"].fill_(float("nan"))
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    tuning = FineTuning(broken, text_model, sentences, text_recipe, state_dir=tmp_path / "state")
    with pytest.raises(TrainingFailed, match="not a finite number"):
        tuning.advance()
    assert not (tmp_path / "state").exists()


def test_a_state_that_cannot_be_saved_fails_the_training(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """A state folder that cannot exist is one clear line, not a traceback of the file system."""
    (tmp_path / "file").write_text("in the way")
    tuning = FineTuning(bert, text_model, sentences, text_recipe, state_dir=tmp_path / "file" / "state")
    with pytest.raises(StorageFailed, match="cannot be saved"):
        tuning.advance()


@pytest.mark.parametrize(
    "changes",
    [{"metric": "f1"}, {"optimizer": "lion"}, {"batch_size": 0}, {"task": "image-classification"}],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, changes: dict[str, object]
) -> None:
    """Unknown metrics and optimizers, no batch, and the wrong task are InvalidInput."""
    with pytest.raises(InvalidInput):
        FineTuning(bert, text_model, sentences, text_recipe.with_(**changes))


def test_sample_caps_and_pairs_of_texts(
    bert: Path, text_model: Model, text_recipe: Recipe, tmp_path: Path
) -> None:
    """Pairs are trained with token types, on as many examples as the recipe allows."""
    folder = write_text_dataset(tmp_path, "o/pairs", pairs=True)
    pairs = Dataset(
        str(folder), "text-classification", text_columns=("sentence1", "sentence2"), label_column="label"
    )
    tuning = FineTuning(bert, text_model, pairs, text_recipe.with_(max_train_samples=33, max_eval_samples=10))
    assert set(tuning._train.batch(np.arange(2))) == {"input_ids", "attention_mask", "token_type_ids"}
    assert tuning.schedule.steps_per_epoch == 2  # a last batch of one joins the one before
    assert 0 <= tuning.advance().val <= 1
