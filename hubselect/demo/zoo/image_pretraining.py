"""Pre-trains the zoo's image checkpoints on drawn pictures with known classes."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForImageClassification, PreTrainedModel

from hubselect.demo.zoo.architectures import configuration
from hubselect.demo.zoo.checkpoints import Checkpoint
from hubselect.demo.zoo.image_sets import IMAGE_SOURCES, Pictures, source_pictures
from hubselect.demo.zoo.optimization import optimize

MEAN, STD = 0.5, 0.3  # of the processors too
_HELD_OUT, _BATCH = 400, 64


def pixel_values(pictures: Pictures) -> Tensor:
    """[n, 3, 16, 16], normalised as the checkpoints' processors do it."""
    pixels = torch.from_numpy(pictures.pixels).permute(0, 3, 1, 2).float() / 255
    return (pixels - MEAN) / STD


def pretrain_image(
    checkpoint: Checkpoint, parent: Path | None, steps: int
) -> tuple[PreTrainedModel, dict[str, float]]:
    """The trained network (without its head if headless) and its accuracy on held-out pictures."""
    classes = IMAGE_SOURCES[checkpoint.source][0]
    config = configuration(checkpoint, classes=classes)
    if parent is None:
        model = AutoModelForImageClassification.from_config(config)
    else:
        model = AutoModelForImageClassification.from_pretrained(
            parent, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
        )
    pictures = source_pictures(checkpoint.source)
    inputs, labels = pixel_values(pictures), torch.from_numpy(pictures.labels)

    def loss() -> Tensor:
        rows = torch.randint(_HELD_OUT, len(labels), (_BATCH,))
        return functional.cross_entropy(model(pixel_values=inputs[rows]).logits, labels[rows])

    convolutional = checkpoint.architecture in ("resnet", "convnext")
    rate = (5e-3 if convolutional else 3e-3) / (2 if parent else 1)
    model.train()
    optimize(loss, model.parameters(), steps=steps, learning_rate=rate, weight_decay=0.02)
    model.eval()
    with torch.no_grad():
        predicted = model(pixel_values=inputs[:_HELD_OUT]).logits.argmax(-1)
    accuracy = float((predicted == labels[:_HELD_OUT]).float().mean())
    kept = getattr(model, model.base_model_prefix) if checkpoint.headless else model
    return kept, {"accuracy": accuracy}
