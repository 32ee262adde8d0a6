"""Places for registries of every kind: a file, and a database on a real PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect.registry import Registry
from tests.support.postgres import Databases, server


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the tests that are collected a second time, only those of a registry on the server are run."""
    again = [item for item in items if item.path.name == "test_rooms.py"]
    elsewhere = [item for item in again if "registry" not in getattr(item, "fixturenames", ())]
    if elsewhere:
        items[:] = [item for item in items if item not in elsewhere]
        config.hook.pytest_deselected(items=elsewhere)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """A PostgreSQL server; without one the asking test is skipped."""
    with server() as url:
        if url is None:
            pytest.skip("no PostgreSQL: install it, or name a server with HUBSELECT_TEST_POSTGRES")
        made = Databases(url)
        yield made
        made.remove()


@pytest.fixture(scope="session")
def migrated(databases: Databases) -> str:
    """The name of a database that holds an empty registry, to be copied."""
    url = databases.make()
    Registry.open(url).close()
    return url.rpartition("/")[2]


@pytest.fixture
def empty_database(databases: Databases) -> Iterator[str]:
    """The URL of a database without any table."""
    url = databases.make()
    yield url
    databases.drop(url)


@pytest.fixture
def database(databases: Databases, migrated: str) -> Iterator[str]:
    """The URL of a database that holds an empty registry."""
    url = databases.make(migrated)
    yield url
    databases.drop(url)


@pytest.fixture(scope="session")
def shared_database(databases: Databases, migrated: str) -> str:
    """The URL of a database that many tests use one after the other."""
    return databases.make(migrated)


@pytest.fixture
def emptied(databases: Databases, shared_database: str) -> Iterator[str]:
    """The URL of an empty registry whose tables the test does not alter."""
    yield shared_database
    databases.empty(shared_database)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no registry has been made yet."""
    if request.param == "sqlite":
        return str(tmp_path / "registry.db")
    url: str = request.getfixturevalue("empty_database")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """An empty registry."""
    at = tmp_path / "registry.db" if request.param == "sqlite" else request.getfixturevalue("emptied")
    with Registry.open(at) as opened:
        yield opened
