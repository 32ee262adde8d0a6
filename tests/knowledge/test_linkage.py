"""Components without all distances, and linkage by component against linkage of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge import linkage
from hubselect.knowledge.linkage import by_label, components, cut, cut_distances, cut_scores, joined, tree
from hubselect.knowledge.similarity import distance_matrix


def partition(labels: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(rows.tolist()) for rows in by_label(labels)}


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 100_000), st.integers(1, 40), st.integers(1, 7), st.integers(1, 6),
    st.floats(0, 0.5), st.sampled_from([0.0, 0.1]), st.booleans(),
)  # fmt: skip
def test_components_are_those_of_all_distances(
    seed: int, n: int, width: int, top_k: int, threshold: float, gaps: float, tied: bool
) -> None:
    """Pruned by means, in blocks, with gaps and ties: the same graph."""
    rng = np.random.default_rng(seed)
    scores = rng.random((n, width))
    scores[rng.random(scores.shape) < gaps] = np.nan
    if tied:
        scores, threshold = scores.round(1), round(threshold, 2)
    near = distance_matrix(scores, top_k, 1) <= threshold + linkage.ROUNDING
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linkage, "_BLOCK", 7)
        patch.setattr(linkage, "_PAIRS", 5)
        found = components(scores, threshold, top_k, 1)
    assert partition(found) == partition(joined(np.arange(n), *np.nonzero(near)))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 100_000), st.integers(1, 30), st.floats(0, 0.6))
def test_linkage_by_component_is_linkage_of_the_whole(seed: int, n: int, threshold: float) -> None:
    """Where no distances tie."""
    scores = np.random.default_rng(seed).random((n, 5))
    distances = distance_matrix(scores, 3)
    whole = partition(cut(tree(distances), threshold, n))
    assert partition(cut_distances(distances, threshold)) == whole
    assert partition(cut_scores(scores, threshold, 3, None)) == whole


def test_ties_elsewhere_never_decide_a_cluster() -> None:
    """A chain of equal distances is cut the same way with and without models in other components."""
    rng = np.random.default_rng(0)
    chain = np.array([[0.30], [0.34], [0.38], [0.42]])
    alone = partition(cut_scores(chain, 0.05, 5, None))
    for _ in range(20):
        others = rng.uniform(0.6, 1.0, (6, 1))
        labels = cut_scores(np.vstack([chain, others]), 0.05, 5, None)
        assert partition(labels[:4]) == alone


def test_a_component_that_cannot_be_linked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its size and what to do; the memory is never asked for."""
    monkeypatch.setattr(linkage, "LARGEST_COMPONENT", 5)
    with pytest.raises(InvalidInput, match="connect 6 models") as caught:
        cut_scores(np.full((6, 3), 0.5), 0.1, 5, None)
    assert "threshold" in str(caught.value.hint)
