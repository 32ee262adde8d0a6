"""Tables of labelled examples in the file layouts that dataset repositories use."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from tests.support.data import Split
from tests.support.parquet import write_parquet

TestSplit = Literal["labelled", "none", "minus-one"]
LabelAs = Literal["index", "name", "score", "none"]
Tables = dict[str, dict[str, list[Any]]]

STRING = {"dtype": "string", "_type": "Value"}


def kept(splits: Mapping[str, Split], test: TestSplit, validation: bool) -> dict[str, Split]:
    """The splits that the repository has."""
    dropped = {name for name, gone in (("test", test == "none"), ("validation", not validation)) if gone}
    return {name: split for name, split in splits.items() if name not in dropped}


def label_feature(labels: Sequence[str], label_as: LabelAs) -> dict[str, Any] | None:
    """The feature of the label column as `datasets` writes it; None for no column."""
    features: dict[LabelAs, dict[str, Any] | None] = {
        "index": {"names": list(labels), "_type": "ClassLabel"},
        "name": STRING,
        "score": {"dtype": "float32", "_type": "Value"},
        "none": None,
    }
    return features[label_as]


def tables(splits: Mapping[str, Split], labels: Sequence[str], label_as: LabelAs, test: TestSplit) -> Tables:
    """Columns of every split, the labels as asked for."""
    by_split: Tables = {}
    for name, split in splits.items():
        by_split[name] = dict(split.columns)
        if label_as != "none":
            hidden = name == "test" and test == "minus-one"
            values: dict[str, list[Any]] = {"index": split.labels, "name": [labels[i] for i in split.labels]}
            values["score"] = [i + 0.5 for i in split.labels]
            by_split[name]["label"] = [-1 for _ in split.labels] if hidden else values[label_as]
    return by_split


def write_tables(
    folder: Path, tables: Tables, features: Mapping[str, Any], layout: str, task: str, described: bool
) -> dict[str, Any]:
    """Write the files of a dataset; returns the card that belongs to them."""
    folder.mkdir(parents=True, exist_ok=True)
    card: dict[str, Any] = {"task_categories": [task], "license": "mit"}
    for name, columns in tables.items():
        if layout == "csv":
            _write_csv(folder / f"{name}.csv", columns)
        else:
            write_parquet(folder / _parquet_path(name), columns, features)
    if layout == "parquet":
        if described:
            card["dataset_info"] = _dataset_info(folder, features, tables)
        files = [{"split": name, "path": f"data/{name}-*"} for name in tables]
        card["configs"] = [{"config_name": "default", "data_files": files}]
    return card


def _dataset_info(folder: Path, features: Mapping[str, Any], tables: Tables) -> dict[str, Any]:
    def entry(name: str, feature: Mapping[str, Any]) -> dict[str, Any]:
        if feature["_type"] == "ClassLabel":
            names = {str(index): label for index, label in enumerate(feature["names"])}
            return {"name": name, "dtype": {"class_label": {"names": names}}}
        if feature["_type"] == "List":
            item = entry("", feature["feature"])["dtype"]
            return {"name": name, "list": item if isinstance(item, str) else {"dtype": item}}
        return {"name": name, "dtype": feature.get("dtype", feature["_type"].lower())}

    sizes = {name: (folder / _parquet_path(name)).stat().st_size for name in tables}
    return {
        "features": [entry(name, feature) for name, feature in features.items()],
        "splits": [
            {"name": name, "num_bytes": sizes[name], "num_examples": len(next(iter(columns.values())))}
            for name, columns in tables.items()
        ],
        "download_size": sum(sizes.values()),
        "dataset_size": sum(sizes.values()),
    }


def _parquet_path(split: str) -> str:
    return f"data/{split}-00000-of-00001.parquet"


def _write_csv(path: Path, columns: Mapping[str, list[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
