"""Multiple choice: every option follows the same context, and the network says which fits best."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hubselect.errors import UnsupportedModel
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import load_splits
from hubselect.training.features import forward_features
from hubselect.training.finetuning import FineTuning
from hubselect.training.loading import load_config, load_for_task
from hubselect.training.tasks import TextAdapter
from tests.support.kinds import write_choices
from tests.support.repos import write_text_model

RECIPE = Recipe("multiple-choice", epochs=1)


@pytest.fixture(scope="module")
def copa(workshop: Path) -> Dataset:
    columns = {"text_columns": ("premise", "question"), "choice_columns": ("choice1", "choice2")}
    folder = write_choices(workshop, "someone/copa")
    return Dataset(str(folder), "multiple-choice", label_column="label", **columns)  # type: ignore[arg-type]


def test_an_option_is_read_after_its_context(bert: Path, copa: Dataset) -> None:
    train = load_splits(copa, RECIPE).train
    adapter = TextAdapter(bert, load_config(bert), 64)
    rows = np.array([3, 0])
    batch = adapter.prepare(train).batch(rows)
    assert batch["input_ids"].shape[:2] == (2, 2)
    for place, row in enumerate(rows):
        for option in (0, 1):
            expected = adapter.tokenizer(train.texts[row][0], train.choices[row][option])
            length = len(expected["input_ids"])
            assert batch["input_ids"][place, option, :length].tolist() == expected["input_ids"]
            assert batch["token_type_ids"][place, option, :length].tolist() == expected["token_type_ids"]
            assert batch["attention_mask"][place, option].sum() == length
    assert train.texts[0][0].endswith(("cause", "effect"))


def test_lists_of_options_are_the_same_as_columns_of_them(copa: Dataset, tmp_path: Path) -> None:
    import datasets

    columns = datasets.load_dataset(copa.id)
    lists = columns.map(
        lambda row: {"options": [row["choice1"], row["choice2"]]}, remove_columns=["choice1", "choice2"]
    )
    for name, split in lists.items():
        split.to_parquet(tmp_path / f"{name}.parquet")
    listed = Dataset(
        str(tmp_path),
        "multiple-choice",
        text_columns=("premise", "question"),
        choice_columns=("options",),
        label_column="label",
    )
    one, other = load_splits(copa, RECIPE), load_splits(listed, RECIPE)
    assert one.train.choices == other.train.choices
    assert one.test.texts == other.test.texts


def test_options_are_learnt(bert: Path, text_model: Model, copa: Dataset) -> None:
    """Half of the answers would be right by chance."""
    training = FineTuning(bert, text_model, copa, RECIPE.with_(epochs=8, learning_rate=2e-3))
    while not training.finished:
        training.advance()
    assert training.test() > 0.8


def test_a_head_for_options_is_kept(workshop: Path, bert: Path) -> None:
    """It says how well an option fits, whatever the options are; others have no head for that."""
    from transformers import BertForMultipleChoice

    model = BertForMultipleChoice.from_pretrained(bert, ignore_mismatched_sizes=True)
    with torch.no_grad():
        model.classifier.weight.fill_(0.25)
    write_text_model(workshop, "someone/chooser")
    folder = workshop / "models" / "someone" / "chooser"
    model.save_pretrained(folder)
    kept = load_for_task(folder, load_config(folder), "multiple-choice", ("a", "b"), 0)
    assert kept.network.classifier.weight.eq(0.25).all()  # type: ignore[union-attr]
    assert not kept.made_up
    fresh = load_for_task(bert, load_config(bert), "multiple-choice", ("a", "b"), 0)
    assert {"classifier.weight", "classifier.bias"} <= fresh.made_up


def test_an_architecture_without_multiple_choice_says_so(workshop: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = write_text_model(workshop, "someone/gpt2")
    tokenizer_size = load_config(folder).vocab_size
    GPT2LMHeadModel(GPT2Config(vocab_size=tokenizer_size, n_embd=16, n_layer=1, n_head=2)).save_pretrained(
        folder
    )
    with pytest.raises(UnsupportedModel, match="cannot use its architecture for the task"):
        load_for_task(folder, load_config(folder), "multiple-choice", ("a", "b"), 0)


def test_features_are_those_of_right_and_wrong_options(bert: Path, text_model: Model, copa: Dataset) -> None:
    found = forward_features(bert, text_model, copa, RECIPE, max_samples=16)
    assert found.labels.tolist().count(1) == 16
    assert len(found.labels) == 32
    assert found.samples == 16
