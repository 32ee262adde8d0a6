"""Writes the zoo's datasets as the Hub's repositories look: parquet, CSV or image folders, with cards."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from hubselect.demo.zoo import image_sets, text_sets
from hubselect.demo.zoo.cards import card_text
from hubselect.demo.zoo.corpus import Corpus
from hubselect.demo.zoo.image_sets import Pictures, Pixels
from hubselect.demo.zoo.text_sets import Example, TextSet
from hubselect.records import Task

Layout = Literal["parquet", "csv", "folder"]
Rows = dict[str, list[Any]]  # column -> values


@dataclass(frozen=True)
class DatasetRepo:
    """How one repository presents one or more sets.

    `sets` maps the config's name ("default" alone for repositories without configs) to the set's name.
    `card_features` tells whether the card declares the columns and class names; `string_labels` whether a
    CSV holds class names instead of indices; `hidden_test` whether the test labels are withheld (-1).
    """

    name: str
    task: Task
    sets: Mapping[str, str]
    layout: Layout = "parquet"
    card_features: bool = True
    string_labels: bool = False
    hidden_test: bool = False
    label_column: str = "label"


def _text(name: str, **options: Any) -> DatasetRepo:
    return DatasetRepo(name, "text-classification", options.pop("sets", {"default": name}), **options)


def _image(name: str, **options: Any) -> DatasetRepo:
    return DatasetRepo(name, "image-classification", {"default": name}, **options)


DATASET_REPOS: tuple[DatasetRepo, ...] = (
    _text("package-docs"),
    _text("snippet-kinds", card_features=False),
    _text("parameter-types"),
    _text("indent-steps", layout="csv", card_features=False),
    _text("unicode-names", layout="csv", card_features=False, string_labels=True, label_column="category"),
    _text("doc-sections", hidden_test=True),
    _text("object-kinds", label_column="kind"),
    _text("code-lines", sets={"depth": "code-depth", "package": "code-package"}),
    _text("comment-packages"),
    _text("statement-kinds", card_features=False),
    _text("raised-errors"),
    _text("unicode-scripts", layout="csv", card_features=False, string_labels=True, label_column="script"),
    _text("missing-words"),
    _text("hidden-operators"),
    _text("hidden-values", label_column="kind"),
    _text("hidden-punctuation", card_features=False),
    _image("digits"),
    _image("digits-colored"),
    _image("digits-rotated"),
    _image("glyph-letters"),
    _image("photo-corruptions"),
    _image("photo-scenes"),
    _image("gratings", card_features=False),
    _image("shapes", layout="folder", card_features=False),
    _image("photo-rotations"),
    _image("lowercase-letters"),
    _image("disc-counts"),
    _image("grating-frequencies", card_features=False),
    _image("photo-lights"),
)


@dataclass(frozen=True)
class _Columns:
    """The columns of a set: value type of each ("string" or "image"), then the label's class names."""

    values: Mapping[str, str]
    label: str
    classes: tuple[str, ...]


def write_dataset(repo: DatasetRepo, folder: Path, corpus: Corpus | None) -> None:
    """Fills an empty `folder`; `corpus` (target half) is needed for text only."""
    configs: list[dict[str, Any]] = []
    infos: list[dict[str, Any]] = []
    titles = []
    for config, set_name in repo.sets.items():
        title, columns, splits = _content(repo, set_name, corpus)
        titles.append(title)
        prefix = "" if config == "default" else f"{config}/"
        files = _write_files(repo, folder, prefix, columns, splits)
        configs.append({"config_name": config, "data_files": files})
        infos.append(_info(config, columns, splits))
    card = card_text(repo.name, _metadata(repo, configs, infos), _prose(repo, titles))
    (folder / "README.md").write_text(card, encoding="utf-8")


def _content(
    repo: DatasetRepo, set_name: str, corpus: Corpus | None
) -> tuple[str, _Columns, dict[str, Rows]]:
    if repo.task == "image-classification":
        pictures_of = next(s for s in image_sets.IMAGE_SETS if s.name == set_name)
        columns = _Columns({"image": "image"}, repo.label_column, pictures_of.classes)
        splits = {k: _image_rows(repo, v) for k, v in image_sets.build_splits(pictures_of).items()}
        return pictures_of.title, columns, splits
    texts_of = next(s for s in text_sets.TEXT_SETS if s.name == set_name)
    assert corpus is not None
    columns = _Columns(dict.fromkeys(texts_of.columns, "string"), repo.label_column, texts_of.classes)
    found = text_sets.build_splits(texts_of, corpus)
    return texts_of.title, columns, {k: _text_rows(repo, texts_of, k, v) for k, v in found.items()}


def _text_rows(repo: DatasetRepo, spec: TextSet, split: str, found: Sequence[Example]) -> Rows:
    rows: Rows = {column: [e.texts[i] for e in found] for i, column in enumerate(spec.columns)}
    hidden = repo.hidden_test and split == "test"
    rows[repo.label_column] = [-1 if hidden else e.label for e in found]
    return rows


def _image_rows(repo: DatasetRepo, pictures: Pictures) -> Rows:
    images = [{"bytes": png(p), "path": f"{i:04d}.png"} for i, p in enumerate(pictures.pixels)]
    return {"image": images, repo.label_column: pictures.labels.tolist()}


def png(pixels: Pixels) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return packed.getvalue()


def _write_files(
    repo: DatasetRepo, folder: Path, prefix: str, columns: _Columns, splits: Mapping[str, Rows]
) -> list[dict[str, str]]:
    """Writes the data of one config; returns the card's list of data files."""
    files = []
    for split, rows in splits.items():
        if repo.layout == "parquet":
            base = prefix or "data/"
            _write_parquet(folder / f"{base}{split}-00000-of-00001.parquet", columns, rows)
            files.append({"split": split, "path": f"{base}{split}-*"})
        elif repo.layout == "csv":
            _write_csv(folder / f"{split}.csv", repo, columns, rows)
            files.append({"split": split, "path": f"{split}.csv"})
        else:
            _write_image_folder(folder / split, columns, rows)
            files.append({"split": split, "path": f"{split}/**"})
    return files


def _write_parquet(path: Path, columns: _Columns, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    types: dict[str, pa.DataType] = {
        name: pa.string() if kind == "string" else pa.struct({"bytes": pa.binary(), "path": pa.string()})
        for name, kind in columns.values.items()
    }
    types[columns.label] = pa.int64()
    features = {name: _feature(kind) for name, kind in columns.values.items()}
    features[columns.label] = {"names": list(columns.classes), "_type": "ClassLabel"}
    # What the `datasets` library writes: readers find the Image and ClassLabel features in the schema.
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = pa.schema(list(types.items()), metadata=metadata)
    pq.write_table(pa.table(rows, schema=schema), path)


def _feature(kind: str) -> dict[str, Any]:
    return {"dtype": "string", "_type": "Value"} if kind == "string" else {"_type": "Image"}


def _write_csv(path: Path, repo: DatasetRepo, columns: _Columns, rows: Rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows)
        for row in zip(*rows.values(), strict=True):
            label = columns.classes[row[-1]] if repo.string_labels else row[-1]
            writer.writerow([*row[:-1], label])


def _write_image_folder(folder: Path, columns: _Columns, rows: Rows) -> None:
    for image, label in zip(rows["image"], rows[columns.label], strict=True):
        home = folder / columns.classes[label]
        home.mkdir(parents=True, exist_ok=True)
        (home / image["path"]).write_bytes(image["bytes"])


def _info(config: str, columns: _Columns, splits: Mapping[str, Rows]) -> dict[str, Any]:
    """The card's `dataset_info`: features and split sizes, as the Hub's own YAML has them."""
    features: list[dict[str, Any]] = [{"name": n, "dtype": kind} for n, kind in columns.values.items()]
    names = {str(i): name for i, name in enumerate(columns.classes)}
    features.append({"name": columns.label, "dtype": {"class_label": {"names": names}}})
    sizes = [
        {"name": split, "num_bytes": _bytes(rows), "num_examples": len(rows[columns.label])}
        for split, rows in splits.items()
    ]
    return {"config_name": config, "features": features, "splits": sizes}


def _bytes(rows: Rows) -> int:
    return sum(pa.array(values).nbytes for values in rows.values())


def _metadata(
    repo: DatasetRepo, configs: list[dict[str, Any]], infos: list[dict[str, Any]]
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "license": "other",
        "size_categories": [_size_category(infos)],
        "task_categories": [repo.task],
    }
    if repo.task == "text-classification":
        data["language"] = ["en"]
    if repo.card_features:
        single = {k: v for k, v in infos[0].items() if k != "config_name"}
        data["dataset_info"] = infos if len(infos) > 1 else single
    if repo.layout == "parquet":
        data["configs"] = configs
    return data


def _size_category(infos: list[dict[str, Any]]) -> str:
    largest = max(sum(split["num_examples"] for split in info["splits"]) for info in infos)
    return "1K<n<10K" if largest < 10_000 else "10K<n<100K"


def _prose(repo: DatasetRepo, titles: Sequence[str]) -> str:
    origin = (
        "Made on this machine from the Python packages installed here; their licenses apply to their texts."
        if repo.task == "text-classification"
        else "Drawn on this machine, from scikit-learn's digits and photos, Pillow's font and plain geometry."
    )
    hidden = " The labels of the test split are withheld (-1)." if repo.hidden_test else ""
    return f"{'. '.join(titles)}.{hidden}\n\n{origin}"
