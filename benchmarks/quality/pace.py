"""Progress with the time left. Cells differ tenfold, so examples are counted, not cells."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.quality.zoo_hub import Target
from hubselect.api.progress import Progress
from hubselect.records import Recipe, Task
from hubselect.reports.numbers import duration

# Training an example costs about three times what scoring it does; a text costs a small network about
# 2.5 times what a 16x16 picture does.
_TRAINING, _CARVED = 3.0, 0.15
_PER_EXAMPLE: dict[Task, float] = {"text-classification": 2.5, "image-classification": 1.0}
_START = 300.0  # loading, first steps, saving: as much as scoring so many examples


def cell_cost(target: Target, recipe: Recipe) -> float:
    """What one cell costs, in pictures scored."""
    train = target.rows["train"]
    validation = target.rows.get("validation", _CARVED * train)
    test = target.rows.get("test", validation)
    examples = _TRAINING * recipe.epochs * train + recipe.stages * validation + test
    return _START + examples * _PER_EXAMPLE[recipe.task]


@dataclass
class Pace:
    """`left` is the cost of every cell to come; `write` takes one line for each finished cell."""

    costs: Sequence[float]
    write: Callable[[str], None]
    _done: int = field(default=0, init=False)
    _before: int = field(default=0, init=False)
    _started: float = field(default_factory=time.monotonic, init=False)

    def __call__(self, event: Progress) -> None:
        """Listens to one `benchmark` after the other; their cells are in the order of `costs`."""
        if event.step != "benchmark" or not event.done:
            return
        self._done = self._before + event.done
        self.write(f"[{self._done}/{len(self.costs)}, {self.time_left()} left] {event.detail}")
        if event.done == event.total:
            self._before = self._done

    def time_left(self) -> str:
        spent = sum(self.costs[: self._done])
        if not spent:
            return "unknown time"
        return duration((time.monotonic() - self._started) * (sum(self.costs) / spent - 1))
