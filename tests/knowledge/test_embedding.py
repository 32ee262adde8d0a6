"""Classical scaling, against distances that are known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from hubselect.errors import InvalidInput
from hubselect.knowledge.embedding import embed

Points = npt.NDArray[np.float64]


def points(width: int) -> st.SearchStrategy[Points]:
    cell = st.floats(-2, 2, width=32).map(lambda v: round(v, 3))
    rows = st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=9)
    return rows.map(np.array)


@settings(deadline=None)
@given(points(2))
def test_distances_in_a_plane_are_kept(where: Points) -> None:
    """Up to a rotation the points come back, centred, and nothing is lost."""
    distances = squareform(pdist(where))
    found = embed(distances)
    np.testing.assert_allclose(squareform(pdist(found.positions)), distances, atol=1e-6)
    np.testing.assert_allclose(found.positions.mean(axis=0), 0, atol=1e-6)
    assert found.kept == pytest.approx(1)


@settings(deadline=None)
@given(points(5))
def test_a_plane_never_stretches_euclidean_distances(where: Points) -> None:
    """A projection shortens; the share that is kept is a share."""
    distances = squareform(pdist(where))
    found = embed(distances)
    assert (squareform(pdist(found.positions)) <= distances + 1e-6).all()
    assert 0 <= found.kept <= 1 + 1e-12


def test_equal_models_are_one_point_and_one_model_is_in_the_middle() -> None:
    """No axis is made up where there is no distance."""
    for n in (0, 1, 2, 5):
        found = embed(np.zeros((n, n)))
        assert found.positions.shape == (n, 2)
        assert not found.positions.any()
        assert found.kept == 1


@pytest.mark.parametrize("wrong", [np.zeros((2, 3)), np.zeros(3), np.full((2, 2), np.nan)], ids=str)
def test_what_is_no_table_of_distances_is_refused(wrong: Points) -> None:
    with pytest.raises(InvalidInput, match="square table"):
        embed(wrong)
