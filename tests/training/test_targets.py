"""Label columns of every kind become what is to be predicted."""

from __future__ import annotations

from typing import Any

import datasets
import pytest

from hubselect.errors import UnsupportedDataset
from hubselect.records import Dataset, ProblemType, Task
from hubselect.training.labels import UNLABELLED, UNSEEN
from hubselect.training.targets import IGNORED, Coder, coder_for

FLOAT, STRING = datasets.Value("float32"), datasets.Value("string")
TAGS = datasets.Sequence(datasets.ClassLabel(names=["O", "PER", "LOC"]))
SETS: ProblemType = "multi_label_classification"


def learnt(
    values: list[Any],
    feature: Any,
    problem: ProblemType = "single_label_classification",
    task: Task = "text-classification",
) -> Coder:
    return coder_for(Dataset("d", task, problem_type=problem), values, feature, "column 'y' of dataset d")


def test_numbers_stay_as_they_are_and_are_cut_into_fifths() -> None:
    coder = learnt([float(i) for i in range(100)], FLOAT, "regression")
    coded = coder.code([0.0, 25.0, 99.0, 1000.0, None, float("nan")])
    assert coder.names == ()
    assert coded.truth is not None
    assert coded.truth[:4].tolist() == [0.0, 25.0, 99.0, 1000.0]
    assert coded.labels.tolist() == [0, 1, 4, 4, UNLABELLED, UNLABELLED]


def test_minus_one_withholds_a_number_unless_numbers_are_negative() -> None:
    assert learnt([0.0, 5.0], FLOAT, "regression").code([-1.0]).labels.tolist() == [UNLABELLED]
    assert learnt([-2.0, 5.0], FLOAT, "regression").code([-1.0]).labels.tolist() != [UNLABELLED]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([1.0, 1.0, 1.0], "is always 1, nothing to learn"),
        ([None, None], "has no numbers"),
        (["good", "bad"], "holds strs, not numbers"),
        ([0.0, float("inf")], "no finite number"),
    ],
)
def test_numbers_that_teach_nothing_are_refused(values: list[Any], said: str) -> None:
    with pytest.raises(UnsupportedDataset, match=said):
        learnt(values, FLOAT, "regression")


FLAGS = [[1, 1, 0], [1, 0, 0], [0, 0, 0], [1, 0, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("values", "feature"),
    [
        ([[0, 1], [0], [], [0, 2], [0, 1]], datasets.Sequence(datasets.ClassLabel(names=["a", "b", "c"]))),
        ([["a", "b"], ["a"], [], ["a", "c"], ["a", "b"]], datasets.Sequence(STRING)),
        (FLAGS, datasets.Sequence(datasets.Value("int64"))),
    ],
)
def test_sets_by_number_by_name_and_by_flag_mean_the_same(values: list[Any], feature: Any) -> None:
    """The whole number that stands for a set is its rarest class; an empty set is one of its own."""
    coder = learnt(values, feature, SETS)
    coded = coder.code([*values, None])
    assert len(coder.names) == 3
    assert coded.truth is not None
    assert coded.truth[:5].astype(int).tolist() == FLAGS
    assert coded.labels.tolist() == [1, 0, 3, 2, 1, UNLABELLED]


def test_classes_that_the_train_split_lacks_cannot_be_predicted() -> None:
    coded = learnt([["a"], ["b"]], datasets.Sequence(STRING), SETS).code([["a", "new"]])
    assert coded.truth is not None
    assert coded.truth.tolist() == [[True, False]]


def test_sets_that_teach_nothing_are_refused() -> None:
    with pytest.raises(UnsupportedDataset, match="is the same in all rows"):
        learnt([["a", "b"], ["b", "a"]], datasets.Sequence(STRING), SETS)
    with pytest.raises(UnsupportedDataset, match="holds neither classes nor their numbers"):
        learnt([["a"], [1]], datasets.Sequence(STRING), SETS)


def test_words_get_a_class_each() -> None:
    coder = learnt([[0, 1, 0], [0, 2], [0, 1]], TAGS, task="token-classification")
    coded = coder.code([[0, 2, 1], [0, None, IGNORED], []])
    assert coder.names == ("O", "PER", "LOC")
    assert coded.truth is not None
    assert [row.tolist() for row in coded.truth] == [[0, 2, 1], [0, IGNORED, IGNORED], []]
    assert coded.labels.tolist() == [2, 0, UNLABELLED]


def test_words_of_a_class_that_the_train_split_lacks_are_unseen() -> None:
    coded = learnt([["x", "y"]], datasets.Sequence(STRING), task="token-classification").code([["x", "z"]])
    assert coded.truth is not None
    assert coded.truth[0].tolist() == [0, UNSEEN]
    assert coded.labels.tolist() == [0]
