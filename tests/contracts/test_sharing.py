"""A registry on every database is shared through the Hub: pushed from, pulled into, by several at once."""

from __future__ import annotations

import uuid
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from hubselect.api.clusters.clustering import cluster
from hubselect.api.sharing import pull, push
from hubselect.demo.server import MiniHub
from hubselect.records import Dataset, Model, ProxyScore, Run
from hubselect.registry import Registry
from tests.contracts.processes import together
from tests.registry.conftest import TEXT, add_cell, fill

pytestmark = pytest.mark.slow  # whole registries go up and down


@pytest.fixture
def repo(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> str:
    """The id of a repository that does not exist yet, and the right to write to it."""
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")
    return f"minihub/{uuid.uuid4().hex[:12]}"


def finished(registry: Registry) -> list[Run]:
    """Finished runs without their sources."""
    return [replace(run, source="") for run in registry.runs(status="done")]


def test_what_is_pushed_from_one_database_is_pulled_into_another(
    registry: Registry, repo: str, tmp_path: Path
) -> None:
    """Runs, curves, proxies, claims, dates of submission; conflicts are told; again is nothing."""
    fill(registry)
    rows = [{"model": "org/b", "dataset": "org/e", "score": 0.5, "submitted": "2024-05-03"}]
    registry.import_scores(pd.DataFrame(rows), source="table", recipe="published")
    registry.import_scores(pd.DataFrame([{**rows[0], "proxy": "logme"}]), source="table")
    assert push(repo, registry=registry).changed
    with Registry.open(tmp_path / "other.db") as other:
        pull(repo, registry=other)
        assert finished(other) == finished(registry)
        assert other.models() == registry.models()
        assert other.hub_results() == registry.hub_results()
        told = {(s.proxy, s.score, s.submitted) for s in other.proxy_scores()}
        assert told == {("leep", -0.5, None), ("logme", 0.5, "2024-05-03")}
        assert not push(repo, registry=other).changed
        other.add_model(Model("org/new", TEXT, revision="9" * 40))
        add_cell(other, "org/new", "org/e", 0.25)
        other.add_proxy_scores([ProxyScore("org/new", "org/e", "leep", -2.0, "head")])
        assert push(repo, registry=other).exported.merged.runs == 1
    done = pull(repo, registry=registry)
    assert (done.merged.runs, done.merged.points, done.merged.proxies, done.merged.conflicts) == (1, 3, 1, ())
    assert registry.proxy_scores("org/e", "leep")[0].source == f"hub:{repo}@{done.commit}"
    assert not pull(repo, registry=registry).merged.changed
    assert not push(repo, registry=registry).changed
    assert registry.check() == []


def test_conflicts_and_clusters_after_a_pull(registry: Registry, repo: str, tmp_path: Path) -> None:
    """What was measured here stays unless asked otherwise; the clusters follow the new rows."""
    fill(registry)
    registry.start_run("org/b", "org/e", "d30ee994d0d75544")
    registry.finish_run("org/b", "org/e", "d30ee994d0d75544", 0.65)
    cluster(registry=registry, threshold=0.3)
    with Registry.open(tmp_path / "other.db") as other:
        for name in "an":
            other.add_model(Model(f"org/{name}", TEXT, revision=name * 40))
        other.add_dataset(Dataset("org/e", TEXT, revision="e" * 40))
        other.add_dataset(Dataset("org/d", TEXT, config="c", revision="d" * 40))
        add_cell(other, "org/a", "org/e", 0.125)
        for dataset in ("org/d:c", "org/e"):
            add_cell(other, "org/n", dataset, 0.5)
        push(repo, registry=other)
    done = pull(repo, registry=registry)
    assert [(c.kind, c.held, c.incoming, c.kept) for c in done.merged.conflicts] == [
        ("score", 0.7, 0.125, "held")
    ]
    assert [c.failure for c in done.clusters] == [None]
    assert "org/n" in {m for c in registry.clusters(TEXT) for m in c.members}
    assert [c.kept for c in pull(repo, registry=registry, prefer="remote").merged.conflicts] == ["incoming"]
    assert registry.matrix().loc["org/a", "org/e"] == 0.125
    assert registry.check() == []


def _pull(number: int, place: str, repo: str) -> None:
    with Registry.open(place) as registry:
        pull(repo, registry=registry)
        registry.add_model(Model(f"org/own-{number}", TEXT))
        add_cell(registry, f"org/own-{number}", "org/e", 0.5)


def test_several_processes_pull_into_one_registry(registry: Registry, repo: str, tmp_path: Path) -> None:
    """Every row once, and what the processes measure meanwhile is kept."""
    with Registry.open(tmp_path / "other.db") as other:
        fill(other)
        push(repo, registry=other)
        wanted = {(r.model, r.dataset): r.test for r in other.runs(status="done")}
    together(_pull, 4, registry._database.location.url, repo)
    held = {(r.model, r.dataset): r.test for r in registry.runs(status="done")}
    assert held == wanted | {(f"org/own-{i}", "org/e"): 0.5 for i in range(4)}
    assert registry.check() == []
