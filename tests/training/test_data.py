from __future__ import annotations

import csv
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput, RepoGated, RepoNotFound, UnsupportedDataset
from hubselect.records import Dataset, Recipe
from hubselect.training.data import load_splits
from hubselect.training.labels import UNLABELLED, UNSEEN, LabelCoder
from hubselect.training.sources import split_roles
from tests.support.repos import write_image_dataset, write_script_dataset, write_settings, write_text_dataset

TEXT = Recipe("text-classification")
IMAGE = Recipe("image-classification")


def text_dataset(folder: Path, **options: Any) -> Dataset:
    columns = ("sentence1", "sentence2") if options.get("pairs") else ("text",)
    write_text_dataset(folder, "o/d", **options)
    return Dataset(
        str(folder / "datasets/o/d"), "text-classification", text_columns=columns, label_column="label"
    )


def csv_dataset(folder: Path, **splits: list[tuple[Any, Any]]) -> Dataset:
    """Splits of (text, label) rows as CSV files."""
    for name, rows in splits.items():
        with (folder / f"{name}.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([("text", "label"), *rows])
    return Dataset(str(folder), "text-classification", text_columns=("text",), label_column="label")


def rows(*labels: Any, times: int = 4) -> list[tuple[str, Any]]:
    return [(f"text {i} {label}", label) for i in range(times) for label in labels]


def test_labelled_splits_are_used_as_they_are(tmp_path: Path) -> None:
    """Three labelled splits keep their rows, order and class names."""
    splits = load_splits(text_dataset(tmp_path, sizes=(20, 10, 12)), TEXT)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 10, 12)
    assert (splits.validation_origin, splits.test_origin) == ("validation split", "test split")
    assert splits.label_names == ("negative", "positive")
    assert splits.dropped == 0


@pytest.mark.parametrize("test", ["none", "minus-one"])
def test_without_a_labelled_test_split_validation_becomes_the_test(tmp_path: Path, test: str) -> None:
    """Absent or withheld (-1) test labels: the validation split is the test, validation is carved."""
    splits = load_splits(text_dataset(tmp_path, test=test, sizes=(40, 10, 12)), TEXT)
    assert (splits.validation_origin, splits.test_origin) == ("carved from train", "validation split")
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (34, 6, 10)


def test_without_validation_it_is_carved_from_train(tmp_path: Path) -> None:
    """A labelled test split stays the test when there is no validation split."""
    splits = load_splits(text_dataset(tmp_path, validation=False, sizes=(40, 10, 12)), TEXT)
    assert (splits.validation_origin, splits.test_origin) == ("carved from train", "test split")
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (34, 6, 12)


def test_train_alone_gives_all_three_disjoint(tmp_path: Path) -> None:
    """A single split is carved twice and no text is in two parts."""
    dataset = csv_dataset(tmp_path, train=rows("a", "b", times=50))
    splits = load_splits(dataset, TEXT)
    parts = [set(part.texts) for part in (splits.train, splits.validation, splits.test)]
    assert [len(part) for part in parts] == [72, 13, 15]
    assert not any(a & b for a, b in itertools.combinations(parts, 2))
    assert (splits.validation_origin, splits.test_origin) == ("carved from train", "carved from train")


def test_caps_take_stratified_seeded_samples(tmp_path: Path) -> None:
    """Caps bound every part, keep the classes balanced, and follow the seed."""
    dataset = text_dataset(tmp_path, sizes=(100, 60, 60))
    recipe = TEXT.with_(max_train_samples=20, max_eval_samples=10)
    splits = load_splits(dataset, recipe)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (20, 10, 10)
    assert np.bincount(splits.train.labels).tolist() == [10, 10]
    assert load_splits(dataset, recipe).fingerprint == splits.fingerprint
    assert load_splits(dataset, recipe.with_(seed=1)).fingerprint != splits.fingerprint


def test_pairs_of_texts(tmp_path: Path) -> None:
    """Two text columns give two strings per example, in the order of the columns."""
    splits = load_splits(text_dataset(tmp_path, pairs=True), TEXT)
    assert {len(text) for text in splits.train.texts} == {2}


def test_string_labels_are_sorted(tmp_path: Path) -> None:
    """Class names of a string column come in sorted order."""
    splits = load_splits(csv_dataset(tmp_path, train=rows("pear", "apple"), test=rows("apple", "pear")), TEXT)
    assert splits.label_names == ("apple", "pear")
    assert splits.test.labels.tolist()[:2] == [0, 1]


def test_integers_are_mapped_by_sorted_value(tmp_path: Path) -> None:
    """Classes 2, 5, 9 become 0, 1, 2."""
    splits = load_splits(csv_dataset(tmp_path, train=rows(9, 2, 5), test=rows(2, 5, 9)), TEXT)
    assert splits.label_names == ("2", "5", "9")
    assert splits.test.labels.tolist()[:3] == [0, 1, 2]


def test_a_class_the_train_split_lacks_counts_as_wrong(tmp_path: Path) -> None:
    """An unseen class keeps its rows under a number that is never predicted."""
    splits = load_splits(csv_dataset(tmp_path, train=rows("a", "b"), test=rows("a", "zebra")), TEXT)
    assert splits.label_names == ("a", "b")
    assert splits.test.labels.tolist()[:2] == [0, UNSEEN]


def test_rows_without_text_or_label_are_dropped_and_counted(tmp_path: Path) -> None:
    """Null texts and null labels vanish and are counted."""
    train = [*rows("a", "b"), ("", "a"), ("no label", "")]
    splits = load_splits(csv_dataset(tmp_path, train=train, test=rows("a", "b")), TEXT)
    assert splits.dropped == 2
    assert "no label" not in {text for (text,) in splits.train.texts}


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (rows(0.5, 1.25), "regression"),
        (rows("only"), "single class"),
        ([(f"t{i}", i) for i in range(300)], "300 different labels"),
        ([("t", ""), ("u", "")], "no labels"),
        ([("a b", "x"), ("c d", "y")], "too few"),
    ],
    ids=["regression", "one class", "ids as labels", "no labels", "nothing to hold out"],
)
def test_unusable_labels_are_refused(tmp_path: Path, train: list[tuple[Any, Any]], message: str) -> None:
    """Each kind of unusable label column is named in one line."""
    with pytest.raises(UnsupportedDataset, match=message):
        load_splits(csv_dataset(tmp_path, train=train), TEXT)


def test_whole_floats_are_classes(tmp_path: Path) -> None:
    """A float column of whole numbers holds classes."""
    assert load_splits(csv_dataset(tmp_path, train=rows(1.0, 0.0, times=20)), TEXT).label_names == ("0", "1")


def test_missing_columns_name_what_there_is(tmp_path: Path) -> None:
    """An unknown column is refused with the columns that exist and the option to use."""
    dataset = csv_dataset(tmp_path, train=rows("a", "b"))
    wrong = Dataset(dataset.id, "text-classification", text_columns=("review",), label_column="label")
    with pytest.raises(UnsupportedDataset, match=r"review.*columns: text, label.*--text-column"):
        load_splits(wrong, TEXT)
    unlabelled = Dataset(dataset.id, "text-classification", text_columns=("text",))
    with pytest.raises(UnsupportedDataset, match="--label-column"):
        load_splits(unlabelled, TEXT)


def test_dataset_and_recipe_must_agree(tmp_path: Path) -> None:
    """An image recipe cannot be used on text."""
    with pytest.raises(InvalidInput):
        load_splits(csv_dataset(tmp_path, train=rows("a", "b")), IMAGE)


@pytest.mark.parametrize("layout", ["imagefolder", "parquet"])
def test_images_are_decoded_on_demand(tmp_path: Path, layout: Any) -> None:
    """Both layouts give 16x16 RGB pictures and the class of each."""
    write_image_dataset(tmp_path, "o/d", layout=layout)
    dataset = Dataset(
        str(tmp_path / "datasets/o/d"), "image-classification", image_column="image", label_column="label"
    )
    splits = load_splits(dataset, IMAGE)
    assert splits.train.images[0].size == (16, 16)
    assert len(splits.train.images) == len(splits.train.labels) == 48
    assert set(splits.label_names) == {"red", "green", "blue"}


def test_a_dataset_of_the_hub_and_the_parquet_copy_of_a_script(
    hub: MiniHub, hub_root: Path, unique_id: Callable[[str], str]
) -> None:
    """Hub ids are fetched over HTTP, a script dataset from its parquet ref, an unknown id is named."""
    write_text_dataset(hub_root, unique_id("plain"), sizes=(16, 8, 8))
    write_script_dataset(hub_root, unique_id("script"))
    columns: dict[str, Any] = {"text_columns": ("text",), "label_column": "label"}
    plain = Dataset(unique_id("plain"), "text-classification", **columns)
    script = Dataset(
        unique_id("script"), "text-classification", data_revision="refs/convert/parquet", **columns
    )
    assert len(load_splits(plain, TEXT).train) == 16
    assert len(load_splits(script, TEXT).train) == 64
    with pytest.raises(RepoNotFound):
        load_splits(Dataset(unique_id("nowhere"), "text-classification", **columns), TEXT)


def test_what_the_hub_refuses_is_named(
    hub: MiniHub, hub_root: Path, unique_id: Callable[[str], str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Gated, absent, other revision, other configuration, unreadable, empty: one line each, no noise."""
    write_settings(write_text_dataset(hub_root, unique_id("gated")), gated="manual")
    write_text_dataset(hub_root, unique_id("plain"))
    broken = write_text_dataset(hub_root, unique_id("broken"))
    next((broken / "data").glob("train*")).write_bytes(b"no parquet at all")
    write_script_dataset(hub_root, unique_id("script"))
    cases: list[tuple[str, dict[str, Any], type[Exception], str]] = [
        ("gated", {}, RepoGated, "gated"),
        ("nowhere", {}, RepoNotFound, "not found"),
        ("plain", {"revision": "f" * 40}, RepoNotFound, "no revision"),
        ("plain", {"config": "other"}, UnsupportedDataset, "--config"),
        ("broken", {}, UnsupportedDataset, "cannot be read"),
        ("script", {}, UnsupportedDataset, "loading script"),
    ]
    for name, options, error, message in cases:
        dataset = Dataset(
            unique_id(name), "text-classification", text_columns=("text",), label_column="label", **options
        )
        with pytest.raises(error, match=message) as raised:
            load_splits(dataset, TEXT)
        assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["train", "validation", "test"], ["train", "validation", "test"]),
        (["training", "dev", "testing"], ["training", "dev", "testing"]),
        (["train", "validation_matched", "validation_mismatched"], ["train", "validation_matched", None]),
        (["unsupervised", "train", "val"], ["train", "val", None]),
        (["everything"], ["everything", None, None]),
    ],
)
def test_split_names(names: list[str], roles: list[str | None]) -> None:
    """Synonyms and prefixes of split names find their role."""
    found = split_roles(names, "it")
    assert [found.get(role) for role in ("train", "validation", "test")] == roles


def test_no_train_split() -> None:
    """Two splits that are not for training are refused by name."""
    with pytest.raises(UnsupportedDataset, match="splits: test, dev"):
        split_roles(["test", "dev"], "it")


@given(st.lists(st.one_of(st.integers(-5, 5), st.none()), min_size=2))
def test_integer_codes_round_trip(values: list[int | None]) -> None:
    """Codes are 0..n-1 by value; null is unlabelled; -1 is a class only where train has it."""
    present = sorted({value for value in values if value is not None})
    if len(present) < 2:
        with pytest.raises(UnsupportedDataset):
            LabelCoder.learn(values, None, "it")
        return
    coder = LabelCoder.learn(values, None, "it")
    codes = coder.encode(values).tolist()
    assert [None if c == UNLABELLED else int(coder.names[c]) for c in codes] == values
    assert coder.encode([-1, 99]).tolist() == [present.index(-1) if -1 in present else UNLABELLED, UNSEEN]


def test_booleans_and_lists() -> None:
    """Booleans are two named classes; several labels per row are refused."""
    assert LabelCoder.learn([True, False], None, "it").names == ("False", "True")
    with pytest.raises(UnsupportedDataset, match="type list"):
        LabelCoder.learn([[1, 2], [3]], None, "it")
