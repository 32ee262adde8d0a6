"""What a machine does not have: memory that runs out in the middle of a batch, and disk that is bounded."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect import Registry, select
from hubselect.api.progress import Progress
from hubselect.demo.server import MiniHub
from hubselect.errors import TrainingFailed
from hubselect.hub import index_dataset
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.features import forward_features
from hubselect.training.finetuning import FineTuning
from hubselect.training.gradients import batch_gradient
from hubselect.training.memory import Portions
from hubselect.training.problems import problem_for
from tests.support.memory import ROOT, in_workers, most_examples
from tests.support.repos import write_text_dataset, write_text_model

OWNER = "tight"
TARGET = f"{OWNER}/target"
ROOMY, NARROW, GIANT = (f"{OWNER}/{name}" for name in ("roomy", "narrow", "giant"))
WIDTHS = {ROOMY: 16, NARROW: 32, GIANT: 48}
ROUNDING = 1e-5


def write_steady_model(root: Path, name: str, width: int, seed: int = 0) -> Path:
    """Without dropout: smaller portions draw other numbers, and nothing else may differ."""
    folder = write_text_model(root, name, hidden_size=width, layers=1, seed=seed)
    config = json.loads((folder / "config.json").read_text())
    none = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps({**config, **none}))
    return folder


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_steady_model(tmp_path_factory.mktemp("models"), NARROW, WIDTHS[NARROW])


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = write_text_dataset(tmp_path_factory.mktemp("data"), "o/sentences", sizes=(64, 32, 32))
    return Dataset(str(folder), "text-classification", text_columns=("text",), label_column="label")


def tuned(bert: Path, sentences: Dataset, state_dir: Path | None = None) -> FineTuning:
    recipe = Recipe("text-classification", epochs=2, batch_size=16, learning_rate=3e-3)
    return FineTuning(
        bert, Model(NARROW, "text-classification", revision="1" * 40), sentences, recipe, state_dir=state_dir
    )


class Classifier(torch.nn.Module):
    """A small network whose memory runs out above `most` examples, and once more at call number `slip`."""

    def __init__(self, most: int, slip: int) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3))
        self.most, self.slip, self.calls = most, slip, 0

    def forward(self, values: torch.Tensor) -> SimpleNamespace:
        self.calls += 1
        logits = self.layers(values)
        if len(values) > self.most or (self.calls == self.slip and len(values) > 1):
            raise torch.OutOfMemoryError("Tried to allocate 1.00 GiB")
        return SimpleNamespace(logits=logits)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.integers(0, 39), min_size=1, max_size=33, unique=True),
    most=st.integers(1, 40),
    portion=st.none() | st.integers(1, 40),
    slip=st.integers(0, 9),
)
def test_any_split_of_a_batch_gives_the_same_gradient(
    rows: list[int], most: int, portion: int | None, slip: int
) -> None:
    """Whatever fits into memory, and wherever it runs out: no gradient is lost, halved or counted twice."""
    torch.manual_seed(0)
    network, chosen = Classifier(most, slip), np.array(rows, dtype=np.int64)
    values, labels = torch.randn(40, 5), torch.randint(3, (40,))
    expected = torch.nn.functional.cross_entropy(network.layers(values[chosen]), labels[chosen])
    gradients = torch.autograd.grad(expected, list(network.parameters()))
    portions = Portions(portion)
    problem = problem_for(Dataset("d", "text-classification"), ("a", "b", "c"))
    loss = batch_gradient(network, lambda some: {"values": values[some]}, problem, labels, chosen, portions)
    assert float(loss) == pytest.approx(float(expected.detach()), abs=ROUNDING)
    for parameter, gradient in zip(network.parameters(), gradients, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, gradient, atol=ROUNDING)


def test_a_training_that_runs_out_of_memory_ends_as_one_that_does_not(
    bert: Path, sentences: Dataset, tmp_path: Path
) -> None:
    """Curve, weights and test score agree; what fits is found once, and known after a restart."""
    whole = tuned(bert, sentences)
    whole.advance(), whole.advance()
    assert whole.portion is None
    with most_examples({WIDTHS[NARROW]: 5}) as failures:
        tuned(bert, sentences, tmp_path).advance()
        assert failures == {8: 2, 16: 1}  # the look at 8 examples before training, and the first batch
        resumed = tuned(bert, sentences, tmp_path)
        failures.clear()
        resumed.advance()
        score = resumed.test()
    assert resumed.portion == 4
    assert not failures
    assert [p.val for p in resumed.points] == [p.val for p in whole.points]
    assert score == whole.test()
    for one, other in zip(resumed._network.parameters(), whole._network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_a_forward_pass_that_runs_out_of_memory_reads_the_same_features(
    bert: Path, sentences: Dataset
) -> None:
    """Features and posterior of proxies do not depend on what fits at once."""
    asked = (bert, Model(NARROW, "text-classification", labels=("a", "b")), sentences)
    recipe = Recipe("text-classification")
    whole = forward_features(*asked, recipe)
    with most_examples({WIDTHS[NARROW]: 7}) as failures:
        halved = forward_features(*asked, recipe)
    assert failures
    assert np.allclose(whole.pooled("mean"), halved.pooled("mean"), atol=ROUNDING)
    assert whole.posterior is not None
    assert halved.posterior is not None
    assert np.allclose(whole.posterior, halved.posterior, atol=ROUNDING)


def test_one_example_that_does_not_fit_is_one_clear_line(bert: Path, sentences: Dataset) -> None:
    """Smaller batches are tried first; then the model is given up, and not called broken."""
    with most_examples({WIDTHS[NARROW]: 0}) as failures, pytest.raises(TrainingFailed) as raised:
        tuned(bert, sentences).advance()
    assert failures[1] == 1
    assert f"{NARROW} ran out of memory" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_activations_are_computed_again_where_not_one_example_fits(bert: Path, sentences: Dataset) -> None:
    """Gradient checkpointing is the last resort, and changes no result."""
    usual, tight = tuned(bert, sentences), tuned(bert, sentences)
    forward, failed = tight._network.forward, 0

    @functools.wraps(forward)
    def forgetful(*args: Any, **inputs: Any) -> Any:
        nonlocal failed
        if torch.is_grad_enabled() and not tight._network.is_activation_checkpointing:
            failed += 1
            raise torch.OutOfMemoryError("Tried to allocate 1.00 GiB")
        return forward(*args, **inputs)

    tight._network.forward = forgetful  # type: ignore[assignment]
    assert [tight.advance().val, tight.advance().val] == [usual.advance().val, usual.advance().val]
    assert failed == 5  # a batch of 16, and its half, and so on
    assert tight.portion is None
    for one, other in zip(tight._network.parameters(), usual._network.parameters(), strict=True):
        assert torch.allclose(one, other, atol=ROUNDING)


LIMITED = """
import json, resource, sys
from pathlib import Path
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.device import prepare_process
from hubselect.training.finetuning import FineTuning

def begin(checkpoint, data, batch_size=512):
    dataset = Dataset(data, "text-classification", text_columns=("text",), label_column="label")
    recipe = Recipe("text-classification", epochs=3, batch_size=batch_size, learning_rate=3e-3)
    return FineTuning(Path(checkpoint), Model("o/m", "text-classification"), dataset, recipe)

def norms(tuning):
    while not tuning.finished:
        tuning.advance()
    return [float(p.detach().norm()) for p in tuning._network.parameters()]

if __name__ == "__main__":
    prepare_process()
    begin(*sys.argv[1:3], batch_size=16).advance()  # what torch keeps for itself is not what is short
    tuning = begin(*sys.argv[1:3])
    used = next(line for line in open("/proc/self/status") if line.startswith("VmData")).split()[1]
    resource.setrlimit(resource.RLIMIT_DATA, ((int(used) << 10) + (int(sys.argv[3]) << 20),) * 2)
    print(json.dumps([norms(tuning), tuning.portion]))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel counts VmData on Linux only")
@pytest.mark.slow
def test_a_process_without_memory_for_a_batch_trains_on_portions_of_it(tmp_path: Path) -> None:
    """The kernel refuses the memory of a batch of 512 examples: the weights end as without a limit."""
    checkpoint = write_steady_model(tmp_path, "o/m", 96)
    data = write_text_dataset(tmp_path, "o/many", sizes=(512, 64, 64))
    space: dict[str, Any] = {}
    exec(LIMITED, space)
    whole = space["begin"](checkpoint, str(data))
    limited = subprocess.run(
        [sys.executable, "-c", LIMITED, str(checkpoint), str(data), "32"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    ended, portion = json.loads(limited.stdout)
    assert portion < 512
    begun = [float(p.detach().norm()) for p in whole._network.parameters()]
    assert ended == pytest.approx(space["norms"](whole), rel=1e-3, abs=1e-4)
    assert ended != pytest.approx(begun, rel=1e-3, abs=1e-4)
    assert whole.portion is None


@pytest.mark.slow
def test_a_selection_goes_on_where_memory_runs_out(
    hub: MiniHub, hub_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model with little room is trained and judged as ever, and it is said once; the one with none is
    marked failed."""
    write_text_dataset(hub_root, TARGET, sizes=(64, 32, 32))
    folders = {name: write_steady_model(hub_root, name, width) for name, width in WIDTHS.items()}
    heard: list[Progress] = []
    in_workers(monkeypatch, tmp_path, {WIDTHS[NARROW]: 5, WIDTHS[GIANT]: 0})
    with Registry.open(tmp_path / "registry.db") as store:
        scores = [(m, f"{OWNER}/known", 0.9 - i / 100) for i, m in enumerate(WIDTHS)]
        store.import_scores(pd.DataFrame(scores, columns=["model", "dataset", "score"]))
        found = select(
            TARGET, registry=store, k=3, recall="mean", policy="brute-force", epochs=2, workers=1,
            output=tmp_path / "winner", listener=heard.append,
        )  # fmt: skip
        runs = {r.model: r for r in store.runs(selection=found.id)}
        recipe = store.recipe(found.recipe)
    assert runs[GIANT].status == "failed"
    assert "ran out of memory" in (runs[GIANT].reason or "")
    (told,) = [e.detail for e in heard if NARROW in e.detail and "out of memory" in e.detail]
    assert "4 examples at a time" in told
    usual: dict[str, list[float]] = {}
    for name in (ROOMY, NARROW):
        tuning = FineTuning(folders[name], Model(name, recipe.task), index_dataset(TARGET), recipe)
        usual[name] = [tuning.advance().val for _ in range(recipe.stages)]
        assert [p.val for p in runs[name].curve] == pytest.approx(usual[name], abs=1 / 32)
    assert runs[found.model_id].curve[-1].val == pytest.approx(max(v[-1] for v in usual.values()), abs=1 / 32)
