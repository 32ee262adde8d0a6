"""The Hub's client keeps the endpoint it was imported under: import it before tests change it."""

import huggingface_hub.constants  # noqa: F401
import pytest

from hubselect.hub.patience import Patience


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many tries as ever, without long waits between them."""
    monkeypatch.setattr("hubselect.hub.patience.PATIENCE", Patience(tries=4, first=0.01, longest=300.0))
