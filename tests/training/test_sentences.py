"""Sentence embeddings against plain transformers, one text at a time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoTokenizer

from hubselect.errors import TrainingFailed
from hubselect.records import Model
from hubselect.training.sentences import embed
from tests.support.data import text_splits
from tests.support.repos import write_text_model

TEXTS = tuple(text_splits((12, 1, 1), 2)["train"].columns["text"])


def plain(folder: Path, text: str) -> np.ndarray:
    model, tokenizer = AutoModel.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    with torch.no_grad():
        state = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0]
    mean = state.mean(0).numpy()
    return np.asarray(mean / np.linalg.norm(mean))


@pytest.mark.parametrize("head", [True, False])
def test_vectors_equal_a_plain_forward(tmp_path: Path, text_model: Model, head: bool) -> None:
    """The mean over tokens without padding, of length one, whatever head is on top."""
    folder = write_text_model(tmp_path, "o/m", head=head)
    vectors = embed(folder, text_model, TEXTS, batch_size=5)
    assert (vectors.dtype, len(vectors)) == (np.float32, len(TEXTS))
    for vector, text in zip(vectors, TEXTS, strict=True):
        np.testing.assert_allclose(vector, plain(folder, text), atol=1e-5)
    np.testing.assert_allclose(embed(folder, text_model, TEXTS, batch_size=1), vectors, atol=1e-5)


def test_long_texts_are_cut(bert: Path, text_model: Model) -> None:
    """What follows the first tokens changes nothing; an empty text has a vector too."""
    vectors = embed(bert, text_model, [TEXTS[0] * 500, TEXTS[0] * 900, ""], max_tokens=16)
    np.testing.assert_allclose(vectors[0], vectors[1], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert embed(bert, text_model, []).shape == (0, 0)


def test_numbers_that_are_not_finite_are_refused(tmp_path: Path, text_model: Model) -> None:
    """A broken checkpoint is named."""
    folder = write_text_model(tmp_path, "o/m")
    weights = load_file(folder / "model.safetensors")
    broken = {name: tensor * float("nan") for name, tensor in weights.items()}
    save_file(broken, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(TrainingFailed, match="someone/bert"):
        embed(folder, text_model, TEXTS)
