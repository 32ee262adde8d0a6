"""Where a model without results would probably stand: beside a relative, or beside the model whose card
reads most like its own (the paper's text-based similarity, Sec. V.B: sentence embeddings, cosine).

A home is a model that has results, hence a cluster. Nothing here changes a home or its cluster.

`base_model` links give every model at most one parent. So a shortest way between two relatives goes
up from one and down to the other: they meet at an ancestor of both, and no child has to be looked
for. A parent may be known by its name alone. Wrong cards make circles; they end where they began.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.records import Placement

LINEAGE = "lineage"
"""`how` of a place beside the nearest relative; its score is 1 / (1 + steps)."""

CARD_TEXT = "card-text"
"""`how` of a place beside the model with the most similar card; its score is their cosine."""

_TILE = 1 << 24  # cosines held at once


@dataclass(frozen=True)
class Home:
    """The cluster of a model that has results, and its mean benchmark score."""

    cluster: int
    mean: float = float("nan")


@dataclass(frozen=True, order=True)
class _Rank:
    """What comes first: fewer steps, then the higher mean (NaN last), then the lower id."""

    steps: int
    below: float
    model: str


def ancestors(model: str, base_of: Mapping[str, str]) -> Iterator[str]:
    """The model itself, its base, the base of that ...; each once."""
    seen: set[str] = set()
    name: str | None = model
    while name is not None and name not in seen:
        yield name
        seen.add(name)
        name = base_of.get(name)


class Lineage:
    """The nearest home of any model, by links between models and what they were made from.

    `base_of` maps a model to its base and has to hold the ancestors of every home and of every
    model that is asked for.
    """

    def __init__(self, base_of: Mapping[str, str], homes: Mapping[str, Home]) -> None:
        self._homes = homes
        self._best: dict[str, _Rank] = {}
        for model, home in homes.items():
            below = -round(home.mean, 12) if home.mean == home.mean else float("inf")
            for steps, name in enumerate(ancestors(model, base_of)):
                rank = _Rank(steps, below, model)
                if name not in self._best or rank < self._best[name]:
                    self._best[name] = rank

    def place(self, model: str, base_of: Mapping[str, str]) -> Placement | None:
        """Beside the home that is the fewest links away (ties: the highest mean, then the lowest id).

        A home is one link from its base and two from its siblings. None without a relative that has
        a home. `base_of` holds the ancestors of the model.
        """
        found = (
            _Rank(up + rank.steps, rank.below, rank.model)
            for up, name in enumerate(ancestors(model, base_of))
            if (rank := self._best.get(name)) is not None
        )
        best = min(found, default=None)
        if best is None:
            return None
        return Placement(model, self._homes[best.model].cluster, LINEAGE, 1.0 / (1 + best.steps))


def related(models: Iterable[str], homes: Iterable[str], base_of: Mapping[str, str]) -> set[str]:
    """The homes that have an ancestor in common with any of the models."""
    names = {name for model in models for name in ancestors(model, base_of)}
    return {home for home in homes if any(name in names for name in ancestors(home, base_of))}


def by_lineage(
    models: Iterable[str], base_of: Mapping[str, str], homes: Mapping[str, Home]
) -> dict[str, Placement]:
    """The models that have a relative with a home, placed beside the nearest (see `Lineage`)."""
    lineage = Lineage(base_of, homes)
    found = ((model, lineage.place(model, base_of)) for model in models)
    return {model: placement for model, placement in found if placement is not None}


def by_text(
    models: Sequence[str],
    vectors: npt.ArrayLike,
    neighbours: Sequence[str],
    neighbour_vectors: npt.ArrayLike,
    homes: Mapping[str, Home],
) -> dict[str, Placement]:
    """Each model beside the neighbour with the largest cosine (ties: the highest mean, then the lowest id).

    `vectors` [n_models, d] and `neighbour_vectors` [n_neighbours, d] embed the cards; every neighbour
    has a home. A vector of zeros says nothing: such a model is not placed and such a neighbour is
    nobody's. Raises `InvalidInput` for shapes that do not fit or values that are not finite.
    """
    rows = _units(vectors, len(models))
    order = sorted(range(len(neighbours)), key=lambda i: _order(neighbours[i], homes))
    table = _units(neighbour_vectors, len(neighbours))[order]
    said = np.flatnonzero(table.any(axis=1))
    order, table = [order[i] for i in said.tolist()], table[said]
    if rows.shape[1:] != table.shape[1:] and len(rows) and len(table):
        raise InvalidInput(f"vectors of {rows.shape[1]} and of {table.shape[1]} numbers cannot be compared")
    placed: dict[str, Placement] = {}
    if not len(table):
        return placed
    step = max(1, _TILE // len(table))
    for start in range(0, len(rows), step):
        # rounded, so that equal cards are a tie whatever the order of the additions
        cosines = np.round(rows[start : start + step] @ table.T, 12)
        best = cosines.argmax(axis=1)
        for i, place in enumerate(best.tolist()):
            model = models[start + i]
            if rows[start + i].any():
                home = homes[neighbours[order[place]]]
                placed[model] = Placement(model, home.cluster, CARD_TEXT, float(cosines[i, place]))
    return placed


def compared(homes: Mapping[str, Home], representatives: Collection[str], most: int) -> list[str]:
    """At most `most` homes to compare cards with: representatives first, then by mean, best first."""
    return sorted(homes, key=lambda m: (m not in representatives, *_order(m, homes)))[:most]


def _order(model: str, homes: Mapping[str, Home]) -> tuple[float, str]:
    mean = homes[model].mean
    return (-round(mean, 12) if mean == mean else float("inf"), model)


def _units(vectors: npt.ArrayLike, count: int) -> npt.NDArray[np.float64]:
    """Rows of length one [count, d]; rows of zeros stay."""
    table = np.asarray(vectors, dtype=np.float64)
    if table.ndim != 2 or len(table) != count:
        raise InvalidInput(f"{count} vectors were expected, not an array of shape {table.shape}")
    if not np.isfinite(table).all():
        raise InvalidInput("a vector is not finite")
    largest = np.abs(table).max(axis=1, initial=0.0, keepdims=True)
    scaled = table / np.where(largest > 0, largest, 1.0)  # no overflow in the squares
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    units: npt.NDArray[np.float64] = scaled / np.where(lengths > 0, lengths, 1.0)
    return units
