"""Indexing a dataset from its id, over HTTP from the mini hub."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import InvalidInput, RepoGated, RepoNotFound, UnsupportedDataset
from hubselect.hub import index_dataset
from tests.support.parquet import write_parquet
from tests.support.repos import (
    write_card,
    write_image_dataset,
    write_script_dataset,
    write_settings,
    write_text_dataset,
)

UniqueId = Callable[[str], str]
STRING = {"dtype": "string", "_type": "Value"}
CLASS = {"names": ["no", "yes"], "_type": "ClassLabel"}


def files_dataset(
    root: Path, repo_id: str, files: dict[str, str | bytes], card: dict[str, Any] | None = None
) -> Path:
    """A dataset repository of hand-written files."""
    folder = root / "datasets" / repo_id
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    write_card(folder, card or {"license": "mit"})
    return folder


def downloads(hub: MiniHub) -> list[str | None]:
    return [r.file for r in hub.requests if r.file is not None]


def test_a_described_dataset_costs_one_request(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    write_text_dataset(hub_root, unique_id("d"))
    found = index_dataset(unique_id("d"), role="target")
    assert (found.task, found.text_columns, found.label_column) == ("text-classification", ("text",), "label")
    assert found.label_names == ("negative", "positive")
    assert found.splits == {"train": 64, "validation": 32, "test": 32}
    assert (found.role, found.config, found.data_revision) == ("target", None, None)
    assert found.revision is not None
    assert len(found.revision) == 40
    assert len(hub.requests) == 1


def test_an_undescribed_parquet_dataset_is_read_from_its_footers(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_text_dataset(hub_root, unique_id("d"), pairs=True, described=False, test="none")
    found = index_dataset(unique_id("d"))
    assert found.text_columns == ("sentence1", "sentence2")
    assert found.label_names == ("negative", "positive")
    assert found.splits == {"train": 64, "validation": 32}
    assert all(r.range for r in hub.requests if r.file)


def test_a_footer_beyond_the_first_read_costs_a_second_and_nothing_more(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    names = [f"class number {i:06d} with a long name" for i in range(4000)]
    features = {"text": STRING, "label": {"names": names, "_type": "ClassLabel"}}
    path = hub_root / "datasets" / unique_id("d") / "train.parquet"
    write_parquet(
        path, {"text": [f"{i * 7919} words" for i in range(60_000)], "label": [1] * 60_000}, features
    )
    found = index_dataset(unique_id("d"))
    assert found.label_names == tuple(names)
    assert found.splits == {"train": 60_000}
    sent = sum(r.bytes_sent for r in hub.requests if r.file)
    assert sent < path.stat().st_size / 2


def test_csv_files_are_read_by_their_head_only(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    rows = "".join(f'"text, number {i}\nin two lines",{i % 2}\n' for i in range(20_000))
    files_dataset(
        hub_root, unique_id("d"), {"train.csv": f"text,label\n{rows}", "test.csv": "text,label\na,0\n"}
    )
    found = index_dataset(unique_id("d"))
    assert (found.text_columns, found.label_column, found.label_names) == (("text",), "label", ())
    assert found.splits == {"train": None, "test": None}
    assert sum(r.bytes_sent for r in hub.requests if r.file) <= 65_536


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("train.tsv", b"sentence\ttarget\nsome words\tgood\n"),
        (
            "train.jsonl",
            b'{"sentence": "some words", "target": "good"}\n{"sentence": "more", "target": "bad"}\n',
        ),
        (
            "train.json",
            b'[\n {"sentence": "some words", "target": "good"},\n {"sentence": "x", "target": "b"}]',
        ),
        ("train.csv.gz", gzip.compress(b"sentence,target\nsome words,good\n", mtime=0)),
    ],
)
def test_other_table_formats_are_read(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, name: str, content: bytes
) -> None:
    files_dataset(hub_root, unique_id("d"), {name: content})
    found = index_dataset(unique_id("d"))
    assert (found.text_columns, found.label_column) == (("sentence",), "target")


def test_long_json_lines_are_read_up_to_the_cut(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    lines = "".join(json.dumps({"text": "w " * 3000, "label": i % 2}) + "\n" for i in range(40))
    files_dataset(hub_root, unique_id("d"), {"data/train.jsonl": lines})
    assert index_dataset(unique_id("d")).label_column == "label"


def test_an_image_folder_names_its_classes_without_downloads(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_image_dataset(hub_root, unique_id("d"))
    found = index_dataset(unique_id("d"))
    assert (found.task, found.image_column, found.text_columns) == ("image-classification", "image", ())
    assert found.label_names == ("blue", "green", "red")
    assert found.splits == {"train": 48, "validation": 24, "test": 24}
    assert downloads(hub) == []


def test_an_image_folder_with_metadata_takes_its_columns(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    files = {f"train/{i}.png": b"x" for i in range(3)}
    metadata = "file_name,species\n0.png,cat\n1.png,dog\n2.png,cat\n"
    files_dataset(hub_root, unique_id("d"), {**files, "train/metadata.csv": metadata})
    found = index_dataset(unique_id("d"), label_column="species")
    assert (found.image_column, found.label_column) == ("image", "species")
    assert downloads(hub) == ["train/metadata.csv"]


def test_images_in_parquet_are_recognised(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    write_image_dataset(hub_root, unique_id("d"), layout="parquet", described=False)
    found = index_dataset(unique_id("d"))
    assert (found.task, found.image_column) == ("image-classification", "image")
    assert found.label_names == ("red", "green", "blue")


def test_a_script_is_never_run_and_its_parquet_conversion_is_used(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_script_dataset(hub_root, unique_id("d"))
    found = index_dataset(unique_id("d"))
    assert found.label_names == ("negative", "positive")
    assert found.splits == {"train": 64, "validation": 32, "test": 32}
    assert found.data_revision is not None
    assert found.data_revision != found.revision
    assert not any(f and f.endswith(".py") for f in downloads(hub))


def test_a_script_without_conversion_is_refused(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    folder = write_script_dataset(hub_root, unique_id("d"))
    write_settings(folder, revisions={})
    for path in sorted((folder / ".refs").rglob("*.parquet")):
        path.unlink()
    with pytest.raises(UnsupportedDataset, match=r"script \(d\.py\).*no parquet conversion"):
        index_dataset(unique_id("d"))


def test_a_dataset_without_labels_lists_its_columns(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_text_dataset(hub_root, unique_id("d"), label_as="none")
    with pytest.raises(UnsupportedDataset, match=r"no label column.*text \(string\).*--label-column"):
        index_dataset(unique_id("d"))


@pytest.mark.parametrize("layout", ["parquet", "csv"])
def test_a_real_valued_label_is_regression(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, layout: Any
) -> None:
    write_text_dataset(hub_root, unique_id("d"), layout=layout, label_as="score")
    found = index_dataset(unique_id("d"))
    assert (found.task, found.problem_type, found.label_names) == ("text-classification", "regression", ())


def test_a_test_split_labelled_minus_one_is_indexed_like_any(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_text_dataset(hub_root, unique_id("d"), test="minus-one")
    assert index_dataset(unique_id("d")).splits["test"] == 32


def test_a_missing_dataset_says_to_check_the_spelling(hub: MiniHub, unique_id: UniqueId) -> None:
    with pytest.raises(RepoNotFound, match="check the spelling"):
        index_dataset(unique_id("nothing"))


def test_a_gated_dataset_is_refused_although_its_card_is_public(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_settings(write_text_dataset(hub_root, unique_id("d")), gated="auto")
    with pytest.raises(RepoGated, match=f"{hub.url}/datasets/{unique_id('d')}"):
        index_dataset(unique_id("d"))


def two_configs(root: Path, repo_id: str, names: tuple[str, str], **marks: bool) -> None:
    files: dict[str, str | bytes] = {f"{n}/train.csv": f"text,label,{n}\na,0,x\nb,1,y\n" for n in names}
    configs = [{"config_name": n, "data_files": f"{n}/*.csv", **marks} for n in names]
    files_dataset(root, repo_id, files, {"configs": configs})


def test_several_configs_have_to_be_chosen_from(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    two_configs(hub_root, unique_id("d"), ("big", "small"))
    with pytest.raises(UnsupportedDataset, match="--config: big, small"):
        index_dataset(unique_id("d"))
    with pytest.raises(InvalidInput, match="choose one of big, small"):
        index_dataset(unique_id("d"), config="huge")
    assert index_dataset(unique_id("d"), config="small").name == f"{unique_id('d')}:small"


def test_the_default_config_is_taken(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    two_configs(hub_root, unique_id("d"), ("default", "other"))
    assert index_dataset(unique_id("d")).config is None


def test_a_conversion_of_several_configs_is_pinned_to_one(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder = hub_root / "datasets" / unique_id("d")
    for config in ("a", "b"):
        path = folder / ".refs" / "parquet" / config / "train" / "0000.parquet"
        write_parquet(path, {"text": ["x", "y"], "label": [0, 1]}, {"text": STRING, "label": CLASS})
    (folder / "d.py").write_text("raise SystemExit('never run')")
    write_settings(folder, revisions={"refs/convert/parquet": ".refs/parquet"})
    with pytest.raises(UnsupportedDataset, match="--config: a, b"):
        index_dataset(unique_id("d"))
    assert index_dataset(unique_id("d"), config="b").splits == {"train": 2}


def test_ambiguous_text_columns_name_the_option(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    files_dataset(hub_root, unique_id("d"), {"train.csv": "headline,story,label\na,b,0\nc,d,1\n"})
    with pytest.raises(UnsupportedDataset, match=r"headline \(string\), story \(string\).*--text-column A"):
        index_dataset(unique_id("d"))
    found = index_dataset(unique_id("d"), text_columns=("headline", "story"))
    assert found.text_columns == ("headline", "story")


def test_explicit_columns_are_checked(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    files_dataset(hub_root, unique_id("d"), {"train.csv": "words,kind,n\na,x,0\nb,y,1\n"})
    found = index_dataset(unique_id("d"), text_columns=("words",), label_column="kind")
    assert (found.text_columns, found.label_column) == (("words",), "kind")
    for wrong in (
        {"text_columns": ("word",)},
        {"text_columns": ("n",), "label_column": "kind"},
        {"text_columns": ("kind",), "label_column": "kind"},
        {"image_column": "words", "label_column": "kind"},
        {"text_columns": ("words",), "image_column": "n"},
        {"label_column": "nothing"},
    ):
        with pytest.raises(InvalidInput):
            index_dataset(unique_id("d"), **wrong)  # type: ignore[arg-type]


def test_a_dataset_without_a_train_split_is_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    files_dataset(hub_root, unique_id("d"), {"test.csv": "text,label\na,0\n"})
    with pytest.raises(UnsupportedDataset, match="no train split"):
        index_dataset(unique_id("d"))


def test_a_dataset_of_unknown_files_is_refused(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    files_dataset(hub_root, unique_id("d"), {"data.zip": b"PK"})
    with pytest.raises(UnsupportedDataset, match="no data files that can be read"):
        index_dataset(unique_id("d"))


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"not parquet at all, but long enough", b"\xff" * 40 + b"PAR1"]
)
def test_a_broken_parquet_file_is_one_clear_error(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, content: bytes
) -> None:
    files_dataset(hub_root, unique_id("d"), {"train.parquet": content})
    with pytest.raises(UnsupportedDataset, match="parquet file"):
        index_dataset(unique_id("d"))


def test_an_unknown_role_is_refused(hub: MiniHub) -> None:
    with pytest.raises(InvalidInput, match="no role"):
        index_dataset("some/data", role="judge")  # type: ignore[arg-type]
