"""The demo from the outside, as its reader checks it: run by the wheel and its extra `demo`, which pip put
into an environment of its own. Where pip reaches no index, by the environment of the tests.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.zoo import DEMO_BENCHMARKS, DEMO_TARGET, OWNER
from tests.support.wheels import built_wheel, environment_with, inherited

pytestmark = pytest.mark.slow


TASK = "image-classification"  # `make demo` shows the texts


@dataclass(frozen=True)
class Visitor:
    """Somebody with an environment and a home of his own, outside of the checkout."""

    home: Path
    programs: Path

    def runs(self, *words: str) -> str:
        done = subprocess.run(
            [str(self.programs / words[0]), *words[1:]],
            cwd=self.home,
            env={**inherited(), "HOME": str(self.home)},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def asks(self, *words: str) -> Any:
        """What a command about the demo's registry says."""
        registry = str(self.home / "demo" / "registry.db")
        return json.loads(self.runs("hubselect", *words, "--registry", registry, "--json"))


@pytest.fixture(scope="module")
def visitor(tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    home = tmp_path_factory.mktemp("visitor")
    try:
        programs = environment_with(f"{built_wheel(home)}[demo]", home / "venv")
    except pytest.skip.Exception:
        return Visitor(home, Path(sys.executable).parent)
    guest = Visitor(home, programs)
    where = guest.runs("python", "-c", "import hubselect; print(hubselect.__file__)")
    assert where.startswith(str(home / "venv"))
    return guest


@pytest.fixture(scope="module")
def tour(visitor: Visitor) -> dict[str, Any]:
    told = visitor.runs("hubselect", "demo", "--workdir", "demo", "--task", TASK, "-k", "4", "--json")
    document: dict[str, Any] = json.loads(told)
    return document


def test_the_whole_job_ends_with_a_winner(visitor: Visitor, tour: dict[str, Any]) -> None:
    """The registry that is left tells the same as the demo did."""
    (selection,) = visitor.asks("selections")
    assert (selection["status"], selection["model"]) == ("done", tour["selection"]["model"])
    assert selection["dataset"] == tour["selection"]["dataset"] == f"{OWNER}/{DEMO_TARGET[TASK]}"
    assert (visitor.home / "demo" / "winner" / "model.safetensors").is_file()
    curves = visitor.asks("curves", selection["model"])
    benchmarks = {f"{OWNER}/{name}" for name in DEMO_BENCHMARKS[TASK]}
    assert {c["dataset"] for c in curves if c["status"] == "done"} >= benchmarks
    assert visitor.asks("registry", "check")["ok"]


def test_the_saved_winner_scores_its_test_score_again(visitor: Visitor, tour: dict[str, Any]) -> None:
    """Loaded by plain transformers, on the test split as plain datasets reads it."""
    import torch
    from datasets import Image, load_dataset
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    selection = tour["selection"]
    name = selection["dataset"].partition("/")[2]
    folder = visitor.home / tour["workdir"] / "hub" / "datasets" / "hubselect-zoo" / name / "data"
    test = load_dataset(
        "parquet", data_files={"test": str(next(folder.glob("test-*.parquet")))}, split="test"
    )
    test = test.cast_column("image", Image())
    saved = visitor.home / selection["path"]
    model = AutoModelForImageClassification.from_pretrained(saved).eval()
    processor = AutoImageProcessor.from_pretrained(saved)
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
