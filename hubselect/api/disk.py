"""What a selection takes on the disk, in bytes, by what is known of models before anything is fetched.

It is the weights that are not in the cache yet, the training states of all models that train beside each
other, and the saved winner. Counts err on the large side; models of unknown size are taken for half-precision
checkpoints. The dataset is not counted.
"""

from __future__ import annotations

from collections.abc import Iterable

from hubselect.hub import is_downloaded
from hubselect.records import Model

_STATE = 3 * 4  # per parameter: the weight and AdamW's two moments, in single precision
_SAVED = 4
_MORE = 1.05  # a new output layer, and what is written beside the tensors
_BESIDE = 1 << 18  # the random generators of a state; the configuration and tokenizer of a checkpoint


def disk_bytes(models: Iterable[Model], workers: int) -> int:
    """At the most, when `models` train on so many workers and the largest of them wins.

    A worker writes a new state beside the old one before it takes its place. What nobody tells the size of
    counts as nothing (`size_known`).
    """
    models = list({m.id: m for m in models}.values())
    states = sorted((_of(m, _STATE) for m in models), reverse=True)
    fetched = sum(_of(m, None) for m in models if not is_downloaded(m))
    return fetched + sum(states) + sum(states[:workers]) + max((_of(m, _SAVED) for m in models), default=0)


def size_known(model: Model) -> bool:
    return model.weights_bytes is not None


def _of(model: Model, per_parameter: int | None) -> int:
    """Bytes of the checkpoint as published (None), or of `per_parameter` bytes for each parameter."""
    weights = model.weights_bytes or 0
    if per_parameter is None:
        return weights + _BESIDE if weights else 0
    parameters = model.parameters or weights / 2
    return round(_MORE * per_parameter * parameters) + _BESIDE
