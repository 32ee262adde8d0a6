"""Metrics equal scikit-learn's and scipy's; which fit which labels, and when classes are unequal."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn import metrics as scikit

from hubselect.errors import InvalidInput
from hubselect.records import Dataset, Recipe, Task
from hubselect.training.metrics import (
    METRICS,
    checked_metric,
    is_imbalanced,
    known_metric,
    metric_for,
    metrics_for,
    score,
)

TEXT: Task = "text-classification"
CLASSES = ("a", "b", "c", "d")
SIZES = st.integers(3, 40)
FINITE = st.integers(-1000, 1000).map(float)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_classes_are_scored_as_scikit_learn_scores_them(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    truth, found = (data.draw(hnp.arrays(np.int64, size, elements=st.integers(0, 3))) for _ in range(2))
    expected = {
        "accuracy": scikit.accuracy_score(truth, found),
        "balanced_accuracy": np.mean([(found[truth == c] == c).mean() for c in np.unique(truth)]),
        "f1_macro": scikit.f1_score(truth, found, average="macro", zero_division=0),
        "f1_weighted": scikit.f1_score(truth, found, average="weighted", zero_division=0),
        "matthews_corrcoef": scikit.matthews_corrcoef(truth, found),
    }
    names = metrics_for(TEXT, "single_label_classification")
    assert {name: score(name, TEXT, CLASSES, truth, found) for name in names} == pytest.approx(expected)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_sets_are_scored_as_scikit_learn_scores_them(data: st.DataObject) -> None:
    shape = (data.draw(SIZES), 3)
    truth, found = (data.draw(hnp.arrays(bool, shape)) for _ in range(2))
    for name in metrics_for(TEXT, "multi_label_classification"):
        average = name.removeprefix("f1_")
        expected = scikit.f1_score(truth, found, average=average, zero_division=0)
        assert score(name, TEXT, CLASSES[:3], truth, found) == pytest.approx(expected)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_numbers_are_scored_as_scipy_scores_them(data: st.DataObject) -> None:
    size = data.draw(SIZES)
    truth, found = (data.draw(hnp.arrays(np.float64, size, elements=FINITE, unique=True)) for _ in range(2))
    pearson, spearman = stats.pearsonr(truth, found).statistic, stats.spearmanr(truth, found).statistic
    assert score("pearson", TEXT, (), truth, found) == pytest.approx(pearson)
    assert score("spearman", TEXT, (), truth, found) == pytest.approx(spearman)


def test_a_constant_prediction_says_nothing_of_numbers() -> None:
    assert score("pearson", TEXT, (), np.array([1.0, 2.0, 3.0]), np.full(3, 2.0)) == 0.0


def test_words_that_belong_to_nothing_are_left_out_of_f1() -> None:
    """All of "O" right and half of the rest: accuracy is high, F1 shows the half."""
    truth, found = np.array([0, 0, 0, 0, 1, 2]), np.array([0, 0, 0, 0, 1, 0])
    names = ("O", "PER", "LOC")
    expected = scikit.f1_score(truth, found, labels=[1, 2], average="micro")
    assert score("f1_micro", "token-classification", names, truth, found) == pytest.approx(expected)
    assert score("accuracy", "token-classification", names, truth, found) == pytest.approx(5 / 6)


def test_a_metric_that_does_not_fit_gives_way_to_the_usual_one_or_is_refused() -> None:
    """A recipe's metric stands for the usual one of other labels (STS-B in a suite of accuracies); one that
    somebody names for a dataset has to fit it."""
    numbers = Dataset("stsb", TEXT, problem_type="regression")
    assert metric_for(numbers, Recipe(TEXT).metric) == "pearson"
    assert metric_for(numbers, "spearman") == "spearman"
    assert metric_for(Dataset("d", TEXT), "f1_macro") == "f1_macro"
    assert Recipe.usual("token-classification").metric == "f1_micro"
    with pytest.raises(InvalidInput, match=r"does not fit stsb, which is regression. choose pearson or"):
        checked_metric(numbers, "accuracy")
    with pytest.raises(InvalidInput, match="there is no metric 'bleu'"):
        known_metric("bleu")


def test_every_metric_can_be_named_on_the_command_line() -> None:
    from hubselect.cli.options import METRIC

    assert tuple(METRIC.choices) == METRICS


@pytest.mark.parametrize(
    ("counts", "imbalanced"),
    [
        ((50, 50), False),
        ((75, 25), False),
        ((80, 20), True),
        ((6, 2, 2), False),
        ((8, 1, 1), True),
        ((9,), False),
    ],
)
def test_unequal_classes_are_past_the_middle_between_equal_and_all(
    counts: tuple[int, ...], imbalanced: bool
) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    assert is_imbalanced(labels) is imbalanced
