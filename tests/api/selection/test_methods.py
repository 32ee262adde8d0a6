"""LoRA and probing from the benchmark to the winner; real fine-tuning, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hubselect import Registry, benchmark, select
from hubselect.errors import InvalidInput
from hubselect.records import Method
from tests.cli.conftest import Run, run  # noqa: F401
from tests.support.lab import BENCHMARKS, MODELS, TARGET

TASK = "text-classification"


@pytest.mark.slow
@pytest.mark.parametrize("method", ["lora", "probe"])
def test_a_method_has_a_matrix_of_its_own_and_selects(method: Method, registry: Path, tmp_path: Path) -> None:
    """Its cells are missing where full fine-tuning has all; afterwards both matrices stand side by side, and
    what was measured before is as it was."""
    from transformers import AutoModelForSequenceClassification

    with Registry.open(registry) as store:
        full = store.main_recipe(TASK)
        before = store.matrix(TASK)
        report = benchmark(registry=store, models=MODELS[:2], method=method, workers=1)
        assert {(c.model, c.dataset) for c in report.cells} == {
            (m, d) for m in MODELS[:2] for d in BENCHMARKS
        }
        own = store.main_recipe(TASK, measured=True, method=method)
        assert full is not None
        assert own is not None
        assert own == full.with_(method=method, name=method)
        assert store.main_recipe(TASK) == full
        assert store.matrix(TASK).equals(before)
        assert np.isfinite(store.matrix(TASK, own)).all().all()
        assert list(store.matrix(TASK, own).index) == sorted(MODELS[:2])

        found = select(TARGET, registry=store, k=2, method=method, output=tmp_path / "winner", workers=1)
        assert found.recipe == own.digest
        assert found.test_score is not None
        assert found.plan is not None
        assert "no curves of the method" in " ".join(found.plan.notes)
        again = select(TARGET, registry=store, k=2, output=tmp_path / "full", workers=1)
        assert again.id != found.id
        assert again.recipe == full.digest
    AutoModelForSequenceClassification.from_pretrained(tmp_path / "winner")


def test_words_that_are_no_method_are_refused(registry: Path, run: Run) -> None:  # noqa: F811
    with pytest.raises(InvalidInput, match="there is no method 'half'"):
        benchmark(registry=registry, method="half")  # type: ignore[arg-type]
    refused = run("select", TARGET, "--method", "paper", "--registry", registry)
    assert refused.code == 2
    assert "--recall paper" in refused.err


def test_lora_without_its_library_says_what_to_install(
    registry: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubselect.api.benchmarks.benchmarking.find_spec", lambda name: None)
    with pytest.raises(InvalidInput, match=r"LoRA needs the peft library. pip install 'hubselect\[lora\]'"):
        benchmark(registry=registry, method="lora")
