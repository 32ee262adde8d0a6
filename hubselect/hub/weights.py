"""Which files are a model's weights (one format only), how many bytes, how many parameters."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubselect.errors import HubError, UnsupportedModel
from hubselect.hub.client import read_range

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

Format = Literal["safetensors", "bin"]

_WHOLE: dict[Format, str] = {"safetensors": "model.safetensors", "bin": "pytorch_model.bin"}
_SHARD: dict[Format, re.Pattern[str]] = {
    "safetensors": re.compile(r"model-\d{5}-of-(\d{5})\.safetensors"),
    "bin": re.compile(r"pytorch_model-\d{5}-of-(\d{5})\.bin"),
}
_FOREIGN = (".h5", ".msgpack", ".onnx", ".gguf", ".ckpt", ".index", ".ot")
_MAX_HEADER = 32 << 20


@dataclass(frozen=True)
class Weights:
    """The files of the one format that would be fetched (index file included), their bytes, and
    a digest of the content of weights and config.json."""

    format: Format
    files: tuple[str, ...]
    bytes: int
    digest: str


@dataclass(frozen=True)
class RepoFile:
    """`content_id` is the LFS sha256 (64 hex digits) or the git blob id (40)."""

    path: str
    size: int
    content_id: str


def repo_files(info: ModelInfo) -> dict[str, RepoFile]:
    """All files of a model by path, from an answer with files metadata."""
    files = {}
    for sibling in info.siblings or ():
        content = sibling.lfs.sha256 if sibling.lfs else sibling.blob_id
        files[sibling.rfilename] = RepoFile(sibling.rfilename, int(sibling.size or 0), str(content or ""))
    return files


def choose_weights(repo_id: str, info: ModelInfo) -> Weights:
    """The weights at the repository's top level: safetensors if whole, else .bin.

    Variants (`*.fp16.safetensors`), other frameworks' files and sub-folders are ignored.
    Raises UnsupportedModel when neither format is there completely.
    """
    files = repo_files(info)
    for format_ in _WHOLE:
        names = _one_file(files, format_) or _shards(files, format_)
        if names:
            size = sum(files[n].size for n in names)
            return Weights(format_, names, size, weights_digest(files[n] for n in (*names, "config.json")))
    foreign = sorted(n for n in files if n.endswith(_FOREIGN))
    if "adapter_config.json" in files:
        raise UnsupportedModel(f"{repo_id} is an adapter, not a whole model", "add its base model instead")
    seen = f" (it has {', '.join(foreign[:3])})" if foreign else ""
    raise UnsupportedModel(
        f"{repo_id} has no complete weights in safetensors or PyTorch format{seen}",
        "convert it to safetensors, or choose another model",
    )


def weights_digest(files: Iterable[RepoFile]) -> str:
    """Sha256 over the sorted (path, content id) pairs: equal digests mean equal weights and config."""
    lines = sorted(f"{f.path} {f.content_id}\n" for f in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def count_parameters(repo_id: str, info: ModelInfo, weights: Weights) -> int | None:
    """From the Hub's safetensors metadata, else from the files' headers; None for .bin."""
    if info.safetensors is not None and info.safetensors.total:
        return int(info.safetensors.total)
    if weights.format != "safetensors":
        return None
    shards = [f for f in weights.files if f.endswith(".safetensors")]
    if len(shards) > 64:
        return None
    try:
        return sum(_header_parameters(repo_id, name, str(info.sha)) for name in shards)
    except (HubError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        return None  # a count is a nicety; a broken file is reported when it is loaded


def _header_parameters(repo_id: str, path: str, sha: str) -> int:
    """Elements of all tensors of one file, from its JSON header (safetensors format)."""
    head = read_range(repo_id, path, sha, repo_type="model", length=1 << 15)
    (size,) = struct.unpack("<Q", head[:8])
    if size > _MAX_HEADER:
        raise ValueError("header too large")
    if size + 8 > len(head):
        head += read_range(
            repo_id, path, sha, repo_type="model", start=len(head), length=size + 8 - len(head)
        )
    header = json.loads(head[8 : 8 + size])
    return sum(math.prod(tensor["shape"]) for name, tensor in header.items() if name != "__metadata__")


def _one_file(files: dict[str, RepoFile], format_: Format) -> tuple[str, ...]:
    return (_WHOLE[format_],) if _WHOLE[format_] in files else ()


def _shards(files: dict[str, RepoFile], format_: Format) -> tuple[str, ...]:
    """All shards and their index, or () when one is missing."""
    index = f"{_WHOLE[format_]}.index.json"
    found = {name: match for name in files if (match := _SHARD[format_].fullmatch(name))}
    complete = bool(found) and len(found) == int(next(iter(found.values())).group(1))
    return (*sorted(found), index) if complete and index in files else ()
