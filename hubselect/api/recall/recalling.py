"""Phase 1 online: compute proxies for few models, rank all that come into question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.knowing import Knowledge, knowledge_for
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, silent
from hubselect.api.recall.candidates import Candidates, candidates_for, classes_of
from hubselect.api.recall.choice import Choice, Chooser
from hubselect.api.recall.options import SCOPE, TOLERANCE, K, RecallOptions, checked_k, recall_options
from hubselect.api.recall.scoring import Scorer, Scores
from hubselect.api.recall.stand_ins import StandIns
from hubselect.api.targets import is_stored, target_dataset
from hubselect.executors.pool import Pool, WorkerPool, default_workers
from hubselect.recall.methods import Evidence
from hubselect.recall.methods.base import only
from hubselect.recall.prediction import predictions
from hubselect.recall.scope import Scope, most_scored, next_models
from hubselect.records import Dataset, Method, ProxyScore, Recalled, Recipe
from hubselect.registry import Registry


@dataclass(frozen=True)
class Recall:
    """The ranked answer, and what it cost. `method` ranked it with `proxies`; `notes` say why it was
    that one and what could not be done as usual."""

    dataset: str
    method: str
    proxies: tuple[str, ...]
    recalled: tuple[Recalled, ...]
    epochs: float = 0.0
    bytes_downloaded: int = 0
    scored: tuple[ProxyScore, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def proxy(self) -> str:
        """The proxies as one name."""
        return "+".join(self.proxies)


def coarse_recall(
    dataset_id: Any,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    k: K = 10,
    method: str = "auto",
    proxy: str | None = None,
    proxies: Sequence[str] = (),
    scope: Scope = SCOPE,
    top: int | None = None,
    candidates: Sequence[str] = (),
    exclude: Sequence[str] = (),
    authors: Sequence[str] = (),
    licenses: Sequence[str] = (),
    max_params: int | None = None,
    max_download: int | None = None,
    tolerance: float = TOLERANCE,
    text_columns: Sequence[str] = (),
    choice_columns: Sequence[str] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
    workers: int | None = None,
    listener: Listener = silent,
) -> Recall:
    """Rank the registry's models for a dataset; only those whose proxies are computed are downloaded.

    `k` limits the answer (None: all; "auto": as few as the backtest allows for a mean regret of
    `tolerance`). `method` "auto" is the one that wins the backtest on this registry, and the paper's
    (Eq. 2-4) when one `proxy` is named. `scope` says whose proxies are computed: "adaptive", of at
    most `top` models (default: seven, or a third of the candidates where that is less), each chosen by
    what the scores before it showed; of cluster "representatives"; of the `top` models by mean
    score; or of "all"; as far as weights fit into `max_download` bytes. The other
    arguments are conditions on candidates (`api.recall.candidates.Filters`); named `candidates` are all
    scored, whatever their clusters.

    Before anything is fetched the listener gets a `Progress` of the step "plan" that names it. Raises
    `KnowledgeMissing` when no model comes into question.
    """
    options = recall_options(
        method=method,
        proxy=proxy,
        proxies=proxies,
        scope=scope,
        top=top,
        candidates=candidates,
        exclude=exclude,
        authors=authors,
        licenses=licenses,
        max_params=max_params,
        max_download=max_download,
        tolerance=tolerance,
    )
    checked_k(k)
    with opened(registry, create=False) as store:
        dataset = target_dataset(
            store,
            dataset_id,
            config=config,
            text_columns=text_columns,
            choice_columns=choice_columns,
            image_column=image_column,
            audio_column=audio_column,
            label_column=label_column,
        )
        plan = plan_recall(store, dataset, options, k)
        most = default_workers(len(plan.candidates.ids), plan.candidates.largest_bytes)
        with WorkerPool(workers or most) as pool:
            found = recall_for(store, dataset, plan, recipe_for(store, dataset.task), pool, listener)
        if is_stored(store, dataset):
            store.add_proxy_scores(found.scored)
        return found


@dataclass(frozen=True)
class RecallPlan:
    """What is known, who comes into question, and how they will be ranked. `evidence` is what is known
    before any proxy is computed."""

    known: Knowledge
    candidates: Candidates
    evidence: Evidence
    choice: Choice
    options: RecallOptions

    def because(self, reason: str) -> RecallPlan:
        """The same plan with a reason more among those that are told; none for an empty one."""
        reasons = (*self.choice.reasons, *([reason] if reason else []))
        return replace(self, choice=replace(self.choice, reasons=reasons))


def plan_recall(
    store: Registry,
    dataset: Dataset,
    options: RecallOptions,
    k: K,
    least: int = 1,
    method: Method | None = None,
) -> RecallPlan:
    """Decide everything that can be decided before anything is fetched; `least` as in `Chooser.choose`,
    `method` as in `knowledge_for`."""
    known = knowledge_for(store, dataset, method)
    unknown = known.cold or options.scope == "all"
    found = candidates_for(store, dataset.task, known.matrix.models, options.filters, unknown=unknown)
    classes = classes_of(store, dataset.task, found.models, dataset)
    evidence = _evidence(known, found, options, classes.shared_with(dataset.name))
    choice = Chooser(known, options, found.models, evidence.clustering, classes).choose(k, least)
    return RecallPlan(known, found, evidence, choice, options)


def recall_for(
    store: Registry,
    dataset: Dataset,
    plan: RecallPlan,
    recipe: Recipe,
    pool: Pool,
    listener: Listener,
) -> Recall:
    """Compute the proxies that `plan` asks for and rank its candidates."""
    scorer = Scorer(store, dataset, recipe, pool, listener)
    method = plan.choice.method
    evidence, scored = _scored(scorer, plan) if method.proxies else (plan.evidence, {})
    ranked = method.rank(evidence)[: plan.choice.k]
    notes = [*plan.choice.reasons, *plan.candidates.notes, *scorer.notes]
    if method.proxies and not any(scored.values()):
        otherwise = "size" if plan.known.cold else "mean benchmark score"
        notes.append(f"no proxy score could be had: models are ranked by their {otherwise} alone")
    return Recall(
        dataset.name,
        method.name,
        method.proxies,
        _predicted(evidence, ranked, method.proxies),
        scorer.epochs,
        scorer.bytes_downloaded,
        tuple(s for scores in scored.values() for s in scores.values()),
        tuple(notes),
    )


def _evidence(
    known: Knowledge, candidates: Candidates, options: RecallOptions, shared: Mapping[str, float]
) -> Evidence:
    """What is known before any proxy is computed; a named list of candidates skips the clusters."""
    listed = bool(options.filters.candidates)
    return Evidence(
        known.matrix,
        only(known.clustering, known.matrix, () if listed else candidates.ids),
        candidates.ids,
        benchmark_proxies=known.benchmark_proxies(),
        parameters={m.id: m.parameters for m in candidates.models if m.parameters is not None},
        shared_classes=shared,
        seed=known.recipe.seed,
    )


def _scored(scorer: Scorer, plan: RecallPlan) -> tuple[Evidence, Mapping[str, Scores]]:
    """The evidence with proxies, and the proxy scores themselves by proxy and model."""
    evidence, choice, limit = plan.evidence, plan.choice, plan.options.max_download
    proxies = choice.method.proxies
    if choice.scope == "representatives":
        clustering, got = StandIns(scorer, plan.known.matrix).score(evidence.clustering, proxies, limit)
        return replace(evidence, clustering=clustering, proxies=got), got
    if choice.scope == "adaptive":
        scorer.bound(plan.candidates.models, most_scored(evidence, "adaptive", top=plan.options.top))
    scores: dict[str, Scores] = {proxy: {} for proxy in proxies}
    asked: list[str] = []
    while batch := next_models(evidence, choice.method, choice.scope, asked, top=plan.options.top):
        asked += batch
        for proxy, found in scorer.score(scorer.affordable(batch, proxies, limit), proxies).items():
            scores[proxy] |= found
        evidence = replace(evidence, proxies=scores)
    return evidence, scores


def _predicted(
    evidence: Evidence, ranked: Sequence[Recalled], proxies: Sequence[str]
) -> tuple[Recalled, ...]:
    found = predictions(evidence, proxies)
    return tuple(
        replace(r, predicted=p.value, low=p.low, high=p.high, sd=p.sd) if (p := found.get(r.model)) else r
        for r in ranked
    )
