"""What a training ran with is recorded as it is."""

from __future__ import annotations

import platform
from pathlib import Path

import datasets
import numpy as np
import pytest
import tokenizers
import torch
import transformers
from huggingface_hub import __version__ as hub_version

from hubselect import __version__
from hubselect.executors.jobs import TrainingJob, advance
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.device import choose_device, device_name
from hubselect.training.environment import environment


def test_the_versions_are_those_that_are_imported() -> None:
    """Of everything a score may depend on, by the names they are installed by."""
    versions = dict(environment("full").versions)
    assert torch.__version__.startswith(versions.pop("torch"))  # a build may say more of itself
    assert versions == {
        "hubselect": __version__,
        "transformers": transformers.__version__,
        "datasets": datasets.__version__,
        "tokenizers": tokenizers.__version__,
        "huggingface_hub": hub_version,
        "numpy": np.__version__,
        "Python": platform.python_version(),
    }


def test_low_rank_updates_are_peft_s() -> None:
    peft = pytest.importorskip("peft")
    assert environment("lora").versions["peft"] == peft.__version__
    assert "peft" not in environment("probe").versions


def test_a_device_has_a_name() -> None:
    """One line; of a processor more than its family where the system knows it."""
    name = device_name()
    assert name == " ".join(name.split())
    if choose_device().type == "cpu":
        assert name.startswith("CPU, ")
        assert len(name) > len("CPU, ")


def test_a_stage_says_what_trained_it(
    bert: Path, text_model: Model, sentences: Dataset, tmp_path: Path
) -> None:
    """Only if it was trained now: a state that was there already may be another library's work."""
    recipe = Recipe("text-classification", epochs=2, max_train_samples=16, max_eval_samples=8)
    job = TrainingJob(bert, text_model, sentences, recipe, tmp_path / "state")
    first = advance(job, 1)
    assert first.environment == environment("full")
    again = advance(job, 1)
    assert (again.points, again.environment) == (first.points, None)
