from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from datasets import load_dataset
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
)

from hubselect.errors import CheckpointBroken, InvalidInput
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.finetuning import FineTuning
from hubselect.training.saved import evaluate_saved


@pytest.fixture
def tuned(bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe) -> FineTuning:
    tuning = FineTuning(bert, text_model, sentences, text_recipe.with_(epochs=3, max_length=16))
    while not tuning.finished:
        tuning.advance()
    return tuning


def test_a_saved_model_scores_again_what_was_reported(
    tuned: FineTuning, sentences: Dataset, tmp_path: Path
) -> None:
    """Plain transformers calls on the saved folder, one example at a time, give the test score."""
    output = tmp_path / "deep" / "winner"
    tuned.export(output)
    assert {path.name for path in output.iterdir()} >= {"config.json", "model.safetensors", "tokenizer.json"}
    model = AutoModelForSequenceClassification.from_pretrained(output)
    tokenizer = AutoTokenizer.from_pretrained(output)
    assert tokenizer.model_max_length == 16
    assert model.config.id2label == {0: "negative", 1: "positive"}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    rows = load_dataset(sentences.id, split="test")
    model.eval()
    with torch.no_grad():
        predicted = [
            int(model(**tokenizer(r["text"], truncation=True, return_tensors="pt")).logits.argmax())
            for r in rows
        ]
    correct = sum(p == r["label"] for p, r in zip(predicted, rows, strict=True)) / len(rows)
    assert correct == tuned.test() == evaluate_saved(output, sentences, tuned.recipe)


def test_a_saved_image_model_scores_again(
    vit: Path, image_model: Model, pictures: Dataset, image_recipe: Recipe, tmp_path: Path
) -> None:
    """Model and image processor load from the saved folder and give the test score."""
    tuning = FineTuning(vit, image_model, pictures, image_recipe)
    while not tuning.finished:
        tuning.advance()
    tuning.export(tmp_path / "winner")
    model = AutoModelForImageClassification.from_pretrained(tmp_path / "winner").eval()
    processor = AutoImageProcessor.from_pretrained(tmp_path / "winner")
    images, labels = tuning.splits.test.images, tuning.splits.test.labels
    with torch.no_grad():
        logits = model(**processor(images=list(images), return_tensors="pt")).logits
    assert float((logits.argmax(-1).numpy() == labels).mean()) == tuning.test()
    assert evaluate_saved(tmp_path / "winner", pictures, image_recipe) == tuning.test()


def test_saving_replaces_a_checkpoint_and_nothing_else(tuned: FineTuning, tmp_path: Path) -> None:
    """An earlier checkpoint is replaced, other files are never lost, no drafts stay."""
    tuned.export(tmp_path / "a")
    (tmp_path / "a" / "model-00001-of-00002.safetensors").write_text("from the earlier one")
    tuned.export(tmp_path / "a")
    assert not (tmp_path / "a" / "model-00001-of-00002.safetensors").exists()
    (tmp_path / "a" / "notes.txt").write_text("my own words beside it")
    with pytest.raises(InvalidInput, match=r"notes\.txt"):
        tuned.export(tmp_path / "a")
    assert (tmp_path / "a" / "notes.txt").read_text() == "my own words beside it"
    (tmp_path / "empty").mkdir()
    tuned.export(tmp_path / "empty")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "thesis.tex").write_text("ten years of work")
    with pytest.raises(InvalidInput, match="not just a checkpoint"):
        tuned.export(tmp_path / "thesis")
    assert (tmp_path / "thesis" / "thesis.tex").read_text() == "ten years of work"
    assert {path.name for path in tmp_path.iterdir()} == {"a", "empty", "thesis"}


def test_a_checkpoint_of_other_classes_is_not_scored(
    tuned: FineTuning, bert: Path, sentences: Dataset, tmp_path: Path
) -> None:
    """Scoring a saved folder whose classes are not the dataset's is refused."""
    tuned.export(tmp_path / "winner")
    config = json.loads((tmp_path / "winner" / "config.json").read_text())
    config["id2label"] = {"0": "positive", "1": "negative"}
    (tmp_path / "winner" / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointBroken, match="classes of"):
        evaluate_saved(tmp_path / "winner", sentences, tuned.recipe)
