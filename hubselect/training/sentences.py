"""Sentence embeddings by any text checkpoint: the mean of the last hidden state over tokens, length one.

That is how Sentence-BERT (Reimers and Gurevych 2019, the paper's choice) pools by default; with a
checkpoint that was trained for it cosines mean similarity, with others they are a rougher guess.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.errors import TrainingFailed
from hubselect.records import Model
from hubselect.training.batching import evaluation_batches
from hubselect.training.data import Examples
from hubselect.training.device import autocast, choose_device, to_device
from hubselect.training.evaluation import accepted_inputs, failures_mapped, only
from hubselect.training.loading import load_config, load_original
from hubselect.training.memory import Portions
from hubselect.training.pooling import mean
from hubselect.training.sampling import IntArray
from hubselect.training.tasks import TextAdapter

MAX_TOKENS = 256
_LONGEST = 10_000  # characters that are tokenised: far more than the tokens that are read


def embed(
    checkpoint: Path,
    model: Model,
    texts: Sequence[str],
    *,
    max_tokens: int = MAX_TOKENS,
    batch_size: int = 32,
) -> NDArray[np.float32]:
    """Vectors of length one [n, d] of `texts`; a text is cut after `max_tokens` (or what the model reads).

    Heads are left aside, of an encoder with a decoder the encoder is read. Raises `CheckpointBroken`
    and `UnsupportedModel` for what cannot be loaded, and `TrainingFailed` when the forward pass fails
    or its outputs are not finite.
    """
    config = load_config(checkpoint)
    adapter = TextAdapter(checkpoint, config, max_tokens)
    adapter.configure(config)
    network = _body(load_original(checkpoint, config).model)
    shortened = tuple((text[:_LONGEST],) for text in texts)
    digest = hashlib.sha256(repr(shortened).encode("utf-8", "surrogatepass")).hexdigest()
    examples = Examples(np.zeros(len(texts), dtype=np.int64), f"texts/{digest}", texts=shortened)
    if not texts:
        return np.empty((0, 0), dtype=np.float32)
    prepared = adapter.prepare(examples)
    with failures_mapped(model.id, "reading model cards"):
        vectors = _pooled(network, prepared, batch_size)
    if not np.isfinite(vectors).all():
        raise TrainingFailed(f"the outputs of {model.id} on model cards are not finite numbers")
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


def _body(network: Any) -> Any:
    """The part of a checkpoint that reads texts, without a head."""
    if getattr(network.config, "is_encoder_decoder", False):
        return network.get_encoder()
    return getattr(network, "base_model", network)


def _pooled(network: Any, prepared: Any, batch_size: int) -> NDArray[np.float32]:
    device = choose_device()
    network = network.to(device).eval()
    accepted = accepted_inputs(network)
    vectors: torch.Tensor | None = None
    portions = Portions()

    def read(rows: IntArray) -> tuple[IntArray, torch.Tensor]:
        batch = to_device(prepared.batch(rows), device)
        with autocast(device):
            state = network(**only(batch, accepted)).last_hidden_state
        return rows, mean(state, batch.get("attention_mask")).cpu()

    batches = evaluation_batches(prepared.lengths, batch_size)
    with torch.no_grad():
        for rows, pooled in (part for batch in batches for part in portions.run(batch, read)):
            if vectors is None:
                vectors = torch.empty((len(prepared.lengths), pooled.shape[1]))
            vectors[torch.from_numpy(rows)] = pooled
    assert vectors is not None, "there is at least one text"
    return vectors.numpy()
