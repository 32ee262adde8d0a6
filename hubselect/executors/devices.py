"""The accelerators of this machine, found without importing torch: the driver must start fast.

Small models do not fill a card: several trainings share one as long as they fit into its memory (on an
H200, four of a small BERT ran 3.6 times as fast as one after the other, four of BERT-base 2.3 times:
`benchmarks/gpu.py`).
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ON_ONE_CARD = 4
_SECONDS = 20  # for nvidia-smi, which is slow where a driver must wake up


@dataclass(frozen=True)
class Card:
    """A CUDA device: `name` is what CUDA_VISIBLE_DEVICES calls it, `free` its free memory in bytes."""

    name: str
    free: int


def visible_cards() -> tuple[Card, ...]:
    """The CUDA devices that this process may use; none where there is no driver.

    Parts of a card (MIG) are named by CUDA_VISIBLE_DEVICES alone and count as full with one training.
    """
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is not None and wanted.strip() in ("", "-1"):
        return ()
    found = cards_listed(_nvidia_smi()) or _device_files()
    if wanted is None:
        return tuple(card for card, _ in found)
    if not found:
        return ()
    names = [part.strip() for part in wanted.split(",")]
    free = {name: next((c.free for c, uuid in found if _names(name, c, uuid)), 0) for name in names}
    return tuple(Card(name, free[name]) for name in names)


def _names(name: str, card: Card, uuid: str) -> bool:
    """CUDA takes a number, a UUID or the beginning of one."""
    return name == card.name or (name.startswith("GPU-") and uuid.startswith(name))


def cards_listed(text: str) -> list[tuple[Card, str]]:
    """Cards and their UUIDs from nvidia-smi's lines "index, uuid, free MiB"; other lines are left out."""
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) == 3 and parts[0].isdigit() and parts[2].isdigit():
            found.append((Card(parts[0], int(parts[2]) << 20), parts[1]))
    return found


def _nvidia_smi() -> str:
    ask = ["nvidia-smi", "--query-gpu=index,uuid,memory.free", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(ask, capture_output=True, text=True, timeout=_SECONDS, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _device_files() -> list[tuple[Card, str]]:
    """Where nvidia-smi is not installed: how many cards there are, and nothing of their memory."""
    numbers = sorted(
        int(file.name[6:]) for file in Path("/dev").glob("nvidia[0-9]*") if file.name[6:].isdigit()
    )
    return [(Card(str(number), 0), "") for number in numbers]


def trainings_on(card: Card, bytes_per_job: int) -> int:
    """How many trainings share a card; one at least. `bytes_per_job` is the size of the largest checkpoint's
    weights.

    With batches of 32 a training took 8 to 27 times its weights, the small ones more, and a process half a
    gigabyte: 16 times and 1.5 GB are enough for all that was measured. Where not, batches are halved.
    """
    return max(1, min(ON_ONE_CARD, int(0.9 * card.free // (1.5e9 + 16 * bytes_per_job))))


def is_apple_accelerated() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"
