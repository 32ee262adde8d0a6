"""The recorded zoo as the paper's tables need it: one `Zoo` for text, one for images."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from benchmarks.quality.load import RECORDING, recorded_registry
from benchmarks.quality.policy_sources import of_registry
from hubselect.api.clusters.clustering import known_runs
from hubselect.errors import InvalidInput
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.records import TASKS, Model, ProxyScore, Run, Task
from hubselect.registry import Registry

LOWER_RATE = Path(__file__).parent / "lower_rate"
"""What `record_rate.py` recorded: a registry's snapshot."""

_OWNER = "hubselect-zoo/"

SHOWN = {"text": f"{_OWNER}parameter-types", "image": f"{_OWNER}glyph-letters"}
"""The dataset of each zoo that Figures 1, 3 and 8 show, as the paper shows MNLI: few are good at it."""


@dataclass(frozen=True)
class Zoo:
    """Finished runs of one task under one recipe, all recorded seeds, and the proxy scores of its models."""

    kind: str
    task: Task
    runs: tuple[Run, ...]
    proxies: tuple[ProxyScore, ...]
    models: Mapping[str, Model]

    @cached_property
    def matrix(self) -> PerformanceMatrix:
        """Test scores, means over the seeds."""
        return PerformanceMatrix.from_runs(self.runs)

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        return tuple(sorted({r.seed for r in self.runs}))

    @cached_property
    def epochs(self) -> int:
        """Of one whole fine-tuning."""
        return round(max(r.curve[-1].epochs for r in self.runs))

    @property
    def pool(self) -> int:
        return len(self.matrix.models)

    def of_seed(self, seed: int) -> PerformanceMatrix:
        return PerformanceMatrix.from_runs(r for r in self.runs if r.seed == seed)

    def part(self, models: Sequence[str], datasets: Sequence[str]) -> Zoo:
        """Only these models on these datasets."""
        runs = tuple(r for r in self.runs if r.model in models and r.dataset in datasets)
        proxies = tuple(p for p in self.proxies if p.model in models and p.dataset in datasets)
        return replace(self, runs=runs, proxies=proxies, models={m: self.models[m] for m in models})


def recorded_zoos(recording: Path = RECORDING) -> list[Zoo]:
    """Text, then images. Raises InvalidInput when there is no recording."""
    with (
        tempfile.TemporaryDirectory() as folder,
        recorded_registry(Path(folder) / "zoo.db", recording) as store,
    ):
        zoos = []
        for source in of_registry("recorded", store):
            runs = complete_seeds(source.runs)
            known = {r.model for r in runs}
            models = {m.id: m for m in store.models(source.task) if m.id in known}
            kind = source.name.rpartition("-")[2]
            zoos.append(Zoo(kind, source.task, runs, source.proxies, models))
        return zoos


def complete_seeds(runs: Sequence[Run]) -> tuple[Run, ...]:
    """The runs of seeds under which as many cells are recorded as under the fullest seed.

    A seed that is still being recorded says nothing yet: its matrix has gaps, its pools are smaller.
    Raises InvalidInput without runs.
    """
    counts: dict[int, int] = {}
    for run in runs:
        counts[run.seed] = counts.get(run.seed, 0) + 1
    if not counts:
        raise InvalidInput("there are no recorded runs", "make them with benchmarks/quality/record.py")
    return tuple(r for r in runs if counts[r.seed] == max(counts.values()))


def lower_rate_runs(folder: Path = LOWER_RATE) -> dict[str, tuple[Run, ...]]:
    """By kind, the runs on the shown dataset with a third of the learning rate; empty without a recording."""
    if not folder.exists():
        return {}
    with tempfile.TemporaryDirectory() as place, Registry.open(Path(place) / "zoo.db") as store:
        store.import_registry(folder, source="snapshot:lower-rate")
        recipes = {task.partition("-")[0]: store.main_recipe(task) for task in TASKS}
        return {
            kind: tuple(known_runs(store, recipe)) for kind, recipe in recipes.items() if recipe is not None
        }


def short(name: str) -> str:
    """A model's or dataset's name without its owner."""
    return name.removeprefix(_OWNER)
