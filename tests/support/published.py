"""Results that others published, beside the checkout where they are at hand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("HUBSELECT_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))


def published(folder: str) -> Path:
    """The folder of published results; skips the test where it is absent."""
    if not (SHARED / folder).is_dir():
        pytest.skip(f"{folder} is not here")
    return SHARED / folder
