"""What one training asks of a node: cores, memory and accelerators."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubselect.errors import InvalidInput
from hubselect.executors.pool import memory_for

GPUS = "HUBSELECT_RAY_GPUS"
"""Names the environment variable with the GPUs, or the share of one, that a training takes."""


@dataclass(frozen=True)
class Needs:
    """One core, `memory` bytes, and `gpus` (a share, or a whole number) for one training."""

    memory: int
    gpus: float = 0.0

    def options(self) -> dict[str, Any]:
        """As options of a Ray task."""
        return {"num_cpus": 1, "num_gpus": self.gpus, "memory": self.memory}

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many trainings a node of these resources has room for at a time."""
        wanted = {"CPU": 1.0, "GPU": self.gpus, "memory": float(self.memory)}
        return min(
            math.floor(resources.get(name, 0.0) / amount + 1e-9) for name, amount in wanted.items() if amount
        )

    def __str__(self) -> str:
        gpus = f", {self.gpus:g} GPU" if self.gpus else ""
        return f"1 CPU{gpus} and {self.memory / 1e9:.1f} GB of memory"


def needs_for(checkpoint_bytes: int, nodes: Sequence[Mapping[str, float]]) -> Needs:
    """What training a checkpoint takes on a cluster whose nodes have these resources.

    A GPU each where there are any: trainings beside each other on one may run out of its memory.
    `HUBSELECT_RAY_GPUS` says otherwise (0.5: two on a GPU; 0: none). No more memory is asked for than the
    largest node has. Raises `InvalidInput` for a value that is no number of GPUs.
    """
    gpus = _asked()
    if gpus is None:
        gpus = 1.0 if any(node.get("GPU", 0.0) >= 1 for node in nodes) else 0.0
    largest = max((int(node.get("memory", 0)) for node in nodes if node.get("GPU", 0.0) >= gpus), default=0)
    memory = memory_for(checkpoint_bytes)
    return Needs(min(memory, largest) if largest else memory, gpus)


def _asked() -> float | None:
    text = os.environ.get(GPUS, "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf or (value > 1 and value != int(value)):
        raise InvalidInput(f"{GPUS}={text!r} is no number of GPUs", "give a share such as 0.5, or 1, 2, ...")
    return value
