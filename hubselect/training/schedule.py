"""The learning rate and the optimizer steps of every stage.

Both are laid out for the recipe's full length, wherever training is paused: a model stopped
after stage 1 has done exactly the first steps of the full run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from hubselect.errors import InvalidInput
from hubselect.records import Method, Recipe

_REFERENCE_RATE, _REFERENCE_PARAMETERS = 3e-5, 1.1e8
_LOWEST, _HIGHEST = 5e-6, 2e-3
# By what the rule's rate is multiplied where few parameters learn, and the bounds it has there.
_FEW: dict[Method, tuple[float, float, float]] = {"lora": (10, 1e-4, 5e-3), "probe": (30, 1e-3, 1e-2)}


def learning_rate_for(recipe: Recipe, parameters: int) -> float:
    """The peak learning rate: the recipe's own, or by the size rule.

    The rule is 3e-5 * (1.1e8 / parameters) ** (2 / 3), within [5e-6, 2e-3]: 3e-5 for
    BERT-base, the paper's setting (Sec. V.A), and about 1.8e-3 for 230,000 parameters. LoRA takes ten
    times as much, within [1e-4, 5e-3], and a probe thirty times, within [1e-3, 1e-2].
    """
    if recipe.learning_rate is not None:
        return recipe.learning_rate
    rate: float = _REFERENCE_RATE * (_REFERENCE_PARAMETERS / max(parameters, 1)) ** (2 / 3)
    factor, lowest, highest = _FEW.get(recipe.method, (1, _LOWEST, _HIGHEST))
    return min(max(factor * rate, lowest), highest)


@dataclass(frozen=True)
class Schedule:
    """Linear warm-up to `peak`, then linear decay towards 0 over `total` optimizer steps."""

    peak: float
    epochs: int
    stages_per_epoch: int
    steps_per_epoch: int
    warmup: int

    @classmethod
    def of(cls, recipe: Recipe, parameters: int, steps_per_epoch: int) -> Schedule:
        """Raises `InvalidInput` for a recipe that trains nothing."""
        if recipe.epochs < 1 or recipe.stages_per_epoch < 1:
            raise InvalidInput(
                "a recipe needs at least one epoch and one stage per epoch", "give at least 1 of each"
            )
        if not 0 <= recipe.warmup_ratio < 1:
            raise InvalidInput("the warm-up ratio must be at least 0 and below 1", "choose one within that")
        warmup = math.ceil(recipe.warmup_ratio * recipe.epochs * steps_per_epoch)
        rate = learning_rate_for(recipe, parameters)
        return cls(rate, recipe.epochs, recipe.stages_per_epoch, steps_per_epoch, warmup)

    @property
    def total(self) -> int:
        return self.epochs * self.steps_per_epoch

    def rate(self, step: int) -> float:
        """The learning rate of optimizer step `step`, counted from 0."""
        if step < self.warmup:
            return self.peak * (step + 1) / self.warmup
        return self.peak * (self.total - step) / max(self.total - self.warmup, 1)

    def steps_at(self, stage: int) -> int:
        """Optimizer steps done when `stage` (1-based; 0 is the start) ends, rounded half up."""
        return (2 * stage * self.steps_per_epoch + self.stages_per_epoch) // (2 * self.stages_per_epoch)
