"""A registry with a finished selection, made once; what pages are made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hubselect.registry import Registry
from tests.support import reported


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return reported.made(tmp_path_factory.mktemp("reported") / "registry.db")


@pytest.fixture
def store(filled: Path, tmp_path: Path) -> Iterator[Registry]:
    """A copy that a test may change; its selection 1 is finished."""
    with Registry.open(shutil.copy(filled, tmp_path / "registry.db")) as opened:
        yield opened


class Read(HTMLParser):
    """A page as a browser takes it apart: its elements, its text, its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.text = ""
        self._inside: dict[str, str | None] | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self._inside = dict(attrs)
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is None:
            self.text += data
        else:
            attributes, before = self.scripts[-1]
            self.scripts[-1] = (attributes, before + data)

    @property
    def drawing(self) -> dict[str, Any]:
        """The document that the charts are drawn from."""
        found: dict[str, Any] = json.loads(next(s for a, s in self.scripts if a.get("id") == "drawing"))
        return found

    def chart(self, identity: str) -> dict[str, Any]:
        chart: dict[str, Any] = next(c for c in self.drawing["charts"] if c["id"] == identity)
        return chart
