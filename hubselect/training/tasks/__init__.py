"""One adapter per modality: how examples become tensors, batches and exported files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hubselect.records import Recipe, models_for
from hubselect.training.tasks.audio import AudioAdapter
from hubselect.training.tasks.base import Adapter, Prepared
from hubselect.training.tasks.image import ImageAdapter
from hubselect.training.tasks.text import TextAdapter
from hubselect.training.tasks.text_inputs import PreparedWords

__all__ = [
    "Adapter",
    "AudioAdapter",
    "ImageAdapter",
    "Prepared",
    "PreparedWords",
    "TextAdapter",
    "adapter_for",
]


def adapter_for(checkpoint: Path, config: Any, recipe: Recipe) -> Adapter:
    """The adapter of the recipe's task for a checkpoint folder and its transformers config.

    Raises `CheckpointBroken` when the tokenizer, image processor or feature extractor cannot be loaded.
    """
    modality = models_for(recipe.task)
    if modality == "text-classification":
        of_words = recipe.task == "token-classification"
        return TextAdapter(checkpoint, config, recipe.max_length, of_words=of_words)
    if modality == "audio-classification":
        return AudioAdapter(checkpoint, recipe.max_seconds)
    return ImageAdapter(checkpoint, config)
