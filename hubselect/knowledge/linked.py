"""Models with their components and clusters: the state that incremental clustering goes on from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.knowledge.clusters import ALL_PAIRS, carried_ids
from hubselect.knowledge.linkage import by_label, component_distances, components, linked
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.silhouette import silhouette, silhouette_paper
from hubselect.knowledge.similarity import distance_matrix, shared_needed
from hubselect.records import Cluster

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]

# Distances of components from this size on are kept (8 n^2 / 2 bytes each).
KEPT_FROM = 300


@dataclass(frozen=True)
class Cut:
    """How models are clustered: average linkage of 1 - Eq. 1 with `top_k`, cut at `threshold`."""

    threshold: float
    top_k: int = 5
    min_overlap: int | None = None


@dataclass(frozen=True, eq=False)
class Linked:
    """Models with their scores, components and clusters; never changed, `updated` gives the next one.

    `models` ascend; `scores` [n, n_datasets] has no empty row; `component` [n] numbers components,
    `cluster` [n] holds lasting cluster ids, of which `highest` is the largest ever given. `kept` has
    the condensed distances of large components by their number.
    """

    cut: Cut
    datasets: tuple[str, ...]
    models: tuple[str, ...]
    scores: FloatArray
    component: Labels
    cluster: Labels
    highest: int = 0
    kept: Mapping[int, FloatArray] = field(default_factory=dict)

    def clusters(self, among: Indices | None = None) -> tuple[Cluster, ...]:
        """The clusters with their representatives, by id; `among` limits them to these rows."""
        rows = np.arange(len(self.models)) if among is None else among
        return _named(self, rows, self.cluster[rows])


def build(matrix: PerformanceMatrix, cut: Cut, *, before: Sequence[Cluster] = (), highest: int = 0) -> Linked:
    """Cluster all models of `matrix` that have a score; ids are carried over from `before`.

    Raises `InvalidInput` for values out of range and for a component that is too large to link.
    """
    if not cut.threshold >= 0 or cut.threshold == float("inf"):
        raise InvalidInput(f"the threshold is {cut.threshold}", "give a distance, for example 0.09")
    matrix = matrix.scored()
    shared_needed(cut.top_k, cut.min_overlap, len(matrix.datasets))
    component = components(matrix.scores, cut.threshold, cut.top_k, cut.min_overlap)
    group = np.zeros(len(component), dtype=np.int64)
    kept: dict[int, FloatArray] = {}
    count = 0
    for number, members in enumerate(by_label(component)):
        condensed = component_distances(matrix.scores[members], cut.top_k, cut.min_overlap)
        if len(members) >= KEPT_FROM:
            kept[number] = condensed
        found = linked(condensed, cut.threshold)
        group[members] = count + 1 + found
        count += 1 + int(found.max())
    made = Linked(cut, matrix.datasets, matrix.models, matrix.scores, component, group, kept=kept)
    ids = carried_ids(before, numbered(made, np.arange(len(group))), highest)
    return with_ids(made, np.arange(len(group)), ids, highest)


def quality(state: Linked, largest: int = ALL_PAIRS) -> tuple[float | None, float | None]:
    """The standard and the paper's silhouette; None for both of more than `largest` models."""
    if len(state.models) > largest:
        return None, None
    distances = distance_matrix(state.scores, state.cut.top_k, state.cut.min_overlap)
    return silhouette(distances, state.cluster), silhouette_paper(distances, state.cluster)


def with_ids(made: Linked, rows: Indices, ids: Mapping[int, int], highest: int) -> Linked:
    """`made`, whose `rows` are numbered provisionally, with lasting ids."""
    numbered = _numbered_labels(made, rows)
    cluster = made.cluster.copy()
    table = np.zeros(len(ids) + 1, dtype=np.int64)
    for number, lasting in ids.items():
        table[number] = lasting
    cluster[rows] = table[numbered]
    return replace(made, cluster=cluster, highest=max([highest, *ids.values()]))


def numbered(made: Linked, rows: Indices) -> tuple[Cluster, ...]:
    """The clusters of `rows` numbered from 1 by the mean of their representative, best first."""
    return _named(made, rows, _numbered_labels(made, rows))


def _numbered_labels(made: Linked, rows: Indices) -> Labels:
    """The clusters of `rows` numbered from 1 by the mean of their representative, best first."""
    numbers, own = np.unique(made.cluster[rows], return_inverse=True)
    order = _by_mean(made, rows)
    firsts = np.full(len(numbers), len(rows), dtype=np.intp)
    ranks = np.empty(len(rows), dtype=np.intp)
    ranks[order] = np.arange(len(rows))
    np.minimum.at(firsts, own, ranks)
    place = np.empty(len(numbers), dtype=np.int64)
    place[np.argsort(firsts)] = np.arange(1, len(numbers) + 1)
    return place[own]


def _by_mean(made: Linked, rows: Indices) -> Indices:
    """The places in `rows` by mean score, best first (ties: by id)."""
    table = made.scores[rows]
    known = ~np.isnan(table)
    totals = np.where(known, table, 0.0).sum(axis=1)
    means = np.round(totals / np.maximum(1, known.sum(axis=1)), 12)
    return np.lexsort((rows, -means))


def _named(made: Linked, rows: Indices, labels: Labels) -> tuple[Cluster, ...]:
    """The clusters of `rows` as records, by label."""
    order = _by_mean(made, rows)
    best: dict[int, str] = {}
    for i in order.tolist():
        best.setdefault(int(labels[i]), made.models[rows[i]])
    return tuple(
        Cluster(
            int(labels[members[0]]),
            best[int(labels[members[0]])],
            tuple(made.models[i] for i in rows[members].tolist()),
        )
        for members in by_label(labels)
    )
