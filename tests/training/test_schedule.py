from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.errors import InvalidInput
from hubselect.records import Recipe
from hubselect.training.schedule import Schedule, learning_rate_for

TEXT = Recipe("text-classification")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [(110_000_000, 3e-5), (230_000, 1.834e-3), (50_000, 2e-3), (7_000_000_000, 5e-6)],
)
def test_size_rule(parameters: int, expected: float) -> None:
    """BERT-base gets the paper's 3e-5, smaller models more, within the rule's bounds."""
    assert learning_rate_for(TEXT, parameters) == pytest.approx(expected, rel=1e-3)


def test_the_recipes_own_rate_wins() -> None:
    """A learning rate in the recipe is used as it is."""
    assert learning_rate_for(TEXT.with_(learning_rate=0.1), 110_000_000) == 0.1


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 50), st.floats(0, 0.99))
def test_schedule_covers_the_full_length(epochs: int, stages: int, steps: int, warmup: float) -> None:
    """Stage boundaries rise from 0 to the last step; rates rise to the peak, then fall, never to 0."""
    recipe = TEXT.with_(epochs=epochs, stages_per_epoch=stages, warmup_ratio=warmup)
    schedule = Schedule.of(recipe, 10**6, steps)
    ends = [schedule.steps_at(stage) for stage in range(recipe.stages + 1)]
    assert ends[0] == 0
    assert ends[-1] == schedule.total == epochs * steps
    assert ends == sorted(ends)
    assert [schedule.steps_at(epoch * stages) for epoch in range(epochs + 1)] == [
        e * steps for e in range(epochs + 1)
    ]
    rates = [schedule.rate(step) for step in range(schedule.total)]
    top = rates.index(max(rates))
    assert all(rate > 0 for rate in rates)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(schedule.peak)


def test_fractional_stages_are_laid_out_by_hand() -> None:
    """Seven steps in two stages per epoch end at 4, 7, 11 and 14 (halves round up)."""
    schedule = Schedule.of(TEXT.with_(epochs=2, stages_per_epoch=2, warmup_ratio=0.2), 10**6, 7)
    assert [schedule.steps_at(stage) for stage in range(1, 5)] == [4, 7, 11, 14]
    assert [schedule.rate(s) / schedule.peak for s in (0, 2, 3, 13)] == pytest.approx([1 / 3, 1, 1, 1 / 11])


@pytest.mark.parametrize("changes", [{"epochs": 0}, {"stages_per_epoch": 0}, {"warmup_ratio": 1.0}])
def test_a_recipe_that_trains_nothing_is_refused(changes: dict[str, float]) -> None:
    """No epochs, no stages or nothing but warm-up is an InvalidInput."""
    with pytest.raises(InvalidInput):
        Schedule.of(TEXT.with_(**changes), 10**6, 7)
