"""The contract of a proxy score: a name and a function from arrays to a number.

A proxy predicts how well a checkpoint would do once fine-tuned, without fine-tuning it. To add
one here: write a file with its function and a `Proxy`, and list that in `proxies/__init__.py`.
To add one from another distribution: see `plugins.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt

from hubselect.errors import HubselectError, InvalidInput

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

Needs = Literal["head", "features"]
Normalisation = Literal["exp", "min-max"]
Target = Literal["classification", "regression", "multi-label"]

TARGETS: tuple[Target, ...] = get_args(Target)
FOR_EVERY_TARGET = ("knn", "linear", "logme")  # the built-in proxies with no target they refuse


class ScoreFunction(Protocol):
    """`inputs` [n, width] and `labels` -> score; deterministic given `seed`."""

    def __call__(
        self,
        inputs: npt.ArrayLike,
        labels: npt.ArrayLike,
        /,
        *,
        target: Target = "classification",
        seed: int = 0,
    ) -> float: ...


@dataclass(frozen=True)
class Proxy:
    """One proxy score. Higher is better.

    `needs` says what `score` takes as inputs [n, width]: "head", the class probabilities of the
    checkpoint's own trained classification head on the target's examples, or "features", its
    pooled hidden states. `fallback` names the proxy for checkpoints without a trained head.
    `normalisation` is how scores come to [0, 1] (`recall.normalise`): "exp" for a mean
    log-likelihood, "min-max" for anything else. `targets` are the kinds of label it can score,
    `function` computes the score, and `summary` is one line for people.
    """

    name: str
    needs: Needs
    normalisation: Normalisation
    function: ScoreFunction
    summary: str
    fallback: str | None = None
    targets: tuple[Target, ...] = ("classification",)

    def score(
        self,
        inputs: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        target: Target = "classification",
        seed: int = 0,
    ) -> float:
        """The score of `inputs` [n, width]; deterministic given `seed`.

        `labels` are class numbers [n] (classification), numbers [n] or [n, t] (regression), or
        0 and 1 [n, c] (multi-label). Raises `InvalidInput` for a target this proxy does not
        score, arrays it cannot score, a score that is not a finite number, and a function that fails.
        """
        if target not in self.targets:
            raise unsupported(target)
        try:
            value = float(self.function(inputs, labels, target=target, seed=seed))
        except HubselectError:
            raise
        except Exception as error:  # whatever a stranger's function does, or no solution of an equation
            said = " ".join(str(error).split())
            raise InvalidInput(
                f"the proxy {self.name} failed: {type(error).__name__}{': ' if said else ''}{said}",
                "choose another --proxy",
            ) from error
        if not math.isfinite(value):
            raise InvalidInput(f"the proxy {self.name} gave {value}", "choose another --proxy")
        return value


def unsupported(target: str) -> InvalidInput:
    """The refusal of a proxy that cannot score this kind of label."""
    if target not in TARGETS:
        return InvalidInput(f"there is no target {target!r}", f"choose one of {', '.join(TARGETS)}")
    return InvalidInput(
        f"this proxy does not score {target} targets",
        f"choose --proxy {', '.join(FOR_EVERY_TARGET[:-1])} or {FOR_EVERY_TARGET[-1]}",
    )


def checked(
    inputs: npt.ArrayLike, labels: npt.ArrayLike, what: str, target: Target = "classification"
) -> tuple[FloatArray, IntArray, int]:
    """Inputs as float64 [n, width], labels as 0 .. c-1 [n] over the classes that occur, and c.

    Raises `InvalidInput` for another target than classification, shapes that do not fit, no
    examples, values that are not finite, labels that are not whole numbers, and negative labels
    (the mark of an unlabelled split).
    """
    if target != "classification":
        raise unsupported(target)
    names = np.asarray(labels)
    if names.ndim != 1:
        raise InvalidInput(
            f"class labels must be one number per example, not of shape {names.shape}",
            "give a vector of class numbers",
        )
    table = checked_inputs(inputs, names, what)
    if names.dtype.kind not in "iub":
        raise InvalidInput(f"labels must be class numbers, not {names.dtype}", "encode the labels first")
    if names.dtype.kind == "i" and names.min() < 0:
        raise InvalidInput("some labels are negative", "unlabelled examples cannot be scored: leave them out")
    classes, own = np.unique(names, return_inverse=True)
    return table, own.astype(np.intp), len(classes)


def checked_inputs(inputs: npt.ArrayLike, labels: npt.NDArray[np.generic], what: str) -> FloatArray:
    """Inputs as finite float64 [n, width], one row per label. Raises `InvalidInput`."""
    table = np.asarray(inputs, dtype=np.float64)
    if table.ndim != 2 or len(table) != len(labels):
        raise InvalidInput(
            f"{what} of shape {table.shape} do not fit labels of shape {labels.shape}",
            "give one row per label",
        )
    if table.size == 0:
        raise InvalidInput(f"{what} of shape {table.shape} hold nothing to score", "give labelled examples")
    if not np.isfinite(table).all():
        raise InvalidInput(
            f"the {what} hold NaN or infinite values", "leave that checkpoint out: its output is not usable"
        )
    return table
