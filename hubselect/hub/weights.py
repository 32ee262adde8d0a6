"""Which files are a model's weights (one format only), how many bytes, how many parameters."""

from __future__ import annotations

import hashlib
import json
import math
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from hubselect.errors import CheckpointBroken, UnsupportedModel
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
_READ_SHARDS = 4
_MOST_PER_BYTE = 8  # parameters; quantized weights hold two
_BYTES = {  # of one value, by the format's name of its type; types of less than a byte are not checked
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E4M3", "F8_E5M2", "F8_E8M0"), 1),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 2),
    **dict.fromkeys(("U32", "I32", "F32"), 4),
    **dict.fromkeys(("U64", "I64", "F64", "C64"), 8),
}


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
    if (found := named_weights(files)) is not None:
        format_, names = found
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


def named_weights(names: Collection[str]) -> tuple[Format, tuple[str, ...]] | None:
    """The format that would be fetched and its files, from the names of a repository's files alone;
    None when neither format is there completely."""
    for format_ in _WHOLE:
        if files := _one_file(names, format_) or _shards(names, format_):
            return format_, files
    return None


def weights_digest(files: Iterable[RepoFile]) -> str:
    """Sha256 over the sorted (path, content id) pairs: equal digests mean equal weights and config."""
    lines = sorted(f"{f.path} {f.content_id}\n" for f in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def inspect_weights(repo_id: str, info: ModelInfo, weights: Weights) -> int | None:
    """The number of parameters, from the safetensors headers (a ranged read of some kilobytes each).

    None for .bin. Of more than 4 shards none is read: the Hub's own count is taken. Raises
    `CheckpointBroken` for a header that is no header or that promises more or fewer bytes than
    the file has: such weights cannot be loaded, whatever they are downloaded for.
    """
    total = int(info.safetensors.total) if info.safetensors is not None and info.safetensors.total else None
    if total is not None and total > _MOST_PER_BYTE * weights.bytes:
        total = None  # a count that the files cannot hold
    shards = [f for f in weights.files if f.endswith(".safetensors")]
    if weights.format != "safetensors" or len(shards) > _READ_SHARDS:
        return total
    files = repo_files(info)
    counts = [_header_parameters(repo_id, files[name], str(info.sha)) for name in shards]
    return total or sum(counts)


def _header_parameters(repo_id: str, file: RepoFile, sha: str) -> int:
    """Elements of all tensors of one file, from its JSON header (safetensors format)."""
    head = b""
    if file.size:  # nothing lies in a range of an empty file
        head = read_range(repo_id, file.path, sha, repo_type="model", length=1 << 15)
    try:
        (size,) = struct.unpack("<Q", head[:8])
        if size > min(_MAX_HEADER, file.size):
            raise ValueError("its header is longer than the file")
        if size + 8 > len(head):
            rest = size + 8 - len(head)
            head += read_range(repo_id, file.path, sha, repo_type="model", start=len(head), length=rest)
        tensors = {n: t for n, t in json.loads(head[8 : 8 + size]).items() if n != "__metadata__"}
        end = 8 + size + _end_of_data(tensors)
        if end != file.size:
            raise ValueError(f"its header promises {end} bytes, the file has {file.size}")
        return sum(math.prod(t["shape"]) for t in tensors.values())
    except (
        ValueError,
        KeyError,
        IndexError,
        TypeError,
        AttributeError,
        RecursionError,
        struct.error,
    ) as error:
        raise CheckpointBroken(
            f"{file.path} of {repo_id} is not a usable safetensors file: {error}",
            "choose another model or revision",
        ) from error


def _end_of_data(tensors: Mapping[str, Any]) -> int:
    """Bytes of all tensors, which lie one after another; raises ValueError where a tensor's shape does
    not take the bytes that its offsets give it, and what a header raises that is none."""
    end = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: item[1]["data_offsets"]):
        start, stop = tensor["data_offsets"]
        shape, width = tensor["shape"], _BYTES.get(tensor["dtype"])
        if not all(type(n) is int and n >= 0 for n in (start, stop, *shape)):
            place = f"[{start}, {stop}]"[:80]
            raise ValueError(f"{name[:80]!r} of shape {str(shape)[:80]} cannot lie at {place}")
        if start != end or stop < start:
            raise ValueError(f"{name[:80]!r} does not lie behind the tensor before it")
        if width is not None and math.prod(shape) * width != stop - start:
            raise ValueError(f"{name[:80]!r} of shape {str(shape)[:80]} takes {stop - start} bytes")
        end = stop
    return end


def _one_file(files: Collection[str], format_: Format) -> tuple[str, ...]:
    return (_WHOLE[format_],) if _WHOLE[format_] in files else ()


def _shards(files: Collection[str], format_: Format) -> tuple[str, ...]:
    """All shards and their index, or () when one is missing."""
    index = f"{_WHOLE[format_]}.index.json"
    found = {name: match for name in files if (match := _SHARD[format_].fullmatch(name))}
    complete = bool(found) and len(found) == int(next(iter(found.values())).group(1))
    return (*sorted(found), index) if complete and index in files else ()
