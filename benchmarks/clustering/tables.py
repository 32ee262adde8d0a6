"""Score tables to cluster: many separated groups, and one cloud whose threshold graph percolates."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from hubselect.knowledge.linkage import components

Table = npt.NDArray[np.float64]

DATASETS = 24
TOP_K = 5


def grouped(models: int, rng: np.random.Generator) -> Table:
    """Groups of about twenty models around random centres: [models, 24]."""
    centres = rng.random((max(1, models // 20), DATASETS))
    return np.clip(centres[rng.integers(0, len(centres), models)] + _noise(models, rng, 0.005), 0, 1)


def percolating(models: int, rng: np.random.Generator) -> Table:
    """One cloud: [models, 24]."""
    return np.clip(0.7 + _noise(models, rng, 0.05), 0, 1)


def percolation_threshold(scores: Table, share: float = 2 / 3) -> float:
    """The lowest threshold, in steps of 0.005, whose largest component holds `share` of the models."""
    for threshold in np.arange(0.02, 0.5, 0.005).round(3).tolist():
        if np.bincount(components(scores, threshold, TOP_K, None)).max() >= share * len(scores):
            return float(threshold)
    raise ValueError("the table does not percolate")


def tidy(names: list[str], scores: Table) -> pd.DataFrame:
    """Rows model, dataset, score."""
    suite = [f"d{j:02d}" for j in range(scores.shape[1])]
    return pd.DataFrame(
        {"model": np.repeat(names, len(suite)), "dataset": suite * len(names), "score": scores.ravel()}
    )


def _noise(models: int, rng: np.random.Generator, width: float) -> Table:
    return rng.normal(0, width, (models, DATASETS))
