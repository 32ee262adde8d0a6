"""The laboratory, made once per test process; every test works on its own copy of the registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import lab as laboratory


@pytest.fixture(scope="session")
def lab(hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> laboratory.Lab:
    laboratory.write_repositories(hub_root)
    registry = tmp_path_factory.mktemp("lab") / "registry.db"
    laboratory.fill_registry(registry)
    return laboratory.Lab(hub_root, registry)


@pytest.fixture
def registry(lab: laboratory.Lab, tmp_path: Path) -> Path:
    """A copy of the filled registry that a test may change."""
    return Path(shutil.copy(lab.registry, tmp_path / "registry.db"))
