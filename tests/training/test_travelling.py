"""Examples that travel are the same examples."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubselect.errors import UnsupportedDataset
from hubselect.records import Dataset, Recipe
from hubselect.training.data import load_splits
from hubselect.training.travelling import read_splits, use_splits, write_splits
from tests.support.repos import write_image_dataset, write_text_dataset


@pytest.mark.parametrize("pairs", [False, True])
def test_texts_arrive_as_they_were(tmp_path: Path, pairs: bool) -> None:
    """Single texts and pairs, labels, class names, origins and fingerprints."""
    folder = write_text_dataset(tmp_path, "o/d", pairs=pairs, validation=False)
    columns = ("sentence1", "sentence2") if pairs else ("text",)
    dataset = Dataset(str(folder), "text-classification", text_columns=columns, label_column="label")
    sent = load_splits(dataset, Recipe("text-classification", max_train_samples=20))
    write_splits(sent, tmp_path / "parcel")
    got = read_splits(tmp_path / "parcel")
    for part in ("train", "validation", "test"):
        one, other = getattr(sent, part), getattr(got, part)
        assert (other.texts, other.fingerprint) == (one.texts, one.fingerprint)
        np.testing.assert_array_equal(other.labels, one.labels)
        assert other.labels.dtype == one.labels.dtype
    assert (got.fingerprint, got.label_names, got.dropped) == (sent.fingerprint, sent.label_names, 0)
    assert (got.validation_origin, got.test_origin) == (sent.validation_origin, sent.test_origin)
    assert got.warnings == sent.warnings


@pytest.mark.parametrize("layout", ["imagefolder", "parquet"])
def test_images_arrive_as_they_were_stored(tmp_path: Path, layout: Any) -> None:
    """Pixels and files, although the dataset's own files are gone; a second journey changes nothing."""
    folder = write_image_dataset(tmp_path, "o/d", layout=layout)
    dataset = Dataset(str(folder), "image-classification", image_column="image", label_column="label")
    sent = load_splits(dataset, Recipe("image-classification", max_train_samples=9))
    pixels = [np.asarray(image) for image in sent.train.images]
    files = list(sent.train.files())
    write_splits(sent, tmp_path / "first")
    write_splits(read_splits(tmp_path / "first"), tmp_path / "second")
    shutil.rmtree(folder)
    for parcel in ("first", "second"):
        got = read_splits(tmp_path / parcel)
        assert len(got.train.images) == 9
        for one, other in zip(pixels, got.train.images, strict=True):
            np.testing.assert_array_equal(np.asarray(other), one)
        assert list(got.train.files()) == files
        np.testing.assert_array_equal(got.train.labels, sent.train.labels)
        assert got.train.fingerprint == sent.train.fingerprint


def test_a_broken_image_is_named_by_its_row_in_the_dataset(tmp_path: Path) -> None:
    """Also where only some rows of the split arrived."""
    folder = write_image_dataset(tmp_path, "o/d")
    dataset = Dataset(str(folder), "image-classification", image_column="image", label_column="label")
    for image in folder.glob("train/*/*.png"):
        image.write_bytes(b"no image")
    sent = load_splits(dataset, Recipe("image-classification", max_train_samples=6))
    write_splits(sent, tmp_path / "parcel")
    got = read_splits(tmp_path / "parcel")
    said = []
    for images in (sent.train.images, got.train.images):
        with pytest.raises(UnsupportedDataset, match="cannot be decoded") as error:
            images[3]
        said.append(str(error.value).split(" cannot")[0])
    assert said[0] == said[1]


def test_what_arrived_is_trained_on_without_reading_the_dataset(tmp_path: Path) -> None:
    """A dataset of the Hub that this machine cannot ask for."""
    folder = write_text_dataset(tmp_path, "o/d")
    here = Dataset(str(folder), "text-classification", text_columns=("text",), label_column="label")
    there = Dataset(
        "nobody/knows",
        "text-classification",
        revision="a" * 40,
        text_columns=("text",),
        label_column="label",
    )
    recipe = Recipe("text-classification", seed=3)
    sent = load_splits(here, recipe)
    write_splits(sent, tmp_path / "parcel")
    use_splits(there, recipe, tmp_path / "parcel")
    assert load_splits(there, recipe).train.texts == sent.train.texts
