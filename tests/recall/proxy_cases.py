"""Arrays that the tests of several proxies share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from sklearn.datasets import load_iris

Table = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]

IRIS: tuple[Table, Labels] = load_iris(return_X_y=True)


def published_noise() -> tuple[Table, Labels]:
    """The noise the public reference implementations were run on: labels first, then features."""
    rng = np.random.default_rng(42)
    labels = rng.integers(0, 3, 1000)
    return rng.normal(size=(1000, 5)), labels


def softmax(logits: Table) -> Table:
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    softened: Table = e / e.sum(axis=1, keepdims=True)
    return softened


def groups(
    n: int, d: int, classes: int, *, distance: float, seed: int = 0, copies: int = 1
) -> tuple[Table, Labels]:
    """Gaussian classes whose centres lie `distance` standard deviations apart; 0 is noise.

    With `copies` every example occurs that many times, n counting all.
    """
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(n // copies) % classes)
    centres = rng.normal(size=(classes, d)) * distance / np.sqrt(2 * d)
    features = rng.normal(size=(len(labels), d)) + centres[labels]
    return np.repeat(features, copies, axis=0), np.repeat(labels, copies)


@st.composite
def any_features(draw: st.DrawFn) -> tuple[Table, Labels]:
    """Features of any shape, with ties, heavy tails, constant columns or copies, and any labels."""
    n, d, classes = draw(st.integers(1, 40)), draw(st.integers(1, 50)), draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 99_999)))
    kind = draw(st.sampled_from(["normal", "ties", "heavy", "constant columns", "constant", "copies"]))
    features = rng.standard_t(1, size=(n, d)) if kind == "heavy" else rng.normal(size=(n, d))
    if kind == "ties":
        features = features.round()
    if kind == "constant columns":
        features[:, 1:] = 3.0
    if kind == "constant":
        features[:] = 0.1
    labels = rng.integers(0, classes, n)
    if kind == "copies":
        features, labels = np.repeat(features, 3, axis=0), np.repeat(labels, 3)
    return features, labels
