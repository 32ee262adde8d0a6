"""One adapter per modality: how examples become tensors, batches and exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubselect.errors import InvalidInput
from hubselect.records import Recipe
from hubselect.training.tasks.base import Adapter, Prepared
from hubselect.training.tasks.image import ImageAdapter
from hubselect.training.tasks.text import TextAdapter

__all__ = ["Adapter", "ImageAdapter", "Prepared", "TextAdapter", "adapter_for"]


def adapter_for(checkpoint: Path, config: Any, recipe: Recipe) -> Adapter:
    """The adapter of the recipe's task for a checkpoint folder and its transformers config.

    Raises `CheckpointBroken` when the tokenizer or image processor cannot be loaded.
    """
    if recipe.task == "text-classification":
        return TextAdapter(checkpoint, config, recipe.max_length)
    if recipe.task == "image-classification":
        return ImageAdapter(checkpoint, config)
    raise InvalidInput(f"there is no training for the task {recipe.task!r}")
