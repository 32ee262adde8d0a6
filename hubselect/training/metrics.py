"""What a score is: named as scikit-learn names its scorers, and computed by it or by scipy.

Every metric is better the higher it is, and 1 at best. `accuracy` is the share of examples that are
right. F1 scores are of scikit-learn, 0 where nothing is predicted; over the words of sentences they leave
out the class "O", which says that a word belongs to nothing. A correlation with constant predictions is
0: they tell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubselect.errors import InvalidInput
from hubselect.records import Dataset, ProblemType, Task

Array = NDArray[Any]
Metric = Callable[[Array, Array], float]
_OUTSIDE = "O"


def _accuracy(truth: Array, predicted: Array) -> float:
    return int((truth == predicted).sum()) / len(truth)


def _f1(average: str, truth: Array, predicted: Array, labels: Sequence[int] | None = None) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, predicted, average=average, labels=labels, zero_division=0))


def _scikit(name: str, truth: Array, predicted: Array) -> float:
    from sklearn import metrics

    return float(getattr(metrics, name)(truth, predicted))


def _balanced_accuracy(truth: Array, predicted: Array) -> float:
    """The mean recall over the classes there are; scikit-learn warns of predicted ones that are not."""
    from sklearn.metrics import recall_score

    return float(recall_score(truth, predicted, average="macro", labels=np.unique(truth), zero_division=0))


def _correlation(name: str, truth: Array, predicted: Array) -> float:
    from scipy import stats

    if np.ptp(predicted) == 0 or np.ptp(truth) == 0:
        return 0.0
    return float(getattr(stats, name)(truth, predicted).statistic)


_CLASSES: Mapping[str, Metric] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1_macro": partial(_f1, "macro"),
    "f1_weighted": partial(_f1, "weighted"),
    "matthews_corrcoef": partial(_scikit, "matthews_corrcoef"),
}
_SETS: Mapping[str, Metric] = {
    "f1_micro": partial(_f1, "micro"),
    "f1_macro": partial(_f1, "macro"),
    "f1_weighted": partial(_f1, "weighted"),
    "f1_samples": partial(_f1, "samples"),
}
_NUMBERS: Mapping[str, Metric] = {
    "pearson": partial(_correlation, "pearsonr"),
    "spearman": partial(_correlation, "spearmanr"),
}
_WORDS: Mapping[str, Callable[..., float]] = {
    "f1_micro": partial(_f1, "micro"),
    "f1_macro": partial(_f1, "macro"),
}
_OF_LABELS: Mapping[ProblemType, Mapping[str, Metric]] = {
    "single_label_classification": _CLASSES,
    "multi_label_classification": _SETS,
    "regression": _NUMBERS,
}
METRICS: tuple[str, ...] = tuple(dict.fromkeys(n for of in (_CLASSES, _SETS, _NUMBERS, _WORDS) for n in of))
"""All names, whatever they fit."""

IMBALANCED = "f1_macro"
"""For a target whose classes are so unequal that accuracy says little (`is_imbalanced`)."""


def metrics_for(task: Task, problem_type: ProblemType) -> tuple[str, ...]:
    """The metrics that fit, the usual one first."""
    if task == "token-classification":
        return ("f1_micro", "f1_macro", "accuracy")
    return tuple(_OF_LABELS[problem_type])


def metric_for(dataset: Dataset, metric: str) -> str:
    """`metric` if it fits the dataset's labels, else the usual one of its kind of label."""
    fitting = metrics_for(dataset.task, dataset.problem_type)
    return metric if metric in fitting else fitting[0]


def checked_metric(dataset: Dataset, metric: str) -> str:
    """Raises `InvalidInput` for a metric that does not fit the dataset's labels."""
    fitting = metrics_for(dataset.task, dataset.problem_type)
    if metric in fitting:
        return metric
    kind = dataset.problem_type.replace("_", " ")
    what = dataset.task if dataset.task == "token-classification" else kind
    raise InvalidInput(
        f"the metric {metric} does not fit {dataset.name}, which is {what}", f"choose {' or '.join(fitting)}"
    )


def known_metric(metric: str) -> str:
    """Raises `InvalidInput` for a name that is no metric."""
    if metric not in METRICS:
        raise InvalidInput(f"there is no metric {metric!r}", f"choose one of {', '.join(METRICS)}")
    return metric


def score(name: str, task: Task, names: Sequence[str], truth: Array, predicted: Array) -> float:
    """The score of predictions for examples (or their words); `names` are those of the classes.

    `truth` and `predicted` are int [n], bool [n, c] or float [n]. -1 in `predicted` is no class: wrong.
    """
    if task == "token-classification" and name != "accuracy":
        inside = [i for i, label in enumerate(names) if label != _OUTSIDE]
        return _WORDS[name](truth, predicted, inside)
    if truth.dtype == np.bool_:
        return _SETS[name](truth, predicted)
    if truth.dtype.kind == "f":
        return _NUMBERS[name](truth, predicted)
    return _CLASSES[name](truth, predicted)


def is_imbalanced(labels: Array) -> bool:
    """Whether the most frequent class is past the middle between an equal share and everything."""
    counts = np.unique(labels, return_counts=True)[1]
    return bool(counts.max() / counts.sum() > (1 + 1 / len(counts)) / 2) if len(counts) > 1 else False
