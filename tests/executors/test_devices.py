"""CUDA devices as the driver sees them: through nvidia-smi (here a program that answers as it does)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubselect.executors.devices import ON_ONE_CARD, Card, cards_listed, trainings_on, visible_cards
from hubselect.executors.pool import Call, Chain, WorkerPool, default_workers

GB = 10**9
ANSWER = "0, GPU-aaaa1111-0000, 20000\n1, GPU-bbbb2222-0000, 80000\n"


@pytest.fixture
def two_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{ANSWER}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("two_cards")
@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (None, ["0", "1"]),
        ("1", ["1"]),
        ("1,0", ["1", "0"]),
        ("GPU-bbbb", ["GPU-bbbb"]),
        ("", []),
        ("-1", []),
    ],
)
def test_only_visible_cards_count(
    wanted: str | None, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    if wanted is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", wanted)
    found = visible_cards()
    assert [card.name for card in found] == names
    memory = {"0": 20000 << 20, "1": 80000 << 20, "GPU-bbbb": 80000 << 20}
    assert [card.free for card in found] == [memory[name] for name in names]


def test_other_words_of_nvidia_smi_are_no_cards() -> None:
    text = "Failed to initialize NVML: Driver/library version mismatch\n0, GPU-a, [N/A]\n\n"
    assert cards_listed(text) == []


@given(st.integers(0, 200 * GB), st.integers(0, 100 * GB))
def test_trainings_fit_into_a_card(free: int, weights: int) -> None:
    """One at least, four at most, and never so many that what was measured would not fit."""
    count = trainings_on(Card("0", free), weights)
    assert 1 <= count <= ON_ONE_CARD
    assert count == 1 or count * (0.5 * GB + 8 * weights) <= free


@pytest.mark.usefixtures("two_cards")
def test_workers_share_cards_and_the_smallest_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    assert default_workers(100, 100_000_000) == 2 * ON_ONE_CARD
    assert default_workers(3, 100_000_000) == 3
    assert default_workers(100, 450_000_000) == 2 * 2  # 20 GB hold two of BERT-base
    assert default_workers(100, 10 * GB) == 2


@pytest.mark.usefixtures("two_cards")
def test_workers_take_turns_among_cards() -> None:
    def chain() -> Chain:
        yield Call(os.getenv, ("CUDA_VISIBLE_DEVICES",))

    with WorkerPool(3) as pool:
        found = dict(pool.run({name: chain() for name in "abc"}))
    assert found == {"a": "0", "b": "1", "c": "0"}


def test_a_single_choice_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def chain() -> Chain:
        yield Call(os.getenv, ("CUDA_VISIBLE_DEVICES",))

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    with WorkerPool(1) as pool:
        assert dict(pool.run({"a": chain()})) == {"a": "-1"}
