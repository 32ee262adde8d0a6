"""`hubselect proxies`: what `--proxy` can choose, plug-ins and their faults included."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect.recall.proxies import PROXIES
from hubselect.recall.proxies.plugins import Catalogue
from tests.cli.conftest import Run

NAMES = ["leep", "nce", "nleep", "logme", "hscore", "hscore-reg", "knn", "linear", "transrate"]


def test_every_proxy_is_listed_with_what_it_needs_and_scores(run: Run) -> None:
    """The document names the built-in proxies in order, with needs, targets and a summary."""
    document = run("proxies", "--json").document
    assert [p["name"] for p in document["proxies"]] == NAMES
    assert document["unusable"] == []
    first, last = document["proxies"][0], document["proxies"][NAMES.index("logme")]
    assert (first["needs"], first["fallback"], first["normalisation"]) == ("head", "nleep", "exp")
    assert first["targets"] == ["classification"]
    assert last["targets"] == ["classification", "regression", "multi-label"]
    assert all(p["summary"] and p["source"] == "hubselect" for p in document["proxies"])
    shown = run("proxies").out
    assert all(name in shown for name in NAMES)


def test_a_plug_in_that_cannot_be_used_is_one_line_below_the_others(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Listing never fails for somebody else's broken distribution, and says what is wrong with it."""
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[hubselect.proxies]\nmine = broken_proxy:PROXY\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("hubselect.api.recall.proxies.PROXIES", Catalogue(PROXIES.values()))
    document = run("proxies", "--json").document
    assert [p["name"] for p in document["proxies"]] == NAMES
    assert [(f["name"], f["distribution"]) for f in document["unusable"]] == [("mine", "broken")]
    assert "unusable: the proxy mine of broken cannot be loaded" in run("proxies").out
