"""Catalogue files: where they are, and their content as checked records."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar, get_args

from hubselect.catalogues.schema import Catalogue, CatalogueDataset, CatalogueModel
from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import TASKS, Role

PURPOSES = ("train", "validation", "test")
_SUITE = ("name", "task", "title", "source")
_PACKAGED = Path(__file__).parent / "data"  # a wheel puts them here (pyproject, force-include)
_CHECKOUT = Path(__file__).parents[2] / "registry"

Entry = TypeVar("Entry", CatalogueModel, CatalogueDataset)


def catalogue_names() -> tuple[str, ...]:
    """The names of the catalogues that come with hubselect, sorted."""
    return tuple(sorted(path.stem for path in _folder().glob("*.toml")))


def catalogue(name: str | Path) -> Catalogue:
    """The catalogue of that name, or the one in a TOML file of the user's own.

    Raises `UnknownEntry` when there is none, `InvalidInput` when its content is not as in `schema`.
    """
    own = Path(name)
    path = own if own.suffix == ".toml" else _folder() / f"{name}.toml"
    if own.suffix != ".toml" and str(name) not in catalogue_names():
        raise UnknownEntry(
            f"there is no suite {str(name)!r}", f"choose one of {', '.join(catalogue_names())}"
        )
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnknownEntry(
            f"there is no file {path}",
            f"choose a file that is there, or one of {', '.join(catalogue_names())}",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInput(
            f"{path.name} cannot be read: {error}", "mend it: a suite is a TOML file"
        ) from None
    return parse(content, path.name)


def parse(content: Mapping[str, Any], where: str) -> Catalogue:
    """The catalogue that the tables of a TOML file describe; `where` names the file in messages."""
    _known_keys(content, ("suite", "models", "datasets"), where)
    suite = content.get("suite")
    if not isinstance(suite, Mapping):
        raise InvalidInput(f"{where} has no table [suite]", f"give {', '.join(_SUITE)} there")
    _known_keys(suite, _SUITE, f"{where}, [suite]")
    for key in _SUITE:
        if not isinstance(suite.get(key), str):
            raise InvalidInput(f"{where}, [suite]: {key} must be text", "write it in quotes")
    if suite["task"] not in TASKS:
        raise InvalidInput(f"{where}: {suite['task']!r} is no task", f"choose {' or '.join(TASKS)}")
    models = _entries(CatalogueModel, content.get("models", []), f"{where}, models")
    datasets = _entries(CatalogueDataset, content.get("datasets", []), f"{where}, datasets")
    for dataset in datasets:
        _check_dataset(dataset, suite["task"], f"{where}, {dataset.name}")
    return Catalogue(suite["name"], suite["task"], suite["title"], suite["source"], models, datasets)


def _entries(kind: type[Entry], tables: Any, where: str) -> tuple[Entry, ...]:
    if not isinstance(tables, list):
        raise InvalidInput(f"{where} must be a list of tables", "write [[models]] and [[datasets]]")
    found = tuple(_entry(kind, table, f"{where}, entry {n}") for n, table in enumerate(tables, start=1))
    seen: set[str] = set()
    for entry in found:
        if entry.name in seen:
            raise InvalidInput(f"{where}: {entry.name} occurs twice", "remove one of them")
        seen.add(entry.name)
    return found


def _entry(kind: type[Entry], table: Any, where: str) -> Entry:
    if not isinstance(table, Mapping):
        raise InvalidInput(f"{where} must be a table", "give its keys and values")
    known = {f.name: f for f in fields(kind)}
    _known_keys(table, known, where)
    needed = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    missing = [name for name in needed if name not in table]
    if missing:
        raise InvalidInput(f"{where} has no {missing[0]}", f"give {', '.join(needed)} in every entry")
    values: dict[str, Any] = {}
    for name, value in table.items():
        expected = _TYPES[str(known[name].type)]
        if not _fits(value, expected):
            raise InvalidInput(f"{where}: {name} must be {expected}", "mend that line of the file")
        values[name] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


_TYPES = {
    "str": "text",
    "str | None": "text",
    "bool": "true or false",
    "Role": "benchmark or target",
    "tuple[str, ...]": "a list of texts",
    "Mapping[str, str]": "a table of texts",
}


def _fits(value: Any, expected: str) -> bool:
    if expected == "true or false":
        return isinstance(value, bool)
    if expected == "benchmark or target":
        return value in get_args(Role)
    if expected == "a list of texts":
        return isinstance(value, list) and all(_text(v) for v in value)
    if expected == "a table of texts":
        return isinstance(value, Mapping) and all(_text(v) for v in value.values())
    return _text(value)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _check_dataset(dataset: CatalogueDataset, task: str, where: str) -> None:
    text, image = len(dataset.text_columns), dataset.image_column is not None
    if task == "text-classification" and (image or text not in (1, 2)):
        raise InvalidInput(f"{where} needs one or two text_columns and no image_column", "mend that entry")
    if dataset.choice_columns and task != "text-classification":
        raise InvalidInput(f"{where} has choice_columns, which follow texts", "remove them")
    if task == "image-classification" and (text or not image):
        raise InvalidInput(f"{where} needs an image_column and no text_columns", "mend that entry")
    _known_keys(dataset.splits, PURPOSES, f"{where}, splits")
    if "train" not in dataset.splits:
        raise InvalidInput(
            f"{where}: splits does not say which one is for training", 'add train = "NAME" to it'
        )


def _known_keys(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    names = tuple(known)
    for key in table:
        if key not in names:
            raise InvalidInput(f"{where}: {key!r} means nothing", f"use {', '.join(names)}")


def _folder() -> Path:
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
