"""What counts as a copy of an example."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from hubselect.recall.proxies.guards import first_copies, independent


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(2, 40), st.integers(1, 4), st.integers(0, 9999))
def test_copies_are_found_whatever_their_order_their_turn_and_their_rounding(
    distinct: int, d: int, classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    source = rng.integers(0, distinct, 2 * distinct)
    features = rng.normal(size=(distinct, d))[source]
    labels = rng.integers(0, classes, len(source))
    seen: dict[tuple[int, int], int] = {}
    expected = [seen.setdefault((s, c), i) for i, (s, c) in enumerate(zip(source, labels, strict=True))]
    one_hot = np.eye(classes, dtype=int)[labels]
    turned = features @ ortho_group.rvs(d, random_state=1)
    rounded = (features * (1 + 1e-7 * rng.uniform(-1, 1, features.shape))).astype(np.float32)
    for table in (features, turned, -3e20 * features, rounded.astype(np.float64)):
        assert first_copies(table, labels).tolist() == expected
        assert first_copies(table, one_hot).tolist() == expected


def test_examples_far_smaller_than_others_are_not_taken_for_each_other() -> None:
    features = np.array([[1e9, 0.0], [1.0, 2.0], [1.0, 2.1], [0.0, 0.0], [-0.0, 0.0]])
    assert first_copies(features, np.zeros(5)).tolist() == [0, 1, 2, 3, 3]


def test_copies_are_kept_where_too_few_distinct_examples_would_be_left() -> None:
    features, labels = np.repeat(np.eye(3), 10, axis=0), np.repeat(np.arange(3), 10)
    assert independent(features, labels).tolist() == [0, 10, 20]
    assert len(independent(features, labels, kinds=3)) == 30
