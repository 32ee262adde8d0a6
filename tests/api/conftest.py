"""Every test works on its own copy of the laboratory's registry."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.support import lab as laboratory


@pytest.fixture
def empty_cache() -> None:
    """No checkpoint lies in the Hub's cache of this process."""
    shutil.rmtree(constants.HF_HUB_CACHE, ignore_errors=True)


@pytest.fixture
def registry(lab: laboratory.Lab, tmp_path: Path) -> Path:
    """A copy of the filled registry that a test may change."""
    return Path(shutil.copy(lab.registry, tmp_path / "registry.db"))
