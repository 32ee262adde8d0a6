"""The laboratory, made once per test process; every test works on its own copy of the registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support import lab as laboratory


@pytest.fixture(scope="session")
def lab(hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> laboratory.Lab:
    return laboratory.make(hub_root, tmp_path_factory.mktemp("lab"))


@pytest.fixture
def empty_cache() -> None:
    """No checkpoint lies in the Hub's cache of this process."""
    shutil.rmtree(constants.HF_HUB_CACHE, ignore_errors=True)


@pytest.fixture
def registry(lab: laboratory.Lab, tmp_path: Path) -> Path:
    """A copy of the filled registry that a test may change."""
    return Path(shutil.copy(lab.registry, tmp_path / "registry.db"))
