"""`hubselect report`, for people and for programs."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Run
from tests.support import reported


def test_a_page_about_a_selection_or_the_registry(tmp_path: Path, run: Run) -> None:
    """Where it is and how large; without an id it is about all."""
    registry = reported.made(tmp_path / "registry.db")
    page = tmp_path / "page.html"
    found = run("report", 1, "--html", page, "--registry", registry, "--json").document
    assert found == {"selection_id": 1, "html": str(page), "bytes": page.stat().st_size}
    assert "selection 1, done" in page.read_text(encoding="utf-8")
    done = run("report", "--html", page, "--registry", registry)
    assert done.code == 0
    assert f"wrote {page}" in done.out.replace("\n", "")
    assert "a registry" in page.read_text(encoding="utf-8")


def test_what_is_not_there_is_said_in_a_line(tmp_path: Path, run: Run) -> None:
    registry = reported.made(tmp_path / "registry.db")
    unknown = run("report", 7, "--html", tmp_path / "page.html", "--registry", registry)
    assert unknown.code == 1
    assert "hubselect selections" in unknown.err
    for wrong in ("one", "0", "9" * 40):
        assert run("report", wrong, "--html", "x.html", "--registry", registry).code == 2
    assert run("report", 1, "--registry", registry).code == 2
