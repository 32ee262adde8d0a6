"""`hubselect publish` on the command line, and the options of `select` that go with it."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.registry import Registry
from tests.cli.conftest import Run
from tests.support.winners import save_winner


@pytest.fixture
def finished(hub: MiniHub, hub_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry with one finished selection, named by HUBSELECT_REGISTRY."""
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")
    place = tmp_path / "registry.db"
    monkeypatch.setenv("HUBSELECT_REGISTRY", str(place))
    with Registry.open(place) as store:
        save_winner(store, tmp_path / "winner")
    return place


def test_publish_prints_one_document_or_one_line(finished: Path, run: Run, hub: MiniHub) -> None:
    repo = f"minihub/{uuid.uuid4().hex[:12]}"
    found = run("publish", 1, repo, "--json").document
    assert (found["selection_id"], found["repo"], found["changed"]) == (1, repo, True)
    assert found["url"] == f"{hub.url}/{repo}"
    assert "model.safetensors" in found["files"]
    again = run("publish", 1, repo)
    assert (again.code, again.out.count("\n")) == (0, 1)
    assert "nothing to publish" in again.out


def test_refusals_are_one_line_and_the_endpoint_is_named(
    finished: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1 for what cannot be done, 2 for bad usage; the Hub that is asked is not the default one."""
    monkeypatch.delenv("HUBSELECT_NAMED_ENDPOINT", raising=False)
    done = run("publish", 1, "somebody/else")
    assert done.code == 1
    notice, line = done.err.strip().splitlines()
    assert "not the default endpoint" in notice
    assert "may not write to somebody/else" in line
    assert run("publish", 7, "minihub/x").code == 1
    assert run("publish", "x", "minihub/x").code == 2
    assert run("select", "org/target", "--private").code == 2
    monkeypatch.setenv("HF_TOKEN", "")
    done = run("publish", 1, "minihub/x")
    assert (done.code, done.err.count("\n")) == (1, 1)
    assert "needs a login" in done.err
