"""The main job: recall, fine-select, and hand over the winner with the evidence."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.opening import opened
from hubselect.api.progress import Listener, silent
from hubselect.api.publishing import publish_selection, publishing_target
from hubselect.api.recall.options import AUTO, SCOPE, TOLERANCE, K, checked_k
from hubselect.api.recall.recalling import RecallPlan, plan_recall
from hubselect.api.selection.asking import Asked
from hubselect.api.selection.evidence import holds
from hubselect.api.selection.policies import PAPERS, chosen_policy
from hubselect.api.selection.tracking import Tracking, check_trackers
from hubselect.api.selection.work import SelectionWork
from hubselect.api.targets import content_of
from hubselect.api.turns import turn
from hubselect.executors.workplaces import check_executor
from hubselect.knowledge.trend_book import TrendBook
from hubselect.recall.scope import Scope
from hubselect.records import Dataset, Method, Plan, Selection
from hubselect.registry import Registry, SelectionRecord, SelectionRequest
from hubselect.selection import Budget, make_policy
from hubselect.training.metrics import checked_metric, known_metric
from hubselect.training.outputs import check_output

AUTO_K: K = "auto"
LEAST = 3
"""Models that start at least: with fewer there is little left to select among."""


def select(
    dataset_id: Any,
    *,
    registry: Registry | str | Path | None = None,
    config: str | None = None,
    k: K = AUTO_K,
    epochs: int | None = None,
    policy: str = AUTO,
    recall: str = AUTO,
    method: Method | None = None,
    metric: str | None = None,
    proxy: str | None = None,
    proxies: Sequence[str] = (),
    scope: Scope = SCOPE,
    top: int | None = None,
    candidates: Sequence[str] = (),
    exclude: Sequence[str] = (),
    authors: Sequence[str] = (),
    licenses: Sequence[str] = (),
    max_params: int | None = None,
    tolerance: float = TOLERANCE,
    budget_epochs: float | None = None,
    budget_seconds: float | None = None,
    executor: str = "local",
    output: str | Path | None = None,
    push_to_hub: str | None = None,
    private: bool = False,
    threshold: float = 0.0,
    max_download: int | None = None,
    max_disk: int | None = None,
    max_train_samples: int | None = None,
    seed: int | None = None,
    text_columns: Sequence[str] = (),
    choice_columns: Sequence[str] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
    workers: int | None = None,
    fresh: bool = False,
    report_to: Sequence[str] = (),
    listener: Listener = silent,
) -> Selection:
    """Select the checkpoint to fine-tune for a dataset, and fine-tune it.

    The dataset is one of the Hub (its id), a file (CSV, TSV, JSON lines, Parquet) or folder of one's own (a
    path), or a `datasets.Dataset` or `DatasetDict`; one's own are known by their content.

    `k` models are recalled and fine-tuned in stages under `policy`; how they are recalled, and from
    whom, is said as in `hubselect.coarse_recall` (`recall` is its method). By default both are decided
    by what the registry holds, and the result says how and why: `k` "auto" is as few models as the
    recall's backtest allows (from 3 to 10), and `policy` "auto" is "knowledge-gradient" where recorded
    curves can teach it, else "fine-selection". The paper's: k=10, policy="fine-selection", recall="paper",
    proxy="leep".
    The recipe is the one the registry's results were measured with (5 epochs if it has none);
    `epochs`, `max_train_samples` and `seed` change it, and `method` says what of a checkpoint is trained:
    "full", "lora" or "probe" (`training.methods`). `metric` is what scores are (`training.metrics`);
    without it the one of the recipe, or "f1_macro" for a target of so unequal classes that accuracy says
    little, and of labels that are no classes the usual one. What is known of models by another metric
    still says who is good. `max_download` (bytes) bounds what is fetched
    for recall, and leaves out recalled models that no longer fit; `max_disk` (bytes) does so for all that
    lies on the disk at a time: fetched weights, training states and the winner. The winner is saved to
    `output` (default: beside the registry), and with `push_to_hub` published to that model repository of the
    Hub, `private` or not, as by `hubselect.publish`; whether it may be is checked before anything is trained.

    `budget_epochs` and `budget_seconds` bound what the selection costs, recall included: as many models
    train on as they pay for, and always one to the end (`hubselect.selection.budget`); a budget too
    small for that is refused before anything is fetched. Differences up to `tolerance` are ties: the
    result's `explanation` says how likely another recalled model would have been better by more.
    `plan_selection` with the same arguments says beforehand what would be done.

    `executor` "local" trains in worker processes of this machine, "ray" on the nodes of the Ray cluster at
    `RAY_ADDRESS` (one on this machine, if that is not set), with the same results; `workers` is how many
    models train at a time (default: as many as there is room for). `report_to` names trackers that are told
    the validation curves, "tensorboard" or "trackio"; `listener` is told everything as it happens, with the
    standings of all candidates (`hubselect.Standings`).

    A selection that was interrupted is continued, with either executor, and one that was finished on the same
    knowledge is returned again, unless `fresh`. Raises `HubselectError` with one clear line.
    """
    asked = Asked(**locals())
    with _prepared(asked) as ready:
        if push_to_hub is not None:
            publishing_target(push_to_hub, ready.dataset.name, private=private)
        found = _selected(asked, ready)
        if push_to_hub is None:
            return found
        done = publish_selection(ready.store, found, push_to_hub, private=private)
        return replace(found, published=done.url)


def _selected(asked: Asked, ready: _Ready) -> Selection:
    place = Path(asked.output) if asked.output else None
    done = ready.done
    if done is not None and holds(done.path, done.id, ready.dataset.name):
        return _given_again(ready.store.selection(done.id), place)
    what = f"selecting for {ready.dataset.name}"
    with turn(ready.store, f"selection-{ready.request.request_digest}", what):
        return ready.work.run(place, fresh=asked.fresh)


def plan_selection(dataset_id: Any, **options: Any) -> Plan:
    """What `select` would do with the same arguments (all of them are taken), and what it would cost.

    Nothing is downloaded, trained or written; the Hub is asked about the dataset only. The models that
    are likely to be recalled are those by what is known now: proxies that are not computed yet may
    change them. Raises what `select` raises before it begins, `InvalidInput` for a budget that is too
    small among it.
    """
    given = signature(select).bind(dataset_id, **options)
    given.apply_defaults()
    asked = Asked(**given.arguments)
    with (
        opened(asked.registry, create=False) as store,
        store.unchanged() as copy,
        _prepared(replace(asked, registry=copy)) as ready,
    ):
        plan = ready.work.plan(home=store.home).plan
        done, begun = ready.done, copy.open_selection(ready.request.request_digest)
    if done is not None and holds(done.path, done.id, ready.dataset.name):
        note = f"selection {done.id} is the answer to the same question: it would be given again"
    elif begun is not None and begun.recalled is not None and not asked.fresh:
        note = f"selection {begun.id} would go on where it was; the plan is that of a new one"
    else:
        return plan
    return replace(plan, notes=(note, *plan.notes))


@dataclass(frozen=True)
class _Ready:
    """All that is decided before the first download."""

    store: Registry
    dataset: Dataset
    request: SelectionRequest
    work: SelectionWork
    done: SelectionRecord | None


@contextmanager
def _prepared(asked: Asked) -> Iterator[_Ready]:
    _check(asked.k, asked.executor, asked.policy, asked.threshold)
    check_trackers(asked.report_to)
    budget = Budget(asked.budget_epochs, asked.budget_seconds)
    options = asked.recall_options()
    if asked.output is not None:
        check_output(Path(asked.output))
    with opened(asked.registry, create=False) as store:
        dataset = asked.dataset(store)
        if asked.metric is not None:
            checked_metric(dataset, known_metric(asked.metric))
        plan = plan_recall(store, dataset, options, asked.k, LEAST, asked.method)
        recipe = recipe_for(
            store,
            dataset.task,
            epochs=asked.epochs,
            max_train_samples=asked.max_train_samples,
            seed=asked.seed,
            method=asked.method,
            metric=asked.metric,
        )
        told = {
            "data": content_of(dataset),
            "threshold": asked.threshold,
            "max_download": asked.max_download,
            "recall": options.document(),
            **({"budget": asdict(budget)} if budget.set else {}),
            **({"max_disk": asked.max_disk} if asked.max_disk is not None else {}),
            **({"metric": asked.metric} if asked.metric is not None else {}),
        }
        question = SelectionRequest(dataset.name, recipe.digest, asked.policy, "", 0, told)
        policy, why = chosen_policy(asked.policy, store, plan, dataset, recipe)
        plan = plan.because(why)
        request = replace(_request(plan, question, asked.k), policy=policy)
        digest = _knowledge_digest(plan)
        done = None if asked.fresh else store.finished_selection(request.request_digest, digest)
        told_of_it = Tracking(store, asked.report_to, asked.listener) if asked.report_to else asked.listener
        ways = asked.workers, asked.executor, told_of_it, asked.metric
        work = SelectionWork(store, dataset, plan, recipe, request, digest, *ways)
        yield _Ready(store, dataset, request, work, done)


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
    check_executor(executor)
    named = PAPERS if policy == AUTO else policy
    make_policy(named, 1, TrendBook.from_runs(()), threshold=threshold)


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
