"""One forward pass of a checkpoint as published over a stratified sample of a dataset's train split.

The source posterior (for LEEP, Nguyen et al. 2020) and the hidden states in every pooling are
collected together, so that no proxy needs a pass of its own.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.errors import TrainingFailed
from hubselect.recall.features import Features, Pooling
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import load_splits
from hubselect.training.device import autocast, choose_device, to_device
from hubselect.training.evaluation import accepted_inputs, failures_mapped, only
from hubselect.training.examples import Examples
from hubselect.training.loading import load_config, load_original
from hubselect.training.memory import Portions
from hubselect.training.pooling import Pooler
from hubselect.training.sampling import IntArray, stratified_sample
from hubselect.training.tasks import Adapter, Prepared, PreparedWords, TextAdapter, adapter_for
from hubselect.training.words import SampledWords, at_words, sampled_words

MOST_ROWS = 64  # of one batch
MOST_TOKENS = 4096  # of one batch, padding included; a single example may have more

__all__ = ["Features", "forward_features"]


def forward_features(
    checkpoint: Path,
    model: Model,
    dataset: Dataset,
    recipe: Recipe,
    *,
    max_samples: int = 512,
    most_rows: int = MOST_ROWS,
    most_tokens: int = MOST_TOKENS,
) -> Features:
    """Posterior and features of at most `max_samples` training examples of `dataset`; of a sample of their
    words where these are classified, of every option with what it follows where one is chosen (right or
    wrong). For labels that are no classes stands what samples are stratified by (`training.targets`).

    The posterior is None when the model's record names no head of its own or when any
    parameter of the original architecture is not in the checkpoint: a random head is never
    scored. `most_rows` and `most_tokens` bound a batch, hence the memory: they do not change the
    result. Raises what `FineTuning` raises on construction, and `TrainingFailed` when the
    forward pass fails or its outputs are not finite.
    """
    started = time.perf_counter()
    train = load_splits(dataset, recipe).train
    rows = stratified_sample(train.labels, max_samples, recipe.seed)
    config = load_config(checkpoint)
    adapter = adapter_for(checkpoint, config, recipe)
    adapter.configure(config)
    original = load_original(checkpoint, config)
    examples = _as_classified(_taken(train, rows))
    prepared = adapter.prepare(examples)
    words = sampled_words(examples, prepared, recipe.seed) if isinstance(prepared, PreparedWords) else None
    with failures_mapped(model.id, f"reading {dataset.name}"):
        batches = bounded_batches(prepared.lengths, most_rows, most_tokens)
        logits, hidden = collect(original.model, prepared, batches, _cls_id(adapter), words)
    labels = examples.labels if words is None else words.labels
    truth = examples.truth if words is None else None
    posterior = None
    if model.has_head and original.complete and logits is not None and _is_classifier(original.model, logits):
        posterior = torch.softmax(logits.double(), dim=-1).numpy()
    if not all(np.isfinite(a).all() for a in (*hidden.values(), posterior) if a is not None):
        raise TrainingFailed(f"the outputs of {model.id} on {dataset.name} are not finite numbers")
    seconds = time.perf_counter() - started
    return Features(posterior, hidden, labels, len(rows), len(train), seconds, truth)


def _taken(examples: Examples, rows: IntArray) -> Examples:
    """Some rows of a set of examples as a set of their own."""
    if len(rows) == len(examples):
        return examples
    fingerprint = f"{examples.fingerprint}/{len(rows)}/{hashlib.sha256(rows.tobytes()).hexdigest()[:16]}"
    return examples.taken(rows, fingerprint)


def _as_classified(examples: Examples) -> Examples:
    """Options as texts of two classes, the right ones and the wrong; others as they are."""
    if not examples.choices:
        return examples
    pairs = zip(examples.texts, examples.choices, strict=True)
    texts = tuple((*text, option) for text, options in pairs for option in options)
    numbers = np.arange(len(examples.choices[0]))
    right = (examples.labels[:, None] == numbers).reshape(-1).astype(np.int64)
    return Examples(right, f"{examples.fingerprint}/options", texts=texts)


def _is_classifier(network: Any, logits: torch.Tensor) -> bool:
    """One row of at least two logits per example, one for each class the config names; language
    models give one row per token."""
    return logits.ndim == 2 and logits.shape[1] >= 2 and logits.shape[1] == network.config.num_labels


def bounded_batches(lengths: IntArray, most_rows: int, most_tokens: int) -> list[IntArray]:
    """All row numbers in batches of like length, longest first.

    A batch has at most `most_rows` rows and, its padding included, `most_tokens` tokens; a row
    that is longer than that is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")  # what will not fit into memory fails at once
    batches, start = [], 0
    while start < len(order):
        size = max(1, min(most_rows, most_tokens // max(1, int(lengths[order[start]]))))
        batches.append(order[start : start + size])
        start += size
    return batches


def _cls_id(adapter: Adapter) -> int | None:
    found = adapter.tokenizer.cls_token_id if isinstance(adapter, TextAdapter) else None
    return found if isinstance(found, int) else None


def collect(
    network: Any,
    prepared: Prepared,
    batches: list[IntArray],
    cls_id: int | None,
    words: SampledWords | None = None,
) -> tuple[torch.Tensor | None, dict[Pooling, NDArray[np.float32]]]:
    """Logits [n, ...] (None when the model has none, or one row per token) and features [n, d] by pooling;
    features of the n sampled `words` where there are some.

    The states of one batch are all that is ever held of the layers; of half a batch and less, if memory
    runs out.
    """
    device = choose_device()
    network = _readable(network).to(device).eval()
    accepted, pool = accepted_inputs(network), Pooler(network, cls_id)
    hidden: dict[Pooling, torch.Tensor] = {}
    logits: torch.Tensor | None = None
    count = len(prepared.lengths if words is None else words.labels)
    portions = Portions()

    def read(rows: IntArray) -> tuple[IntArray, dict[Pooling, torch.Tensor], torch.Tensor | None]:
        batch = to_device(prepared.batch(rows), device)
        with autocast(device):
            output = network(**only(batch, accepted), output_hidden_states=True)
        if words is not None:
            of, pooled = at_words(output, rows, words)
            return of, pooled, None
        pooled = {pooling: table.cpu() for pooling, table in pool(output, batch).items()}
        made = getattr(output, "logits", None)
        return rows, pooled, made.float().cpu() if made is not None and made.ndim == 2 else None

    # not inference mode: BEiT keeps its index of positions for the training that may follow in this process
    with torch.no_grad():
        for rows, pooled, made in (part for batch in batches for part in portions.run(batch, read)):
            index = torch.from_numpy(rows)
            for pooling, features in pooled.items():
                table = hidden.setdefault(pooling, torch.empty((count, features.shape[1])))
                table[index] = features
            if made is not None:
                logits = torch.empty((count, made.shape[1])) if logits is None else logits
                logits[index] = made
    return logits, {pooling: table.numpy() for pooling, table in hidden.items()}


def _readable(network: Any) -> Any:
    """The part of a model that reads inputs: without a classifier on top, an encoder-decoder
    wants a beginning of an answer too, and its encoder does not."""
    classifies = "Classification" in type(network).__name__
    if getattr(network.config, "is_encoder_decoder", False) and not classifies:
        return network.get_encoder()
    return network
