"""Whom there is room for: recalled models within what may be downloaded and what may lie on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hubselect.api.benchmarks.benchmarking import pinned
from hubselect.api.disk import disk_bytes, size_known
from hubselect.errors import HubselectError, InvalidInput
from hubselect.executors.local import PASSING
from hubselect.hub import is_downloaded
from hubselect.records import Model, Recalled
from hubselect.registry import Registry
from hubselect.reports.numbers import size


@dataclass(frozen=True)
class Limits:
    """Bytes that may be downloaded, and that may lie on the disk; None is no limit. `workers` train beside
    each other."""

    download: int | None
    disk: int | None
    workers: int


def fitting(
    store: Registry, ranked: Sequence[Recalled], k: int, limits: Limits, fetched: int = 0
) -> tuple[tuple[Recalled, ...], tuple[str, ...]]:
    """The best `k` for whom there is room beside the better ones, and why others were passed over.

    `fetched` bytes came already; a checkpoint that is here costs no more. A model known by name only is
    looked up for its size; one that cannot be looked up does not fit. Raises `InvalidInput` when there is
    room for none.
    """
    if limits.download is None and limits.disk is None:
        return tuple(ranked[:k]), ()
    chosen: list[Recalled] = []
    models: list[Model] = []
    notes: list[str] = []
    for each in ranked:
        if len(chosen) == k:
            break
        model = _looked_up(store, each.model)
        why = "nobody tells its size" if model is None else _too_much([*models, model], limits, fetched)
        if model is not None and why is None:
            chosen.append(each)
            models.append(model)
        else:
            notes.append(f"{each.model} is left out: {why}")
    if not chosen:
        raise InvalidInput(*_none(limits))
    return tuple(chosen), tuple(notes)


def for_recall(store: Registry, likely: Sequence[str], limits: Limits) -> int | None:
    """What recall may fetch so that `likely` models still have room."""
    if limits.disk is None:
        return limits.download
    left = max(0, limits.disk - disk_bytes(store.models_named(likely), limits.workers))
    return left if limits.download is None else min(left, limits.download)


def _looked_up(store: Registry, model_id: str) -> Model | None:
    try:
        model = pinned(store, store.model(model_id))
    except PASSING:
        raise
    except HubselectError:
        return None
    return model if size_known(model) or is_downloaded(model) else None


def _too_much(models: Sequence[Model], limits: Limits, fetched: int) -> str | None:
    """Why the last of `models` has no room beside the others; None when it has."""
    to_come = sum(m.weights_bytes or 0 for m in models if not is_downloaded(m))
    if limits.download is not None and fetched + to_come > limits.download:
        return f"its weights do not fit into --max-download {size(limits.download)}"
    needed = fetched + disk_bytes(models, limits.workers)
    if limits.disk is not None and needed > limits.disk:
        return f"with it {size(needed)} would lie on the disk, --max-disk is {size(limits.disk)}"
    return None


def _none(limits: Limits) -> tuple[str, str]:
    if limits.disk is None:
        return f"no recalled model fits into {size(limits.download or 0)}", "raise --max-download"
    return f"no recalled model fits into {size(limits.disk)} on the disk", "raise --max-disk"
