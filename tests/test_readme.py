"""The README's examples are run, in order, against the mini hub, as a reader would run them."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support.repos import write_text_dataset, write_text_model

pytestmark = pytest.mark.slow
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(console|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def examples() -> Iterator[tuple[str, str]]:
    for kind, body in BLOCK.findall(README):
        if kind == "python":
            yield kind, body
        else:
            yield from ((kind, line.removeprefix("$ ")) for line in body.splitlines())


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
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    ran = 0
    for kind, body in examples():
        command = [sys.executable, "-c", body] if kind == "python" else shlex.split(body)
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{body}\n{done.stderr}"
        ran += 1
    assert ran >= 15
    assert (tmp_path / "imdb-model" / "model.safetensors").exists()
    assert (tmp_path / "scores.parquet").exists()
    assert (tmp_path / "selection.html").exists()
