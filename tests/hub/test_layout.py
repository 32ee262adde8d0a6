"""Which files belong to which split: checked against the datasets library itself."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.layout import choose_config, converted_layout, own_layout, split_by_name

WORDS = ["train", "training", "test", "dev", "val", "valid", "validation", "eval", "data", "part", "latest"]
NAMES = st.builds(
    lambda words, sep, number, ext: sep.join(words) + number + ext,
    st.lists(st.sampled_from(WORDS), min_size=1, max_size=3),
    st.sampled_from(["-", "_", ".", " "]),
    st.sampled_from(["", "0", "-00000-of-00001", "_1"]),
    st.sampled_from([".csv", ".parquet"]),
)
FOLDERS = st.lists(st.sampled_from([*WORDS, "train-1", "my_test", "contest"]), max_size=2).map("/".join)
PATHS = st.builds(lambda folder, name: f"{folder}/{name}" if folder else name, FOLDERS, NAMES)


def library_splits(paths: list[str]) -> dict[str, set[str]]:
    """What `datasets` makes of such a folder."""
    from datasets.data_files import DataFilesDict, get_data_patterns

    with tempfile.TemporaryDirectory() as place:
        root = Path(place).resolve()
        for path in paths:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("x")
        patterns = get_data_patterns(root.as_posix())
        found = DataFilesDict.from_patterns(patterns, base_path=root.as_posix())
        return {
            str(split): {Path(f).relative_to(root).as_posix() for f in files}
            for split, files in found.items()
        }


@settings(max_examples=50, deadline=None)
@given(st.lists(PATHS, min_size=1, max_size=6, unique=True))
def test_splits_are_those_the_datasets_library_finds(paths: list[str]) -> None:
    try:
        theirs = library_splits(paths)
    except ValueError:  # a split name it refuses
        with pytest.raises(UnsupportedDataset, match="names a split"):
            split_by_name(paths)
        return
    assert {split: set(files) for split, files in split_by_name(paths).items()} == theirs


@pytest.mark.parametrize(
    "data_files",
    [
        "sub/train.csv",
        ["sub/train.csv"],
        {"train": "sub/train.csv"},
        [{"split": "train", "path": ["sub/train.c*"]}],
        [{"split": "train", "path": "**/train.csv"}],
    ],
)
def test_every_way_a_card_states_data_files_is_read(data_files: Any) -> None:
    card = {"configs": [{"config_name": "c", "data_files": data_files}]}
    layout = own_layout(card, ["sub/train.csv", "other.csv", "README.md"], None, name="o/d")
    assert layout is not None
    assert layout.config == "c"
    assert layout.files == {"train": ("sub/train.csv",)}


def test_a_config_with_a_folder_of_its_own_uses_the_naming_rules_inside() -> None:
    card = {"configs": [{"config_name": "a", "data_dir": "a"}, {"config_name": "b", "data_dir": "b"}]}
    paths = ["a/train.csv", "a/test.csv", "b/train.csv"]
    layout = own_layout(card, paths, "a", name="o/d")
    assert layout is not None
    assert layout.files == {"train": ("a/train.csv",), "test": ("a/test.csv",)}


def test_hidden_private_and_foreign_files_are_no_data() -> None:
    paths = [".github/train.csv", "__pycache__/x.json", "dataset_infos.json", "notes.md", "train.csv"]
    layout = own_layout({}, paths, None, name="o/d")
    assert layout is not None
    assert layout.files == {"train": ("train.csv",)}


def test_only_the_most_common_format_counts_and_parquet_wins_a_tie() -> None:
    layout = own_layout({}, ["train.csv", "train.parquet"], None, name="o/d")
    assert layout is not None
    assert layout.files == {"train": ("train.parquet",)}


def test_a_conversion_has_a_folder_per_config_and_split() -> None:
    paths = ["default/train/0000.parquet", "default/train/0001.parquet", "default/partial-test/0000.parquet"]
    layout = converted_layout(paths, None, name="o/d")
    assert layout is not None
    assert layout.files == {"train": tuple(paths[:2]), "test": (paths[2],)}
    assert converted_layout(["README.md"], None, name="o/d") is None


def test_a_config_is_wanted_or_alone_or_marked_or_called_default() -> None:
    assert choose_config(("a", "b"), "b", name="o/d") == "b"
    assert choose_config(("a",), None, name="o/d") == "a"
    assert choose_config(("a", "b"), None, name="o/d", default="b") == "b"
    assert choose_config(("a", "default"), None, name="o/d") == "default"
    with pytest.raises(UnsupportedDataset, match="several configs"):
        choose_config(("a", "b"), None, name="o/d")
    with pytest.raises(InvalidInput, match="no config 'z'"):
        choose_config(("a", "b"), "z", name="o/d")
