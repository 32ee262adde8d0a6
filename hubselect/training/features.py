"""What a checkpoint says about a dataset before any fine-tuning: the input of every proxy score.

One forward pass of the checkpoint as published, over a stratified sample of the train split,
gives the source posterior (for LEEP, Nguyen et al. 2020) and pooled features together.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.errors import TrainingFailed, UnsupportedModel
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.batching import evaluation_batches
from hubselect.training.data import Examples, load_splits
from hubselect.training.device import autocast, choose_device, to_device
from hubselect.training.evaluation import accepted_inputs, evaluation_batch_size, failures_mapped, only
from hubselect.training.loading import load_config, load_original
from hubselect.training.sampling import IntArray, stratified_sample
from hubselect.training.tasks import Prepared, adapter_for


@dataclass(frozen=True)
class Features:
    """`posterior` float64 [n, z]: probabilities over the checkpoint's own z classes, None without
    a trained head; `hidden` float32 [n, d]: mean of the last hidden state over tokens, patches
    or positions; `labels` int [n]: the dataset's classes. `samples` is n, `train_size` the rows
    of the train split it was drawn from, so one pass costs samples / train_size epochs at most.
    """

    posterior: NDArray[np.float64] | None
    hidden: NDArray[np.float32]
    labels: IntArray
    samples: int
    train_size: int
    seconds: float


def forward_features(
    checkpoint: Path, model: Model, dataset: Dataset, recipe: Recipe, *, max_samples: int = 512
) -> Features:
    """Posterior and features of at most `max_samples` training examples of `dataset`.

    The posterior is None when the model's record names no head of its own or when any
    parameter of the original architecture is not in the checkpoint: a random head is never
    scored. Raises what `FineTuning` raises on construction, and `TrainingFailed` when the
    forward pass fails or its outputs are not finite.
    """
    started = time.perf_counter()
    train = load_splits(dataset, recipe).train
    rows = stratified_sample(train.labels, max_samples, recipe.seed)
    config = load_config(checkpoint)
    adapter = adapter_for(checkpoint, config, recipe)
    adapter.configure(config)
    original = load_original(checkpoint, config)
    prepared = adapter.prepare(_taken(train, rows))
    with failures_mapped(model.id, f"reading {dataset.name}"):
        logits, hidden = _forward(original.model, prepared, recipe.batch_size)
    posterior = None
    if model.has_head and original.complete and logits is not None and _is_classifier(original.model, logits):
        posterior = torch.softmax(logits.double(), dim=-1).numpy()
    if not np.isfinite(hidden).all() or (posterior is not None and not np.isfinite(posterior).all()):
        raise TrainingFailed(f"the outputs of {model.id} on {dataset.name} are not finite numbers")
    seconds = time.perf_counter() - started
    return Features(posterior, hidden, train.labels[rows], len(rows), len(train), seconds)


def _taken(examples: Examples, rows: IntArray) -> Examples:
    """Some rows of a set of examples as a set of their own."""
    if len(rows) == len(examples):
        return examples
    fingerprint = f"{examples.fingerprint}/{len(rows)}/{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}"
    if examples.texts:
        return Examples(
            examples.labels[rows], fingerprint, texts=tuple(examples.texts[i] for i in rows.tolist())
        )
    return Examples(examples.labels[rows], fingerprint, images=[examples.images[i] for i in rows.tolist()])


def _is_classifier(network: Any, logits: torch.Tensor) -> bool:
    """One row of at least two logits per example, one for each class the config names; language
    models give one row per token."""
    return logits.ndim == 2 and logits.shape[1] >= 2 and logits.shape[1] == network.config.num_labels


def _forward(
    network: Any, prepared: Prepared, batch_size: int
) -> tuple[torch.Tensor | None, NDArray[np.float32]]:
    """Logits [n, ...] (None when the model has none, or one row per token) and pooled features [n, d]."""
    device = choose_device()
    network = _readable(network).to(device).eval()
    accepted = accepted_inputs(network)
    hidden: torch.Tensor | None = None
    logits: torch.Tensor | None = None
    count = len(prepared.lengths)
    with torch.inference_mode(), autocast(device):
        for rows in evaluation_batches(prepared.lengths, evaluation_batch_size(batch_size)):
            batch = to_device(only(prepared.batch(rows), accepted), device)
            output = network(**batch, output_hidden_states=True)
            pooled = _pool(_last_hidden(output), batch.get("attention_mask")).float().cpu()
            if hidden is None:
                hidden = torch.empty((count, pooled.shape[1]))
            hidden[torch.from_numpy(rows)] = pooled
            made = getattr(output, "logits", None)
            if made is not None and made.ndim == 2:
                if logits is None:
                    logits = torch.empty((count, made.shape[1]))
                logits[torch.from_numpy(rows)] = made.float().cpu()
    assert hidden is not None, "a sample has at least one example"
    return logits, hidden.numpy()


def _readable(network: Any) -> Any:
    """The part of a model that reads inputs: without a classifier on top, an encoder-decoder
    wants a beginning of an answer too, and its encoder does not."""
    classifies = "Classification" in type(network).__name__
    if getattr(network.config, "is_encoder_decoder", False) and not classifies:
        return network.get_encoder()
    return network


def _last_hidden(output: Any) -> torch.Tensor:
    for name in ("hidden_states", "decoder_hidden_states", "encoder_hidden_states"):
        states = getattr(output, name, None)
        if states:
            return states[-1]  # type: ignore[no-any-return]
    state = getattr(output, "last_hidden_state", None)
    if not isinstance(state, torch.Tensor):
        raise UnsupportedModel("the model shows no hidden states to take features from")
    return state


def _pool(hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Mean over tokens [n, t, d] (padding left out) or over positions [n, c, h, w]; [n, d]."""
    if hidden.ndim == 4:
        return hidden.mean((2, 3))
    if hidden.ndim == 2:
        return hidden
    if mask is None or mask.shape[1] != hidden.shape[1]:
        return hidden.mean(1)
    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1).clamp(min=1)
