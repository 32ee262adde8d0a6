"""What `policies.py` replays: a recall, how many models start, and a policy."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from benchmarks.quality.policy_candidates import ConstantDiscard, GaussianProcessEnds, NearestCurves
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.curve_lessons import recorded_lessons
from hubselect.knowledge.trend_book import TrendBook
from hubselect.records import Run
from hubselect.selection import (
    PRICE,
    BruteForce,
    Ends,
    FineSelection,
    KnowledgeGradient,
    StagedPolicy,
    SuccessiveHalving,
)


class Priors(NamedTuple):
    """What recall expects: by model the test score and its bounds, and the error among those in front."""

    scores: Mapping[str, tuple[float, float, float]]
    front_sd: float | None

    def of(self, models: Collection[str]) -> Priors:
        return Priors({m: p for m, p in self.scores.items() if m in models}, self.front_sd)


Recall = tuple[str, str, int | None]
LEAST = 3  # models that are recalled where nobody says more


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
    """`recall` is a method, whose proxies it computes, and of how many at most; `finest` are the epochs
    between two barriers."""

    name: str
    recall: Recall
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


def _gradient(
    price: float = PRICE, *, priors: bool = True, all_start: bool = False
) -> Callable[..., StagedPolicy]:
    def make(known: Knowledge, epochs: Sequence[float], expected: Priors) -> StagedPolicy:
        sd = None if all_start or not priors else expected.front_sd
        ends = known.ends(epochs).with_priors(expected.scores if priors else {}, sd)
        return KnowledgeGradient(len(epochs), ends, price, tuple(epochs))

    return make


@dataclass(frozen=True)
class _Later(KnowledgeGradient):
    """The first decision comes after stage `first`."""

    first: int = 1

    def barriers(self) -> Sequence[int]:
        return range(self.first, self.stages + 1)


def _later(steps: int, price: float = PRICE) -> Callable[..., StagedPolicy]:
    """No decision before so many optimizer steps, or one epoch where that is less."""

    def make(known: Knowledge, epochs: Sequence[float], expected: Priors) -> StagedPolicy:
        each = known.steps.get(known.target, math.inf)
        first = next(n for n, e in enumerate(epochs, start=1) if e * each >= steps or e >= 1)
        ends = known.ends(epochs).with_priors(expected.scores, expected.front_sd)
        return _Later(len(epochs), ends, price, tuple(epochs), first=first)

    return make


def _nearest(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return KnowledgeGradient(len(epochs), known.nearest(epochs), epochs=tuple(epochs))


def _process(known: Knowledge, epochs: Sequence[float], priors: Priors) -> StagedPolicy:
    return KnowledgeGradient(len(epochs), known.process(epochs), epochs=tuple(epochs))


PAPER, ALL, SOME = ("paper", "representatives", 10), ("fused", "all", 10), ("fused", "representatives", 10)


def few(most: int | None) -> Recall:
    """Adaptive recall with so many proxies at most (None: the product's default)."""
    return "fused", "adaptive", most


FEW = few(None)
CHOSEN = f"knowledge gradient, adaptive recall, K {LEAST}"
BASELINE = "the paper's two phases, K 10"

ARMS: tuple[Arm, ...] = (
    Arm(BASELINE, PAPER, 10, _fine, 1.0),
    Arm(CHOSEN, FEW, LEAST, _gradient()),
    Arm("knowledge gradient, paper's recall, K 10", PAPER, 10, _gradient()),
    Arm("fine selection, adaptive recall, K 10", FEW, 10, _fine, 1.0),
    *(Arm(f"knowledge gradient, adaptive recall, K {k}", FEW, k, _gradient()) for k in (2, 4, 5)),
    *(Arm(f"... with {n} proxies at most, K {LEAST}", few(n), LEAST, _gradient()) for n in (5, 6, 7, 8, 10)),
    Arm(f"... with the proxies of all models, K {LEAST}", ALL, LEAST, _gradient()),
    Arm("... with the proxies of representatives, K 5", SOME, 5, _gradient()),
    *(
        Arm(f"... at a price of {p:g}, K {LEAST}", FEW, LEAST, _gradient(p))
        for p in (0.0005, 0.001, 0.002, 0.003)
    ),
    Arm(f"... all recalled start, K {LEAST}", FEW, LEAST, _gradient(all_start=True)),
    Arm(f"... without priors, K {LEAST}", FEW, LEAST, _gradient(priors=False)),
    Arm(f"... at whole epochs, K {LEAST}", FEW, LEAST, _gradient(), 1.0),
    Arm(f"... at half epochs, K {LEAST}", FEW, LEAST, _gradient(), 0.5),
    *(Arm(f"... not before {n} steps, K {LEAST}", FEW, LEAST, _later(n)) for n in (10, 20)),
    Arm(f"... not before 20 steps at a price of 0.002, K {LEAST}", FEW, LEAST, _later(20, 0.002)),
    Arm(f"... from the nearest curves, K {LEAST}", FEW, LEAST, _nearest),
    Arm(f"... from a Gaussian process, K {LEAST}", FEW, LEAST, _process),
    Arm("train all of adaptive recall, K 3", FEW, 3, _full, 1.0),
    Arm("halving, adaptive recall, K 3", FEW, 3, _halving, 1.0),
    Arm("halving, adaptive recall, K 4", FEW, 4, _halving, 1.0),
    Arm("discard after 1 epoch, adaptive recall, K 3", FEW, 3, _discard, 1.0),
    Arm("discard after half an epoch, adaptive recall, K 3", FEW, 3, _discard, 0.5),
    Arm("trends every quarter epoch, adaptive recall, K 4", FEW, 4, _fine, 0.25),
    Arm("trends every half epoch, adaptive recall, K 4", FEW, 4, _fine, 0.5),
    Arm("train the first of adaptive recall", FEW, 1, _full, 1.0),
)
