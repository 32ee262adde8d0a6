"""The contract of a proxy score: a name and a function from arrays to a number.

A proxy predicts how well a checkpoint would do once fine-tuned, without fine-tuning it. To add
one: write a file with its function and a `Proxy`, and list that in `proxies/__init__.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

Needs = Literal["head", "features"]
Normalisation = Literal["exp", "min-max"]


class ScoreFunction(Protocol):
    """`inputs` [n, width] and `labels` [n] -> score; deterministic given `seed`."""

    def __call__(self, inputs: npt.ArrayLike, labels: npt.ArrayLike, /, *, seed: int = 0) -> float: ...


@dataclass(frozen=True)
class Proxy:
    """One proxy score. Higher is better.

    `needs` says what `score` takes as inputs [n, width]: "head", the class probabilities of the
    checkpoint's own trained classification head on the target's examples, or "features", its
    pooled hidden states. `fallback` names the proxy for checkpoints without a trained head.
    `normalisation` is how scores come to [0, 1] (`recall.normalise`): "exp" for a mean
    log-likelihood, "min-max" for anything else.
    """

    name: str
    needs: Needs
    normalisation: Normalisation
    score: ScoreFunction
    summary: str
    fallback: str | None = None


def checked(inputs: npt.ArrayLike, labels: npt.ArrayLike, what: str) -> tuple[FloatArray, IntArray, int]:
    """Inputs as float64 [n, width], labels as 0 .. c-1 [n] over the classes that occur, and c.

    Raises `InvalidInput` for shapes that do not fit, no examples, values that are not finite,
    labels that are not whole numbers, and negative labels (the mark of an unlabelled split).
    """
    table, names = np.asarray(inputs, dtype=np.float64), np.asarray(labels)
    if table.ndim != 2 or names.ndim != 1 or len(table) != len(names):
        raise InvalidInput(f"{what} of shape {table.shape} do not fit labels of shape {names.shape}")
    if table.size == 0:
        raise InvalidInput(f"{what} of shape {table.shape} hold nothing to score", "give labelled examples")
    if not np.isfinite(table).all():
        raise InvalidInput(f"the {what} hold NaN or infinite values", "the checkpoint's output is not usable")
    if names.dtype.kind not in "iub":
        raise InvalidInput(f"labels must be class numbers, not {names.dtype}", "encode the labels first")
    if names.dtype.kind == "i" and names.min() < 0:
        raise InvalidInput("some labels are negative", "unlabelled examples cannot be scored: leave them out")
    classes, own = np.unique(names, return_inverse=True)
    return table, own.astype(np.intp), len(classes)
