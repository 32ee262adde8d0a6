"""The laboratory, made once per test process; every test works on its own copy of the registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import lab as laboratory


@pytest.fixture(scope="session")
def lab(hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> laboratory.Lab:
    return laboratory.make(hub_root, tmp_path_factory.mktemp("lab"))


@pytest.fixture
def registry(lab: laboratory.Lab, tmp_path: Path) -> Path:
    """A copy of the filled registry that a test may change."""
    return Path(shutil.copy(lab.registry, tmp_path / "registry.db"))
