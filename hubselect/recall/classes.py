"""What class names tell before anything is downloaded: whose own head was trained for a target's classes.

A checkpoint that already tells the target's classes apart was pre-trained for something very like it.
It need not be good at it, but it deserves a look (`recall.adaptive`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

_NOTHING_SAID = re.compile(r"(label|class)?[\W_]*\d*")  # 0, 1, LABEL_0: the names of no names


@dataclass(frozen=True)
class Classes:
    """Class names of checkpoints' own heads (by model), and of datasets; empty where they are not known."""

    models: Mapping[str, Iterable[str]] = field(default_factory=dict)
    datasets: Mapping[str, Iterable[str]] = field(default_factory=dict)

    def shared_with(self, dataset: str) -> dict[str, float]:
        """By model, the share of the dataset's classes that its head names too; models with none left out."""
        wanted = named(self.datasets.get(dataset, ()))
        if not wanted:
            return {}
        shares = {m: len(named(own) & wanted) / len(wanted) for m, own in self.models.items()}
        return {m: share for m, share in shares.items() if share > 0}


def named(names: Iterable[str]) -> frozenset[str]:
    """The names that say something, without case and punctuation."""
    plain = (re.sub(r"[\W_]+", " ", name.lower()).strip() for name in names)
    return frozenset(name for name in plain if not _NOTHING_SAID.fullmatch(name))
