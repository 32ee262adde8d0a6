"""Incremental clustering: exactly the batch clusters after every insert, change and removal."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from hubselect.errors import InvalidInput
from hubselect.knowledge import incremental
from hubselect.knowledge import linked as linked_module
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.incremental import Step, updated
from hubselect.knowledge.linked import Cut, Linked, build
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Cluster

Row = npt.NDArray[np.float64]
NAN = math.nan
NAMES = [f"m{i:02d}" for i in range(14)]
WIDTH = 4


def matrix_of(rows: dict[str, Row], width: int = WIDTH) -> PerformanceMatrix:
    scores = np.array(list(rows.values())).reshape(len(rows), width)
    return PerformanceMatrix(tuple(rows), tuple(f"d{j}" for j in range(width)), scores)


def empty(cut: Cut, width: int = WIDTH) -> Linked:
    return build(matrix_of({}, width), cut)


def batch(rows: dict[str, Row], cut: Cut, width: int = WIDTH) -> set[tuple[str, tuple[str, ...]]]:
    """The clusters of a full run: representatives and members."""
    found = cluster(
        matrix_of(rows, width),
        task="text-classification",
        recipe="r",
        threshold=cut.threshold,
        top_k=cut.top_k,
        min_overlap=cut.min_overlap,
    )
    return {(c.representative, c.members) for c in found.clusters}


def shape(linked: Linked) -> set[tuple[str, tuple[str, ...]]]:
    return {(c.representative, c.members) for c in linked.clusters()}


def by_scipy(rows: dict[str, Row], cut: Cut) -> set[frozenset[str]]:
    """Average linkage of the whole matrix by scipy alone."""
    models = sorted(rows)
    distances = distance_matrix([rows[m] for m in models], cut.top_k, cut.min_overlap)
    if len(models) < 2:
        return {frozenset(models)} if models else set()
    labels = fcluster(
        linkage(squareform(distances, checks=False), "average"), cut.threshold, criterion="distance"
    )
    return {frozenset(m for m, x in zip(models, labels, strict=True) if x == label) for label in set(labels)}


def replayed(old: tuple[Cluster, ...], step: Step) -> dict[int, Cluster]:
    """The clusters that a reader gets who applies only what the step reports."""
    known = {c.id: c for c in old}
    for c in step.old:
        assert known.pop(c.id) == c
    for c in step.new:
        assert c.id not in known
        known[c.id] = c
    return known


def check_step(before: Linked, step: Step, rows: dict[str, Row], cut: Cut) -> None:
    after = step.linked
    assert shape(after) == batch(rows, cut)
    assert replayed(before.clusters(), step) == {c.id: c for c in after.clusters()}
    was = {c.members: c.id for c in before.clusters()}
    changed = {m for c in step.old for m in c.members} | {m for c in step.new for m in c.members}
    for c in after.clusters():
        if c.members in was:
            assert was[c.members] == c.id, "an untouched cluster changed its id"
        elif not set(c.members) & changed:
            raise AssertionError("a cluster changed that the step does not report")
    fresh = {c.id for c in after.clusters()} - {c.id for c in before.clusters()}
    assert all(i > before.highest for i in fresh)
    assert after.highest >= max((c.id for c in after.clusters()), default=0)
    assert after.models == tuple(sorted(after.models))


TIED = st.integers(0, 6).map(lambda x: x / 20)
CELLS = {
    "tied": TIED,
    "sparse": TIED | st.just(NAN),
    "smooth": st.floats(0, 0.5).map(lambda x: round(x, 3)),
}


@st.composite
def sequences(draw: st.DrawFn) -> tuple[Cut, list[dict[str, Row | None]]]:
    """Settings, and chunks of changes: new rows, other rows for known models, removals, duplicates."""
    cells = CELLS[draw(st.sampled_from(sorted(CELLS)))]
    row = st.lists(cells, min_size=WIDTH, max_size=WIDTH).map(np.array)
    change = st.tuples(st.sampled_from(NAMES), row | row | row | st.none())
    cut = Cut(
        draw(st.sampled_from([0.0, 0.05, 0.1, 0.2, 0.9, 1.0])),
        draw(st.integers(1, 5)),
        draw(st.none() | st.integers(1, 3)),
    )
    chunks = draw(st.lists(st.lists(change, min_size=1, max_size=4).map(dict), min_size=1, max_size=12))
    return cut, chunks


@pytest.mark.parametrize(("least", "kept_from"), [(64, 300), (1, 300), (64, 2)])
@settings(max_examples=120, deadline=None)
@given(sequence=sequences())
def test_every_step_gives_the_batch_clusters(
    least: int, kept_from: int, sequence: tuple[Cut, list[dict[str, Row | None]]]
) -> None:
    """Relinking, rebuilding and kept distances alike, with ties, duplicates, gaps and empty rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "_REBUILD_LEAST", least)
        patch.setattr(linked_module, "KEPT_FROM", kept_from)
        patch.setattr(incremental, "KEPT_FROM", kept_from)
        cut, chunks = sequence
        linked, rows = empty(cut), {}
        for chunk in chunks:
            step = updated(linked, chunk)
            rows = {m: r for m, r in {**rows, **chunk}.items() if r is not None and not np.isnan(r).all()}
            check_step(linked, step, rows, cut)
            linked = step.linked


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.floats(0.01, 0.4), st.integers(2, 40))
def test_without_ties_the_clusters_are_those_of_scipy_on_the_whole_matrix(
    seed: int, threshold: float, n: int
) -> None:
    """One by one in random order, against one linkage of everything."""
    rng = np.random.default_rng(seed)
    rows = {f"m{i:02d}": r for i, r in enumerate(rng.random((n, WIDTH)))}
    cut = Cut(threshold, 3)
    linked = empty(cut)
    for model in rng.permutation(sorted(rows)).tolist():
        linked = updated(linked, {model: rows[model]}).linked
    assert {frozenset(c.members) for c in linked.clusters()} == by_scipy(rows, cut)


def test_hundreds_of_models_in_random_chunks_give_the_batch_clusters() -> None:
    """Groups, a percolating cloud and gaps; inserted in chunks of 1 to 60, some changed, some removed."""
    rng = np.random.default_rng(7)
    centres = rng.random((20, 8))
    grouped = centres[rng.integers(0, 20, 400)] + rng.normal(0, 0.01, (400, 8))
    cloud = rng.normal(0.7, 0.05, (500, 8))
    scores = np.clip(np.vstack([grouped, cloud]), 0, 1)
    scores[rng.random(scores.shape) < 0.02] = NAN
    rows = {f"m{i:03d}": row for i, row in enumerate(scores)}
    names = [f"d{j}" for j in range(8)]
    cut = Cut(0.06)
    linked = build(PerformanceMatrix((), tuple(names), np.empty((0, 8))), cut)
    known: dict[str, Row] = {}
    order = rng.permutation(sorted(rows)).tolist()
    while order:
        size = int(rng.choice([1, 2, 5, 20, 60]))
        chunk: dict[str, Row | None] = {m: rows[m] for m in order[:size]}
        order = order[size:]
        if known:
            someone = sorted(known)[int(rng.integers(len(known)))]
            chunk[someone] = None if rng.random() < 0.5 else rows[someone] + 0.01
        known = {m: r for m, r in {**known, **chunk}.items() if r is not None}
        linked = updated(linked, chunk).linked
    assert max(np.bincount(linked.component)) >= linked_module.KEPT_FROM
    assert shape(linked) == batch(known, cut, 8)


def test_kept_distances_are_those_of_a_fresh_computation() -> None:
    """To the last bit, through inserts, changes and removals."""
    rng = np.random.default_rng(3)
    rows = {f"m{i:03d}": r for i, r in enumerate(rng.normal(0.7, 0.03, (400, 6)).clip(0, 1))}
    linked = build(matrix_of(rows, 6), Cut(0.06))
    for i in range(12):
        change = None if i % 3 == 0 else rng.normal(0.7, 0.03, 6).clip(0, 1)
        linked = updated(linked, {f"m{i * 7:03d}" if i % 2 else f"n{i}": change}).linked
    assert linked.kept
    for number, condensed in linked.kept.items():
        members = np.flatnonzero(linked.component == number)
        fresh = squareform(distance_matrix(linked.scores[members], 5), checks=False)
        assert np.array_equal(condensed, fresh)


def test_an_unchanged_row_changes_nothing() -> None:
    linked = build(matrix_of({"a": np.array([0.1, 0.2, 0.3, NAN])}), Cut(0.1))
    step = updated(linked, {"a": np.array([0.1, 0.2, 0.3, NAN]), "unknown": None})
    assert step.linked is linked
    assert (step.old, step.new) == ((), ())


def test_ids_are_kept_merged_split_and_never_given_twice() -> None:
    """The larger part keeps the id; an id that is gone does not come back."""
    column = ("d0",)
    base = PerformanceMatrix(
        ("a", "b", "c", "d", "x"), column, np.array([[0.1], [0.12], [0.5], [0.52], [0.9]])
    )
    linked = build(base, Cut(0.05))
    ids = {c.members: c.id for c in linked.clusters()}
    assert ids == {("x",): 1, ("c", "d"): 2, ("a", "b"): 3}
    gone = updated(linked, {"x": None}).linked
    assert gone.highest == 3
    back = updated(gone, {"y": np.array([0.9])}).linked
    assert {c.members: c.id for c in back.clusters()} == {("a", "b"): 3, ("c", "d"): 2, ("y",): 4}
    moved = updated(back, {"c": np.array([0.13])}).linked
    assert {c.members: c.id for c in moved.clusters()} == {("a", "b", "c"): 3, ("d",): 2, ("y",): 4}


def test_a_new_dataset_is_a_new_column() -> None:
    """Also where it changes how many shared datasets make two models comparable."""
    linked = build(matrix_of({"a": np.array([0.5, 0.5]), "b": np.array([0.5, 0.5])}, 2), Cut(0.1))
    step = updated(linked, {"c": np.array([0.5, 0.5, 0.5])}, datasets=("d0", "d1", "d2"))
    assert step.linked.datasets == ("d0", "d1", "d2")
    assert [c.members for c in step.linked.clusters()] == [("a",), ("b",), ("c",)]
    assert shape(step.linked) == batch(
        {"a": np.array([0.5, 0.5, NAN]), "b": np.array([0.5, 0.5, NAN]), "c": np.array([0.5, 0.5, 0.5])},
        Cut(0.1),
        3,
    )


def test_sparse_rows_need_the_minimum_overlap() -> None:
    """Two models that share fewer datasets are not comparable, however alike."""
    rows = {"a": np.array([0.5, 0.5, 0.5, NAN]), "b": np.array([NAN, 0.5, 0.5, 0.5])}
    for overlap, clusters in ((2, 1), (3, 2)):
        linked = empty(Cut(0.1, min_overlap=overlap))
        for model, row in rows.items():
            linked = updated(linked, {model: row}).linked
        assert len(linked.clusters()) == clusters


def test_a_model_waits_when_its_component_is_too_large_to_link() -> None:
    """It stands beside the nearest cluster and changes none; changed rows and far models do not wait."""
    rows = {f"m{i}": np.array([0.5 + i / 100] * WIDTH) for i in range(6)}
    linked = build(matrix_of(rows), Cut(0.02))
    far = np.array([0.1] * WIDTH)
    near = np.array([0.501] * WIDTH)
    step = updated(linked, {"near": near, "far": far}, largest=6)
    (waiting,) = step.waiting
    home = next(c for c in linked.clusters() if "m0" in c.members)
    assert (waiting.model, waiting.cluster) == ("near", home.id)
    assert waiting.distance == pytest.approx(
        np.mean([abs(rows[m][0] - 0.501) for m in home.members]), abs=1e-12
    )
    assert [c.members for c in step.new] == [("far",)]
    assert "near" not in step.linked.models
    assert not updated(linked, {"m0": near}, largest=1).waiting
    exact = updated(linked, {"near": near, "far": far}).linked
    assert shape(exact) == batch({**rows, "near": near, "far": far}, Cut(0.02))


@pytest.mark.parametrize("row", [[0.5], [0.5, 0.5, 0.5, math.inf]])
def test_a_row_that_is_none_is_refused(row: list[float]) -> None:
    with pytest.raises(InvalidInput, match="row of a"):
        updated(empty(Cut(0.1)), {"a": np.array(row)})


@pytest.mark.parametrize("cut", [Cut(-0.1), Cut(NAN), Cut(math.inf), Cut(0.1, 0), Cut(0.1, 5, 0)])
def test_senseless_settings_are_refused(cut: Cut) -> None:
    with pytest.raises(InvalidInput):
        empty(cut)
