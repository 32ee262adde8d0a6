"""The state of incremental clustering, in a file beside the registry.

It holds what takes long to read or compute again: the matrix, the components, the distances
within large components, and how far the registry's runs were read. The registry alone is the
truth: a state that is missing, damaged or not of the stored clustering is left aside, and the
clusters are computed afresh.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.knowledge.linked import Cut, Linked
from hubselect.registry import Registry
from hubselect.registry.cluster_events import ClusteringMark
from hubselect.registry.score_tables import ScoreMark

_FORMAT = 1
_UNREADABLE = (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class ClusterState:
    """`linked` is what the stored clustering `clusters` says about the runs read up to `scores`."""

    linked: Linked
    scores: ScoreMark
    clusters: ClusteringMark


def load_state(store: Registry, digest: str, clusters: ClusteringMark) -> ClusterState | None:
    """The state of the stored clustering `clusters` under the recipe; None when there is none of it."""
    try:
        with np.load(_place(store, digest), allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["format"] != _FORMAT or head["clusters"] != asdict(clusters):
                return None
            return ClusterState(_linked(head, file), _score_mark(head["scores"]), clusters)
    except _UNREADABLE:
        return None


def save_state(store: Registry, digest: str, state: ClusterState) -> None:
    """Write the state; when that fails the next update is slower and nothing else."""
    linked = state.linked
    head = {
        "format": _FORMAT,
        "clusters": asdict(state.clusters),
        "scores": asdict(state.scores),
        "cut": asdict(linked.cut),
        "datasets": linked.datasets,
        "models": linked.models,
        "highest": linked.highest,
        "kept": sorted(linked.kept),
    }
    arrays = {f"kept_{number}": condensed for number, condensed in linked.kept.items()}
    place = _place(store, digest)
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=place.parent, prefix=f".{digest}-")
        try:
            with os.fdopen(handle, "wb") as file:
                np.savez(
                    file,
                    head=np.frombuffer(json.dumps(head).encode(), dtype=np.uint8),
                    rows=linked.scores,
                    component=linked.component,
                    cluster=linked.cluster,
                    **arrays,  # type: ignore[arg-type]
                )
            os.replace(part, place)
        except BaseException:
            with suppress(OSError):
                os.unlink(part)
            raise


def forget_state(store: Registry, digest: str) -> None:
    """Have the next update read everything again: for whoever overwrote scores in place."""
    with suppress(OSError):
        _place(store, digest).unlink()


def _place(store: Registry, digest: str) -> Path:
    return store.home / "clusters" / f"{digest}.npz"


def _linked(head: dict[str, Any], file: Any) -> Linked:
    return Linked(
        cut=Cut(**head["cut"]),
        datasets=tuple(head["datasets"]),
        models=tuple(head["models"]),
        scores=file["rows"],
        component=file["component"],
        cluster=file["cluster"],
        highest=head["highest"],
        kept={number: file[f"kept_{number}"] for number in head["kept"]},
    )


def _score_mark(values: dict[str, Any]) -> ScoreMark:
    return ScoreMark(
        last_run=values["last_run"],
        open_runs=tuple(values["open_runs"]),
        pins={int(model): revision for model, revision in values["pins"].items()},
        last_dataset=values["last_dataset"],
        benchmarks=tuple(values["benchmarks"]),
    )
