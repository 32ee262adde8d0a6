"""Leave-one-dataset-out replay of whole selections over recorded curves. Trains nothing.

For every benchmark dataset in turn: forget it, cluster and mine trends on the rest, recall
with the recorded proxy scores, let the policy decide on the recorded curves, and compare the
model it picks with the best one. Knowledge is built with the target excluded and the policy
sees no test score, so nothing leaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from hubselect.backtest.hiding import Table, by_dataset, hidden_target, with_proxies
from hubselect.errors import KnowledgeMissing, SelectionFailed
from hubselect.executors.replay import ReplayExecutor
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.classes import Classes
from hubselect.recall.methods import Evidence, Method, method
from hubselect.recall.prediction import as_priors, predictions
from hubselect.recall.scope import Scope
from hubselect.records import CurvePoint, Failed, ProxyScore, Run, Task, Verdict
from hubselect.selection import BruteForce, History, StagedPolicy, SuccessiveHalving, drive, make_policy

PROXY_EPOCHS = 0.5  # the paper counts half an epoch per model whose proxy is computed (Sec. V.D)


@dataclass(frozen=True)
class Settings:
    """What is replayed.

    `method` recalls, with `proxy` where it is the paper's and with `proxies` (none: its own) where it
    is not, computed for the models in `scope` (the paper's: for representatives). `threshold` is the
    clusters' cut (None: best silhouette), `fine_threshold` the policy's filtering threshold.
    `stages_per_epoch` is how often the policy decides (once an epoch, as in the paper), however often
    the recorded curves were validated; curves without a point there are replayed stage by stage as
    they are.
    """

    task: Task
    policy: str = "fine-selection"
    proxy: str = "leep"
    k: int = 10
    threshold: float | None = None
    top_k: int = 5
    fine_threshold: float = 0.0
    stages_per_epoch: int = 1
    method: str = "paper"
    proxies: tuple[str, ...] = ()
    scope: Scope = "adaptive"
    top: int | None = None

    @cached_property
    def recall(self) -> Method:
        """The recall method with its proxies."""
        return method(self.method, (self.proxy,) if self.method == "paper" else self.proxies)

    @property
    def computed_for(self) -> Scope:
        """Whose proxies are taken for computed."""
        return "representatives" if self.method == "paper" else self.scope


@dataclass(frozen=True)
class Target:
    """One replayed selection. Scores are test scores of the recipe's metric; costs are epochs,
    recall included; `regret` = best minus selected."""

    dataset: str
    selected: str
    test_score: float
    best: float
    best_model: str
    regret: float
    epochs: float
    epochs_brute_force: float
    epochs_successive_halving: float
    recalled: tuple[str, ...]
    proxies: int
    history: tuple[Verdict, ...] = ()


@dataclass(frozen=True)
class Backtest:
    """All targets, and the means the paper reports: regret, and epochs saved as ratios of sums."""

    settings: Settings
    targets: tuple[Target, ...]
    skipped: Mapping[str, str] = field(default_factory=dict)

    @property
    def mean_regret(self) -> float:
        return sum(t.regret for t in self.targets) / len(self.targets)

    @property
    def speedup_vs_brute_force(self) -> float:
        return sum(t.epochs_brute_force for t in self.targets) / sum(t.epochs for t in self.targets)

    @property
    def speedup_vs_successive_halving(self) -> float:
        return sum(t.epochs_successive_halving for t in self.targets) / sum(t.epochs for t in self.targets)


class MemoryJournal:
    """A journal that lives as long as one replay."""

    def __init__(self, candidates: Sequence[str]) -> None:
        self._candidates = tuple(candidates)
        self._points: dict[str, tuple[CurvePoint, ...]] = {}
        self._failed: dict[str, Failed] = {}

    def history(self) -> History:
        return History(self._candidates, dict(self._points), dict(self._failed))

    def append(self, event: CurvePoint | Failed) -> None:
        if isinstance(event, Failed):
            self._failed[event.model] = event
        else:
            self._points[event.model] = (*self._points.get(event.model, ()), event)

    def decide(self, verdicts: tuple[Verdict, ...]) -> None:
        """Nothing to record: the result carries the verdicts."""

    def epochs(self) -> float:
        return sum(points[-1].epochs for points in self._points.values())


def backtest(
    runs: Iterable[Run],
    proxies: Iterable[ProxyScore],
    settings: Settings,
    *,
    parameters: Mapping[str, int] | None = None,
    steps: Mapping[str, float] | None = None,
    classes: Classes | None = None,
) -> Backtest:
    """Replay a selection for every dataset that has recorded curves of at least two models.

    `runs` are finished benchmark runs of one task under one recipe; where there are several
    seeds, the lowest one is replayed and the others only inform the knowledge. `proxies` are
    recorded proxy scores; a cluster whose representative has none on the target is ranked by
    Eq. 4 or its prior. `parameters` are the models' sizes, `steps` the datasets' optimizer steps per
    epoch, `classes` the class names of heads and datasets, where known. Raises `KnowledgeMissing` when
    no dataset can be replayed.
    """
    known = [r for r in runs if r.status == "done" and r.test is not None]
    table = by_dataset(proxies)
    targets, skipped = [], {}
    for dataset in sorted({r.dataset for r in known}):
        replayed = _one_seed([r for r in known if r.dataset == dataset and r.curve])
        rest = [r for r in known if r.dataset != dataset]
        if len(replayed) < 2 or not rest:
            skipped[dataset] = (
                "needs recorded validation curves of two models, and other datasets to learn from"
            )
            continue
        if not {r.model for r in rest} & set(replayed):
            skipped[dataset] = "none of its models has results on another dataset"
            continue
        try:
            targets.append(_replay(dataset, replayed, rest, table, settings, parameters, steps, classes))
        except SelectionFailed as error:  # curves that end before the last stage
            skipped[dataset] = error.message
    if not targets:
        raise KnowledgeMissing(
            "no dataset can be replayed: that needs recorded validation curves on two datasets or more",
            "run `hubselect benchmark`, or import curves: model, dataset, stage, epochs, split, score",
        )
    return Backtest(settings, tuple(targets), skipped)


def _replay(
    dataset: str,
    replayed: Mapping[str, Run],
    rest: Sequence[Run],
    table: Table,
    settings: Settings,
    parameters: Mapping[str, int] | None,
    steps: Mapping[str, float] | None,
    classes: Classes | None,
) -> Target:
    matrix = PerformanceMatrix.from_runs(rest)
    evidence = hidden_target(
        dataset,
        matrix,
        matrix.models,
        table,
        task=settings.task,
        threshold=settings.threshold,
        top_k=settings.top_k,
        parameters=parameters,
        classes=classes,
    )
    on_target = table.get(dataset, {})
    evidence = with_proxies(evidence, settings.recall, settings.computed_for, on_target, settings.top)
    ranked = [r.model for r in settings.recall.rank(evidence) if r.model in replayed]
    candidates, proxied = tuple(ranked[: settings.k]), len(set().union(*evidence.proxies.values()))
    replayed = _at_barriers(replayed, settings.stages_per_epoch)
    epochs_at = {p.stage: p.epochs for r in replayed.values() for p in r.curve}
    stages = max(epochs_at)
    policy = make_policy(
        settings.policy,
        stages,
        TrendBook.from_runs(rest).only(candidates),
        threshold=settings.fine_threshold,
        ends=_ends(rest, epochs_at, evidence, settings, steps or {}, dataset),
        epochs=tuple(epochs for _, epochs in sorted(epochs_at.items())) if len(epochs_at) == stages else (),
    )
    selected, epochs, history = _drive(policy, candidates, replayed)
    best_model = max(sorted(replayed), key=lambda m: _test(replayed[m]))
    everyone = tuple(sorted(replayed))
    return Target(
        dataset,
        selected,
        _test(replayed[selected]),
        _test(replayed[best_model]),
        best_model,
        _test(replayed[best_model]) - _test(replayed[selected]),
        epochs + PROXY_EPOCHS * proxied,
        _drive(BruteForce(stages), everyone, replayed)[1],
        _drive(SuccessiveHalving(stages), everyone, replayed)[1],
        candidates,
        proxied,
        history,
    )


def _ends(
    rest: Sequence[Run],
    epochs_at: Mapping[int, float],
    evidence: Evidence,
    settings: Settings,
    steps: Mapping[str, float],
    dataset: str,
) -> CurveEnds | None:
    """What the other datasets' curves and the recall teach the policy that asks for it."""
    if settings.policy != "knowledge-gradient":
        return None
    ends = CurveEnds.from_runs(rest, sorted(epochs_at.values()), steps=steps, target_steps=steps.get(dataset))
    return ends.with_priors(*as_priors(predictions(evidence, settings.recall.proxies)))


def _drive(
    policy: StagedPolicy, candidates: Sequence[str], replayed: Mapping[str, Run]
) -> tuple[str, float, tuple[Verdict, ...]]:
    journal = MemoryJournal(candidates)
    done = drive(policy, ReplayExecutor(replayed), journal)
    return done.winner, journal.epochs(), done.verdicts


def _one_seed(runs: Sequence[Run]) -> dict[str, Run]:
    seed = min((r.seed for r in runs), default=0)
    return {r.model: r for r in runs if r.seed == seed}


def _at_barriers(runs: Mapping[str, Run], per_epoch: int) -> Mapping[str, Run]:
    """The same curves at the policy's barriers only: stage n is n / `per_epoch` epochs."""
    last = max(p.epochs for r in runs.values() for p in r.curve)
    barriers = [n / per_epoch for n in range(1, round(last * per_epoch) + 1)]
    thinned = {}
    for model, run in runs.items():
        by_epochs = {round(p.epochs, 6): p for p in run.curve}
        points = [by_epochs.get(round(epochs, 6)) for epochs in barriers]
        thinned[model] = replace(
            run, curve=tuple(replace(p, stage=n) for n, p in enumerate(points, start=1) if p is not None)
        )
        if None in points and len(run.curve) > 0 and run.curve[-1].epochs >= last:
            return runs  # validated at other times: no barrier of its own fits
    return thinned


def _test(run: Run) -> float:
    if run.test is None:  # filtered on the way in; a score of None would compare as an error
        raise KnowledgeMissing(f"{run.model} on {run.dataset} has no test score", "run `hubselect benchmark`")
    return run.test
