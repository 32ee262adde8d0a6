"""Clusters that are kept exact while models come, change and go.

A row of scores that is inserted, changed or removed can only change the connected components of
{distance <= threshold} that it touches (`linkage`), so only these are linked again. The result is
the clustering that a full batch run gives on the same matrix, whatever the order of arrival.
Distances within large components are kept, because computing them costs more than linking.

A model that would make a component larger than `LARGEST_RELINK` waits: it is placed beside the
nearest cluster, provisionally, and is no member until everything is clustered afresh. Changed and
removed rows never wait.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.knowledge.clusters import carried_ids
from hubselect.knowledge.linkage import ROUNDING, by_label, joined, linked
from hubselect.knowledge.linked import KEPT_FROM, Linked, build, numbered, with_ids
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.region import Region, component_parts
from hubselect.knowledge.similarity import distance_row, shared_needed
from hubselect.records import Cluster

FloatArray = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Indices = npt.NDArray[np.intp]

# Linking so many models again takes about 0.7 s on one core.
LARGEST_RELINK = 6_000

_REBUILD_SHARE = 0.1  # of the models changed at once: then a batch run is cheaper
_REBUILD_LEAST = 64


@dataclass(frozen=True)
class Waiting:
    """A model that is no member yet: `cluster` is the nearest by mean `distance`."""

    model: str
    cluster: int
    distance: float


@dataclass(frozen=True)
class Step:
    """What an update did: the clusters that are gone or different, as they were (`old`) and are (`new`).

    `waiting` are the models it placed provisionally.
    """

    linked: Linked
    old: tuple[Cluster, ...] = ()
    new: tuple[Cluster, ...] = ()
    waiting: tuple[Waiting, ...] = ()


def updated(
    linked: Linked,
    rows: Mapping[str, FloatArray | None],
    *,
    datasets: Sequence[str] | None = None,
    largest: int = LARGEST_RELINK,
) -> Step:
    """The clustering after `rows` [n_datasets] were inserted or changed; None or all NaN removes a model.

    Rows stand in the order of `datasets` (default: those of `linked`), which may be new ones.
    `largest`: a new model waits when its component would be larger. Raises `InvalidInput` for a
    row of the wrong length or with an infinite score.
    """
    names = tuple(datasets) if datasets is not None else linked.datasets
    linked, rebuild = _with_datasets(linked, names)
    changes = _changes(linked, rows, names)
    if rebuild or len(changes) > max(_REBUILD_LEAST, _REBUILD_SHARE * len(linked.models)):
        return _rebuilt(linked, changes)
    return _relinked(linked, changes, largest) if changes else Step(linked)


def _with_datasets(linked: Linked, names: tuple[str, ...]) -> tuple[Linked, bool]:
    """With a column for each of `names` too, and whether that changes distances between known models."""
    added = [d for d in sorted(set(names)) if d not in linked.datasets]
    if not added:
        return linked, False
    columns = (*linked.datasets, *added)
    empty = np.full((len(linked.models), len(added)), np.nan)
    wider = replace(linked, datasets=columns, scores=np.hstack([linked.scores, empty]))
    cut = linked.cut
    needed = [shared_needed(cut.top_k, cut.min_overlap, len(d)) for d in (linked.datasets, columns)]
    return wider, needed[0] != needed[1]


def _changes(
    linked: Linked, rows: Mapping[str, FloatArray | None], names: tuple[str, ...]
) -> dict[str, FloatArray | None]:
    """The rows that differ from what is known, in the columns of `linked`; None where a model goes."""
    known = {model: i for i, model in enumerate(linked.models)}
    places = np.array([linked.datasets.index(d) for d in names], dtype=np.intp)
    changes: dict[str, FloatArray | None] = {}
    for model, given in rows.items():
        row = np.full(len(linked.datasets), np.nan)
        if given is not None:
            values = np.asarray(given, dtype=np.float64)
            if values.shape != places.shape or np.isinf(values).any():
                raise InvalidInput(f"the row of {model} is not {len(places)} finite or missing scores")
            row[places] = values
        if np.isnan(row).all():
            if model in known:
                changes[model] = None
        elif model not in known or not np.array_equal(row, linked.scores[known[model]], equal_nan=True):
            changes[model] = row
    return changes


def _rebuilt(linked: Linked, changes: Mapping[str, FloatArray | None]) -> Step:
    region = Region.of(linked.models, linked.scores, linked.component, changes)
    old = linked.clusters()
    matrix = PerformanceMatrix(region.models, linked.datasets, region.scores)
    # the columns keep their order: the next rows come in it
    made = build(matrix, linked.cut, before=old, highest=linked.highest)
    order = [made.datasets.index(d) for d in linked.datasets]
    made = replace(made, datasets=linked.datasets, scores=made.scores[:, order])
    return difference(made, old, made.clusters())


def _relinked(linked: Linked, changes: Mapping[str, FloatArray | None], largest: int) -> Step:
    cut = linked.cut
    region = Region.of(linked.models, linked.scores, linked.component, changes)
    fresh = np.flatnonzero(region.component < 0)
    edges = {}
    for i in fresh.tolist():
        distances = distance_row(region.scores[i], region.scores, cut.top_k, cut.min_overlap)
        edges[i] = np.flatnonzero(distances <= cut.threshold + ROUNDING)
    touched = np.unique(
        np.concatenate([region.damaged, *(region.component[near] for near in edges.values())])
    )
    touched = touched[touched >= 0]
    inside = np.flatnonzero(np.isin(region.component, touched) | (region.component < 0))
    place = np.zeros(len(region.models), dtype=np.intp)
    place[inside] = np.arange(len(inside))
    label = np.arange(len(inside), dtype=np.int64)
    distances_of = {c: region.survivors(linked, int(c)) for c in region.damaged.tolist()}
    for number in touched.tolist():
        members = place[region.members(number)]
        if number in distances_of:
            left, right = np.nonzero(distances_of[number] <= cut.threshold + ROUNDING)
            label = joined(label, members[left], members[right])
        elif len(members) > 1:
            label = joined(label, members[:-1], members[1:])
    for i, near in edges.items():
        label = joined(label, np.full(len(near), place[i]), place[near])
    parts = [inside[members] for members in by_label(label)]
    waiting = [p for p in parts if _waits(linked, region, p, largest)]
    if waiting:
        return _placed(linked, region, changes, waiting, largest)
    return _finished(linked, region, parts, touched, distances_of)


def _waits(linked: Linked, region: Region, members: Indices, largest: int) -> bool:
    """Whether new models have to wait, because the component they would make is too large to link."""
    if len(members) <= largest or np.isin(region.component[members], region.damaged).any():
        return False
    known = set(linked.models)
    fresh = [region.models[i] for i in members[region.component[members] < 0].tolist()]
    return bool(fresh) and not any(model in known for model in fresh)


def _placed(
    linked: Linked,
    region: Region,
    changes: Mapping[str, FloatArray | None],
    waiting: Sequence[Indices],
    largest: int,
) -> Step:
    """The step without the models that have to wait, and where they stand for the time being."""
    cluster_of = dict(zip(linked.models, linked.cluster.tolist(), strict=True))
    cut = linked.cut
    found = []
    for members in waiting:
        fresh = members[region.component[members] < 0]
        members = members[region.component[members] >= 0]
        ids = np.array([cluster_of[region.models[i]] for i in members.tolist()], dtype=np.int64)
        numbers, own, sizes = np.unique(ids, return_inverse=True, return_counts=True)
        for i in fresh.tolist():
            distances = distance_row(region.scores[i], region.scores[members], cut.top_k, cut.min_overlap)
            means = np.bincount(own, weights=distances) / sizes
            best = int(means.argmin())
            found.append(Waiting(region.models[i], int(numbers[best]), float(means[best])))
    left_out = {w.model for w in found}
    rest = {model: row for model, row in changes.items() if model not in left_out}
    step = _relinked(linked, rest, largest) if rest else Step(linked)
    return replace(step, waiting=(*step.waiting, *found))


def _finished(
    linked_before: Linked,
    region: Region,
    parts: Sequence[Indices],
    touched: Labels,
    distances_of: Mapping[int, FloatArray],
) -> Step:
    cut = linked_before.cut
    was = np.flatnonzero(np.isin(linked_before.component, touched))
    old = linked_before.clusters(was)
    component = region.component.copy()
    group = np.zeros(len(region.models), dtype=np.int64)
    group[region.origin >= 0] = linked_before.cluster[region.origin[region.origin >= 0]]
    kept = {c: d for c, d in linked_before.kept.items() if c not in set(touched.tolist())}
    fresh, count = int(linked_before.component.max(initial=-1)) + 1, 0
    for members in parts:
        pieces = region.pieces(linked_before, members, distances_of)
        condensed = component_parts(region.scores[members], pieces, cut.top_k, cut.min_overlap)
        component[members] = fresh
        if len(members) >= KEPT_FROM:
            kept[fresh] = condensed
        fresh += 1
        found = linked(condensed, cut.threshold)
        group[members] = count + 1 + found
        count += 1 + int(found.max())
    inside = np.sort(np.concatenate([*parts, np.zeros(0, dtype=np.intp)]))
    made = replace(
        linked_before,
        models=region.models,
        scores=region.scores,
        component=component,
        cluster=group,
        kept=kept,
    )
    ids = carried_ids(old, numbered(made, inside), linked_before.highest)
    made = with_ids(made, inside, ids, linked_before.highest)
    return difference(made, old, made.clusters(inside))


def difference(made: Linked, old: Sequence[Cluster], new: Sequence[Cluster]) -> Step:
    """The step to `made` from clusters `old` to `new`; those that are the same are left out."""
    before, after = {c.id: c for c in old}, {c.id: c for c in new}
    return Step(
        made,
        tuple(c for c in old if after.get(c.id) != c),
        tuple(c for c in new if before.get(c.id) != c),
    )
