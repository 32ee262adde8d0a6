"""Columns and row counts of data files without downloading them.

A parquet footer by ranged reads, the first 64 KiB of a CSV, TSV or JSON file, the listing of an
image folder. What a file that was cut off does not show completely is left out, never guessed.
"""

from __future__ import annotations

import csv
import io
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal

from hubselect.errors import UnsupportedDataset
from hubselect.hub.client import read_range
from hubselect.hub.columns import Column
from hubselect.hub.features import from_arrow, from_frame

if TYPE_CHECKING:
    import pandas as pd

HEAD_BYTES = 1 << 16
_LONGER_HEADS = (1 << 20, 1 << 24)  # where the first row does not fit: a text may be a megabyte long
_MAX_FOOTER = 64 << 20
_MEND = "mend that file, or choose another dataset"
IMAGE_EXTENSIONS = frozenset(
    (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
AUDIO_EXTENSIONS = frozenset((".wav", ".mp3", ".flac", ".ogg", ".opus", ".aiff", ".aif", ".au"))
Folder = Literal["image", "audio"]
FOLDERS: tuple[Folder, ...] = ("image", "audio")
"""Formats of which every file is a row."""
METADATA_FILES = frozenset(("metadata.csv", "metadata.jsonl", "metadata.parquet"))
_TABLES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
}


@dataclass(frozen=True)
class Source:
    """A dataset repository at a commit, with the size of every file."""

    repo_id: str
    revision: str
    sizes: Mapping[str, int]

    def read(self, path: str, start: int, length: int) -> bytes:
        return read_range(self.repo_id, path, self.revision, repo_type="dataset", start=start, length=length)


@dataclass(frozen=True)
class Footer:
    columns: tuple[Column, ...]
    rows: int


def format_of(path: str) -> str | None:
    """ "csv", "json", "parquet", "image" or "audio" by the file's extension (`.gz` allowed); None for
    others."""
    file = PurePosixPath(path.lower())
    if file.suffix in IMAGE_EXTENSIONS:
        return "image"
    if file.suffix in AUDIO_EXTENSIONS:
        return "audio"
    suffix = PurePosixPath(file.stem).suffix if file.suffix == ".gz" else file.suffix
    found = _TABLES.get(suffix)
    return None if found == "parquet" and file.suffix == ".gz" else found


def read_columns(source: Source, files: Sequence[str], everything: Sequence[str] = ()) -> tuple[Column, ...]:
    """Columns of the first of `files`; for a folder of images or sound, of `everything` in it."""
    kind = format_of(files[0])
    if kind in FOLDERS or PurePosixPath(files[0]).name in METADATA_FILES:
        return file_folder(source, everything or files)
    if kind == "parquet":
        return parquet_footer(source, files[0]).columns
    return from_frame(table_head(source, files[0]))


def parquet_footer(source: Source, path: str) -> Footer:
    """Schema and number of rows, from the end of the file (one or two ranged reads).

    Raises UnsupportedDataset when the file is no parquet file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    size = source.sizes.get(path, 0)
    tail = source.read(path, max(0, size - HEAD_BYTES), HEAD_BYTES) if size else b""
    if len(tail) < 12 or tail[-4:] != b"PAR1":
        raise UnsupportedDataset(f"{path} of {source.repo_id} is not a parquet file", _MEND)
    (footer,) = struct.unpack("<I", tail[-8:-4])
    needed = footer + 8
    if needed > min(size, _MAX_FOOTER):
        raise UnsupportedDataset(f"{path} of {source.repo_id} is a broken parquet file", _MEND)
    if needed > len(tail):
        tail = source.read(path, size - needed, needed - len(tail)) + tail
    try:
        # the parser never looks before the footer, so the tail alone passes for the file
        file = pq.ParquetFile(pa.BufferReader(tail[-max(needed, 12) :]))
        return Footer(from_arrow(file.schema_arrow), int(file.metadata.num_rows))
    except (pa.ArrowException, OSError) as error:
        raise UnsupportedDataset(
            f"{path} of {source.repo_id} is a broken parquet file: {error}", _MEND
        ) from error


def table_head(source: Source, path: str) -> pd.DataFrame:
    """The complete rows within the first 64 KiB of a CSV, TSV or JSON (lines or array) file, or within
    more of it when the first row is longer.

    Raises UnsupportedDataset when no complete row is there.
    """
    for limit in (HEAD_BYTES, *_LONGER_HEADS):
        head, cut = _text_head(source, path, limit)
        try:
            frame = _csv_rows(head, cut, path) if format_of(path) == "csv" else _json_rows(head)
        except (ValueError, csv.Error, RecursionError) as error:
            raise UnsupportedDataset(f"cannot read {path} of {source.repo_id}: {error}", _MEND) from error
        if not frame.empty or not cut:
            break
    if frame.empty:
        raise UnsupportedDataset(f"{path} of {source.repo_id} holds no rows that can be read", _MEND)
    return frame


def _text_head(source: Source, path: str, limit: int) -> tuple[str, bool]:
    """The decoded beginning of a file, `limit` bytes at most, and whether it was cut off."""
    size = source.sizes.get(path, 0)
    data = source.read(path, 0, min(size, limit)) if size else b""
    cut = size > len(data)
    if path.lower().endswith(".gz"):
        inflater = zlib.decompressobj(wbits=31)
        try:
            data = inflater.decompress(data, limit)
        except zlib.error as error:
            raise UnsupportedDataset(f"{path} of {source.repo_id} is a broken gzip file", _MEND) from error
        cut = not inflater.eof
    return data.decode("utf-8-sig", errors="ignore"), cut


def _csv_rows(head: str, cut: bool, path: str) -> pd.DataFrame:
    import pandas as pd

    separator = "\t" if ".tsv" in PurePosixPath(path.lower()).suffixes else ","
    before = csv.field_size_limit(max(len(head) + 1, csv.field_size_limit()))
    try:
        rows = sum(1 for row in csv.reader(io.StringIO(head), delimiter=separator) if row) - 1
    finally:
        csv.field_size_limit(before)
    return pd.read_csv(io.StringIO(head), sep=separator, nrows=max(0, rows - cut))


def _json_rows(head: str) -> pd.DataFrame:
    """Objects one after another, in lines or in an array; the last one may be cut off."""
    import pandas as pd

    decoder, rows, position = json.JSONDecoder(), [], 0
    while True:
        while position < len(head) and head[position] in "[, \t\r\n":
            position += 1
        try:
            row, position = decoder.raw_decode(head, position)
        except ValueError:
            break
        if not isinstance(row, dict):
            break
        rows.append(row)
    return pd.DataFrame(rows)


def file_folder(source: Source, files: Sequence[str]) -> tuple[Column, ...]:
    """Columns as the datasets library's image and audio folders make them.

    With a metadata file: its columns, `file_name` being the file. Without: the classes are the
    folders' names in sorted order, if there are two or more at one depth.
    """
    kind: Folder = next((k for k in FOLDERS if any(format_of(f) == k for f in files)), "image")
    metadata = [f for f in files if PurePosixPath(f).name in METADATA_FILES]
    if metadata:
        return tuple(_metadata_column(c, kind) for c in read_metadata(source, metadata[0]))
    rows = [PurePosixPath(f) for f in files if format_of(f) == kind]
    names = sorted({f.parent.name for f in rows})
    file = Column(kind, kind)
    if len(names) > 1 and len({len(f.parts) for f in rows}) == 1:
        return file, Column("label", "class_label", tuple(names))
    return (file,)


def read_metadata(source: Source, path: str) -> tuple[Column, ...]:
    if path.endswith(".parquet"):
        return parquet_footer(source, path).columns
    return from_frame(table_head(source, path))


def _metadata_column(column: Column, kind: Folder) -> Column:
    if column.name == "file_name":
        return Column(kind, kind)
    if column.name.endswith("_file_name"):
        return Column(column.name.removesuffix("_file_name"), kind)
    return column
