"""What a model card says for programs: the metadata of a published winner, in the Hub's own words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubselect.records import Dataset, Model, Recipe, Selection
from hubselect.reports.public import is_hub_id, public_text

TAGS = ("hubselect", "generated")


@dataclass(frozen=True)
class Chosen:
    """A finished selection, and what else its card tells.

    `base` is the model that was fine-tuned, at the revision it had then; `labels` are the class names of
    the checkpoint. `scored_on` says in words where the `scored` test examples come from ("test split",
    "carved from train"), "" and None where that was not kept. `endpoint` is the Hub's address.
    """

    selection: Selection
    dataset: Dataset
    recipe: Recipe
    base: Model
    labels: tuple[str, ...]
    scored_on: str
    scored: int | None
    repo_id: str
    endpoint: str
    version: str

    @property
    def name(self) -> str:
        return self.repo_id.rpartition("/")[2]


@dataclass(frozen=True)
class HubMetric:
    """A metric as model cards name it: the id, a name for people, and what it was computed with."""

    type: str
    name: str
    args: Mapping[str, str]


_METRICS: Mapping[str, HubMetric] = {
    "accuracy": HubMetric("accuracy", "Accuracy", {}),
    "balanced_accuracy": HubMetric("balanced_accuracy", "Balanced accuracy", {}),
    "matthews_corrcoef": HubMetric("matthews_correlation", "Matthews correlation", {}),
    "pearson": HubMetric("pearsonr", "Pearson correlation", {}),
    "spearman": HubMetric("spearmanr", "Spearman correlation", {}),
}
_LICENSE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,63}")
_SPLIT = re.compile(r"([\w.-]+) split", re.ASCII)
_TASKS = {task: task.replace("-", " ").capitalize() for task in (
    "text-classification", "token-classification", "multiple-choice", "image-classification",
    "audio-classification",
)}  # fmt: skip


def hub_metric(metric: str) -> HubMetric:
    """How model cards call a metric of `training.metrics`; one they do not know keeps its name."""
    kind, _, average = metric.partition("_")
    if kind == "f1" and average:
        return HubMetric("f1", f"F1 ({average})", {"average": average})
    return _METRICS.get(metric, HubMetric(metric, metric.replace("_", " ").capitalize(), {}))


def card_metadata(chosen: Chosen) -> dict[str, Any]:
    """The front matter of the card. Names that cannot be repositories are left out, as is a licence that
    is none of the Hub's."""
    base, dataset = chosen.base, chosen.dataset
    metadata: dict[str, Any] = {
        **_license(chosen),
        "library_name": "transformers",
        "pipeline_tag": dataset.task,
        **({"base_model": base.id, "base_model_relation": "finetune"} if is_hub_id(base.id) else {}),
        **({"datasets": [dataset.id]} if is_hub_id(dataset.id) else {}),
        "metrics": [hub_metric(chosen.selection.metric).type],
        "tags": list(TAGS),
    }
    if chosen.selection.test_score is not None:
        metadata["model-index"] = [{"name": chosen.name, "results": [_result(chosen)]}]
    return metadata


def eval_results(chosen: Chosen) -> list[dict[str, Any]]:
    """The test score as an entry for `.eval_results`; none without a score or for a name that is no
    repository's. The configuration stands for the task within the benchmark."""
    if chosen.selection.test_score is None or not is_hub_id(chosen.dataset.id):
        return []
    revision = chosen.dataset.revision
    where = {"id": chosen.dataset.id, "task_id": public_text(chosen.dataset.config or "default")}
    of = f" of {chosen.scored} examples" if chosen.scored is not None else ""
    origin = f" ({chosen.scored_on})" if chosen.scored_on else ""
    return [
        {
            "dataset": {**where, **({"revision": revision} if revision else {})},
            "value": chosen.selection.test_score,
            "notes": public_text(
                f"{hub_metric(chosen.selection.metric).name}{of}{origin}, "
                f"fine-tuned and scored by hubselect {chosen.version}"
            ),
        }
    ]


def license_of(chosen: Chosen) -> str | None:
    """The base model's licence, as far as it is a name of the Hub's kind."""
    license_ = (chosen.base.license or "").lower()
    return license_ if _LICENSE.fullmatch(license_) else None


def _license(chosen: Chosen) -> dict[str, str]:
    license_ = license_of(chosen)
    if license_ is None:
        return {}
    if license_ != "other" or not is_hub_id(chosen.base.id):
        return {"license": license_}
    return {"license": "other", "license_link": f"{chosen.endpoint}/{chosen.base.id}"}


def _result(chosen: Chosen) -> dict[str, Any]:
    dataset, metric = chosen.dataset, hub_metric(chosen.selection.metric)
    split = _SPLIT.fullmatch(chosen.scored_on)
    about = {
        "name": public_text(dataset.name),
        "type": public_text(dataset.id),
        "config": dataset.config and public_text(dataset.config),
        "split": split[1] if split else None,
        "revision": dataset.revision,
    }
    measured = {"type": metric.type, "value": chosen.selection.test_score, "name": f"Test {metric.name}"}
    return {
        "task": {"type": dataset.task, "name": _TASKS[dataset.task]},
        "dataset": {key: value for key, value in about.items() if value is not None},
        "metrics": [{**measured, **({"args": dict(metric.args)} if metric.args else {})}],
    }
