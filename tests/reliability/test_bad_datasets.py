"""Datasets with something wrong in them: refused in one line that says which flag to set, or used with a
warning that says what makes the scores doubtful. Over real HTTP, with the real `datasets` library.
"""

from __future__ import annotations

import itertools
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hubselect import Registry, add_dataset, add_model, benchmark, cluster, select
from hubselect.api.progress import PLAN, Progress
from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub import index_dataset
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import Examples, Splits, load_splits
from hubselect.training.finetuning import FineTuning
from hubselect.training.loading import load_config
from hubselect.training.sampling import carve, stratified_sample
from hubselect.training.tasks import TextAdapter
from tests.reliability.datasets import MANY, MEGABYTE, REFUSED, TOLERATED
from tests.support.repos import write_image_model, write_text_model

OWNER = "odd"


@pytest.fixture(scope="module", autouse=True)
def repositories(hub: MiniHub, hub_root: Path) -> None:
    for name, (make, _) in (REFUSED | TOLERATED).items():
        make(hub_root / "datasets" / OWNER / name)


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_text_model(tmp_path_factory.mktemp("models"), "o/bert", hidden_size=16, layers=1)


def read(name: str, **columns: str) -> tuple[Dataset, Splits]:
    """As `select` does: metadata first, then the data."""
    found = index_dataset(f"{OWNER}/{name}", **columns)  # type: ignore[arg-type]
    splits = load_splits(found, Recipe(found.task))
    for image in itertools.islice(splits.train.images, 12):
        assert image.size
    return found, splits


@pytest.mark.parametrize("name", REFUSED)
def test_an_unusable_dataset_is_refused_in_one_line(name: str) -> None:
    """The line names the dataset or its file, says what is wrong, and the flag where one would help."""
    with pytest.raises(UnsupportedDataset) as raised:
        read(name)
    line = str(raised.value)
    assert REFUSED[name][1] in line
    assert name in line
    assert line.isprintable()
    assert len(line) < 600


@pytest.mark.parametrize("name", TOLERATED)
def test_an_odd_dataset_is_used_and_its_oddity_told(name: str) -> None:
    """What can be used is used; warnings name the dataset and count."""
    found, splits = read(name)
    told = [line for line in splits.warnings if TOLERATED[name][1] in line]
    assert bool(splits.warnings) == bool(TOLERATED[name][1]) == bool(told)
    assert all(f"{OWNER}/{name}" in line for line in splits.warnings)
    assert min(len(splits.train), len(splits.validation), len(splits.test)) > 0
    assert found.label_column == "label"


def test_what_became_of_the_odd_rows() -> None:
    """-1 among declared classes is dropped, -1 as a class stays one; an empty split counts as absent."""
    _, splits = read("unlabelled-among")
    assert (splits.dropped, splits.test_origin, splits.label_names) == (2, "validation split", ("no", "yes"))
    assert read("minus-one-is-a-class")[1].label_names == ("-1", "1")
    _, splits = read("empty-evaluation-splits")
    assert (splits.validation_origin, splits.test_origin) == ("carved from train", "carved from train")
    assert read("null-texts")[1].dropped == 1
    assert len(read("many-classes")[1].label_names) == MANY
    assert max(len(text) for (text,) in read("long-rows")[1].train.texts) > MEGABYTE - 10


@pytest.mark.parametrize(
    ("name", "flag", "column"),
    [("two-labels", "label_column", "topic"), ("no-label", "label_column", "remark")],
)
def test_the_flag_that_was_named_helps(name: str, flag: str, column: str) -> None:
    """The same dataset with the option of the error's hint."""
    found, splits = read(name, **{flag: column})
    assert getattr(found, flag) == column
    assert splits.label_names == ("a", "b")


@pytest.mark.parametrize(
    "flags",
    [
        {"text_columns": ("nothing",)},
        {"label_column": "nothing"},
        {"text_columns": ("remark",), "label_column": "remark"},
        {"text_columns": ("text", "text")},
        {"text_columns": ("text", "remark", "text")},
        {"text_columns": ("text",), "image_column": "remark"},
        {"image_column": "text", "label_column": "remark"},
    ],
    ids=str,
)
def test_a_wrong_flag_is_refused_in_one_line(flags: dict[str, Any]) -> None:
    """Columns that are not there, cannot serve, or serve twice."""
    with pytest.raises((InvalidInput, UnsupportedDataset), match="column") as raised:
        index_dataset(f"{OWNER}/no-label", **flags)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", ["blank-texts", "long-rows", "many-classes", "words-as-labels"])
def test_odd_texts_and_labels_are_trained_on(bert: Path, name: str) -> None:
    """A whole training: blank and endless texts, ten thousand classes, names that are SQL."""
    found = index_dataset(f"{OWNER}/{name}")
    recipe = Recipe(found.task, epochs=1, max_train_samples=32, max_eval_samples=32)
    tuning = FineTuning(bert, Model("o/bert", found.task), found, recipe)
    assert 0 <= tuning.advance().val <= 1
    assert 0 <= tuning.test() <= 1


def test_endless_texts_give_the_tokens_of_the_whole(bert: Path) -> None:
    """Only the part of a text that can matter is tokenised; the tokens are those of all of it."""
    dice = np.random.default_rng(0)
    words = ["movie", "great", "the", " " * 900, "x" * 900, "day\n", "\u00e9", "?"]
    texts = [
        tuple("".join(f"{words[i]} " for i in dice.integers(0, len(words), size)) for _ in range(2))
        for size in (0, 3, 40, 200)
    ] + [("movie " * 500, "x" * 2000), ("y" * 2000 + " movie " * 9, "day")]
    for side in ("right", "left"):
        adapter = TextAdapter(bert, load_config(bert), 24)
        adapter.tokenizer.truncation_side = side
        adapter._family += side
        labels = np.zeros(len(texts), dtype=np.int64)
        prepared = adapter.prepare(Examples(labels, f"long {side}", texts=tuple(texts)))
        expected = adapter.tokenizer(
            [a for a, _ in texts], [b for _, b in texts], truncation=True, max_length=24
        )["input_ids"]
        got = [
            prepared.batch(np.array([i]))["input_ids"][0, : len(ids)].tolist()
            for i, ids in enumerate(expected)
        ]
        assert got == expected


def test_many_classes_cost_one_sort(bert: Path) -> None:
    """Ten thousand classes among half a million rows are carved and sampled in seconds, each class kept."""
    labels = np.random.default_rng(0).permutation(np.arange(50 * MANY, dtype=np.int64) % MANY)
    started = time.process_time()
    kept, carved = carve(labels, 0.15, 0)
    sample = stratified_sample(labels, 2 * MANY, 0)
    assert time.process_time() - started < 10
    assert len(np.unique(labels[kept])) == len(np.unique(labels[carved])) == MANY
    assert np.bincount(labels[sample]).tolist() == [2] * MANY


def dump(place: Path) -> list[str]:
    with sqlite3.connect(place) as connection:
        return list(connection.iterdump())


@pytest.mark.slow
def test_a_selection_warns_of_a_leak(hub: MiniHub, hub_root: Path, tmp_path: Path) -> None:
    """On stderr before anything is trained, in the answer, beside the winner, and when asked again."""
    write_text_model(hub_root, f"{OWNER}/bert", hidden_size=16, layers=1)
    said: list[Progress] = []
    with Registry.open(tmp_path / "registry.db") as store:
        scores = [(f"{OWNER}/bert", f"{OWNER}/known", 0.9)]
        store.import_scores(pd.DataFrame(scores, columns=["model", "dataset", "score"]))
        asked = partial(
            select, f"{OWNER}/duplicates", registry=store, k=1, recall="mean", policy="brute-force", epochs=1,
            output=tmp_path / "winner", workers=1,
        )  # fmt: skip
        found = asked(listener=said.append)
        again = asked()
    leak = TOLERATED["duplicates"][1]
    assert [line for line in found.warnings if leak in line]
    assert again.warnings == found.warnings
    assert [p for p in said if p.step == PLAN and p.detail.startswith("warning: ") and leak in p.detail]
    assert leak in (tmp_path / "winner" / "hubselect.json").read_text()


@pytest.mark.parametrize("name", ["damaged-parquet", "one-class-of-two", "empty-train"])
def test_a_selection_for_unusable_data_fetches_no_model_and_writes_nothing(
    hub: MiniHub, hub_root: Path, tmp_path: Path, name: str
) -> None:
    """The data is looked at before the first checkpoint is."""
    write_text_model(hub_root, f"{OWNER}/bert", hidden_size=16, layers=1)
    place = tmp_path / "registry.db"
    with Registry.open(place) as store:
        scores = [(f"{OWNER}/bert", f"{OWNER}/known", 0.9)]
        store.import_scores(pd.DataFrame(scores, columns=["model", "dataset", "score"]))
        cluster(registry=store)  # knowledge that the first question would put in order
    before = dump(place)
    with pytest.raises(UnsupportedDataset, match=REFUSED[name][1]):
        select(f"{OWNER}/{name}", registry=place, k=1, recall="mean", policy="brute-force", workers=1)
    assert dump(place) == before
    assert not hub.weights_fetched()


@pytest.mark.slow
def test_a_benchmark_fails_the_cells_of_bad_data_and_fills_the_others(hub_root: Path, tmp_path: Path) -> None:
    """A corrupt image is found by training; the other dataset's cell is filled, and its leak told."""
    write_image_model(hub_root, f"{OWNER}/vit", hidden_size=16, layers=1)
    with Registry.open(tmp_path / "registry.db") as store:
        for name in ("truncated-image", "duplicate-images"):
            add_dataset(f"{OWNER}/{name}", registry=store)
        add_model(f"{OWNER}/vit", registry=store, benchmark=False)
        report = benchmark(registry=store, epochs=1, workers=1)
    cells = {c.dataset: c for c in report.cells}
    assert cells[f"{OWNER}/duplicate-images"].status == "done"
    assert cells[f"{OWNER}/truncated-image"].status == "failed"
    assert REFUSED["truncated-image"][1] in (cells[f"{OWNER}/truncated-image"].reason or "")
    assert [line for line in report.warnings if TOLERATED["duplicate-images"][1] in line]
