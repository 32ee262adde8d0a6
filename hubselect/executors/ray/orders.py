"""What driver and nodes say to each other: an order, and one of four answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from hubselect.executors.jobs import TrainingJob
from hubselect.executors.ray.parcels import Parcel, Pieces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Files = Mapping[str, NDArray[np.uint8]]
    """The content of files by name."""

_DECISIVE = ("hubselect", "torch", "transformers", "tokenizers", "datasets", "numpy")
"""Packages that a score depends on, or how orders read."""


@dataclass(frozen=True)
class Order:
    """Call `function(job, *rest)` on a node, for the driver's `session`.

    `posted` holds, by digest, the pieces of those parcels that are in the object store. `versions` are the
    driver's, `accelerated` says whether the task was given a GPU.
    """

    session: str
    function: Callable[..., Any]
    job: TrainingJob
    rest: tuple[Any, ...]
    checkpoint: Parcel
    examples: Parcel
    state: Parcel | None
    versions: Mapping[str, str | None]
    accelerated: bool
    posted: Mapping[str, Pieces]


@dataclass(frozen=True)
class Done:
    """`value` is, pickled, what the function returned, or the `HubselectError` it raised: arrays that the
    object store holds could not be written to, and would be gone with the connection. `state` are the files
    of the training state, and `saved` those of the checkpoint it saved (None: there is no new one)."""

    node: str
    value: bytes
    state: Files | None = None
    saved: Files | None = None


@dataclass(frozen=True)
class Absent:
    """The node has no files of these digests."""

    node: str
    digests: tuple[str, ...]


@dataclass(frozen=True)
class Refused:
    """The node cannot do what the driver would: `reason` is a sentence about it."""

    node: str
    reason: str


def versions() -> dict[str, str | None]:
    """The versions installed here of what decides about scores; None where one is not installed."""
    return {name: _version(name) for name in _DECISIVE}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
