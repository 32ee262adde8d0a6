"""What a policy would spend, by the recorded curves of the models that are likely to be recalled."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from hubselect.api.knowing import Knowledge
from hubselect.api.selection.policies import costs_document, lessons_for, policy_from
from hubselect.backtest import MemoryJournal
from hubselect.errors import SelectionFailed
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import CurvePoint, Dataset, Recalled, Recipe, Run, Span
from hubselect.registry import Registry, SelectionRequest
from hubselect.selection import BruteForce, Budget, Budgeted, Costs, StagedPolicy, SuccessiveHalving, drive

ONCE_AN_EPOCH = ("fine-selection", "successive-halving")
_RANKED = 3  # times k models whose recorded curves may stand for the recalled ones


@dataclass(frozen=True)
class Replays:
    """Epochs and seconds, recall included, of every replay; on how many recorded datasets."""

    spent: list[tuple[float, float]]
    datasets: int
    note: str | None = None


def replays_for(
    store: Registry,
    known: Knowledge,
    dataset: Dataset,
    recipe: Recipe,
    request: SelectionRequest,
    ranked: Sequence[Recalled],
    costs: Costs,
    budget: Budget,
) -> Replays:
    """What the policy spends on the recorded curves of the likely models, or of the next ones where these
    were not recorded; on no curves at all it is taken for halving."""
    k = min(request.k, len(ranked))
    order = [r.model for r in ranked[: _RANKED * k]]
    by_dataset: dict[str, dict[str, Run]] = {}
    done = [round(epochs, 6) for epochs in costs.epochs]
    for model in (m for m in order if m in known.matrix):
        for run in store.runs(
            model=model, recipe=known.recipe.digest, status="done", role="benchmark", current=True
        ):
            same = [round(p.epochs, 6) for p in run.curve] == done
            if same and run.dataset in known.matrix.datasets:
                by_dataset.setdefault(run.dataset, {}).setdefault(model, _at_pace(run, costs))
    full = {name: runs for name, runs in by_dataset.items() if len(runs) >= k}
    if full:
        lessons = lessons_for(store, known, dataset, recipe, ranked[:k])
        policy = policy_from(request, recipe, {**lessons, "costs": costs_document(costs)})
        spent = [_spent(policy, [m for m in order if m in runs][:k], runs, costs) for runs in full.values()]
        if any(spent):
            return Replays([s for s in spent if s], len(full))
    inner: StagedPolicy = SuccessiveHalving(recipe.stages, every=recipe.stages_per_epoch)
    if request.policy == "brute-force":
        inner = BruteForce(recipe.stages)
    runs = {m: _flat(m, 1 - place / len(order), recipe, costs) for place, m in enumerate(order)}
    found = _spent(Budgeted.around(inner, budget, costs), order[:k], runs, costs)
    note = None if request.policy in ("brute-force", "successive-halving") else "halving is assumed"
    return Replays([found or (costs.recall_epochs + recipe.epochs, costs.recall_seconds)], 0, note)


def _spent(
    policy: StagedPolicy, candidates: Sequence[str], runs: Mapping[str, Run], costs: Costs
) -> tuple[float, float] | None:
    journal = MemoryJournal(candidates)
    try:
        done = drive(policy, ReplayExecutor(runs), journal)
    except SelectionFailed:
        return None
    return costs.spent(journal.history(), done.verdicts)


def _at_pace(run: Run, costs: Costs) -> Run:
    """The recorded curve as if trained on the target: each stage takes as long as expected there."""
    pace, before = costs.expected(run.model), 0.0
    curve: list[CurvePoint] = []
    for point in run.curve:
        curve.append(replace(point, seconds=pace * (point.epochs - before)))
        before = point.epochs
    return replace(run, curve=tuple(curve))


def _flat(model: str, val: float, recipe: Recipe, costs: Costs) -> Run:
    seconds = costs.expected(model) / recipe.stages_per_epoch
    points = (CurvePoint(model, n, recipe.epochs_at(n), val, seconds) for n in range(1, recipe.stages + 1))
    return Run(model, "flat", recipe.digest, "done", curve=tuple(points))


def span(policy: str, k: int, costs: Costs, budget: Budget, spent: Sequence[float]) -> Span:
    """From one model going on after the first barrier, or starting at all where the policy decides that
    too, to all of them to the end, within the budget."""
    full, first = costs.epochs[-1], costs.epochs[-1 if policy == "brute-force" else 0]
    if policy in ONCE_AN_EPOCH:
        first = next(e for e in costs.epochs if _whole(e))
    if budget.epochs is not None:
        k = max(1, min(k, int((budget.epochs - costs.recall_epochs - (full - first)) / first + 1e-9)))
    least, most = (1 if policy == "knowledge-gradient" else k) * first + full - first, k * full
    if policy in ONCE_AN_EPOCH:
        most = _halving(k, costs)
        least = most if policy == "successive-halving" else least
    most = min(costs.recall_epochs + most, budget.epochs if budget.epochs is not None else math.inf)
    least = min(costs.recall_epochs + least, most)
    if budget.seconds is not None:
        least = min(least, *spent)  # time may be short where epochs are not
    return Span(least, min(most, max(least, fmean(spent))), most)


def _halving(k: int, costs: Costs) -> float:
    """Epochs of halving after every epoch, as the policy does it."""
    total, before = 0.0, 0.0
    for epochs in filter(_whole, costs.epochs):
        total += k * (epochs - before)
        k, before = max(1, k // 2), epochs
    return total


def _whole(epochs: float) -> bool:
    return abs(epochs - round(epochs)) < 1e-6
