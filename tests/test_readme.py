"""The README's examples are run, in order, against the mini hub, as a reader would run them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support.pages import Reader, steps
from tests.support.repos import write_text_dataset, write_text_model

pytestmark = pytest.mark.slow
README = Path(__file__).parents[1] / "README.md"


def prepare(root: Path, folder: Path) -> None:
    """Tiny repositories under the names the README uses, and the table it imports."""
    for seed, name in enumerate(("stanfordnlp/sst2", "SetFit/qnli", "fancyzhx/ag_news", "stanfordnlp/imdb")):
        write_text_dataset(root, name, seed=seed)
    write_text_model(root, "google-bert/bert-base-uncased", head=False, seed=1)
    write_text_model(
        root, "distilbert/distilbert-base-uncased", head=False, architecture="distilbert", seed=2
    )
    write_text_model(root, "textattack/bert-base-uncased-MNLI", seed=3)
    rows = ["checkpoint,task,accuracy"]
    rows += [f"org/m{m},mnli{d},{0.8 + 0.01 * m + 0.02 * d}" for m in range(3) for d in range(3)]
    (folder / "leaderboard.csv").write_text("\n".join(rows) + "\n")


def test_every_example_of_the_readme_runs(hub: MiniHub, hub_root: Path, tmp_path: Path) -> None:
    """Commands exit with 0, Python blocks run, and the winner is where the README says."""
    prepare(hub_root, tmp_path)
    environment = {**os.environ, **hub.environment(tmp_path / "hf-home")}
    environment["HF_TOKEN"] = "hf_anybody"  # `publish` writes
    with Reader(tmp_path, environment) as reader:
        followed = [reader.follow(step) for step in steps(README.read_text(encoding="utf-8"))]
    assert len(followed) >= 15
    assert (tmp_path / "imdb-model" / "model.safetensors").exists()
    assert (tmp_path / "scores.parquet").exists()
    assert (tmp_path / "selection.html").exists()
