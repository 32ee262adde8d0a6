from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BeitConfig,
    BeitForImageClassification,
    ConvNextConfig,
    ConvNextForImageClassification,
    ResNetConfig,
    ResNetForImageClassification,
)

from hubselect.errors import TrainingFailed
from hubselect.recall.features import KEPT
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import load_splits
from hubselect.training.features import forward_features
from hubselect.training.finetuning import FineTuning
from tests.support.repos import write_image_model, write_text_model


def test_posterior_and_features_equal_a_plain_forward(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """One example at a time through plain transformers gives the same posterior and mean states."""
    features = forward_features(bert, text_model, sentences, text_recipe, max_samples=20)
    assert features.samples == 20
    assert features.train_size == 128
    assert np.bincount(features.labels).tolist() == [10, 10]
    train = load_splits(sentences, text_recipe).train
    model, tokenizer = (
        AutoModelForSequenceClassification.from_pretrained(bert),
        AutoTokenizer.from_pretrained(bert),
    )
    model.eval()
    found = 0
    for (text,), label in zip(train.texts, train.labels, strict=True):
        with torch.no_grad():
            output = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True)
        mean = output.hidden_states[-1][0].mean(0).numpy()
        rows = np.flatnonzero(np.abs(features.hidden["mean"] - mean).max(1) < 1e-5)
        for row in rows:
            found += 1
            posterior = torch.softmax(output.logits[0].double(), -1).numpy()
            assert features.labels[row] == label
            assert features.posterior is not None
            np.testing.assert_allclose(features.posterior[row], posterior, atol=1e-6)
    assert found >= 20


def test_every_pooling_equals_a_plain_forward(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """All poolings come from the one pass: each text's states, one text at a time, written out."""
    features = forward_features(bert, text_model, sentences, text_recipe)
    train = load_splits(sentences, text_recipe).train
    model = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    tokenizer = AutoTokenizer.from_pretrained(bert)
    for row, (text,) in enumerate(train.texts[:24]):
        with torch.no_grad():
            states = model(**tokenizer(text, return_tensors="pt"), output_hidden_states=True).hidden_states
        plain = {
            "mean": states[-1][0].mean(0),
            "cls": states[-1][0, 0],
            "layers": torch.stack(states[1:]).mean((0, 2))[0],
        }
        for pooling, expected in plain.items():
            np.testing.assert_allclose(features.hidden[pooling][row], expected, atol=1e-5)


def test_batches_do_not_change_the_result(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe
) -> None:
    """One example at a time, a few, or everything at once: equal within 1e-5."""
    whole = forward_features(bert, text_model, sentences, text_recipe, most_rows=1000, most_tokens=10**6)
    for rows, tokens in ((1, 1), (7, 60), (64, 4096)):
        found = forward_features(bert, text_model, sentences, text_recipe, most_rows=rows, most_tokens=tokens)
        np.testing.assert_allclose(found.posterior, whole.posterior, atol=1e-5)
        for pooling in KEPT:
            np.testing.assert_allclose(found.hidden[pooling], whole.hidden[pooling], atol=1e-5)


def test_image_posterior_equals_a_plain_forward(
    vit: Path, image_model: Model, pictures: Dataset, image_recipe: Recipe
) -> None:
    """The whole train split of an image folder, through the original head."""
    features = forward_features(vit, image_model, pictures, image_recipe)
    images = FineTuning(vit, image_model, pictures, image_recipe)._train.batch(np.arange(48))
    with torch.no_grad():
        model = AutoModelForImageClassification.from_pretrained(vit).eval()
        output = model(**images, output_hidden_states=True)
    np.testing.assert_allclose(features.posterior, torch.softmax(output.logits.double(), -1), atol=1e-6)
    np.testing.assert_allclose(features.hidden["mean"], output.hidden_states[-1].mean(1), atol=1e-5)
    np.testing.assert_allclose(features.hidden["cls"], output.hidden_states[-1][:, 0], atol=1e-5)
    assert (
        features.hidden["mean"].dtype,
        features.posterior.dtype if features.posterior is not None else None,
    ) == (
        np.float32,
        np.float64,
    )


def test_a_headless_text_model_has_features_and_no_posterior(
    tmp_path: Path, sentences: Dataset, text_recipe: Recipe
) -> None:
    """A masked-language model gives features only."""
    folder = write_text_model(tmp_path, "o/m", head=False)
    features = forward_features(folder, Model("o/m", "text-classification"), sentences, text_recipe)
    assert features.posterior is None
    assert features.hidden["mean"].shape == (128, 32)


def test_a_headless_image_model_has_features_and_no_posterior(
    tmp_path: Path, pictures: Dataset, image_recipe: Recipe
) -> None:
    """A bare encoder gives features only."""
    folder = write_image_model(tmp_path, "o/m", head=False)
    features = forward_features(folder, Model("o/m", "image-classification"), pictures, image_recipe)
    assert features.posterior is None
    assert features.hidden["mean"].shape == (48, 32)


def test_a_random_head_is_never_scored(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """No posterior for a head the weights lack, one of other shape, or one the record does not name."""
    copy = Path(shutil.copytree(bert, tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    save_file(
        {k: v for k, v in weights.items() if k != "classifier.weight"},
        copy / "model.safetensors",
        metadata={"format": "pt"},
    )
    assert forward_features(copy, text_model, sentences, text_recipe).posterior is None
    assert forward_features(bert, replace(text_model, labels=()), sentences, text_recipe).posterior is None
    config = json.loads((bert / "config.json").read_text())
    shutil.copy(bert / "model.safetensors", copy)
    (copy / "config.json").write_text(json.dumps({**config, "id2label": {"0": "a", "1": "b", "2": "c"}}))
    assert forward_features(copy, text_model, sentences, text_recipe).posterior is None


@pytest.mark.parametrize("family", ["convnext", "resnet"])
def test_convolutional_models_train_and_give_features(
    family: str, vit: Path, pictures: Dataset, image_recipe: Recipe, tmp_path: Path
) -> None:
    """Feature maps are averaged over positions; fine-tuning and testing work without attention."""
    torch.manual_seed(0)
    model = (
        ConvNextForImageClassification(
            ConvNextConfig(patch_size=2, num_stages=2, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3)
        )
        if family == "convnext"
        else ResNetForImageClassification(
            ResNetConfig(
                embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic", num_labels=3
            )
        )
    )
    model.save_pretrained(tmp_path)
    shutil.copy(vit / "preprocessor_config.json", tmp_path)
    record = Model(f"o/{family}", "image-classification", labels=("x", "y", "z"))
    features = forward_features(tmp_path, record, pictures, image_recipe)
    assert features.hidden["mean"].shape == (48, 16)
    assert features.hidden["layers"].shape == (48, 24)
    np.testing.assert_array_equal(features.hidden["cls"], features.hidden["mean"])
    assert features.posterior is not None
    np.testing.assert_allclose(features.posterior.sum(1), 1)
    tuning = FineTuning(tmp_path, record, pictures, image_recipe)
    while not tuning.finished:
        tuning.advance()
    assert tuning.test() > 0.6


def test_outputs_that_are_not_numbers_fail(
    bert: Path, text_model: Model, sentences: Dataset, text_recipe: Recipe, tmp_path: Path
) -> None:
    """NaN features are TrainingFailed, never a score."""
    copy = Path(shutil.copytree(bert, tmp_path / "copy"))
    weights = load_file(copy / "model.safetensors")
    weights["bert.embeddings.LayerNorm.weight"].fill_(float("nan"))
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingFailed, match="not finite"):
        forward_features(copy, text_model, sentences, text_recipe)


def test_a_scored_model_can_be_fine_tuned_in_the_same_process(
    vit: Path, pictures: Dataset, image_recipe: Recipe, tmp_path: Path
) -> None:
    """BEiT keeps its index of relative positions for the whole process: scoring must leave it trainable."""
    config = BeitConfig(
        image_size=16,
        patch_size=4,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        use_relative_position_bias=True,
        out_indices=[1],
        num_labels=3,
    )
    BeitForImageClassification(config).save_pretrained(tmp_path)
    shutil.copy(vit / "preprocessor_config.json", tmp_path)
    record = Model("o/beit", "image-classification", labels=("x", "y", "z"))
    forward_features(tmp_path, record, pictures, image_recipe)
    assert 0 <= FineTuning(tmp_path, record, pictures, image_recipe).advance().val <= 1
