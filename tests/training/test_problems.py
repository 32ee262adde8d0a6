"""What is learnt for each kind of label: losses, their parts, predictions, and units."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.records import Dataset
from hubselect.training.examples import Examples, ragged
from hubselect.training.gradients import batch_gradient
from hubselect.training.memory import Portions
from hubselect.training.problems import Numbers, problem_for
from hubselect.training.targets import IGNORED

TEXT = "text-classification"
NUMBERS = Dataset("d", TEXT, problem_type="regression")
SETS = Dataset("d", TEXT, problem_type="multi_label_classification")
WORDS = Dataset("d", "token-classification")
ANYTHING: Any = None


def of(truth: Any) -> Examples:
    return Examples(np.zeros(len(truth), dtype=np.int64), "f", truth=truth)


class Tagger(torch.nn.Module):
    """A linear layer at every token."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, values: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(logits=self.layer(values))


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), most=st.integers(1, 8))
def test_however_sentences_are_split_every_word_counts_the_same(seed: int, most: int) -> None:
    """Portions of few words and of many weigh by their words, not by their sentences."""
    torch.manual_seed(seed)
    network, rows = Tagger(), np.arange(8)
    values, target = torch.randn(8, 5, 4), torch.randint(3, (8, 5))
    target[torch.rand(8, 5) < 0.6] = IGNORED
    target[:, 0] = 1  # every sentence has a word
    problem = problem_for(WORDS, ("O", "A", "B"))
    whole = problem.loss(network(values).logits, target)
    expected = torch.autograd.grad(whole, list(network.parameters()))
    loss = batch_gradient(
        network, lambda some: {"values": values[some]}, problem, target, rows, Portions(most)
    )
    assert float(loss) == pytest.approx(float(whole.detach()), abs=1e-5)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        assert parameter.grad is not None
        assert torch.allclose(parameter.grad, gradient, atol=1e-5)


@given(
    truth=st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=3, max_size=20),
    has_bias=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_numbers_are_learnt_around_zero_and_predicted_in_their_own_unit(
    truth: list[float], has_bias: bool
) -> None:
    """A network that predicts its targets exactly predicts the numbers exactly, bias or not."""
    examples = of(np.array(truth))
    problem = problem_for(NUMBERS, (), examples, has_bias=has_bias)
    target = problem.target(examples, ANYTHING)
    assert float(target.abs().max()) <= np.sqrt(len(truth)) + 1e-3
    predicted = problem.predicted(target[:, None])
    assert predicted.numpy() == pytest.approx(np.array(truth), abs=1e-5 * (1 + max(map(abs, truth))))


@pytest.mark.parametrize("bias", [True, False])
def test_a_saved_network_predicts_in_the_unit_of_the_dataset_and_the_trained_one_stays(bias: bool) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Linear(3, 1, bias=bias))
    output = frozenset({"1.weight", "1.bias"} if bias else {"1.weight"})
    problem = Numbers(mean=70.0 if bias else 0.0, scale=12.0)
    inputs = torch.randn(5, 3)
    before = network(inputs).detach()
    with problem.plain(network, output):
        plain = network(inputs).detach()
    assert torch.allclose(plain[:, 0].double(), problem.predicted(before), atol=1e-4)
    assert torch.equal(network(inputs), before)


def test_sets_are_what_is_more_probable_than_not() -> None:
    problem = problem_for(SETS, ("a", "b", "c"))
    predicted = problem.predicted(torch.tensor([[3.0, -0.1, 0.2], [-1.0, -1.0, -1.0]]))
    assert predicted.tolist() == [[True, False, True], [False, False, False]]
    truth = np.array([[True, False, True], [True, False, False]])
    assert problem.score("f1_micro", truth, predicted.numpy()) == pytest.approx(0.8)


def test_words_without_a_class_are_not_scored() -> None:
    problem = problem_for(WORDS, ("O", "A"))
    truth = ragged([np.array([1, IGNORED, 0]), np.array([1])])
    predicted = ragged([np.array([1, 1, 0]), np.array([0])])
    assert problem.score("accuracy", truth, predicted) == pytest.approx(2 / 3)
