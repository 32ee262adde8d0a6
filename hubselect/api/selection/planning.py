"""What a selection would do and cost, worked out before anything is fetched or trained."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from hubselect.api.disk import disk_bytes
from hubselect.api.recall.feature_cache import FeatureCache, feature_key
from hubselect.api.recall.recalling import RecallPlan
from hubselect.api.recall.scoring import FORWARD_SHARE, PROXY_SAMPLES
from hubselect.api.selection.fitting import Limits, fitting, for_recall
from hubselect.api.selection.pace import Pace, pace_of, train_rows
from hubselect.api.selection.policies import budget_of, costs_for
from hubselect.api.selection.spending import replays_for, span
from hubselect.api.targets import is_stored
from hubselect.errors import InvalidInput
from hubselect.executors.pool import default_workers
from hubselect.hub import is_downloaded
from hubselect.recall.features import DEFAULT_POOLING
from hubselect.recall.proxy_names import full_name
from hubselect.recall.scope import models_to_score, most_scored
from hubselect.records import Dataset, Model, Plan, ProxyScore, Recalled, Recipe
from hubselect.registry import Registry, SelectionRequest
from hubselect.selection import Budget, Costs

_CARVED = 0.85  # of a split is left when another one is carved from it (training.data)


@dataclass(frozen=True)
class Planned:
    """The plan, the pace of models that it counts with, what limits it, and the bytes that recall may fetch
    within that (None: no limit)."""

    plan: Plan
    pace: Pace
    limits: Limits
    recall_download: int | None


def plan_for(
    store: Registry,
    dataset: Dataset,
    recall: RecallPlan,
    recipe: Recipe,
    request: SelectionRequest,
    workers: int | None,
    *,
    home: Path | None = None,
) -> Planned:
    """What the selection that `request` asks for would do. Writes and fetches nothing.

    `home` is where the registry keeps its files, if not beside `store`. Raises `InvalidInput` for a
    budget that does not pay for recall and one full training, for a budget of seconds where no
    training was ever timed, and for a disk without room for any candidate.
    """
    known, candidates = recall.known, recall.candidates
    scored, more = _scored(recall)
    recorded = _recorded(store, dataset, recall.choice.method.proxies)
    passes = _passes(
        store, dataset, recipe, scored, recorded, FeatureCache((home or store.home) / "features")
    )
    ranked = _ranked(recall, recorded)
    workers = workers or default_workers(request.k, candidates.largest_bytes)
    limits = Limits(recall.options.max_download, request.options.get("max_disk"), workers)
    ranked, left_out = _with_room(store, ranked, request.k, limits)
    likely = [r.model for r in ranked[: request.k]]
    recall_download = for_recall(store, likely, limits)
    by_id = {m.id: m for m in [*candidates.models, *store.models_named(likely)]}  # sizes may be news
    chosen = [by_id[m] for m in likely]
    pace = pace_of(store, known, dataset, recipe, {m.id: m for m in [*chosen, *passes]}.values())
    share = _pass_share(dataset, recipe)
    costs = costs_for(recipe, pace.seconds, workers, share * (len(passes) + more), 0.0)
    took = [share * costs.expected(name) for name in [*(m.id for m in passes), *[""] * more]]
    costs = replace(costs, recall_seconds=costs.together(took))
    budget = budget_of(request)
    _refuse_too_small(budget, costs, likely, pace)
    replays = replays_for(store, known, dataset, recipe, request, ranked, costs, budget)
    epochs = span(request.policy, len(likely), costs, budget, [e for e, _ in replays.spent])
    fetched = _bytes(passes, chosen)
    passing = sum(count for name, count in fetched.items() if name not in likely)
    notes = [*recall.choice.reasons, *candidates.notes, *left_out, *([replays.note] if replays.note else [])]
    plan = Plan(
        dataset=dataset.name,
        policy=request.policy,
        method=recall.choice.method.name,
        proxies=tuple(recall.choice.method.proxies),
        candidates=len(candidates.ids),
        k=len(likely),
        scored=scored,
        scored_at_most=len(scored) + more,
        likely=tuple(likely),
        epochs=epochs,
        recall_epochs=costs.recall_epochs,
        seconds=fmean(s for _, s in replays.spent) if pace.seconds else None,
        seconds_from=pace.basis or "no training was ever timed",
        bytes_expected=_within(sum(fetched.values()), recall.options.max_download),
        bytes_at_most=_within(
            _most(passes, candidates.models, request.k + more), recall.options.max_download
        ),
        unknown_sizes=sum(m.weights_bytes is None for m in {m.id: m for m in [*passes, *chosen]}.values()),
        disk_bytes=disk_bytes(chosen, workers) + _within(passing, recall_download),
        budget_epochs=budget.epochs,
        budget_seconds=budget.seconds,
        workers=workers,
        replayed=replays.datasets,
        notes=tuple(notes),
    )
    return Planned(plan, pace, limits, recall_download)


def _scored(recall: RecallPlan) -> tuple[tuple[str, ...], int]:
    """Whose proxies will be computed as far as that is decided, and how many more there may be."""
    scope, top = recall.choice.scope, recall.options.top
    if not recall.choice.method.proxies:
        return (), 0
    scored = models_to_score(recall.evidence, scope, top=top)
    return scored, max(0, most_scored(recall.evidence, scope, top=top) - len(scored))


def _recorded(store: Registry, dataset: Dataset, proxies: Sequence[str]) -> dict[str, dict[str, ProxyScore]]:
    """The proxy scores that need not be computed again, by proxy as asked for, and model."""
    if not is_stored(store, dataset):
        return {p: {} for p in proxies}
    return {
        p: {
            s.model: s
            for s in store.proxy_scores(dataset=dataset.name, proxy=full_name(p, DEFAULT_POOLING))
            if s.origin != "imported"
        }
        for p in proxies
    }


def _passes(
    store: Registry,
    dataset: Dataset,
    recipe: Recipe,
    scored: Sequence[str],
    recorded: Mapping[str, Mapping[str, ProxyScore]],
    cache: FeatureCache,
) -> list[Model]:
    """The models that need a forward pass: whose scores are not recorded and whose pass was not kept."""
    missing = [m for m in scored if not all(m in found for found in recorded.values())]
    models = []
    for model in store.models_named(missing):
        key = feature_key(model, dataset, recipe, PROXY_SAMPLES)
        if key is None or cache.get(key) is None:
            models.append(model)
    return models


def _ranked(recall: RecallPlan, recorded: Mapping[str, Mapping[str, ProxyScore]]) -> list[Recalled]:
    """As recall would rank with the proxy scores that are recorded, which may be none."""
    return recall.choice.method.rank(replace(recall.evidence, proxies=recorded))


def _with_room(
    store: Registry, ranked: list[Recalled], k: int, limits: Limits
) -> tuple[list[Recalled], tuple[str, ...]]:
    """The `k` best that fit on the disk together (fewer, if there is no more room), and why better ones do
    not; all where the disk is no limit."""
    if limits.disk is None:
        return ranked, ()
    chosen, why = fitting(store, ranked, k, replace(limits, download=None))
    return list(chosen), why


def _pass_share(dataset: Dataset, recipe: Recipe) -> float:
    """Epochs that a forward pass costs at most; the number of training examples may be unknown, and
    smaller than that of the split when validation or test examples are carved from it."""
    rows = train_rows(dataset, recipe)
    if rows is None:
        return FORWARD_SHARE
    left = rows * (_CARVED if len(dataset.splits) > 2 else _CARVED**2)
    return FORWARD_SHARE * min(1.0, PROXY_SAMPLES / left)


def _refuse_too_small(budget: Budget, costs: Costs, likely: Sequence[str], pace: Pace) -> None:
    full = costs.epochs[-1]
    least = costs.recall_epochs + full
    if budget.epochs is not None and budget.epochs < least - 1e-9:
        raise InvalidInput(
            f"a budget of {budget.epochs:g} epochs does not pay for recall and one full training",
            f"--budget-epochs {math.ceil(100 * least - 1e-6) / 100:g} is the least that is enough",
        )
    if budget.seconds is None:
        return
    if not pace.seconds:
        raise InvalidInput(
            "how long a training takes is not known: none was ever timed in this registry",
            "use --budget-epochs, or run `hubselect benchmark` first",
        )
    least = costs.recall_seconds + full * min(map(costs.expected, likely))
    if budget.seconds < least:
        raise InvalidInput(
            f"a budget of {budget.seconds:g} seconds does not pay for recall and one full training",
            f"--budget-seconds {math.ceil(least):d} is the least that is enough by what is known",
        )


def _bytes(passes: Iterable[Model], chosen: Iterable[Model]) -> dict[str, int]:
    return {m.id: _to_fetch(m) for m in [*passes, *chosen]}


def _most(passes: Sequence[Model], models: Sequence[Model], k: int) -> int:
    """All that are scored, and the `k` largest of the others."""
    scored = {m.id for m in passes}
    rest = sorted((m for m in models if m.id not in scored), key=_weights, reverse=True)
    largest: list[int] = []
    for model in rest:
        if len(largest) == k:
            break
        if needed := _to_fetch(model):
            largest.append(needed)
    return sum(map(_to_fetch, passes)) + sum(largest)


def _to_fetch(model: Model) -> int:
    return 0 if is_downloaded(model) else _weights(model)


def _weights(model: Model) -> int:
    return model.weights_bytes or 0


def _within(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)
