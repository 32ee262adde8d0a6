"""Which files of a dataset repository belong to which config and split, as the datasets library reads them.

A card's `configs` say it; otherwise the naming rules of `datasets.data_files` do: sharded names
(`data/train-00000-of-00001.parquet`), then folders (`train/...`), then file names (`train.csv`),
else everything is the train split. Pure functions over lists of paths.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.formats import FOLDERS, METADATA_FILES, format_of

_KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
_SEPARATORS = r"[-._ 0-9]"
_SHARDED = re.compile(r"data/([^/]*)-[0-9]{5}-of-[0-9]{5}[^/]*\.[^/]*")
_SPLIT_NAME = re.compile(r"\w+(\.\w+)*")
_NOT_DATA = frozenset(
    ("config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "README.md", "state.json")
)


@dataclass(frozen=True)
class Layout:
    """`config` is the chosen config's own name, None when the repository names none; `files` maps
    each split to its files, of one format only (a folder's metadata files included)."""

    config: str | None
    files: Mapping[str, tuple[str, ...]]


def own_layout(
    card: Mapping[str, Any], paths: Sequence[str], config: str | None, *, name: str
) -> Layout | None:
    """The layout of a repository's own files; None when there are no data files of a known format.

    Raises InvalidInput for a config that does not exist, UnsupportedDataset when there are
    several and none was given.
    """
    configs = _card_configs(card)
    chosen = (
        choose_config(tuple(configs), config, name=name, default=_marked_default(configs))
        if configs
        else None
    )
    if not configs and config is not None and config not in ("default", *info_names(card)):
        raise InvalidInput(f"{name} has no config {config!r}", "leave --config out: it has only one")
    data = data_files(paths)
    stated = configs.get(chosen) if chosen else None
    if stated is not None and stated.get("data_files"):
        splits = {
            s: _matching(patterns, data) for s, patterns in _stated_patterns(stated["data_files"]).items()
        }
    else:
        splits = split_by_name(data, (stated or {}).get("data_dir") or "")
    files = _one_format({s: f for s, f in splits.items() if f})
    return Layout(chosen, files) if files else None


def converted_layout(paths: Sequence[str], config: str | None, *, name: str) -> Layout | None:
    """The layout of the Hub's parquet conversion: `CONFIG/SPLIT/0000.parquet`."""
    data = [p for p in paths if format_of(p) == "parquet" and len(PurePosixPath(p).parts) == 3]
    configs = tuple(sorted({p.split("/")[0] for p in data}))
    if not configs:
        return None
    chosen = choose_config(configs, config, name=name)
    splits: dict[str, list[str]] = {}
    for path in sorted(p for p in data if p.startswith(f"{chosen}/")):
        splits.setdefault(path.split("/")[1].removeprefix("partial-"), []).append(path)
    return Layout(chosen, {s: tuple(f) for s, f in splits.items()})


def choose_config(names: Sequence[str], wanted: str | None, *, name: str, default: str | None = None) -> str:
    """The config to use. Raises InvalidInput (no such config) or UnsupportedDataset (ambiguous)."""
    if wanted is not None:
        if wanted not in names:
            raise InvalidInput(f"{name} has no config {wanted!r}", f"choose one of {_some(names)}")
        return wanted
    if len(names) == 1:
        return names[0]
    if default is not None:
        return default
    if "default" in names:
        return "default"
    raise UnsupportedDataset(f"{name} has several configs", f"choose one with --config: {_some(names)}")


def info_names(card: Mapping[str, Any]) -> tuple[str, ...]:
    """The config names of a card's `dataset_info`."""
    return tuple(str(i["config_name"]) for i in infos(card) if i.get("config_name"))


def infos(card: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A card's `dataset_info` as a list, whether it was written as one mapping or a list of them."""
    info = card.get("dataset_info")
    entries = info if isinstance(info, list) else [info]
    return [e for e in entries if isinstance(e, Mapping)]


def data_files(paths: Sequence[str]) -> list[str]:
    """The paths that may hold data: known extensions, nothing hidden or private."""

    def visible(path: str) -> bool:
        return not any(part.startswith((".", "__")) for part in PurePosixPath(path).parts)

    return sorted(p for p in paths if format_of(p) and visible(p) and PurePosixPath(p).name not in _NOT_DATA)


def split_by_name(paths: Sequence[str], folder: str = "") -> dict[str, tuple[str, ...]]:
    """Splits by the library's naming rules, the first rule that finds anything deciding.

    Raises UnsupportedDataset for a sharded file with a split name that the library refuses.
    """
    base = folder.strip("/") + "/" if folder.strip("/") not in ("", ".") else ""
    below = {p.removeprefix(base): p for p in paths if p.startswith(base)}
    for rule in (_by_shard, _by_folder, _by_file):
        splits: dict[str, list[str]] = {}
        for relative, path in below.items():
            for split in rule(relative):
                splits.setdefault(split, []).append(path)
        if splits:
            usual = [s for s in _KEYWORDS if s in splits]
            return {s: tuple(splits[s]) for s in (*usual, *sorted(splits.keys() - set(usual)))}
    return {"train": tuple(below.values())} if below else {}


def _by_shard(path: str) -> list[str]:
    match = _SHARDED.fullmatch(path)
    if match is None:
        return []
    if not _SPLIT_NAME.fullmatch(match.group(1)):
        raise UnsupportedDataset(
            f"{path} names a split {match.group(1)!r}, which the datasets library refuses",
            "rename the file, or state the splits in the dataset card",
        )
    return [match.group(1)]


def _by_folder(path: str) -> list[str]:
    parts = PurePosixPath(path).parts[:-1]
    return [split for split in _KEYWORDS if any(_names_split(part, split) for part in parts)]


def _by_file(path: str) -> list[str]:
    return [split for split in _KEYWORDS if _names_split(PurePosixPath(path).name, split, needs_end=True)]


def _names_split(text: str, split: str, *, needs_end: bool = False) -> bool:
    """Whether a split's keyword stands in `text`, bounded by separators (after it, one is required
    in file names, which have an extension)."""
    words = "|".join(_KEYWORDS[split])
    end = _SEPARATORS if needs_end else rf"(?:{_SEPARATORS}|$)"
    return re.search(rf"(?:^|{_SEPARATORS})(?:{words}){end}", text) is not None


def _card_configs(card: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    configs = card.get("configs")
    if not isinstance(configs, list):
        return {}
    return {str(c["config_name"]): c for c in configs if isinstance(c, Mapping) and c.get("config_name")}


def _marked_default(configs: Mapping[str, Mapping[str, Any]]) -> str | None:
    return next((name for name, c in configs.items() if c.get("default") is True), None)


def _stated_patterns(data_files: object) -> dict[str, list[str]]:
    """A card's `data_files` (a pattern, a list of them, a mapping, or [{split, path}]) by split."""
    if isinstance(data_files, Mapping):
        return {str(split): _listed(patterns) for split, patterns in data_files.items()}
    entries = _listed(data_files)
    if all(isinstance(e, Mapping) and "split" in e and "path" in e for e in entries):
        return {str(e["split"]): _listed(e["path"]) for e in entries}
    return {"train": [str(e) for e in entries]}


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _matching(patterns: Sequence[str], paths: Sequence[str]) -> tuple[str, ...]:
    """The paths any of the glob patterns matches (`*` within a folder, `**` across)."""
    from fsspec.utils import glob_translate

    compiled = [re.compile(glob_translate(str(p).removeprefix("./"))) for p in patterns]
    return tuple(p for p in paths if any(c.match(p) for c in compiled))


def _one_format(splits: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Only the files of the most common format, as the library picks one builder per repository."""
    counts = Counter(format_of(f) for files in splits.values() for f in files)
    if not counts:
        return {}
    chosen = max(counts, key=lambda kind: (counts[kind], kind == "parquet"))
    for kind in FOLDERS:
        others = (f for fs in splits.values() for f in fs if format_of(f) != kind)
        if kind in counts and all(PurePosixPath(f).name in METADATA_FILES for f in others):
            chosen = kind

    def belongs(path: str) -> bool:
        return format_of(path) == chosen or (chosen in FOLDERS and PurePosixPath(path).name in METADATA_FILES)

    kept = {s: tuple(f for f in files if belongs(f)) for s, files in splits.items()}
    return {s: files for s, files in kept.items() if files}


def _some(names: Sequence[str], limit: int = 20) -> str:
    shown = ", ".join(names[:limit])
    return f"{shown}, ... ({len(names)} in all)" if len(names) > limit else shown
