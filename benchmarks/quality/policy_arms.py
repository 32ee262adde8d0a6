"""What `policies.py` replays: a recall, how many models start, and a policy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from benchmarks.quality.policy_candidates import ConstantDiscard, GaussianProcessEnds, NearestCurves
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.curve_lessons import recorded_lessons
from hubselect.knowledge.trend_book import TrendBook
from hubselect.records import Run
from hubselect.selection import (
    BruteForce,
    Ends,
    FineSelection,
    KnowledgeGradient,
    StagedPolicy,
    SuccessiveHalving,
)

Priors = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True)
class Knowledge:
    """What the other datasets teach about `target`; learned once for all policies."""

    rest: Sequence[Run]
    steps: Mapping[str, float]
    target: str
    _ends: dict[tuple[float, ...], CurveEnds] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def trends(self) -> TrendBook:
        return TrendBook.from_runs(self.rest)

    def ends(self, epochs: Sequence[float]) -> CurveEnds:
        key = tuple(epochs)
        if key not in self._ends:
            steps = self.steps
            self._ends[key] = CurveEnds.from_runs(
                self.rest, epochs, steps=steps, target_steps=steps.get(self.target)
            )
        return self._ends[key]

    def nearest(self, epochs: Sequence[float]) -> Ends:
        return NearestCurves(recorded_lessons(self.rest, epochs, {}, None), epochs, self.ends(epochs))

    @cached_property
    def _processes(self) -> dict[tuple[float, ...], GaussianProcessEnds]:
        return {}

    def process(self, epochs: Sequence[float]) -> Ends:
        key = tuple(epochs)
        if key not in self._processes:
            lessons = recorded_lessons(self.rest, epochs, {}, None)
            self._processes[key] = GaussianProcessEnds(lessons, epochs, self.ends(epochs))
        return self._processes[key]


@dataclass(frozen=True)
class Arm:
    """`recall` is a method and whose proxies it computes; `barriers` are the epochs (below the last) after
    which the policy may decide, None for all that were recorded."""

    name: str
    recall: tuple[str, str]
    k: int
    make: Callable[[Knowledge, Sequence[float], Priors], StagedPolicy]
    finest: float = 0.25

    def policy(self, knowledge: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
        return self.make(knowledge, epochs, priors)

    def thinned(self, run: Run) -> Run:
        """The curve at the barriers: multiples of `finest` epochs among what was recorded."""
        kept = [p for p in run.curve if abs(p.epochs / self.finest - round(p.epochs / self.finest)) < 1e-6]
        return replace(run, curve=tuple(replace(p, stage=n) for n, p in enumerate(kept, start=1)))


def _fine(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return FineSelection(len(epochs), known.trends)


def _halving(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return SuccessiveHalving(len(epochs))


def _full(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return BruteForce(len(epochs))


def _discard(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return ConstantDiscard(len(epochs))


def _gradient(price: float = 0.001, priors: bool = True) -> Callable[..., StagedPolicy]:
    def make(known: Knowledge, epochs: Sequence[float], expected: Priors) -> StagedPolicy:
        ends = known.ends(epochs).with_priors(expected if priors else {})
        return KnowledgeGradient(len(epochs), ends, price, tuple(epochs))

    return make


def _nearest(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return KnowledgeGradient(len(epochs), known.nearest(epochs), epochs=tuple(epochs))


def _process(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return KnowledgeGradient(len(epochs), known.process(epochs), epochs=tuple(epochs))


PAPER, ALL, SOME = ("paper", "representatives"), ("fused", "all"), ("fused", "representatives")
CHOSEN = "knowledge gradient, fused recall, K 3"
BASELINE = "the paper's two phases, K 10"

ARMS: tuple[Arm, ...] = (
    Arm(BASELINE, PAPER, 10, _fine, 1.0),
    Arm("knowledge gradient, paper's recall, K 10", PAPER, 10, _gradient()),
    Arm("fine selection, fused recall, K 10", ALL, 10, _fine, 1.0),
    *(Arm(f"knowledge gradient, fused recall, K {k}", ALL, k, _gradient()) for k in (10, 5, 4, 3)),
    *(
        Arm(f"knowledge gradient, fused recall of representatives, K {k}", SOME, k, _gradient())
        for k in (10, 5)
    ),
    Arm("train all of fused recall, K 4", ALL, 4, _full, 1.0),
    Arm("train all of fused recall, K 3", ALL, 3, _full, 1.0),
    Arm("halving, fused recall, K 3", ALL, 3, _halving, 1.0),
    Arm("discard after 1 epoch, fused recall, K 3", ALL, 3, _discard, 1.0),
    Arm("halving, fused recall, K 4", ALL, 4, _halving, 1.0),
    Arm("fine selection, fused recall, K 4", ALL, 4, _fine, 1.0),
    Arm("trends every quarter epoch, fused recall, K 4", ALL, 4, _fine, 0.25),
    Arm("trends every half epoch, fused recall, K 4", ALL, 4, _fine, 0.5),
    Arm("discard after half an epoch, fused recall, K 4", ALL, 4, _discard, 0.5),
    Arm("discard after 1 epoch, fused recall, K 4", ALL, 4, _discard, 1.0),
    Arm("gradient at whole epochs, fused recall, K 4", ALL, 4, _gradient(), 1.0),
    Arm("gradient at half epochs, fused recall, K 4", ALL, 4, _gradient(), 0.5),
    Arm("gradient without priors, fused recall, K 4", ALL, 4, _gradient(priors=False)),
    Arm("gradient without priors, fused recall, K 3", ALL, 3, _gradient(priors=False)),
    Arm("gradient at half the price, fused recall, K 4", ALL, 4, _gradient(0.0005)),
    Arm("gradient at twice the price, fused recall, K 4", ALL, 4, _gradient(0.002)),
    Arm("gradient, nearest curves, fused recall, K 4", ALL, 4, _nearest),
    Arm("gradient, Gaussian process, fused recall, K 4", ALL, 4, _process),
    Arm("train the first of fused recall", ALL, 1, _full, 1.0),
)
