"""What a dataset asks of a model: the Hub's task, and what kind of label is to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Task = Literal[
    "text-classification",
    "token-classification",
    "multiple-choice",
    "image-classification",
    "audio-classification",
]
"""The Hub's names. "text-classification" is of a text or of a pair of texts."""

TASKS: tuple[Task, ...] = (
    "text-classification",
    "token-classification",
    "multiple-choice",
    "image-classification",
    "audio-classification",
)

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]
PROBLEM_TYPES: tuple[ProblemType, ...] = (
    "single_label_classification",
    "multi_label_classification",
    "regression",
)
"""The names that transformers writes into a config."""

_TEXT: tuple[Task, ...] = ("text-classification", "token-classification", "multiple-choice")
DO: Mapping[Task, tuple[Task, ...]] = {
    "text-classification": _TEXT,
    "image-classification": ("image-classification",),
    "audio-classification": ("audio-classification",),
}
"""The tasks that a model does, by the one it is filed under: what it reads decides, not its last head."""

_FILED: Mapping[Task, Task] = {task: filed for filed, tasks in DO.items() for task in tasks}


def models_for(task: Task) -> Task:
    """The task under which models that can do `task` are filed."""
    return _FILED[task]
