"""One entry of a Hub listing -> a record, by the rules of `index_model` but without another request.

A listing gives names of files but not their sizes or hashes, and of config.json only the
architecture: so these records are `indexed_only`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hubselect.errors import HubselectError, UnsupportedModel
from hubselect.hub.client import check_repo_id, is_commit
from hubselect.hub.models import decide_task, refuse_custom_code, refuse_foreign_formats
from hubselect.hub.weights import named_weights
from hubselect.records import Dataset, Model, Task

_BYTES = {
    "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
}  # fmt: skip
"""Bytes of one value by safetensors dtype; all others take one (8-bit kinds, BOOL)."""


@dataclass(frozen=True)
class Claim:
    """A score that the card of a model claims (`model-index`, or a file of `.eval_results/`)."""

    dataset: str
    metric: str
    value: float
    config: str = ""
    split: str = ""


@dataclass(frozen=True)
class ListedModel:
    """A model of a listing and what its card claims."""

    model: Model
    claims: tuple[Claim, ...]


def listed_model(item: Mapping[str, Any], task: Task) -> ListedModel:
    """The record of an entry of `/api/models`.

    Raises UnsupportedModel for what `index_model` would refuse as far as the listing tells, and
    when it is a model for another task; HubError's classes and InvalidInput for an entry without
    a usable id or commit.
    """
    repo_id = check_repo_id(item["id"])
    if not is_commit(item.get("sha")):
        raise UnsupportedModel(
            f"{repo_id} has no commit in the listing", "add it by its id: `hubselect add-model`"
        )
    names = frozenset(str(s["rfilename"]) for s in _mappings(item.get("siblings")) if "rfilename" in s)
    refuse_foreign_formats(repo_id, names)
    config = _mapping(item.get("config"))
    refuse_custom_code(repo_id, config)
    found = decide_task(repo_id, item.get("pipeline_tag"), config, names)
    if found != task:
        raise UnsupportedModel(f"{repo_id} is a model for {found}", f"index it with --task {found}")
    weights = named_weights(names)
    if weights is None:
        raise UnsupportedModel(
            f"{repo_id} has no complete weights in safetensors or PyTorch format", "choose another model"
        )
    tensors = _mapping(item.get("safetensors"))
    architectures = config.get("architectures")
    tags = _tags(item)
    model = Model(
        id=repo_id,
        task=task,
        revision=item["sha"],
        architecture=str(architectures[0]) if isinstance(architectures, list) and architectures else None,
        model_type=_text(config.get("model_type")),
        parameters=_whole(tensors.get("total")) or None,
        weights_format=weights[0],
        weights_files=weights[1],
        weights_bytes=tensor_bytes(tensors) if weights[0] == "safetensors" else None,
        base_model=_base_model(tags),
        pipeline_tag=_text(item.get("pipeline_tag")),
        library=_text(item.get("library_name")),
        hub_created_at=moment(item.get("createdAt")),
        **_common(item, tags),
    )
    return ListedModel(model, tuple(_claims(item)))


def listed_dataset(item: Mapping[str, Any], task: Task) -> Dataset:
    """The record of an entry of `/api/datasets`: a name with metadata, a target until somebody adds it.

    It has no revision: columns, labels and splits are of a commit, and found when it is added. Raises
    InvalidInput for an entry without a usable id.
    """
    return Dataset(id=check_repo_id(item["id"]), task=task, role="target", **_common(item, _tags(item)))


def modified(item: Mapping[str, Any]) -> str | None:
    """When the entry last changed, in the form of `moment`."""
    return moment(item.get("lastModified"))


def moment(value: object) -> str | None:
    """A time of the Hub's API as ISO 8601 with offset, so that text order is order in time; else None."""
    try:
        return datetime.fromisoformat(value).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None


def tensor_bytes(tensors: Mapping[str, Any]) -> int | None:
    """Bytes of all tensors from the Hub's count of values by dtype (the file's header is not counted)."""
    counts = _mapping(tensors.get("parameters"))
    return sum(_BYTES.get(str(dtype), 1) * _whole(n) for dtype, n in counts.items()) or None


def _common(item: Mapping[str, Any], tags: tuple[str, ...]) -> dict[str, Any]:
    return {
        "license": next((t[8:] for t in tags if t.startswith("license:")), None),
        "last_modified": modified(item),
        "downloads": _whole(item.get("downloads")),
        "likes": _whole(item.get("likes")),
        "tags": tags,
        "gated": _text(item.get("gated")),
        "indexed_only": True,
    }


def _tags(item: Mapping[str, Any]) -> tuple[str, ...]:
    tags = item.get("tags")
    return tuple(str(t) for t in tags) if isinstance(tags, list) else ()


def _base_model(tags: tuple[str, ...]) -> str | None:
    """`base_model:ID`; the Hub adds `base_model:finetune:ID` and other kinds beside it."""
    bases = [t.split(":", 1)[1] for t in tags if t.startswith("base_model:")]
    plain = [b for b in bases if ":" not in b]
    return plain[0] if plain else (bases[0].rpartition(":")[2] if bases else None)


def _claims(item: Mapping[str, Any]) -> Iterator[Claim]:
    for entry in _mappings(item.get("model-index")):
        for result in _mappings(entry.get("results")):
            dataset = _mapping(result.get("dataset"))
            name = _text(dataset.get("type")) or _text(dataset.get("name"))
            for metric in _mappings(result.get("metrics")):
                value, kind = _number(metric.get("value")), _text(metric.get("type"))
                if name and kind and value is not None:
                    config, split = _text(dataset.get("config")), _text(dataset.get("split"))
                    yield Claim(name, kind, value, config or "", split or "")
    for file in _mappings(item.get("evalResults")):
        data = _mapping(file.get("data", file))
        dataset = _mapping(data.get("dataset"))
        name, value = _text(dataset.get("id")), _number(data.get("value"))
        if name and value is not None:  # a leaderboard's own metric, under the name of its task
            yield Claim(name, "leaderboard", value, _text(dataset.get("task_id")) or "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [v for v in value if isinstance(v, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 1 << 63 else 0


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def why_not(error: HubselectError, repo_id: str) -> str:
    """The reason of a refusal without the id, so that equal reasons can be counted."""
    return error.message.replace(repo_id, "it").split(" (")[0]
