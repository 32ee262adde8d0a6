"""The main job: recall, fine-select, and hand over the winner with the evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, silent
from hubselect.api.recall.options import AUTO, TOLERANCE, K, checked_k, recall_options
from hubselect.api.recall.recalling import RecallPlan, plan_recall
from hubselect.api.selection.evidence import holds
from hubselect.api.selection.work import SelectionWork
from hubselect.api.targets import content_of, target_dataset
from hubselect.api.turns import turn
from hubselect.errors import InvalidInput
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.scope import Scope
from hubselect.records import Selection
from hubselect.registry import Registry, SelectionRequest
from hubselect.selection import make_policy
from hubselect.training.outputs import check_output

EXECUTORS = ("local",)


def select(
    dataset_id: str,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    k: K = 10,
    epochs: int | None = None,
    policy: str = "fine-selection",
    method: str = AUTO,
    proxy: str | None = None,
    proxies: Sequence[str] = (),
    scope: Scope = "representatives",
    top: int = 10,
    candidates: Sequence[str] = (),
    exclude: Sequence[str] = (),
    authors: Sequence[str] = (),
    licenses: Sequence[str] = (),
    max_params: int | None = None,
    tolerance: float = TOLERANCE,
    executor: str = "local",
    output: str | Path | None = None,
    threshold: float = 0.0,
    max_download: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    label_column: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    listener: Listener = silent,
) -> Selection:
    """Select the checkpoint to fine-tune for a dataset, and fine-tune it.

    `k` models are recalled and fine-tuned in stages under `policy`; how they are recalled, and from
    whom, is said as in `hubselect.coarse_recall` (the paper's recall: method="paper", proxy="leep").
    The recipe is the one the registry's results were measured with (5 epochs if it has none);
    `epochs`, `max_train_samples` and `seed` change it. `max_download` (bytes) bounds what is fetched
    for recall, and leaves out recalled models that no longer fit. The winner is saved to `output`
    (default: beside the registry).

    A selection that was interrupted is continued, and one that was finished on the same
    knowledge is returned again, unless `fresh`. Raises `HubselectError` with one clear line.
    """
    _check(k, executor, policy, threshold)
    recall = recall_options(
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
    if output is not None:
        check_output(Path(output))
    with opened(registry, create=False) as store:
        dataset = target_dataset(
            store,
            dataset_id,
            config=config,
            text_columns=text_columns,
            image_column=image_column,
            label_column=label_column,
        )
        plan = plan_recall(store, dataset, recall, k)
        recipe = recipe_for(
            store, dataset.task, epochs=epochs, max_train_samples=max_train_samples, seed=seed
        )
        asked = {
            "data": content_of(dataset),
            "threshold": threshold,
            "max_download": max_download,
            "recall": recall.document(),
        }
        request = _request(plan, SelectionRequest(dataset.name, recipe.digest, policy, "", 0, asked), k)
        knowledge_digest = _knowledge_digest(plan)
        done = None if fresh else store.finished_selection(request.request_digest, knowledge_digest)
        if done is not None and holds(done.path, done.id, dataset.name):
            return _given_again(store.selection(done.id), Path(output) if output else None)
        work = SelectionWork(store, dataset, plan, recipe, request, knowledge_digest, workers, listener)
        with turn(store, f"selection-{request.request_digest}", f"selecting for {dataset.name}"):
            return work.run(Path(output) if output else None, fresh=fresh)


def _given_again(done: Selection, output: Path | None) -> Selection:
    """A finished selection's answer; its checkpoint is copied when another output is asked for."""
    source = Path(done.path or "")
    if output is None or output.absolute() == source:
        return replace(done, resumed=True)
    draft = output.absolute().with_name(f".{output.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    shutil.copytree(source, draft)
    shutil.rmtree(output, ignore_errors=True)  # an older checkpoint, as `check_output` made sure
    draft.rename(output)
    return replace(done, path=str(output.absolute()), resumed=True)


def _check(k: K, executor: str, policy: str, threshold: float) -> None:
    checked_k(k)
    if executor not in EXECUTORS:
        raise InvalidInput(f"unknown executor {executor!r}", f"choose one of {', '.join(EXECUTORS)}")
    make_policy(policy, 1, TrendBook.from_runs(()), threshold=threshold)


def _request(plan: RecallPlan, asked: SelectionRequest, k: K) -> SelectionRequest:
    """What was asked, with what was made of it: how models are recalled, and how many.

    Its digest is that of what was asked alone. So the same command goes on with a selection that was
    interrupted also when `auto` would decide otherwise by now.
    """
    choice = plan.choice
    return replace(
        asked,
        proxy="+".join(choice.method.proxies),
        k=choice.k if choice.k is not None else len(plan.candidates.ids),
        options={**asked.options, "method": choice.method.name, "scope": choice.scope},
        request_digest=_digest([asked.request_digest, k]),
    )


def _knowledge_digest(plan: RecallPlan) -> str:
    known, matrix = plan.known, plan.known.matrix
    scores = hashlib.sha256(np.ascontiguousarray(matrix.scores).tobytes()).hexdigest()
    clusters = sorted((c.representative, c.members) for c in known.clustering.clusters)
    proxies = sorted((p.dataset, p.proxy, p.model, p.score) for p in known.proxies)
    return _digest([matrix.models, matrix.datasets, scores, clusters, proxies, plan.candidates.ids])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
