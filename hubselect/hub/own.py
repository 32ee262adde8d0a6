"""Datasets of one's own: files of this machine, found out about by the rules for repositories of the Hub.

They are known by their content: a file that has changed is another dataset. Their names begin with "./",
as no id of the Hub does, so that they are never sent anywhere.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.columns import choose_columns
from hubselect.hub.formats import Source, format_of
from hubselect.hub.found import Found, columns_of, footers_of, rows_of
from hubselect.hub.layout import own_layout
from hubselect.records import Dataset, Role

_CHUNK = 1 << 20
_NAMED = 40  # characters of the file's name


@dataclass(frozen=True)
class LocalFiles(Source):
    """Files below `root`."""

    root: Path = Path()

    def read(self, path: str, start: int, length: int) -> bytes:
        with (self.root / path).open("rb") as file:
            file.seek(start)
            return file.read(length)


def is_own(dataset_id: str) -> bool:
    """Whether a dataset is named by a path: it begins as one, or is a file that is there."""
    if dataset_id.startswith(("./", "../", "/", "~")) or dataset_id in (".", ".."):
        return "@" not in Path(dataset_id).name or Path(dataset_id).expanduser().exists()
    return format_of(dataset_id) is not None and Path(dataset_id).is_file()


def index_own(
    place: str | Path,
    *,
    name: str | None = None,
    role: Role = "benchmark",
    text_columns: tuple[str, ...] = (),
    choice_columns: tuple[str, ...] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """Everything the registry keeps of a file (CSV, TSV, JSON lines, Parquet) or a folder of them, of images
    or of recordings. `name` is what people call it (default: as the file or folder).

    Raises `InvalidInput` for a place that is not there, and what `index_dataset` raises.
    """
    root = Path(place).expanduser().absolute()
    if not root.exists():
        raise InvalidInput(f"there is no file or folder {place}", "check the path")
    paths = _files(root)
    digest = _digest(paths)
    source = LocalFiles(str(place), digest, {n: p.stat().st_size for n, p in paths.items()}, _base(root))
    layout = own_layout({}, list(paths), None, name=str(place))
    if layout is None or "train" not in layout.files:
        raise UnsupportedDataset(
            f"{place} holds no training data in CSV, TSV, JSON lines, Parquet, images or sound",
            "name a file, or a folder with train.csv, train/ or the like",
        )
    found = Found(layout, source, converted=False)
    footers = footers_of({}, found)
    choice = choose_columns(
        columns_of({}, found, footers),
        name=str(place),
        text_columns=text_columns,
        choice_columns=choice_columns,
        image_column=image_column,
        audio_column=audio_column,
        label_column=label_column,
    )
    called = re.sub(r"[^\w.-]+", "-", name or root.name)[:_NAMED].strip("-.") or "data"
    return Dataset(
        id=f"./{called}@{digest[:8]}",
        task=choice.task,
        revision=digest,
        text_columns=choice.text,
        choice_columns=choice.choices,
        image_column=choice.image,
        audio_column=choice.audio,
        label_column=choice.label.name,
        problem_type=choice.problem_type,
        label_names=choice.label.label_names,
        splits=rows_of({}, layout, footers),
        role=role,
        path=str(root),
    )


def _base(root: Path) -> Path:
    return root.parent if root.is_file() else root


def _files(root: Path) -> dict[str, Path]:
    """The files that are read, by their path below the folder, sorted; hidden ones are not."""
    found = [root] if root.is_file() else [p for p in root.rglob("*") if p.is_file()]
    named = {str(p.relative_to(_base(root)).as_posix()): p for p in found}
    return {n: named[n] for n in sorted(named) if not any(part.startswith(".") for part in n.split("/"))}


def content_digest(root: Path) -> str:
    """Forty hex digits, as long as a commit, of the names and contents of a file or of all in a folder."""
    return _digest(_files(root))


def _digest(paths: dict[str, Path]) -> str:
    whole = hashlib.sha256()
    for name, path in paths.items():
        one = hashlib.sha256()
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                one.update(chunk)
        whole.update(f"{name}\0{one.hexdigest()}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()[:40]
