"""Every behaviour that `tests/registry` asks of a registry in a file, asked of one on PostgreSQL.

The tests of those modules are collected here a second time, with another `registry`; new tests and
new modules come along by themselves, but for those that do not use the fixture `registry` (`conftest.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import tests.registry
from hubselect.registry import Registry

OF_FILES = {"test_checks", "test_frozen", "test_opening", "test_processes", "test_rehearsing"}
"""Modules about files; what they say of any registry stands in the other modules of this folder."""
_OMITTED = {
    "test_a_hundred_thousand_rows_take_seconds",  # a measurement: `test_registry` has a smaller one
    "test_the_views_answer_in_plain_sql",  # opens the file; `test_postgresql` asks the views of a server
    "test_the_page_names_every_table_and_view",
    "test_questions_are_answered_in_the_order_of_an_index",  # query plans of SQLite
}
_FIXTURE = type(pytest.fixture(lambda: None))


@pytest.fixture
def registry(emptied: str) -> Iterator[Registry]:
    """An empty registry on the server."""
    with Registry.open(emptied) as opened:
        opened.home.mkdir(parents=True, exist_ok=True)
        yield opened


def _rooms() -> list[str]:
    folder = Path(next(iter(tests.registry.__path__)))
    return sorted(p.stem for p in folder.glob("test_*.py") if p.stem not in OF_FILES)


for _room in _rooms():
    for _name, _value in vars(import_module(f"tests.registry.{_room}")).items():
        if _name.startswith("test_") and _name not in _OMITTED:
            globals()[_name.replace("test_", f"{_room}_", 1)] = _value
        elif isinstance(_value, _FIXTURE):
            globals()[_name] = _value
