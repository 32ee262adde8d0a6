"""The main job: recall, fine-select, and hand over the winner with the evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hubselect.api.benchmarking import recipe_for
from hubselect.api.evidence import holds
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, silent
from hubselect.api.recalling import Knowledge, content_of, knowledge_for, target_dataset
from hubselect.api.selection_work import SelectionWork
from hubselect.api.turns import turn
from hubselect.errors import InvalidInput
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.proxies import proxy as proxy_named
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
    k: int = 10,
    epochs: int | None = None,
    policy: str = "fine-selection",
    proxy: str = "leep",
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

    `k` models are recalled (Eq. 2-4) and fine-tuned in stages under `policy`. The recipe is the
    one the registry's results were measured with (5 epochs if it has none); `epochs`,
    `max_train_samples` and `seed` change it. `max_download` (bytes) leaves out recalled models
    that no longer fit. The winner is saved to `output` (default: beside the registry).

    A selection that was interrupted is continued, and one that was finished on the same
    knowledge is returned again, unless `fresh`. Raises `HubselectError` with one clear line.
    """
    _check(k, executor, proxy, policy, threshold)
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
        known = knowledge_for(store, dataset)
        recipe = recipe_for(
            store, dataset.task, epochs=epochs, max_train_samples=max_train_samples, seed=seed
        )
        options = {"data": content_of(dataset), "threshold": threshold, "max_download": max_download}
        request = SelectionRequest(dataset.name, recipe.digest, policy, proxy, k, options)
        knowledge_digest = _knowledge_digest(known)
        done = None if fresh else store.finished_selection(request.request_digest, knowledge_digest)
        if done is not None and holds(done.path, done.id, dataset.name):
            return _given_again(store.selection(done.id), Path(output) if output else None)
        work = SelectionWork(store, dataset, known, recipe, request, knowledge_digest, workers, listener)
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


def _check(k: int, executor: str, proxy: str, policy: str, threshold: float) -> None:
    if k < 1:
        raise InvalidInput(f"-k must be at least 1, not {k}")
    if executor not in EXECUTORS:
        raise InvalidInput(f"unknown executor {executor!r}", f"choose one of {', '.join(EXECUTORS)}")
    proxy_named(proxy)
    make_policy(policy, 1, TrendBook.from_runs(()), threshold=threshold)


def _knowledge_digest(known: Knowledge) -> str:
    matrix = known.matrix
    clusters = [(c.representative, c.members) for c in known.clustering.clusters]
    return _digest([matrix.models, matrix.datasets, matrix.scores.tolist(), sorted(clusters)])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
