"""Labels of every kind as columns of numbers, for proxies that fit one column at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hubselect.errors import InvalidInput
from hubselect.recall.proxies.base import FloatArray, IntArray, Target, checked, checked_inputs, unsupported


@dataclass(frozen=True)
class Outcomes:
    """Features [n, d] with what is to be predicted from them.

    `columns` [n, t]: one 0/1 column per class or label, or one standardised column (mean 0,
    variance 1) per number; labels and numbers that are the same for all examples are left out,
    and of a single class nothing is left (t = 0). `classes` [n]: class numbers 0 .. c-1 of a
    classification, else None.
    """

    target: Target
    features: FloatArray
    columns: FloatArray
    classes: IntArray | None = None

    def __len__(self) -> int:
        return len(self.features)

    def taken(self, rows: IntArray) -> Outcomes:
        """Some of the examples; the columns stay as they are."""
        own = None if self.classes is None else self.classes[rows]
        return Outcomes(self.target, self.features[rows], self.columns[rows], own)

    @property
    def nothing_to_predict(self) -> bool:
        """Whether all examples have the same label."""
        return bool(self.columns.shape[1] == 0)

    @property
    def kinds(self) -> int:
        """How many different labels there are; 0 for numbers, which do not come in kinds."""
        return 0 if self.target == "regression" else len(np.unique(self.columns, axis=0))


def outcomes(features: npt.ArrayLike, labels: npt.ArrayLike, target: Target) -> Outcomes:
    """Checked features and label columns. Raises `InvalidInput` for arrays that are no `target`."""
    if target == "classification":
        table, own, classes = checked(features, labels, "features")
        columns = np.eye(classes)[own] if classes > 1 else np.empty((len(own), 0))
        return Outcomes(target, table, columns, own)
    values = np.asarray(labels)
    if values.dtype.kind not in "iubf":
        raise InvalidInput(f"labels must be numbers, not {values.dtype}", "encode the labels first")
    if target == "regression":
        values = values[:, None] if values.ndim == 1 else values
    elif target != "multi-label":
        raise unsupported(target)
    if values.ndim != 2:
        raise InvalidInput(
            f"labels of shape {values.shape} are not {target} labels",
            "give one number per example, or one column per label",
        )
    table = checked_inputs(features, values, "features")
    columns = values.astype(np.float64)
    if not np.isfinite(columns).all():
        raise InvalidInput("some labels are NaN or infinite", "leave the examples without a label out")
    if target == "regression":
        return Outcomes(target, table, _standardised(columns))
    if not np.isin(columns, (0.0, 1.0)).all():
        raise InvalidInput("multi-label labels must be 0 or 1", "give one column per label")
    return Outcomes(target, table, columns[:, columns.min(axis=0) < columns.max(axis=0)])


def _standardised(columns: FloatArray) -> FloatArray:
    """Mean 0 and variance 1, so that the unit of the labels does not matter."""
    varying = columns[:, columns.min(axis=0) < columns.max(axis=0)]
    scaled = varying / np.abs(varying).max(axis=0)  # first, so that squares neither overflow nor vanish
    scaled -= scaled.mean(axis=0)
    deviation = scaled.std(axis=0)
    kept = deviation > 1e-12  # less is the rounding of a constant
    standardised: FloatArray = scaled[:, kept] / deviation[kept]
    return standardised
