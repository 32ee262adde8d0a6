"""The command line on a registry of either kind: import, cluster, matrix, backtest."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import DATASETS, MODELS, Run, run, scores

__all__ = ["run", "scores"]  # fixtures


@pytest.fixture
def named(place: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A place that is only known by --registry."""
    monkeypatch.delenv("HUBSELECT_REGISTRY", raising=False)
    return place


def test_published_scores_become_clusters_a_matrix_and_a_backtest(
    named: str, scores: Path, run: Run, tmp_path: Path
) -> None:
    """From two files to an answer, the registry named by --registry alone."""
    at = ("--registry", named)
    for part in ("curves", "proxies"):
        assert run("registry", "import", scores / f"{part}.csv", *at).code == 0
    clustered = run("cluster", "--threshold", "0.05", "--json", *at)
    assert clustered.code == 0
    sizes = sorted(c["size"] if "size" in c else len(c["members"]) for c in clustered.document["clusters"])
    assert sizes == [3, 3, 3]
    matrix = run("matrix", "--json", *at)
    assert matrix.code == 0
    assert set(MODELS) | set(DATASETS) <= set(matrix.out.replace('"', " ").split())
    backtested = run("backtest", "--json", *at)
    assert backtested.code == 0, backtested.err
    assert run("registry", "check", *at).code == 0
    assert run("registry", "export", tmp_path / "out.csv", *at).code == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1 + len(MODELS) * len(DATASETS)


def test_a_server_that_is_down_is_one_line_on_stderr(run: Run) -> None:
    """No traceback, no password, exit code of a failure."""
    done = run("models", "--registry", "postgresql://me:s3cr3t@127.0.0.1:1/x")
    assert done.code != 0
    assert "does not answer" in done.err
    assert "s3cr3t" not in done.out + done.err
