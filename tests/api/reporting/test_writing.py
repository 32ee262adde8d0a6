"""Where pages are written, and what is refused before anything else is done."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import hubselect
from hubselect.errors import InvalidInput, RegistryError, StorageFailed, UnknownEntry
from tests.support import reported


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported.made(tmp_path_factory.mktemp("reported") / "registry.db")


def test_one_file_is_written(filled: Path, tmp_path: Path) -> None:
    """From the function and from the registry's method; an older page is replaced, nothing is left beside."""
    place = hubselect.report(1, html=tmp_path / "page.html", registry=filled)
    assert place == tmp_path / "page.html"
    selection = place.read_text(encoding="utf-8")
    assert selection.startswith("<!DOCTYPE html>")
    with hubselect.Registry.open(filled) as registry:
        registry.report(html=place)
    assert place.read_text(encoding="utf-8") != selection
    assert os.listdir(tmp_path) == ["page.html"]


def test_the_same_facts_are_the_same_page(filled: Path, tmp_path: Path) -> None:
    """No clock, no chance."""
    pages = [hubselect.report(1, html=tmp_path / f"{i}.html", registry=filled).read_bytes() for i in range(2)]
    assert pages[0] == pages[1]


def test_wrong_places_are_refused(filled: Path, tmp_path: Path) -> None:
    for wrong, said in ((tmp_path, "is a folder"), (tmp_path / "no" / "page.html", "is no folder")):
        with pytest.raises(InvalidInput, match=said):
            hubselect.report(1, html=wrong, registry=filled)
    with pytest.raises(UnknownEntry, match="selection 99"):
        hubselect.report(99, html=tmp_path / "page.html", registry=filled)
    with pytest.raises(RegistryError):
        hubselect.report(html=tmp_path / "page.html", registry=tmp_path / "none.db")
    assert not os.listdir(tmp_path)


def test_a_place_that_cannot_be_written_keeps_its_page(filled: Path, tmp_path: Path) -> None:
    """One line, and the page of before."""
    place = tmp_path / "page.html"
    place.write_text("before")
    (tmp_path / ".page.html.partial").mkdir()
    with pytest.raises(StorageFailed, match=r"page\.html cannot be written"):
        hubselect.report(1, html=place, registry=filled)
    assert place.read_text() == "before"


WITHOUT = "import sys; sys.modules['plotly'] = None; from hubselect.cli import main; main()"


@pytest.mark.parametrize(
    "words", [["report", "1", "--html"], ["select", "org/target", "--report"]], ids=" ".join
)
def test_without_plotly_one_line_names_the_extra(words: list[str], filled: Path, tmp_path: Path) -> None:
    """Before a selection begins, not after its hours."""
    command = [sys.executable, "-c", WITHOUT, *words, str(tmp_path / "page.html"), "--registry", str(filled)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "pip install 'hubselect[report]'" in done.stderr
