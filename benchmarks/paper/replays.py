"""Selections replayed leave-one-dataset-out for Tables IV-VII, once per recorded seed.

Everything is `hubselect.backtest`: it replays the lowest seed of a dataset and learns from all seeds of the
others, so the seed that is wanted is numbered first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from benchmarks.paper.published import MODELS, K
from benchmarks.paper.sources import SHOWN, Zoo
from hubselect.backtest import PROXY_EPOCHS, Settings, Target, backtest
from hubselect.records import Run
from hubselect.selection.costs import brute_force_epochs, successive_halving_epochs


@dataclass(frozen=True)
class Setup:
    """A replay: policy, models recalled (None: the whole pool), filtering threshold, cut of the clusters
    (None: chosen by the data, without the target)."""

    policy: str
    k: int | None = K
    threshold: float = 0.0
    cut: float | None = None


@dataclass(frozen=True)
class Replayed:
    """One selection under one seed. `tests` are the pool's test scores on the target; costs are epochs."""

    seed: int
    target: Target
    tests: Mapping[str, float]

    @property
    def recall(self) -> float:
        return PROXY_EPOCHS * self.target.proxies

    @property
    def training(self) -> float:
        return self.target.epochs - self.recall

    @property
    def recalled_tests(self) -> list[float]:
        return [self.tests[m] for m in self.target.recalled]

    @cached_property
    def needed_for_best(self) -> int:
        """How many models have to be recalled until the best is among them (of a replay of the pool)."""
        return self.target.recalled.index(self.target.best_model) + 1


@dataclass
class Replays:
    """Every setup of a zoo, replayed when it is first asked for."""

    zoo: Zoo
    _done: dict[Setup, tuple[Replayed, ...]] = field(default_factory=dict)

    def of(self, setup: Setup) -> tuple[Replayed, ...]:
        """In order of seed, then dataset."""
        if setup not in self._done:
            found = (r for seed in self.zoo.seeds for r in replay(self.zoo, setup, seed))
            self._done[setup] = tuple(found)
        return self._done[setup]

    @cached_property
    def share(self) -> int:
        """As many models as the paper's 10 are of its pool, in this one; rounded up."""
        return -(-self.zoo.pool * K // MODELS[self.zoo.kind])


def replay(zoo: Zoo, setup: Setup, seed: int, runs: Sequence[Run] | None = None) -> list[Replayed]:
    """`setup` on every dataset, on the curves recorded under `seed`; `runs` in place of the zoo's."""
    order = [seed, *(s for s in zoo.seeds if s != seed)]
    chosen = [replace(r, seed=order.index(r.seed)) for r in (zoo.runs if runs is None else runs)]
    settings = Settings(
        zoo.task,
        method="paper",
        proxy="leep",
        scope="representatives",
        top_k=5,
        policy=setup.policy,
        k=zoo.pool if setup.k is None else setup.k,
        threshold=setup.cut,
        fine_threshold=setup.threshold,
    )
    tests: dict[str, dict[str, float]] = {}
    for run in chosen:
        if run.seed == 0 and run.test is not None:
            tests.setdefault(run.dataset, {})[run.model] = run.test
    return [Replayed(seed, t, tests[t.dataset]) for t in backtest(chosen, zoo.proxies, settings).targets]


def replay_at_lower_rate(zoo: Zoo, slower: Sequence[Run], setup: Setup) -> list[Replayed]:
    """The shown dataset as the target, its curves recorded with the lower rate; everything else as it was."""
    target = SHOWN[zoo.kind]
    recipe = zoo.runs[0].recipe  # one recipe, or the other targets could not be replayed; they are not used
    seed = min(r.seed for r in slower)
    changed = [r for r in zoo.runs if r.dataset != target] + [replace(r, recipe=recipe) for r in slower]
    return [r for r in replay(zoo, setup, seed, changed) if r.target.dataset == target]


def baselines(zoo: Zoo, models: int) -> tuple[int, int]:
    """Epochs of brute force and of halving over `models`."""
    return brute_force_epochs(models, zoo.epochs), successive_halving_epochs(models, zoo.epochs)
