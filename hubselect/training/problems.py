"""What a network learns to predict: the loss of its logits, and the predictions they stand for.

A problem is made for one training (`problem_for`). Numbers are learnt in units of the train split's
standard deviation around its mean, so that one learning rate suits prices and stars alike; a saved
checkpoint predicts them in their own units (`Numbers.plain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional

from hubselect.records import Dataset, ProblemType, Task
from hubselect.training import metrics
from hubselect.training.examples import Examples, Truth, ragged
from hubselect.training.sampling import IntArray
from hubselect.training.targets import IGNORED
from hubselect.training.tasks import Prepared, PreparedWords

NOT_READ = -2
"""The prediction for a word that was cut off: no class of any kind."""

Parts = Sequence[tuple[IntArray, torch.Tensor]]
"""Row numbers [b] and the predictions for them [b, ...], batch by batch; every row stands there once."""


class Problem(Protocol):
    @property
    def names(self) -> tuple[str, ...]:
        """The classes in index order, of which the output layer has a unit each; empty for numbers."""
        ...

    @property
    def problem_type(self) -> ProblemType: ...

    def target(self, examples: Examples, prepared: Prepared) -> torch.Tensor:
        """What the loss compares with, [n, ...]."""
        ...

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """The mean loss (a scalar) of the fp32 logits [b, ...] of some examples."""
        ...

    def weight(self, target: torch.Tensor) -> float:
        """How much the mean loss over some examples counts beside that over others."""
        ...

    def predicted(self, logits: torch.Tensor) -> torch.Tensor:
        """Predictions [b, ...] on the device of the logits."""
        ...

    def joined(self, parts: Parts, examples: Examples, prepared: Prepared) -> Truth:
        """Predictions for all examples, shaped as `truth` is."""
        ...

    def truth(self, examples: Examples) -> Truth:
        """What is to be predicted: int [n], bool [n, c], float [n] or objects [n], each int [words]."""
        ...

    def score(self, metric: str, truth: Truth, predicted: Truth) -> float: ...

    def plain(self, network: torch.nn.Module, output: frozenset[str]) -> AbstractContextManager[None]:
        """A context in which the network, whose output layer has the parameters `output`, predicts in the
        dataset's own units."""
        ...


@dataclass(frozen=True)
class Classes:
    """One class an example, or one of its options."""

    names: tuple[str, ...]
    task: Task = "text-classification"
    problem_type: ProblemType = "single_label_classification"

    def target(self, examples: Examples, prepared: Prepared) -> torch.Tensor:
        return torch.from_numpy(examples.labels)

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(logits, target)

    def weight(self, target: torch.Tensor) -> float:
        return len(target)

    def predicted(self, logits: torch.Tensor) -> torch.Tensor:
        return logits.argmax(-1)

    def joined(self, parts: Parts, examples: Examples, prepared: Prepared) -> Truth:
        return _in_order(parts, len(examples))

    def truth(self, examples: Examples) -> Truth:
        return examples.labels

    def score(self, metric: str, truth: Truth, predicted: Truth) -> float:
        return metrics.score(metric, self.task, self.names, truth, predicted)

    def plain(self, network: torch.nn.Module, output: frozenset[str]) -> AbstractContextManager[None]:
        return nullcontext()


@dataclass(frozen=True)
class Sets(Classes):
    """Any number of classes an example: each is predicted where it is more probable than not."""

    problem_type: ProblemType = "multi_label_classification"

    def target(self, examples: Examples, prepared: Prepared) -> torch.Tensor:
        return torch.from_numpy(self.truth(examples).astype(np.float32))

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.binary_cross_entropy_with_logits(logits, target)

    def predicted(self, logits: torch.Tensor) -> torch.Tensor:
        return logits > 0

    def truth(self, examples: Examples) -> Truth:
        assert examples.truth is not None
        return examples.truth


@dataclass(frozen=True)
class Numbers(Classes):
    """A real number an example: mean squared error in units of `scale` around `mean`."""

    names: tuple[str, ...] = ()
    problem_type: ProblemType = "regression"
    mean: float = 0.0
    scale: float = 1.0

    def target(self, examples: Examples, prepared: Prepared) -> torch.Tensor:
        return torch.from_numpy(((self.truth(examples) - self.mean) / self.scale).astype(np.float32))

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return functional.mse_loss(logits[:, 0], target)

    def predicted(self, logits: torch.Tensor) -> torch.Tensor:
        return logits[:, 0].double() * self.scale + self.mean

    def truth(self, examples: Examples) -> Truth:
        assert examples.truth is not None
        return examples.truth

    @contextmanager
    def plain(self, network: torch.nn.Module, output: frozenset[str]) -> Iterator[None]:
        layer = [p for name, p in network.named_parameters() if name in output]
        before = [p.detach().clone() for p in layer]
        with torch.no_grad():
            for parameter in layer:
                parameter.mul_(self.scale)
                if parameter.ndim == 1:
                    parameter.add_(self.mean)
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, kept in zip(layer, before, strict=True):
                    parameter.copy_(kept)


@dataclass(frozen=True)
class WordClasses(Classes):
    """A class for every word, predicted at its first token."""

    task: Task = "token-classification"

    def target(self, examples: Examples, prepared: Prepared) -> torch.Tensor:
        place = _places(prepared)
        classes = np.concatenate(self.truth(examples))[place]
        return torch.from_numpy(np.where((place >= 0) & (classes >= 0), classes, IGNORED))

    def loss(self, logits: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        these = target[:, : logits.shape[1]]
        return functional.cross_entropy(logits.flatten(0, 1), these.flatten(), ignore_index=IGNORED)

    def weight(self, target: torch.Tensor) -> float:
        return float((target != IGNORED).sum())

    def joined(self, parts: Parts, examples: Examples, prepared: Prepared) -> Truth:
        place, truth = _places(prepared), self.truth(examples)
        flat = np.full(sum(map(len, truth)), NOT_READ, dtype=np.int64)
        for rows, predicted in parts:
            found = predicted.cpu().numpy()
            these = place[rows, : found.shape[1]]
            flat[these[these >= 0]] = found[these >= 0]
        return ragged(np.split(flat, np.cumsum([len(words) for words in truth])[:-1]))

    def truth(self, examples: Examples) -> Truth:
        assert examples.truth is not None
        return examples.truth

    def score(self, metric: str, truth: Truth, predicted: Truth) -> float:
        flat, found = np.concatenate(truth), np.concatenate(predicted)
        counts = flat != IGNORED
        return super().score(metric, flat[counts], found[counts])


def problem_for(
    dataset: Dataset, names: tuple[str, ...], learnt_from: Examples | None = None, *, has_bias: bool = True
) -> Problem:
    """The problem that `dataset` sets. `learnt_from`, the train examples, gives numbers their unit (None:
    their own); without a bias in the output layer they have no other zero than their own."""
    if dataset.task == "token-classification":
        return WordClasses(names)
    if dataset.problem_type == "multi_label_classification":
        return Sets(names, dataset.task)
    if dataset.problem_type == "single_label_classification":
        return Classes(names, dataset.task)
    if learnt_from is None or learnt_from.truth is None:
        return Numbers(task=dataset.task)
    mean = float(learnt_from.truth.mean()) if has_bias else 0.0
    scale = float(np.sqrt(np.mean((learnt_from.truth - mean) ** 2))) or 1.0
    return Numbers(task=dataset.task, mean=mean, scale=scale)


def _in_order(parts: Parts, count: int) -> Truth:
    made: Any = None
    for rows, predicted in parts:
        found = predicted.cpu().numpy()
        if made is None:
            made = np.empty((count, *found.shape[1:]), dtype=found.dtype)
        made[rows] = found
    return np.asarray(made)


def _places(prepared: Prepared) -> IntArray:
    """Which word begins at which token [n, longest], counted over all examples; -1 where none does."""
    assert isinstance(prepared, PreparedWords)
    return prepared.places
