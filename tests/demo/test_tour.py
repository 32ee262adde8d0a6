"""The demo from the outside, as its reader checks it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    workdir = tmp_path_factory.mktemp("tour")
    command = [sys.executable, "-m", "hubselect", "demo", "--workdir", str(workdir), "--json"]
    command += ["--task", "image-classification", "-k", "4"]
    done = subprocess.run(command, capture_output=True, text=True, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_the_saved_winner_scores_its_test_score_again(tour: dict[str, Any]) -> None:
    """Loaded by plain transformers, on the test split as plain datasets reads it."""
    import torch
    from datasets import Image, load_dataset
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    selection = tour["selection"]
    name = selection["dataset"].partition("/")[2]
    folder = Path(tour["workdir"]) / "hub" / "datasets" / "hubselect-zoo" / name / "data"
    test = load_dataset(
        "parquet", data_files={"test": str(next(folder.glob("test-*.parquet")))}, split="test"
    )
    test = test.cast_column("image", Image())
    model = AutoModelForImageClassification.from_pretrained(selection["path"]).eval()
    processor = AutoImageProcessor.from_pretrained(selection["path"])
    images = [image.convert("RGB") for image in test["image"]]
    with torch.no_grad():
        predicted = model(**processor(images, return_tensors="pt")).logits.argmax(-1).tolist()
    accuracy = sum(p == y for p, y in zip(predicted, test["label"], strict=True)) / len(predicted)
    assert accuracy == pytest.approx(selection["test_score"], abs=1e-9)
    assert tour["rescored"] == selection["test_score"]


def test_select_fetched_no_other_weights_and_one_format(tour: dict[str, Any]) -> None:
    """The server's log: representatives of non-singleton clusters and recalled models, nothing else."""
    wanted = {c["representative"] for c in tour["clusters_after"]["clusters"] if c["size"] > 1}
    wanted |= {r["model"] for r in tour["selection"]["recalled"]}
    assert set(tour["weights_fetched"]) == wanted
    for files in tour["weights_fetched"].values():
        assert len({name.rpartition(".")[2] for name in files}) == 1


def test_the_latecomer_changed_the_clusters(tour: dict[str, Any]) -> None:
    """One more model stands in the clusters after it was added; the others kept their ids or moved."""
    before = {m for c in tour["clusters_before"]["clusters"] for m in c["members"]}
    after = {m for c in tour["clusters_after"]["clusters"] for m in c["members"]}
    assert len(after - before) == 1
    assert before < after


def test_the_selection_beats_the_baselines_in_cost(tour: dict[str, Any]) -> None:
    """Fewer epochs than halving and brute force over all models, and fewer bytes than all weights."""
    cost, base = tour["selection"]["cost"], tour["baselines"]
    assert cost["epochs"] < base["successive_halving_epochs"] < base["brute_force_epochs"]
    assert sum(sum(f.values()) for f in tour["weights_fetched"].values()) < base["bytes_of_all_weights"]
