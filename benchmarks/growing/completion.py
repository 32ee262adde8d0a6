"""Completes a score table with any pattern of missing cells, to measure what a choice of cells told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

_NOISE = 1e-3  # variance added to every dataset, as the ridge of hubselect.knowledge.suites
_ROUNDS = 30


def completed(scores: FloatArray) -> FloatArray:
    """`scores` [n, d] with every NaN replaced by its expectation, rows as draws of one Gaussian.

    Expectation maximisation for its mean and covariance with `_NOISE` on the diagonal; a dataset
    nobody has a score on gets the grand mean.
    """
    known = ~np.isnan(scores)
    overall = scores[known].mean() if known.any() else 0.0
    counts = known.sum(axis=0)
    mean = np.where(counts, np.where(known, scores, 0.0).sum(axis=0) / np.maximum(counts, 1), overall)
    filled = np.where(known, scores, mean)
    spread = np.zeros((scores.shape[1],) * 2)
    patterns, group = np.unique(known, axis=0, return_inverse=True)
    for _ in range(_ROUNDS):
        mean = filled.mean(axis=0)
        centred = filled - mean
        covariance = (centred.T @ centred + spread) / len(scores) + _NOISE * np.eye(scores.shape[1])
        spread = np.zeros_like(covariance)
        for number, pattern in enumerate(patterns):
            rows = np.flatnonzero(group.ravel() == number)
            gaps = ~pattern
            if not gaps.any():
                continue
            cross = covariance[np.ix_(gaps, pattern)]
            weights = np.linalg.solve(covariance[np.ix_(pattern, pattern)], cross.T).T
            told = (scores[np.ix_(rows, pattern)] - mean[pattern]) @ weights.T
            filled[np.ix_(rows, gaps)] = mean[gaps] + told
            left = covariance[np.ix_(gaps, gaps)] - weights @ cross.T
            spread[np.ix_(gaps, gaps)] += len(rows) * left
    return filled
