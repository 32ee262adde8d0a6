"""Where training runs: CUDA in bf16 autocast, else Apple's MPS, else the CPU."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

_DECODING_THREADS = 8
_KEPT = 0.125  # of an accelerator's free memory, for the inputs of one training


def choose_device() -> torch.device:
    """The best device of this machine: CUDA, MPS, CPU in this order."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def cuda_name() -> str | None:
    """The name of the CUDA device that torch can use; None without one."""
    return torch.cuda.get_device_name() if torch.cuda.is_available() else None


def device_name() -> str:
    """What the best device is called: the CUDA card's name, or the processor's after "CPU"."""
    if choose_device().type == "mps":
        return f"MPS, {platform.machine()}"
    return cuda_name() or f"CPU, {_processor()}"


def _processor() -> str:
    """As Linux tells it, else as Python knows it; several processors are of one kind."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine() or "of unknown kind"


def autocast(device: torch.device) -> AbstractContextManager[object]:
    """bf16 autocast on CUDA cards that have it; full fp32 everywhere else."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


def prepare_process(threads: int = 1) -> None:
    """Give this worker process `threads` torch threads.

    Workers that each take every core slow one another down by a factor of 30 and more, so a
    pool of CPU workers calls this once per worker.
    """
    os.environ["OMP_NUM_THREADS"] = str(threads)
    torch.set_num_threads(threads)


def wants_compilation(device: torch.device) -> bool:
    """Whether networks are compiled by `torch.compile`: on CUDA, where HUBSELECT_COMPILE is 1."""
    return device.type == "cuda" and os.environ.get("HUBSELECT_COMPILE") == "1"


def decoding_threads() -> int:
    """Threads that may decode images beside a training. On a CPU every core has a worker of its own."""
    return 1 if choose_device().type == "cpu" else min(_DECODING_THREADS, os.cpu_count() or 1)


def bytes_kept_on(device: torch.device) -> int:
    """How many bytes of inputs one training may keep on `device`; 0 where they are in memory anyway.

    A share of what is free now: several trainings may be on one card.
    """
    return int(_KEPT * torch.cuda.mem_get_info(device)[0]) if device.type == "cuda" else 0


def to_device(batch: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """The batch on `device`; copies to CUDA leave from pinned memory, so nobody waits for them."""
    return {name: _sent(tensor, device) for name, tensor in batch.items()}


def indices(rows: NDArray[np.int64], device: torch.device) -> torch.Tensor:
    """Row numbers as an index [n] on `device`, without waiting for it."""
    return _sent(torch.from_numpy(rows), device)


def _sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    if tensor.device.type == device.type:
        return tensor
    if device.type == "cuda":
        tensor = tensor.pin_memory()
    return tensor.to(device, non_blocking=device.type == "cuda")
