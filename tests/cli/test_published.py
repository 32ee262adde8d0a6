"""The paper authors' published matrix through the command line; skipped where it is not at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SHARED = Path(os.environ.get("HUBSELECT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
MATRIX = SHARED / "authors_nlp"


@pytest.mark.skipif(not MATRIX.is_dir(), reason="the published matrix is not here")
def test_the_published_text_matrix_clusters_as_published(tmp_path: Path, run: Run) -> None:
    """39 models x 21 datasets, cut at 0.09 with k = 5: 8 non-singleton clusters that hold 31 models."""
    place = tmp_path / "registry.db"
    assert run("registry", "import", MATRIX, "--format", "matrix", "--registry", place).code == 0
    found = run("cluster", "--threshold", "0.09", "--top-k", "5", "--registry", place, "--json").document
    several = [c["size"] for c in found["clusters"] if c["size"] > 1]
    assert (len(several), sum(several)) == (8, 31)
