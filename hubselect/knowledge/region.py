"""The rows of a matrix after some of them changed, and what is still known about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import squareform

from hubselect.knowledge.linkage import component_distances, refuse_too_large
from hubselect.knowledge.linked import Linked
from hubselect.knowledge.similarity import distance_matrix, distance_row

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]

Piece = tuple[Indices, FloatArray | None]
"""Rows of a component that were in one component before, and their distances [m, m] if known."""


@dataclass(frozen=True, eq=False)
class Region:
    """All rows after a change, by id.

    `component` [n] is the component a row was in, -1 for new and changed rows; `origin` [n] its
    row number before, -1 for those. `damaged` are the components that lost a row (a changed one
    included); `remaining` tells which of their rows are left, in order.
    """

    models: tuple[str, ...]
    scores: FloatArray
    component: Labels
    origin: Indices
    damaged: Labels
    remaining: Mapping[int, npt.NDArray[np.bool_]]

    @classmethod
    def of(
        cls,
        models: tuple[str, ...],
        scores: FloatArray,
        component: Labels,
        changes: Mapping[str, FloatArray | None],
    ) -> Region:
        stays = np.fromiter((m not in changes for m in models), dtype=np.bool_, count=len(models))
        rows = {model: row for model, row in changes.items() if row is not None}
        survivors = np.flatnonzero(stays)
        names = [*(models[i] for i in survivors.tolist()), *rows]
        order = np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.intp)
        added = np.array(list(rows.values())).reshape(len(rows), scores.shape[1])
        absent = np.full(len(rows), -1)
        damaged = np.unique(component[~stays])
        return cls(
            models=tuple(names[i] for i in order.tolist()),
            scores=np.concatenate([scores[survivors], added])[order],
            component=np.concatenate([component[survivors], absent])[order],
            origin=np.concatenate([survivors, absent])[order],
            damaged=damaged,
            remaining={int(c): stays[component == c] for c in damaged},
        )

    def members(self, component: int) -> Indices:
        """The rows that were in `component` and are left."""
        return np.flatnonzero(self.component == component)

    def survivors(self, before: Linked, component: int) -> FloatArray:
        """The distances [m, m] of the rows left of a damaged component."""
        if component in before.kept:
            left = np.flatnonzero(self.remaining[component])
            whole: FloatArray = squareform(before.kept[component], checks=False)
            return whole[np.ix_(left, left)]
        rows = self.scores[self.members(component)]
        refuse_too_large(len(rows))
        return distance_matrix(rows, before.cut.top_k, before.cut.min_overlap)

    def pieces(self, before: Linked, members: Indices, distances_of: Mapping[int, FloatArray]) -> list[Piece]:
        """`members` by the component they were in; [] when none of their distances are known."""
        was = self.component[members]
        pieces: list[Piece] = []
        for number in np.unique(was).tolist():
            rows = np.flatnonzero(was == number)
            if number in distances_of:
                inside = np.searchsorted(self.members(number), members[rows])
                pieces.append((rows, distances_of[number][np.ix_(inside, inside)]))
            elif number in before.kept:
                pieces.append((rows, squareform(before.kept[number], checks=False)))
            else:
                pieces.append((rows, None))
        return pieces if any(known is not None for _, known in pieces) else []


def component_parts(
    scores: FloatArray, pieces: Sequence[Piece], top_k: int, min_overlap: int | None
) -> FloatArray:
    """The condensed distances of one component's `scores`; what `pieces` know is not computed again."""
    if not pieces:
        return component_distances(scores, top_k, min_overlap)
    refuse_too_large(len(scores))
    distances = np.zeros((len(scores), len(scores)))
    for number, (rows, known) in enumerate(pieces):
        inner = distance_matrix(scores[rows], top_k, min_overlap) if known is None else known
        distances[np.ix_(rows, rows)] = inner
        for others, _ in pieces[number + 1 :]:
            few, many = (rows, others) if len(rows) < len(others) else (others, rows)
            for i in few.tolist():
                between = distance_row(scores[i], scores[many], top_k, min_overlap)
                distances[i, many] = between
                distances[many, i] = between
    condensed: FloatArray = squareform(distances, checks=False)
    return condensed
