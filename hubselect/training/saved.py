"""Saves a fine-tuned checkpoint as any transformers user expects it, and scores a saved one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError

from hubselect.errors import CheckpointBroken
from hubselect.records import Dataset, Recipe
from hubselect.training.data import load_splits
from hubselect.training.device import choose_device
from hubselect.training.evaluation import evaluation_batch_size, failures_mapped, predict
from hubselect.training.examples import Truth
from hubselect.training.loading import are_labels, load_config, load_original
from hubselect.training.metrics import metric_for
from hubselect.training.outputs import PREDICTIONS, replacing
from hubselect.training.problems import problem_for
from hubselect.training.quiet import quiet
from hubselect.training.tasks import Adapter, adapter_for


@dataclass(frozen=True)
class Predictions:
    """What a network predicted for the test split, in its order, and what is true (`Problem.truth`);
    `names` are the classes that numbers stand for, `origin` says where the examples come from."""

    metric: str
    score: float
    names: tuple[str, ...]
    truth: Truth
    predicted: Truth
    origin: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON values; of sentences a list each."""
        lists = {"truth": self.truth, "predicted": self.predicted}
        made = {name: [np.asarray(value).tolist() for value in values] for name, values in lists.items()}
        about = {"metric": self.metric, "score": self.score, "origin": self.origin}
        return {**about, "classes": list(self.names), **made}


def save_checkpoint(
    model: torch.nn.Module, adapter: Adapter, output: Path, predictions: Predictions | None = None
) -> None:
    """Save weights (safetensors, fp32), config and tokenizer or processor in the folder `output`, and its
    test predictions (JSON) if there are any.

    The folder appears complete or not at all. An earlier checkpoint there is replaced; anything
    else is refused with `InvalidInput`. Raises `StorageFailed` when the disk does not take it.
    """
    with replacing(output) as draft, quiet():
        try:
            model.save_pretrained(str(draft))  # type: ignore[operator]
        except SafetensorError as error:  # its writer has errors of its own for a full disk
            raise OSError(str(error)) from error
        adapter.export(draft)
        if predictions is not None:
            (draft / PREDICTIONS).write_text(json.dumps(predictions.document()) + "\n", encoding="utf-8")


def evaluate_saved(output: Path, dataset: Dataset, recipe: Recipe) -> float:
    """The test score of the checkpoint saved in `output`, loaded from the disk as a stranger would.

    Raises `CheckpointBroken` when it is not a complete network for the dataset's classes.
    """
    splits = load_splits(dataset, recipe)
    config = load_config(output)
    original = load_original(output, config)
    if not original.complete or not are_labels(config, recipe.task, splits.label_names):
        raise CheckpointBroken(f"{output} is not a complete classifier over the classes of {dataset.name}")
    device = choose_device()
    prepared = adapter_for(output, config, recipe).prepare(splits.test)
    size = evaluation_batch_size(recipe.batch_size)
    problem = problem_for(dataset, splits.label_names)
    with failures_mapped(output.name, "testing"):
        found = predict(original.model.to(device), prepared, splits.test, problem, device, size)
    return problem.score(metric_for(dataset, recipe.metric), problem.truth(splits.test), found)
