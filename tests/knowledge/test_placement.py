"""Provisional places: the nearest relative as a plain search finds it, the most similar card by cosine."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.knowledge.placement import CARD_TEXT, LINEAGE, Home, by_lineage, by_text, compared, related
from hubselect.records import Placement

NAMES = [f"m{i}" for i in range(12)]
bases = st.dictionaries(st.sampled_from(NAMES), st.sampled_from([*NAMES, "unknown/base"]))
homes_of = st.dictionaries(
    st.sampled_from(NAMES),
    st.builds(Home, st.integers(1, 4), st.sampled_from([0.1, 0.5, 0.5, 0.9, float("nan")])),
)


def searched(model: str, base_of: dict[str, str], homes: dict[str, Home]) -> Placement | None:
    """Breadth first over links in both directions."""
    links: dict[str, set[str]] = {}
    for child, base in base_of.items():
        links.setdefault(child, set()).add(base)
        links.setdefault(base, set()).add(child)
    steps = {model: 0}
    queue = deque([model])
    while queue:
        name = queue.popleft()
        for other in links.get(name, ()):
            if other not in steps:
                steps[other] = steps[name] + 1
                queue.append(other)
    near = [
        (steps[m], -h.mean if h.mean == h.mean else np.inf, m, h.cluster)
        for m, h in homes.items()
        if m in steps
    ]
    if not near:
        return None
    best = min(near)
    return Placement(model, best[3], LINEAGE, 1 / (1 + best[0]))


@given(bases, homes_of)
def test_the_nearest_relative_wins(base_of: dict[str, str], homes: dict[str, Home]) -> None:
    """As a search over all links finds it, in circles too; ties go to the higher mean, then the lower id."""
    wanted = [m for m in NAMES if m not in homes]
    found = by_lineage(wanted, base_of, homes)
    assert {m: p for m in wanted if (p := searched(m, base_of, homes))} == found
    near = related(wanted, homes, base_of)
    assert by_lineage(wanted, base_of, {m: homes[m] for m in near}) == found


def test_relatives_are_bases_siblings_children_and_beyond() -> None:
    """A chain may go through names that nobody indexed; the score falls with every link."""
    homes = {"base": Home(1, 0.5), "sibling": Home(2, 0.9), "child": Home(3, 0.1)}
    links = {"a": "base", "sibling": "x", "b": "x", "child": "c", "far": "name", "name": "base"}
    found = by_lineage(["a", "b", "c", "far", "alone"], links, homes)
    assert {m: (p.cluster, p.score) for m, p in found.items()} == {
        "a": (1, 1 / 2),
        "b": (2, 1 / 3),
        "c": (3, 1 / 2),
        "far": (1, 1 / 3),
    }
    assert all(p.how == LINEAGE for p in found.values())


cards = st.lists(st.lists(st.integers(-3, 3), min_size=3, max_size=3), min_size=1, max_size=6)


@given(cards, cards)
def test_the_most_similar_card_wins(rows: list[list[int]], table: list[list[int]]) -> None:
    """The largest cosine of all; a vector of zeros says nothing on either side."""
    models = [f"m{i}" for i in range(len(rows))]
    neighbours = [f"n{i}" for i in range(len(table))]
    homes = {n: Home(i + 1, 0.5) for i, n in enumerate(neighbours)}
    found = by_text(models, rows, neighbours, table, homes)
    for model, row in zip(models, rows, strict=True):
        cosines = {
            n: np.dot(row, other) / (np.linalg.norm(row) * np.linalg.norm(other))
            for n, other in zip(neighbours, table, strict=True)
            if any(row) and any(other)
        }
        assert (model in found) == bool(cosines)
        if cosines:
            best = max(cosines.values())
            expected = min(n for n, c in cosines.items() if c > best - 1e-9)
            assert found[model].how == CARD_TEXT
            assert found[model].score == pytest.approx(best, abs=1e-9)
            assert found[model].cluster == homes[expected].cluster


@given(cards, st.floats(1e-150, 1e150))
def test_lengths_do_not_matter(rows: list[list[int]], factor: float) -> None:
    """Cosine is of directions."""
    table = np.array(rows, dtype=float)
    names = [f"m{i}" for i in range(len(rows))]
    homes = {n: Home(i, 0.0) for i, n in enumerate(names)}
    assert by_text(names, table, names, table * factor, homes) == by_text(names, table, names, table, homes)


def test_equal_cards_go_to_the_better_model() -> None:
    """Ties: the higher mean, then the lower id; models without a mean come last."""
    homes = {"a": Home(1), "b": Home(2, 0.5), "c": Home(3, 0.5)}
    found = by_text(["m"], [[1.0, 1.0]], ["a", "c", "b"], [[2.0, 2.0]] * 3, homes)
    assert found["m"].cluster == 2


def test_representatives_are_compared_first() -> None:
    """Then the best means, up to the number that is wanted."""
    homes = {"a": Home(1, 0.1), "b": Home(1, 0.9), "c": Home(2, 0.8), "d": Home(3)}
    assert compared(homes, {"a", "d"}, 3) == ["a", "d", "b"]
    assert compared(homes, (), 9) == ["b", "c", "a", "d"]


@pytest.mark.parametrize("bad", [[[np.nan, 0.0]], [[1.0, 2.0], [1.0, 2.0]], [1.0, 2.0], [[1.0, 2.0, 3.0]]])
def test_vectors_that_do_not_fit_are_refused(bad: object) -> None:
    """One row per model, as wide as the others, finite."""
    with pytest.raises(InvalidInput):
        by_text(["m"], bad, ["n"], [[1.0, 0.0]], {"n": Home(1)})  # type: ignore[arg-type]
