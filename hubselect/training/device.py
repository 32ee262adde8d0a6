"""Where training runs: CUDA in bf16 autocast, else Apple's MPS, else the CPU."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch


def choose_device() -> torch.device:
    """The best device of this machine: CUDA, MPS, CPU in this order."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


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


def to_device(batch: dict[str, torch.Tensor], device: torch.device) -> dict[str, torch.Tensor]:
    """The batch on `device`; copies to CUDA do not wait for the card."""
    if device.type == "cpu":
        return batch
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}
