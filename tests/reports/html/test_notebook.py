"""What a notebook shows: tables, without a script, and nothing that is not escaped."""

from __future__ import annotations

from pathlib import Path

import hubselect
from hubselect.registry import Registry
from tests.reports.html.conftest import Read
from tests.support import reported
from tests.support.reported import HOSTILE, SMALL, Size


def test_a_selection_shows_its_answer(store: Registry) -> None:
    """Winner, scores, cost, how sure, and everybody who was recalled."""
    read = Read(store.selection(1)._repr_html_())  # type: ignore[attr-defined]
    assert {tag for tag, _ in read.elements} <= {"table", "caption", "tr", "th", "td", "b"}
    for said in (*SMALL.ids[:4], "0.7900 (accuracy)", "how sure", "12%", "/somewhere/winner", "won"):
        assert said in read.text, said


def test_a_registry_shows_what_it_holds(filled: Path) -> None:
    with hubselect.Registry.open(filled) as registry:
        read = Read(registry._repr_html_())
    assert not read.scripts
    assert str(filled) in read.text
    assert f"models{SMALL.models}" in read.text
    assert "1: org/target" in read.text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    bad = Size(name=f"{HOSTILE}{{:02d}}")
    with hubselect.Registry.open(tmp_path / "hostile.db") as registry:
        reported.fill(registry, bad)
        found = registry.selection(reported.selected(registry, bad, target=HOSTILE))
        shown = found._repr_html_() + registry._repr_html_()  # type: ignore[attr-defined]
    assert "<img" not in shown
    assert "<script" not in shown
    assert HOSTILE in Read(shown).text
