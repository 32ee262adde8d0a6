from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hubselect.training.batching import epoch_batches, evaluation_batches, steps_per_epoch
from hubselect.training.sampling import allocate, carve, stratified_sample

label_lists = st.lists(st.integers(0, 5), min_size=1, max_size=200).map(lambda v: np.array(v, dtype=np.int64))


@given(label_lists, st.integers(0, 250))
def test_allocation_takes_the_asked_number_within_the_classes(labels: np.ndarray, size: int) -> None:
    """Quotas sum to the size (or all rows), never exceed a class, and miss none that fits."""
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    quota = allocate(counts, size)
    assert quota.sum() == min(size, len(labels))
    assert (quota >= 0).all()
    assert (quota <= counts).all()
    if size >= len(counts):
        assert (quota >= 1).all()


@given(label_lists, st.integers(10, 250))
def test_allocation_is_proportional(labels: np.ndarray, size: int) -> None:
    """A class's quota is within the number of classes of its exact share."""
    counts = np.unique(labels, return_counts=True)[1].astype(np.int64)
    share = counts * min(size, len(labels)) / len(labels)
    assert (np.abs(allocate(counts, size) - share) < len(counts) + 1e-9).all()


@given(label_lists, st.integers(0, 250), st.integers(0, 3))
def test_a_sample_has_distinct_sorted_rows_and_repeats_by_seed(
    labels: np.ndarray, size: int, seed: int
) -> None:
    """A sample is a sorted set of rows and a function of the seed."""
    rows = stratified_sample(labels, size, seed)
    assert len(rows) == min(size, len(labels))
    assert (np.diff(rows) > 0).all()
    assert np.array_equal(rows, stratified_sample(labels, size, seed))


@given(label_lists, st.integers(0, 3))
def test_carving_partitions_the_rows_and_leaves_every_class_in_train(labels: np.ndarray, seed: int) -> None:
    """Kept and carved rows are a partition; kept has every class, carved every class of two rows."""
    kept, carved = carve(labels, 0.15, seed)
    assert sorted([*kept, *carved]) == list(range(len(labels)))
    classes, counts = np.unique(labels, return_counts=True)
    assert set(labels[kept]) == set(classes)
    assert set(labels[carved]) == set(classes[counts > 1])


@given(st.integers(1, 300), st.integers(1, 40), st.integers(0, 3), st.integers(0, 3))
def test_an_epoch_visits_every_row_once(rows: int, batch_size: int, seed: int, epoch: int) -> None:
    """Batches of an epoch are a partition of the rows, of the announced number, none too large."""
    lengths = np.random.default_rng(0).integers(1, 50, rows)
    batches = epoch_batches(lengths, batch_size, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(rows))
    assert len(batches) == steps_per_epoch(rows, batch_size)
    assert max(map(len, batches)) <= batch_size + 1
    if batch_size > 1 and rows > 1:
        assert min(map(len, batches)) > 1
    again = epoch_batches(lengths, batch_size, seed, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_epochs_are_shuffled_differently() -> None:
    """Two epochs of one seed have different batches."""
    lengths = np.ones(100, dtype=np.int64)
    first, second = (np.concatenate(epoch_batches(lengths, 10, 0, epoch)) for epoch in (0, 1))
    assert not np.array_equal(first, second)


def test_buckets_save_padding() -> None:
    """Batches of texts of mixed length are padded by less than a quarter of what shuffling costs."""
    lengths = np.random.default_rng(1).integers(5, 128, 3200)
    padded = sum(int(lengths[b].max()) * len(b) for b in epoch_batches(lengths, 32, 0, 0))
    shuffled = sum(
        int(lengths[b].max()) * len(b) for b in np.random.default_rng(2).permutation(3200).reshape(-1, 32)
    )
    assert padded - lengths.sum() < 0.25 * (shuffled - lengths.sum())
    assert np.array_equal(np.sort(np.concatenate(evaluation_batches(lengths, 64))), np.arange(3200))
