"""The test data is what its makers promise: the same for a seed, and learnable."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression

from tests.support.data import image_splits, text_splits
from tests.support.repos import write_image_dataset, write_script_dataset, write_text_dataset


def test_words_tell_the_classes_apart() -> None:
    splits = text_splits((60, 40, 40), 4)
    words = CountVectorizer().fit(splits["train"].columns["text"])
    model = LogisticRegression().fit(words.transform(splits["train"].columns["text"]), splits["train"].labels)
    assert model.score(words.transform(splits["test"].columns["text"]), splits["test"].labels) > 0.9


def test_pixels_tell_the_classes_apart() -> None:
    splits = image_splits((60, 30, 30), 3)
    flat = {
        name: np.reshape(split.columns["image"], (len(split.labels), -1)) for name, split in splits.items()
    }
    model = LogisticRegression(max_iter=500).fit(flat["train"] / 255, splits["train"].labels)
    assert model.score(flat["test"] / 255, splits["test"].labels) > 0.9


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    def write(root: Path) -> dict[str, bytes]:
        write_text_dataset(root, "o/text", pairs=True, seed=3)
        write_text_dataset(root, "o/csv", layout="csv")
        write_image_dataset(root, "o/images", sizes=(6, 3, 3))
        write_image_dataset(root, "o/parquet", layout="parquet")
        write_script_dataset(root, "o/script")
        files = (path for path in root.rglob("*") if path.is_file())
        return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}

    assert write(tmp_path / "a") == write(tmp_path / "b")
    assert text_splits((8, 8, 8), 2, seed=1) != text_splits((8, 8, 8), 2, seed=2)


def test_image_folders_cannot_hide_labels(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="-1"):
        write_image_dataset(tmp_path, "o/images", test="minus-one")
