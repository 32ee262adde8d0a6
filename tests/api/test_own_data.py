"""Files, folders and datasets of one's own work wherever an id of the Hub does."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubselect import Progress, Registry, add_dataset, add_model, coarse_recall, plan_selection, select
from hubselect.api.targets import target_dataset
from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub import index_own
from hubselect.records import Recipe
from hubselect.training.data import load_splits
from tests.support.data import png, sentence
from tests.support.repos import write_text_model

RECIPE = Recipe("text-classification", epochs=1)
Row = dict[str, Any]


def rows(count: int = 48, seed: int = 0) -> list[Row]:
    rng = random.Random(seed)
    return [{"text": sentence(rng, i % 2), "label": ("bad", "good")[i % 2]} for i in range(count)]


def as_csv(path: Path, content: list[Row], delimiter: str = ",") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, content[0], delimiter=delimiter)
        writer.writeheader()
        writer.writerows(content)
    return path


def as_jsonl(path: Path, content: list[Row]) -> Path:
    path.write_text("\n".join(map(json.dumps, content)) + "\n", encoding="utf-8")
    return path


def as_parquet(path: Path, content: list[Row]) -> Path:
    import pandas as pd

    pd.DataFrame(content).to_parquet(path)
    return path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("own.csv", as_csv),
        ("own.tsv", lambda path, content: as_csv(path, content, "\t")),
        ("own.jsonl", as_jsonl),
        ("own.parquet", as_parquet),
    ],
)
def test_a_file_is_a_dataset(name: str, write: Callable[[Path, list[Row]], Path], tmp_path: Path) -> None:
    """Its columns are found, its rows are read, and evaluation splits are carved from them."""
    found = index_own(write(tmp_path / name, rows()))
    assert (found.text_columns, found.label_column, found.task) == (("text",), "label", "text-classification")
    assert found.name.startswith(f"./{name}@")
    splits = load_splits(found, RECIPE)
    assert splits.label_names == ("bad", "good")
    assert splits.test_origin == "carved from train"
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 48


def test_a_folder_has_its_splits_and_images_their_folders(tmp_path: Path) -> None:
    import numpy as np

    for seed, split in enumerate(("train", "test")):
        as_csv(tmp_path / "texts" / f"{split}.csv", rows(seed=seed))
        for number in range(8):
            for name in ("cat", "dog"):
                path = tmp_path / "pictures" / split / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(png(np.full((8, 8, 3), number + 9 * seed, dtype=np.uint8)))
    texts = load_splits(index_own(tmp_path / "texts"), RECIPE)
    assert texts.test_origin == "test split"
    pictures = index_own(tmp_path / "pictures")
    assert (pictures.task, pictures.label_names) == ("image-classification", ("cat", "dog"))
    assert len(load_splits(pictures, Recipe("image-classification")).test) == 16


def test_it_is_known_by_its_content(tmp_path: Path) -> None:
    """The same content elsewhere is the same dataset, other content at the same place is another."""
    first = index_own(as_csv(tmp_path / "own.csv", rows()))
    copied = index_own(as_csv(tmp_path / "elsewhere" / "own.csv", rows()))
    changed = index_own(as_csv(tmp_path / "own.csv", rows(seed=1)))
    assert (first.name, first.revision) == (copied.name, copied.revision)
    assert changed.name != first.name


def test_what_is_not_there_or_no_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no file or folder"):
        index_own(tmp_path / "nothing.csv")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "notes.txt").write_text("nothing to learn from")
    with pytest.raises(UnsupportedDataset, match=r"holds no training data in CSV"):
        index_own(tmp_path / "notes")
    found = index_own(as_csv(tmp_path / "own.csv", rows(seed=7)))  # which no test has read before
    (tmp_path / "own.csv").unlink()
    with pytest.raises(UnsupportedDataset, match="no longer at"):
        load_splits(found, RECIPE)


def test_a_dataset_in_memory_is_written_once(tmp_path: Path) -> None:
    """With the classes that it declares; another content is another dataset."""
    import datasets

    made = datasets.Dataset.from_list(rows()).class_encode_column("label")
    with Registry.open(tmp_path / "registry.db") as store:
        first = target_dataset(store, made)
        again = target_dataset(store, datasets.DatasetDict({"train": made}))
        assert first.name == again.name
        assert first.label_names == ("bad", "good")
        assert len(list((store.home / "data").iterdir())) == 1
        other = target_dataset(store, datasets.Dataset.from_list(rows(seed=1)))
        assert other.name != first.name
        with pytest.raises(InvalidInput, match="a list is no dataset"):
            target_dataset(store, rows())
        with pytest.raises(InvalidInput, match="have no configurations"):
            target_dataset(store, str(tmp_path), config="a")


def test_no_file_of_ones_own_is_shared(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "registry.db") as store:
        added = add_dataset(as_csv(tmp_path / "own.csv", rows()), registry=store)
        assert store.dataset(added.name).path == str(tmp_path / "own.csv")
        from hubselect.registry.snapshot_loading import is_private

        assert is_private(added.id)


@pytest.mark.slow
def test_a_selection_for_a_file_goes_all_the_way(hub_root: Path, tmp_path: Path) -> None:
    """By path from Python and by path on the command line: the same selection."""
    write_text_model(hub_root, "own-data/bert", seed=1)
    place = as_csv(tmp_path / "own.csv", rows())
    asked: dict[str, Any] = {"k": 1, "epochs": 1, "recall": "size", "workers": 1}
    with Registry.open(tmp_path / "registry.db") as store:
        add_model("own-data/bert", registry=store, benchmark=False)
        assert plan_selection(place, registry=store, **asked).k == 1
        told: list[Progress] = []
        coarse_recall(place, registry=store, method="fused", proxy="leep", scope="all", listener=told.append)
        (announced,) = [t.detail for t in told if "to be downloaded" in t.detail]
        assert "own-data/bert" in announced
        assert "own.csv" not in announced  # it is here already
        found = select(place, registry=store, output=tmp_path / "winner", **asked)
        assert found.test_score is not None
        assert select(str(place), registry=store, output=tmp_path / "winner", **asked).id == found.id
    assert (tmp_path / "winner" / "model.safetensors").exists()
