"""Refuses checkpoints whose config describes a model that their weights cannot fill.

transformers makes up what the weights lack, at the size that the config names: a file of some bytes may
ask for more memory or time than any machine has. So sizes are compared before anything is built.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch

from hubselect.errors import CheckpointBroken

Shapes = Mapping[str, tuple[int, ...]]

_MOST = {"layer": 4096, "depth": 4096, "expert": 4096, "label": 1_000_000}
"""Above these, numbers under a key with such a word are no configuration of a model that exists."""

_PER_BYTE = 8  # parameters of a model per byte of its weights; quantized weights hold two
_MADE_UP = 10_000_000  # parameters that may be made up in any case: poolers, heads, positions


def refuse_giants(checkpoint: Path) -> None:
    """Raise `CheckpointBroken` for a config.json that counts more layers or classes than can be built.

    Counts are read as plain JSON: transformers would make a name for every class at once.
    """
    try:
        content = json.loads((checkpoint / "config.json").read_text(encoding="utf-8"))
        found = next(_giants(content), None)
    except FileNotFoundError:
        return  # transformers says so
    except (OSError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())[:160]
        raise CheckpointBroken(f"config.json of {checkpoint.name} cannot be read: {text}") from error
    if found is not None:
        raise CheckpointBroken(
            f"the weights of {checkpoint.name} do not fit its config: {found[0]} is {found[1]}"
        )


def _giants(content: Any, key: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(content, dict):
        for name, value in content.items():
            yield from _giants(value, str(name))
    elif isinstance(content, list):
        for value in content:
            yield from _giants(value, key)
    elif isinstance(content, int) and any(word in key and content > most for word, most in _MOST.items()):
        yield key, content


def shapes_of(model: torch.nn.Module) -> Shapes:
    return {name: tuple(p.shape) for name, p in model.named_parameters()}


def check_size(checkpoint: Path, shapes: Shapes) -> None:
    """Raise `CheckpointBroken` when `shapes` hold many more parameters than the weights have bytes for."""
    parameters = sum(math.prod(shape) for shape in shapes.values())
    kinds = (".safetensors", ".bin")
    held = sum(f.stat().st_size for f in checkpoint.iterdir() if f.suffix in kinds)
    if parameters > _PER_BYTE * held + _MADE_UP:
        raise CheckpointBroken(
            f"the weights of {checkpoint.name} do not fit its config: it describes {parameters:.3g} "
            f"parameters, the weights have {held} bytes"
        )
