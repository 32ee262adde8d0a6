"""Leave-one-dataset-out backtests of recall alone: rankings against known test scores.

For every benchmark dataset in turn: forget its results, cluster the rest, let every method rank the
models from the recorded proxy scores, and compare the ranking with the truth. Needs test scores
and, for methods that use them, proxy scores; no curves. Computes no proxy and downloads nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from statistics import fmean

from hubselect.backtest.hiding import by_dataset, hidden_target, with_proxies
from hubselect.backtest.trials import Trial, all_trials
from hubselect.errors import KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.classes import Classes
from hubselect.recall.methods import Evidence, Method
from hubselect.recall.quality import REGRET_AT, at, bootstrap_interval, mean, regrets, spearman
from hubselect.records import ProxyScore, Recalled, Task

CHOOSE_BY = (1, 3, 5)
"""The methods are compared by their mean regret over these numbers of recalled models."""

_SHUFFLES = 20  # a single shuffle says little about chance


@dataclass(frozen=True)
class RecallSettings:
    """What is replayed. `threshold` and `top_k` are the clusters'; `top` is how many models are scored
    where the best by mean are; `proxies` are those `fused` uses (none: its own), `proxy` the paper's."""

    task: Task
    proxy: str = "leep"
    proxies: tuple[str, ...] = ()
    top: int | None = None
    threshold: float | None = None
    top_k: int = 5
    seed: int = 0


@dataclass(frozen=True)
class Measured:
    """How one method ranked one target: `regret` at 1, 2, ... n recalled models. `passes` forward
    passes and `bytes` of weights (None: sizes unknown) were spent on proxies. `spearman` is None
    where it has no value."""

    regret: tuple[float, ...]
    spearman: float | None
    passes: int = 0
    bytes: int | None = 0

    def at(self, k: int) -> float:
        """Regret of the first `k` models, of all where there are fewer."""
        return at(self.regret, k)


@dataclass(frozen=True)
class RecallTarget:
    """One dataset taken for the target: `best` model and score, and how every method did."""

    dataset: str
    models: int
    best_model: str
    best: float
    methods: Mapping[str, Measured]


@dataclass(frozen=True)
class Means:
    """A method over all targets, with 95 % bootstrap intervals over targets (None: too few)."""

    regret: Mapping[int, float]
    intervals: Mapping[int, tuple[float, float] | None]
    spearman: float | None
    spearman_interval: tuple[float, float] | None
    passes: float
    bytes: float | None


@dataclass(frozen=True)
class RecallBacktest:
    """All targets and the means over them; `skipped` says why a dataset was no target."""

    settings: RecallSettings
    targets: tuple[RecallTarget, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def methods(self) -> tuple[str, ...]:
        return tuple(self.targets[0].methods) if self.targets else ()

    @cached_property
    def means(self) -> Mapping[str, Means]:
        return {name: self._means(name) for name in self.methods}

    def _means(self, name: str) -> Means:
        measured = [t.methods[name] for t in self.targets]
        by_k = {k: [m.at(k) for m in measured] for k in REGRET_AT}
        bytes_ = [m.bytes for m in measured]
        return Means(
            {k: fmean(values) for k, values in by_k.items()},
            {k: bootstrap_interval(values) for k, values in by_k.items()},
            mean([m.spearman for m in measured]),
            bootstrap_interval([m.spearman if m.spearman is not None else float("nan") for m in measured]),
            fmean(m.passes for m in measured),
            None if None in bytes_ else fmean(b for b in bytes_ if b is not None),
        )

    def smallest_k(
        self, name: str, tolerance: float, least: int = 1, most: int | None = None
    ) -> tuple[int, float]:
        """The fewest models to recall with `name` for a mean regret within `tolerance`, and that regret;
        between `least` and `most` (None: all)."""
        measured = [t.methods[name].regret for t in self.targets]
        longest = max(map(len, measured))
        last = min(longest, most or longest)
        for k in range(min(least, last), last + 1):
            regret = fmean(at(each, k) for each in measured)
            if regret <= tolerance:
                break
        return k, regret

    def best(self, names: Sequence[str]) -> str | None:
        """The method with the lowest mean regret over 1, 3 and 5 recalled models; ties: the higher rank
        correlation, then the order of `names`. None when none of them was measured."""
        found = [n for n in names if n in self.means]

        def order(name: str) -> tuple[float, float, int]:
            means = self.means[name]
            regret = round(fmean(means.regret[k] for k in CHOOSE_BY), 9)
            return regret, -(means.spearman or 0.0), found.index(name)

        return min(found, key=order, default=None)


def backtest_recall(
    matrix: PerformanceMatrix,
    proxies: Iterable[ProxyScore],
    settings: RecallSettings,
    *,
    parameters: Mapping[str, int] | None = None,
    weights: Mapping[str, int] | None = None,
    classes: Classes | None = None,
    trials: Sequence[Trial] | None = None,
) -> RecallBacktest:
    """Rank the models of `matrix` for each of its datasets by every method.

    `parameters` and `weights` are the models' sizes in parameters and bytes, `classes` the class names
    of heads and datasets, where known. `trials` default to `all_trials`. Raises `KnowledgeMissing` when
    no dataset can be a target: that takes results of the same models on two datasets.
    """
    table = by_dataset(proxies)
    recorded = {name for by_proxy in table.values() for name in by_proxy}
    trials = trials or all_trials(settings.proxy, recorded, settings.proxies, sized=bool(parameters))
    targets, skipped = [], {}
    for dataset in matrix.datasets:
        known = matrix.scores[:, matrix.datasets.index(dataset)]
        truth = {m: float(s) for m, s in zip(matrix.models, known.tolist(), strict=True) if s == s}
        rest = matrix.without_dataset(dataset).scored()
        truth = {m: s for m, s in truth.items() if m in rest}
        if len(truth) < 2:
            skipped[dataset] = "needs two models with results here and on another dataset"
            continue
        evidence = hidden_target(
            dataset,
            rest,
            tuple(sorted(truth)),
            table,
            task=settings.task,
            threshold=settings.threshold,
            top_k=settings.top_k,
            parameters=parameters,
            classes=classes,
            seed=settings.seed,
        )
        on_target = table.get(dataset, {})
        measured = {t.name: _measure(t, evidence, on_target, truth, settings.top, weights) for t in trials}
        best = max(sorted(truth), key=lambda m: truth[m])
        targets.append(RecallTarget(dataset, len(truth), best, truth[best], measured))
    if not targets:
        raise KnowledgeMissing(
            "no dataset can be recalled for: that needs results of two models on two datasets",
            "run `hubselect benchmark`, or bring results with `hubselect registry import`",
        )
    return RecallBacktest(settings, tuple(targets), skipped)


def _measure(
    trial: Trial,
    evidence: Evidence,
    proxies: Mapping[str, Mapping[str, ProxyScore]],
    truth: Mapping[str, float],
    top: int | None,
    weights: Mapping[str, int] | None,
) -> Measured:
    """Let a method rank with the proxies it would have paid for, and judge it by the truth."""
    evidence = with_proxies(evidence, trial.method, trial.scope, proxies, top)
    scored: set[str] = set().union(*evidence.proxies.values())
    sized = weights is not None and scored <= weights.keys()
    spent = sum(weights[m] for m in scored) if weights is not None and sized else None
    if trial.method.name == "random":
        regret, correlation = _chance(trial.method, evidence, truth)
    else:
        regret, correlation = _judged(trial.method.rank(evidence), truth)
    return Measured(regret, correlation, len(scored), spent if scored else 0)


def _judged(
    recalled: Sequence[Recalled], truth: Mapping[str, float]
) -> tuple[tuple[float, ...], float | None]:
    scores = {r.model: r.recall_score for r in recalled}
    return regrets([r.model for r in recalled], truth), spearman(scores, truth)


def _chance(
    random: Method, evidence: Evidence, truth: Mapping[str, float]
) -> tuple[tuple[float, ...], float | None]:
    """The mean over many shuffles."""
    shuffles = [
        _judged(random.rank(replace(evidence, seed=evidence.seed + n)), truth) for n in range(_SHUFFLES)
    ]
    regret = tuple(fmean(each) for each in zip(*(r for r, _ in shuffles), strict=True))
    return regret, mean([correlation for _, correlation in shuffles])
