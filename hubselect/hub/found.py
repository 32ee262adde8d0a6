"""What the files of a dataset say of its columns and rows, without being read as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubselect.hub.columns import Column
from hubselect.hub.features import from_card
from hubselect.hub.formats import FOLDERS, Footer, Source, format_of, parquet_footer, read_columns
from hubselect.hub.layout import Layout

_MAX_FOOTERS = 8


@dataclass(frozen=True)
class Found:
    """The files of a dataset by split, where they are, and whether they are the Hub's conversion."""

    layout: Layout
    source: Source
    converted: bool


def footers_of(declared: Mapping[str, Any], found: Found) -> dict[str, Footer]:
    """Footers of a parquet dataset of few files; of the first train file only when there are many;
    none when the card tells columns and rows."""
    files = [f for fs in found.layout.files.values() for f in fs]
    told = bool(declared.get("features")) and found.layout.files.keys() <= _stated_rows(declared).keys()
    if told or format_of(files[0]) != "parquet":
        return {}
    wanted = files if len(files) <= _MAX_FOOTERS else found.layout.files["train"][:1]
    return {f: parquet_footer(found.source, f) for f in wanted}


def columns_of(
    declared: Mapping[str, Any], found: Found, footers: Mapping[str, Footer]
) -> tuple[Column, ...]:
    features = declared.get("features")
    if isinstance(features, list) and features:
        return from_card(features)
    train = found.layout.files["train"]
    if train[0] in footers:
        return footers[train[0]].columns
    everything = [f for files in found.layout.files.values() for f in files]
    return read_columns(found.source, train, everything)


def rows_of(
    declared: Mapping[str, Any], layout: Layout, footers: Mapping[str, Footer]
) -> dict[str, int | None]:
    """Rows per split: stated by the card, in the parquet footers, or the number of images or recordings."""
    stated = _stated_rows(declared)
    return {split: _rows_of(split, files, stated, footers) for split, files in layout.files.items()}


def _stated_rows(declared: Mapping[str, Any]) -> dict[str, int]:
    return {
        str(s["name"]): int(s["num_examples"])
        for s in declared.get("splits") or ()
        if isinstance(s, Mapping) and "name" in s and isinstance(s.get("num_examples"), int)
    }


def _rows_of(
    split: str, files: tuple[str, ...], stated: Mapping[str, int], footers: Mapping[str, Footer]
) -> int | None:
    if split in stated:
        return stated[split]
    if all(f in footers for f in files):
        return sum(footers[f].rows for f in files)
    return len([f for f in files if format_of(f) in FOLDERS]) or None
