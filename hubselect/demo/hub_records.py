"""What the Hub's API says about a repository, computed from its files.

Pure functions from a Repository and its Snapshot to JSON-ready dicts. Like the real Hub,
`config` holds only a few keys of config.json, and `expand` limits the answer to what was asked.
Key names are the Hub's (https://huggingface.co/docs/hub/api).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import yaml  # type: ignore[import-untyped]

from hubselect.demo.hub_repos import RepoFile, Repository, Snapshot

Json = dict[str, Any]

# The keys of config.json and tokenizer_config.json that the Hub repeats in its API.
CONFIG_KEYS = ("architectures", "model_type", "auto_map", "quantization_config")
TOKENIZER_KEYS = ("bos_token", "cls_token", "eos_token", "mask_token", "pad_token", "sep_token", "unk_token")

PIPELINES = {
    "ForSequenceClassification": "text-classification",
    "ForImageClassification": "image-classification",
    "ForMaskedLM": "fill-mask",
    "ForCausalLM": "text-generation",
    "ForTokenClassification": "token-classification",
}
CARD_TAG_PREFIXES = {
    "models": ("license", "base_model", "datasets:dataset"),
    "datasets": ("license", "task_categories", "task_ids", "size_categories", "language"),
}


def repo_record(repo: Repository, snapshot: Snapshot, *, blobs: bool = False) -> Json:
    """Everything known about a repository at one revision."""
    card = card_data(snapshot)
    settings = repo.settings
    record: Json = {
        "_id": snapshot.sha[:24],
        "id": repo.id,
        "author": repo.owner,
        "sha": snapshot.sha,
        "lastModified": modified_at(repo, snapshot),
        "createdAt": settings.created_at,
        "private": settings.private,
        "gated": settings.gated,
        "disabled": False,
        "downloads": settings.downloads,
        "downloadsAllTime": settings.downloads,
        "likes": settings.likes,
        "trendingScore": settings.likes,
        "cardData": card,
        "siblings": [_sibling(f, blobs) for f in snapshot.files.values()],
        "usedStorage": sum(f.size for f in snapshot.files.values()),
    }
    record |= _model_part(repo, snapshot, card) if repo.kind == "models" else {"description": None}
    record["tags"] = _tags(repo, record, card)
    return {key: value for key, value in record.items() if value is not None}


def info_view(record: Json, expand: list[str]) -> Json:
    """The answer of the info endpoint: all but what only `expand` gives, or exactly `expand`."""
    if expand:
        return {key: value for key, value in record.items() if key in {"_id", "id", *expand}}
    only_expanded = {"downloadsAllTime", "evalResults", "trendingScore"}
    return {key: value for key, value in record.items() if key not in only_expanded}


def list_view(record: Json, kind: str, query: Mapping[str, list[str]]) -> Json:
    """The shorter answer of the list endpoints; `full`, `config`, `cardData`, `expand` add to it."""
    expand = query.get("expand", [])
    if expand:
        return info_view(record, expand)
    keys = {"_id", "id", "private", "downloads", "likes", "tags", "createdAt"}
    keys |= {"trendingScore", "pipeline_tag", "library_name", "modelId"}
    if kind == "datasets" or _is_set(query, "full"):
        keys |= {"author", "sha", "lastModified", "gated", "disabled", "description"}
    if _is_set(query, "full"):
        keys |= {"siblings"} | ({"cardData"} if kind == "datasets" else set())
    keys |= {key for key in ("config", "cardData") if _is_set(query, key)}
    return {key: value for key, value in record.items() if key in keys}


def tree_entry(repo: Repository, snapshot: Snapshot, path: str, *, expand: bool) -> Json | None:
    """A file or folder as the tree and paths-info endpoints give it; None when absent."""
    file = snapshot.files.get(path)
    entry: Json
    if file is not None:
        entry = {"type": "file", "oid": file.oid, "size": file.size, "path": path}
        if file.is_lfs:
            size = {"size": file.size, "pointerSize": len(file.pointer)}
            entry["lfs"] = {"oid": file.hashes.sha256, **size}
    else:
        oid = snapshot.folder_oid(path)
        if oid is None:
            return None
        entry = {"type": "directory", "oid": oid, "size": 0, "path": path}
    if expand:
        commit = commit_record(repo, snapshot)
        entry["lastCommit"] = {key: commit[key] for key in ("id", "title", "date")}
    return entry


def commit_record(repo: Repository, snapshot: Snapshot) -> Json:
    """The one commit of a ref."""
    return {
        "id": snapshot.sha,
        "title": f"Content of {snapshot.ref}",
        "message": "",
        "date": modified_at(repo, snapshot),
        "authors": [{"user": repo.owner}],
    }


def modified_at(repo: Repository, snapshot: Snapshot) -> str:
    if repo.settings.last_modified:
        return repo.settings.last_modified
    moment = datetime.fromtimestamp(snapshot.modified, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def card_data(snapshot: Snapshot) -> Json | None:
    """The YAML front matter of README.md; None without one or when it cannot be read."""
    readme = snapshot.files.get("README.md")
    if readme is None:
        return None
    text = readme.local.read_text(encoding="utf-8", errors="replace")
    if not text.startswith("---\n"):
        return None
    head, mark, _ = text[4:].partition("\n---")
    try:
        card = yaml.safe_load(head) if mark else None
    except yaml.YAMLError:
        return None
    return json.loads(json.dumps(card, default=str)) if isinstance(card, dict) else None


def safetensors_parameters(path: RepoFile) -> dict[str, int]:
    """Number of values per dtype, from a safetensors header (8 bytes length, then JSON)."""
    counts: dict[str, int] = {}
    try:
        with path.local.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(min(length, path.size)))
        for name, tensor in header.items():
            if name != "__metadata__":
                size = 1
                for dimension in tensor["shape"]:
                    size *= dimension
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + size
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}  # a corrupt file has no parameter count on the Hub either
    return counts


def _model_part(repo: Repository, snapshot: Snapshot, card: Json | None) -> Json:
    config = _json_file(snapshot, "config.json")
    card = card or {}
    library = repo.settings.library_name or card.get("library_name")
    if library is None and "model_type" in config:
        library = "transformers"
    return {
        "modelId": repo.id,
        "pipeline_tag": repo.settings.pipeline_tag or card.get("pipeline_tag") or _pipeline(config),
        "library_name": library,
        "config": _api_config(config, _json_file(snapshot, "tokenizer_config.json")) or None,
        "safetensors": _safetensors(snapshot),
        "model-index": card.get("model-index"),
        "evalResults": _eval_results(snapshot) or None,
        "spaces": [],
    }


def _api_config(config: Json, tokenizer: Json) -> Json:
    shown = {key: config[key] for key in CONFIG_KEYS if key in config}
    tokens = {key: tokenizer[key] for key in TOKENIZER_KEYS if key in tokenizer}
    return shown | ({"tokenizer_config": tokens} if tokens else {})


def _safetensors(snapshot: Snapshot) -> Json | None:
    counts: dict[str, int] = {}
    for path, file in snapshot.files.items():
        if path.endswith(".safetensors") and path.startswith("model") and "/" not in path:
            for dtype, number in safetensors_parameters(file).items():
                counts[dtype] = counts.get(dtype, 0) + number
    return {"parameters": counts, "total": sum(counts.values())} if counts else None


def _eval_results(snapshot: Snapshot) -> list[Json]:
    files = [f for p, f in snapshot.files.items() if p.startswith(".eval_results/") and p.endswith(".yaml")]
    results: list[Json] = []
    for file in files:
        for entry in yaml.safe_load(file.local.read_text(encoding="utf-8")) or []:
            results.append({"filename": file.path, "data": json.loads(json.dumps(entry, default=str))})
    return results


def _pipeline(config: Json) -> str | None:
    for architecture in config.get("architectures") or []:
        for suffix, pipeline in PIPELINES.items():
            if architecture.endswith(suffix):
                return pipeline
        if architecture.endswith("Model"):
            return "image-feature-extraction" if "image_size" in config else "feature-extraction"
    return None


def _tags(repo: Repository, record: Json, card: Json | None) -> list[str]:
    names = {s["rfilename"] for s in record["siblings"]}
    formats = {"safetensors": ".safetensors", "pytorch": ".bin", "onnx": ".onnx"}
    tags = [
        record.get("library_name"),
        *(t for t, end in formats.items() if any(n.endswith(end) for n in names)),
    ]
    tags += [(record.get("config") or {}).get("model_type"), record.get("pipeline_tag")]
    tags += [*repo.settings.tags, *_listed((card or {}).get("tags"))]
    if repo.kind == "models":
        tags += _listed((card or {}).get("language"))
    for prefix in CARD_TAG_PREFIXES[repo.kind]:
        key, _, name = prefix.partition(":")
        tags += [f"{name or key}:{value}" for value in _listed((card or {}).get(key))]
    return list(dict.fromkeys(tag for tag in [*tags, "region:us"] if tag))


def _sibling(file: RepoFile, blobs: bool) -> Json:
    if not blobs:
        return {"rfilename": file.path}
    sibling: Json = {"rfilename": file.path, "blobId": file.oid, "size": file.size}
    if file.is_lfs:
        sibling["lfs"] = {"sha256": file.hashes.sha256, "size": file.size, "pointerSize": len(file.pointer)}
    return sibling


def _json_file(snapshot: Snapshot, name: str) -> Json:
    file = snapshot.files.get(name)
    if file is None:
        return {}
    try:
        content = json.loads(file.local.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return {}  # a broken config.json is served, but says nothing
    return content if isinstance(content, dict) else {}


def _listed(value: object) -> list[str]:
    if value is None:
        return []
    return [str(v) for v in value] if isinstance(value, list) else [str(value)]


def _is_set(query: Mapping[str, list[str]], key: str) -> bool:
    return query.get(key, [""])[-1].lower() in ("true", "1")
