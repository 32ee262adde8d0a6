from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import Examples, load_splits
from hubselect.training.finetuning import FineTuning
from hubselect.training.loading import load_config
from hubselect.training.tasks import ImageAdapter, TextAdapter
from hubselect.training.tasks.base import PREPARED, PreparedCache
from hubselect.training.tasks.text import longest_input
from tests.support.repos import write_text_model


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    PREPARED.clear()


def adapter(folder: Path, max_length: int = 128) -> TextAdapter:
    return TextAdapter(folder, load_config(folder), max_length)


def examples(*texts: tuple[str, ...]) -> Examples:
    return Examples(np.zeros(len(texts), dtype=np.int64), repr(texts), texts=texts)


def test_batches_equal_the_tokenizers_own(bert: Path) -> None:
    """A batch holds what the tokenizer gives for the same texts, padded to its longest."""
    made = examples(("the movie was great",), ("dull",), ("a very happy day with people",))
    text = adapter(bert)
    batch = text.prepare(made).batch(np.array([1, 0]))
    expected = text.tokenizer(["dull", "the movie was great"], padding=True, return_tensors="pt")
    assert batch.keys() == expected.keys()
    assert all(torch.equal(batch[name], expected[name]) for name in batch)


def test_pairs_are_told_apart_by_token_types(bert: Path) -> None:
    """Two texts per example give token types 0 and 1."""
    text = adapter(bert)
    batch = text.prepare(examples(("a b", "great"), ("a", "b c d"))).batch(np.arange(2))
    expected = text.tokenizer(["a b", "a"], ["great", "b c d"], padding=True, return_tensors="pt")
    assert torch.equal(batch["token_type_ids"], expected["token_type_ids"])
    assert batch["token_type_ids"].max() == 1


def test_long_texts_are_cut_to_the_recipe(bert: Path) -> None:
    """No example is longer than the length used, which the tokenizer remembers."""
    text = adapter(bert, max_length=12)
    prepared = text.prepare(examples(("movie " * 100,), ("day",)))
    assert prepared.lengths.tolist() == [12, 3]
    assert text.tokenizer.model_max_length == 12


@pytest.mark.parametrize(
    ("recipe", "tokenizer", "config", "expected"),
    [
        (128, 512, {"max_position_embeddings": 512, "pad_token_id": 0}, 128),
        (512, 512, {"max_position_embeddings": 514, "pad_token_id": 1}, 512),
        (512, 10**30, {"max_position_embeddings": 512, "pad_token_id": 1}, 510),
        (512, 10**30, {"max_position_embeddings": 70, "pad_token_id": 5}, 64),
        (512, 10**30, {"max_position_embeddings": -1}, 512),
        (512, 10**30, {"max_position_embeddings": 1024, "pad_token_id": 50256}, 512),
    ],
)
def test_inputs_fit_recipe_tokenizer_and_positions(
    recipe: int, tokenizer: int, config: dict[str, int], expected: int
) -> None:
    """The shortest limit wins; families that count positions from the padding index lose as many."""
    assert longest_input(recipe, tokenizer, SimpleNamespace(**config)) == expected


def test_inputs_too_short_for_text_are_refused() -> None:
    """A model of six positions cannot classify text."""
    with pytest.raises(UnsupportedModel):
        longest_input(128, 512, SimpleNamespace(max_position_embeddings=6))


def test_one_tokenisation_per_family_and_dataset(
    tmp_path: Path, sentences: Dataset, text_recipe: Recipe
) -> None:
    """Three checkpoints with one tokenizer, of two architectures, tokenise each split once."""
    folders = [
        write_text_model(tmp_path, "o/a", seed=1),
        write_text_model(tmp_path, "o/b", seed=2, hidden_size=16),
        write_text_model(tmp_path, "o/c", architecture="distilbert"),
    ]
    for folder in folders:
        tuning = FineTuning(folder, Model(f"o/{folder.name}", "text-classification"), sentences, text_recipe)
        while not tuning.finished:
            tuning.advance()
        tuning.test()
    assert PREPARED.statistics.misses == 2 * 3  # BERT has segments, DistilBERT has none: two families
    FineTuning(folders[0], Model("o/a", "text-classification"), sentences, text_recipe).advance()
    assert PREPARED.statistics.misses == 2 * 3
    shorter = text_recipe.with_(max_length=10)
    FineTuning(folders[0], Model("o/a", "text-classification"), sentences, shorter)
    assert PREPARED.statistics.misses == 2 * 3 + 1


def test_the_cache_forgets_the_oldest_beyond_its_bytes() -> None:
    """Entries leave in order of last use once the limit is passed."""
    cache = PreparedCache(limit_bytes=100)
    entry: Any = SimpleNamespace(nbytes=40)
    for key in ("a", "b"):
        cache.get((key,), lambda: entry)
    cache.get(("a",), lambda: entry)
    cache.get(("c",), lambda: entry)
    cache.get(("a",), lambda: entry)
    assert (cache.statistics.hits, cache.statistics.misses) == (2, 3)
    cache.get(("b",), lambda: entry)
    assert cache.statistics.misses == 4


def test_a_tokenizer_without_padding_borrows_a_token(bert: Path, tmp_path: Path) -> None:
    """The unknown token pads where no padding or end token exists; the export remembers it."""
    copy = Path(shutil.copytree(bert, tmp_path / "copy"))
    settings = json.loads((copy / "tokenizer_config.json").read_text())
    settings = {k: v for k, v in settings.items() if k not in ("pad_token", "added_tokens_decoder")}
    (copy / "tokenizer_config.json").write_text(
        json.dumps({**settings, "tokenizer_class": "PreTrainedTokenizerFast", "pad_token": None})
    )
    text = adapter(copy)
    assert text.tokenizer.pad_token == "[UNK]"
    config = SimpleNamespace(pad_token_id=None)
    text.configure(config)
    assert config.pad_token_id == text.tokenizer.unk_token_id


@pytest.mark.parametrize("damage", ["missing", "bad json"])
def test_a_broken_tokenizer_gives_one_clear_line(bert: Path, tmp_path: Path, damage: str) -> None:
    """Absent and unreadable tokenizer files are CheckpointBroken."""
    copy = Path(shutil.copytree(bert, tmp_path / "copy"))
    for file in copy.glob("tokenizer*"):
        file.unlink() if damage == "missing" else file.write_text("{")
    with pytest.raises(CheckpointBroken, match="tokenizer"):
        adapter(copy)


def test_tokens_the_model_does_not_know_are_refused(bert: Path) -> None:
    """A tokenizer of a larger vocabulary than the model's is found before training."""
    config = load_config(bert)
    config.vocab_size = 10
    with pytest.raises(CheckpointBroken, match="10 tokens"):
        TextAdapter(bert, config, 32).prepare(examples(("great movie",)))


def test_every_image_becomes_rgb(vit: Path) -> None:
    """Grey, palette, transparent and array images of any size come out as 3 x 16 x 16."""
    array = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)
    picture = Image.fromarray(array)
    images = [picture, array, *(picture.convert(mode) for mode in ("L", "P", "RGBA", "1", "CMYK"))]
    made = Examples(np.zeros(len(images), dtype=np.int64), "modes", images=images)
    prepared = ImageAdapter(vit, load_config(vit)).prepare(made)
    batch = prepared.batch(np.arange(len(images)))["pixel_values"]
    assert batch.shape == (7, 3, 16, 16)
    assert batch.dtype == torch.float32
    assert torch.equal(batch[0], batch[1])


def test_images_too_many_for_memory_are_made_on_demand(
    vit: Path, pictures: Dataset, image_recipe: Recipe
) -> None:
    """Above the memory limit a batch is processed when asked for, with the same values."""
    train = load_splits(pictures, image_recipe).train
    config = load_config(vit)
    ready = ImageAdapter(vit, config).prepare(train)
    PREPARED.clear()
    lazy = ImageAdapter(vit, config, in_memory_bytes=1000).prepare(train)
    rows = np.array([5, 0, 47])
    assert lazy.nbytes == 0
    assert torch.equal(ready.batch(rows)["pixel_values"], lazy.batch(rows)["pixel_values"])


def test_a_broken_image_processor_gives_one_clear_line(vit: Path, tmp_path: Path) -> None:
    """An unreadable processor file is CheckpointBroken."""
    copy = Path(shutil.copytree(vit, tmp_path / "copy"))
    (copy / "preprocessor_config.json").write_text("{")
    with pytest.raises(CheckpointBroken, match="image processor"):
        ImageAdapter(copy, load_config(vit))
