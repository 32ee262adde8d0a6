"""The paper authors' published text matrix gives their clusters; skipped where the file is absent."""

from __future__ import annotations

import numpy as np
import pytest

from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.matrix import PerformanceMatrix
from tests.support.published import published as published_files


@pytest.fixture(scope="module")
def published() -> PerformanceMatrix:
    folder = published_files("authors_nlp")
    header, *lines = (folder / "matrix.txt").read_text().splitlines()
    scores = np.array([[float(cell) for cell in line.split()] for line in lines if line.strip()]).T
    scores[scores <= 0] = np.nan  # so the authors mark what they did not measure
    return PerformanceMatrix(
        tuple(header.split()), tuple((folder / "datasets.txt").read_text().split()), scores
    )


def test_at_their_cut_there_are_eight_groups_of_31_models(published: PerformanceMatrix) -> None:
    got = cluster(published, task="text-classification", recipe="published", threshold=0.09, top_k=5)
    groups = [c for c in got.clusters if c.size > 1]
    assert published.scores.shape == (39, 21)
    assert len(groups) == 8
    assert sum(c.size for c in groups) == 31


def test_a_group_that_the_paper_prints_is_found(published: PerformanceMatrix) -> None:
    """Cluster C7 of Table II: four BERT models fine-tuned on QQP that behave alike."""
    got = cluster(published, task="text-classification", recipe="published", threshold=0.09)
    own = got.of("Jeevesh8--init_bert_ft_qqp-33")
    assert own is not None
    assert {
        "Jeevesh8--init_bert_ft_qqp-24",
        "connectivity--bert_ft_qqp-17",
        "connectivity--bert_ft_qqp-96",
    } <= set(own.members)


def test_the_cut_chosen_by_the_data_is_near_the_published_one(published: PerformanceMatrix) -> None:
    got = cluster(published, task="text-classification", recipe="published", threshold=None)
    assert got.threshold == pytest.approx(0.1)
    assert sum(c.size > 1 for c in got.clusters) == 7
