"""Phase 1 online: score one representative per cluster on the target, rank every model."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubselect.api.benchmarking import pinned, recipe_for
from hubselect.api.clustering import known_runs, recomputed, refreshed
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, Progress, silent
from hubselect.errors import HubselectError, InvalidInput, KnowledgeMissing
from hubselect.executors.jobs import TrainingJob, features
from hubselect.executors.local import NOT_THE_MODELS_FAULT, PASSING
from hubselect.executors.pool import Call, Chain, WorkerPool, default_workers
from hubselect.hub import download_model, index_dataset
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.coarse import recall as rank
from hubselect.recall.proxies import proxy as proxy_named
from hubselect.records import Clustering, Dataset, ProxyScore, Recalled, Recipe, Run, dataset_name
from hubselect.registry import Registry

if TYPE_CHECKING:
    from hubselect.training.features import Features

PROXY_SAMPLES = 512
FORWARD_SHARE = 1 / 3  # a forward pass costs about a third of a training step on the same examples


@dataclass(frozen=True)
class Recall:
    """The ranked answer, and what it cost. `notes` say what could not be done as usual."""

    dataset: str
    proxy: str
    recalled: tuple[Recalled, ...]
    epochs: float = 0.0
    bytes_downloaded: int = 0
    scored: tuple[ProxyScore, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Knowledge:
    """What the registry knows for a target: results, clusters, and the recipe they are from."""

    recipe: Recipe
    runs: tuple[Run, ...]
    matrix: PerformanceMatrix
    clustering: Clustering


def coarse_recall(
    dataset_id: str,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    k: int | None = 10,
    proxy: str = "leep",
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    label_column: str | None = None,
    workers: int | None = None,
    listener: Listener = silent,
) -> Recall:
    """Rank the registry's models for a dataset (Eq. 2-4); only representatives are downloaded.

    `k` limits the answer (None: all). Raises `KnowledgeMissing` without benchmark results for
    the dataset's task.
    """
    if k is not None and k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    with opened(registry, create=False) as store:
        dataset = target_dataset(
            store,
            dataset_id,
            config=config,
            text_columns=text_columns,
            image_column=image_column,
            label_column=label_column,
        )
        known = knowledge_for(store, dataset)
        with WorkerPool(workers or default_workers(len(known.clustering.clusters))) as pool:
            recipe = recipe_for(store, dataset.task)
            found = recall_for(store, dataset, known, recipe, proxy, k, pool, listener)
        if _is_stored(store, dataset):
            store.add_proxy_scores(found.scored)
        return found


def target_dataset(
    store: Registry,
    dataset_id: str,
    *,
    config: str | None = None,
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    label_column: str | None = None,
) -> Dataset:
    """The dataset as the registry knows it, else as the Hub describes it (not yet written)."""
    overrides = bool(text_columns or image_column or label_column)
    rows = {d.name: d for d in store.datasets()}
    known = rows.get(dataset_name(dataset_id, config))
    if known is not None and known.revision is not None and not overrides:
        return known
    found = index_dataset(
        dataset_id,
        config=config,
        role="target",
        text_columns=tuple(text_columns),
        image_column=image_column,
        label_column=label_column,
    )
    known = rows.get(found.name)
    if known is None:
        return found
    found = replace(found, role=known.role)
    if known.revision is not None and content_of(found) == content_of(known):
        return known
    if known.role == "benchmark" and known.revision is not None:
        raise InvalidInput(
            f"{known.name} is a benchmark dataset with other columns or at another revision",
            "select for it without column options, or use another registry",
        )
    return found


def content_of(dataset: Dataset) -> tuple[object, ...]:
    """What makes two scores on a dataset comparable: its data and the columns that are read."""
    return (
        dataset.revision,
        dataset.data_revision,
        dataset.text_columns,
        dataset.image_column,
        dataset.label_column,
    )


def _is_stored(store: Registry, dataset: Dataset) -> bool:
    """Whether the registry holds this dataset with the same content."""
    return any(d.name == dataset.name and content_of(d) == content_of(dataset) for d in store.datasets())


def knowledge_for(store: Registry, dataset: Dataset) -> Knowledge:
    """Everything known about models for `dataset`'s task, the dataset's own results left out."""
    recipe = store.main_recipe(dataset.task)
    every = known_runs(store, recipe) if recipe else []
    runs = [r for r in every if r.dataset != dataset.name]
    if recipe is None or not runs:
        raise KnowledgeMissing(
            f"the registry has no {dataset.task} results to recall from",
            "run `hubselect add-model`, `add-dataset` and `benchmark`, or `hubselect registry import`",
        )
    clustering = refreshed(store, recipe) or recomputed(store, recipe)
    matrix = PerformanceMatrix.from_runs(runs)
    if len(runs) < len(every):
        clustering = _without_target(matrix, clustering)
    return Knowledge(recipe, tuple(runs), matrix, clustering)


def _without_target(matrix: PerformanceMatrix, kept: Clustering) -> Clustering:
    """The clusters as they would be had the target never been benchmarked; kept in memory only."""
    return cluster(
        matrix,
        task=kept.task,
        recipe=kept.recipe,
        threshold=kept.threshold,
        top_k=kept.top_k,
        method=kept.method,
        n_clusters=len(kept.clusters) if kept.threshold is None else None,
    )


def recall_for(
    store: Registry,
    dataset: Dataset,
    known: Knowledge,
    recipe: Recipe,
    proxy: str,
    k: int | None,
    pool: WorkerPool,
    listener: Listener,
) -> Recall:
    proxy_named(proxy)  # refuse an unknown one before any work
    scorer = _Scorer(store, dataset, recipe, proxy, known.matrix, pool, listener)
    clustering, scores = scorer.score(known.clustering)
    recalled = rank(known.matrix, clustering, scores, k=k)
    notes = list(scorer.notes)
    if not scores:
        notes.append("no proxy score could be had: models are ranked by their mean benchmark score alone")
    return Recall(
        dataset.name,
        proxy,
        tuple(recalled),
        scorer.epochs,
        scorer.bytes_downloaded,
        tuple(scores.values()),
        tuple(notes),
    )


class _Scorer:
    """Gets the proxy score of each non-singleton cluster's representative on the target.

    When a representative cannot be fetched or loaded, the cluster's next best member stands in.
    """

    def __init__(
        self,
        store: Registry,
        dataset: Dataset,
        recipe: Recipe,
        proxy: str,
        matrix: PerformanceMatrix,
        pool: WorkerPool,
        listener: Listener,
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._recipe = recipe
        self._proxy = proxy
        self._matrix = matrix
        self._pool = pool
        self._listener = listener
        self.epochs = 0.0
        self.bytes_downloaded = 0
        self.notes: list[str] = []

    def score(self, clustering: Clustering) -> tuple[Clustering, dict[str, ProxyScore]]:
        """The clustering with the representatives that were scored, and their scores."""
        known = self._recorded()
        scores: dict[str, ProxyScore] = {}
        queues = {
            c.id: [c.representative, *(m for m in self._by_mean(c.members) if m != c.representative)]
            for c in clustering.clusters
            if c.size > 1
        }
        chosen: dict[int, str] = {}
        while queues:
            trying = {cluster: queue.pop(0) for cluster, queue in queues.items() if queue}
            scores |= {m: known[m] for m in trying.values() if m in known}
            scores |= self._compute([m for m in trying.values() if m not in known])
            chosen |= {cluster: m for cluster, m in trying.items() if m in scores}
            queues = {cluster: q for cluster, q in queues.items() if cluster not in chosen and q}
        clusters = tuple(
            replace(c, representative=chosen.get(c.id, c.representative)) for c in clustering.clusters
        )
        return replace(clustering, clusters=clusters), {m: scores[m] for m in chosen.values()}

    def _recorded(self) -> dict[str, ProxyScore]:
        """Proxy scores computed before on the same data; imported ones may stem from other samples."""
        if not _is_stored(self._store, self._dataset):
            return {}
        scores = self._store.proxy_scores(dataset=self._dataset.name, proxy=self._proxy)
        return {s.model: s for s in scores if s.origin != "imported"}

    def _by_mean(self, members: Iterable[str]) -> list[str]:
        return sorted(members, key=lambda m: (-self._matrix.mean(m) if m in self._matrix.models else 1.0, m))

    def _compute(self, models: Sequence[str]) -> dict[str, ProxyScore]:
        chains: dict[str, Chain] = {}
        for model in models:
            try:
                chains[model] = (call for call in [Call(features, (self._job(model), PROXY_SAMPLES))])
            except PASSING:
                raise
            except HubselectError as error:
                self.notes.append(f"{model} was not scored: {error}")
        found: dict[str, ProxyScore] = {}
        for done, (model, result) in enumerate(self._pool.run(chains), start=1):
            if isinstance(result, NOT_THE_MODELS_FAULT):
                raise result
            if isinstance(result, HubselectError):
                self.notes.append(f"{model} was not scored: {result}")
            else:
                self.epochs += FORWARD_SHARE * result.samples / max(1, result.train_size)
                found[model] = self._value(model, result)
            self._listener(Progress("recall", done, len(chains), model))
        return found

    def _value(self, model: str, result: Features) -> ProxyScore:
        """The proxy, or its stand-in for checkpoints that have no trained head of their own."""
        chosen = proxy_named(self._proxy)
        if chosen.needs == "head" and result.posterior is None and chosen.fallback is not None:
            chosen = proxy_named(chosen.fallback)
        inputs = result.posterior if chosen.needs == "head" else result.hidden
        if inputs is None:
            raise InvalidInput(
                f"{model} has no classification head for {self._proxy}", "choose another --proxy"
            )
        value = chosen.score(inputs, result.labels)
        return ProxyScore(model, self._dataset.name, self._proxy, value, chosen.needs)

    def _job(self, model_id: str) -> TrainingJob:
        model = pinned(self._store, self._store.model(model_id))
        download = download_model(model)
        self.bytes_downloaded += download.bytes_fetched
        return TrainingJob(
            download.path, model, self._dataset, self._recipe, self._store.home / "work" / "none"
        )
