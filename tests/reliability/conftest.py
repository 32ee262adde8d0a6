"""Waits that are recorded instead of waited."""

from __future__ import annotations

import time

import pytest


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Every `time.sleep` of a second or more in this process, in order; none of them lasts."""
    asked: list[float] = []
    sleep = time.sleep

    def record(seconds: float) -> None:
        if seconds >= 1.0:
            asked.append(seconds)
        sleep(min(seconds, 0.01))

    monkeypatch.setattr(time, "sleep", record)
    monkeypatch.setattr("hubselect.hub.connection._not_before", {})
    return asked
