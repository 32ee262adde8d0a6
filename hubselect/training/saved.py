"""Saves a fine-tuned checkpoint as any transformers user expects it, and scores a saved one."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError

from hubselect.errors import CheckpointBroken
from hubselect.records import Dataset, Recipe
from hubselect.training.data import load_splits
from hubselect.training.device import choose_device
from hubselect.training.evaluation import accuracy, evaluation_batch_size, failures_mapped
from hubselect.training.loading import load_config, load_original
from hubselect.training.outputs import replacing
from hubselect.training.quiet import quiet
from hubselect.training.tasks import Adapter, adapter_for


def save_checkpoint(model: torch.nn.Module, adapter: Adapter, output: Path) -> None:
    """Save weights (safetensors, fp32), config and tokenizer or processor in the folder `output`.

    The folder appears complete or not at all. An earlier checkpoint there is replaced; anything
    else is refused with `InvalidInput`. Raises `StorageFailed` when the disk does not take it.
    """
    with replacing(output) as draft, quiet():
        try:
            model.save_pretrained(str(draft))  # type: ignore[operator]
        except SafetensorError as error:  # its writer has errors of its own for a full disk
            raise OSError(str(error)) from error
        adapter.export(draft)


def evaluate_saved(output: Path, dataset: Dataset, recipe: Recipe) -> float:
    """The test score of the checkpoint saved in `output`, loaded from the disk as a stranger would.

    Raises `CheckpointBroken` when it is not a complete classifier over the dataset's classes.
    """
    splits = load_splits(dataset, recipe)
    config = load_config(output)
    original = load_original(output, config)
    names = tuple(config.id2label[i] for i in range(config.num_labels))
    if not original.complete or names != splits.label_names:
        raise CheckpointBroken(f"{output} is not a complete classifier over the classes of {dataset.name}")
    device = choose_device()
    prepared = adapter_for(output, config, recipe).prepare(splits.test)
    size = evaluation_batch_size(recipe.batch_size)
    with failures_mapped(output.name, "testing"):
        return accuracy(original.model.to(device), prepared, splits.test.labels, device, size)
