"""The state of a paused fine-tuning: written whole or not at all, read without running pickles."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from hubselect.records import CurvePoint

_FORMAT = 1
_NAME = "state.pt"


def random_state() -> dict[str, Any]:
    """The state of every random generator a model may draw from, as plain values and tensors."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": list(torch.cuda.get_rng_state_all()) if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "numpy": [str(kind), torch.from_numpy(np.asarray(keys, dtype=np.int64)), position, has_gauss, gauss],
        "python": random.getstate(),
    }


def set_random_state(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    if state["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])
    kind, keys, position, has_gauss, gauss = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, gauss))
    version, internal, gauss_next = state["python"]
    random.setstate((version, tuple(internal), gauss_next))


def seeded_state(seed: int) -> dict[str, Any]:
    """The generators' state at the start of a run with `seed`; the generators stay untouched."""
    outer = random_state()
    try:
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)
        random.seed(seed)
        return random_state()
    finally:
        set_random_state(outer)


@contextmanager
def own_randomness(state: dict[str, Any]) -> Iterator[None]:
    """Run with the generators of one fine-tuning, so that several take turns in one process
    without touching each other. `state` holds their new state afterwards."""
    outer = random_state()
    set_random_state(state)
    try:
        yield
    finally:
        state.update(random_state())
        set_random_state(outer)


@dataclass(frozen=True)
class State:
    """Everything a fine-tuning needs to go on. `identity` says what run it belongs to, `portions` how
    many examples fit into memory at once, in training and in evaluation (None: a whole batch)."""

    identity: dict[str, Any]
    step: int
    points: tuple[CurvePoint, ...]
    model: dict[str, Any]
    optimizer: dict[str, Any]
    randomness: dict[str, Any]
    portions: tuple[int | None, int | None] = (None, None)


def save_state(folder: Path, state: State) -> None:
    """Write `folder`/state.pt atomically: after a crash the file is the old or the new one."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "format": _FORMAT,
        "identity": state.identity,
        "step": state.step,
        "points": [[p.model, p.stage, p.epochs, p.val, p.seconds] for p in state.points],
        "model": state.model,
        "optimizer": state.optimizer,
        "randomness": state.randomness,
        "portions": list(state.portions),
    }
    draft = folder / f".{_NAME}.{os.getpid()}"
    try:
        with draft.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, folder / _NAME)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def load_state(folder: Path, identity: dict[str, Any]) -> State | None:
    """The saved state if there is a readable one of the same run, else None (start again)."""
    try:
        content = torch.load(folder / _NAME, map_location="cpu", weights_only=True)
        if content["format"] != _FORMAT or content["identity"] != identity:
            return None
        points = tuple(CurvePoint(*values) for values in content["points"])
        parts = (content["model"], content["optimizer"], content["randomness"])
        training, evaluation = content.get("portions", (None, None))
        return State(content["identity"], int(content["step"]), points, *parts, (training, evaluation))
    except Exception:
        return None  # truncated, damaged or foreign: nothing in it can be trusted
