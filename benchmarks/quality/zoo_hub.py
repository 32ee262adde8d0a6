"""The zoo behind a mini hub, and a registry that knows all of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubselect.demo.server import MiniHub
from hubselect.demo.zoo import CHECKPOINTS, OWNER, write_hub
from hubselect.demo.zoo.dataset_repos import DATASET_REPOS, DatasetRepo
from hubselect.demo.zoo.image_sets import IMAGE_SETS
from hubselect.demo.zoo.text_sets import TEXT_SETS
from hubselect.errors import UnknownEntry
from hubselect.records import Task, dataset_name

if TYPE_CHECKING:
    from hubselect.registry import Registry


@dataclass(frozen=True)
class Target:
    """A dataset of the zoo: a repository, or one configuration of it. `rows` are its examples by split."""

    repo: DatasetRepo
    config: str | None
    text_columns: tuple[str, ...]
    rows: dict[str, int]

    @property
    def name(self) -> str:
        return dataset_name(f"{OWNER}/{self.repo.name}", self.config)


@dataclass(frozen=True)
class Part:
    """What is recorded of one task."""

    task: Task
    models: tuple[str, ...]
    targets: tuple[Target, ...]

    @property
    def datasets(self) -> tuple[str, ...]:
        return tuple(t.name for t in self.targets)


def part_of(task: Task, models: Sequence[str] = (), datasets: Sequence[str] = ()) -> Part:
    """All models and datasets of a task, or the named ones (without `hubselect-zoo/`)."""
    chosen = [c.repo_id for c in CHECKPOINTS if c.task == task and _wanted(c.repo_id, models)]
    targets = [t for t in _targets(task) if _wanted(t.name, datasets)]
    return Part(task, tuple(chosen), tuple(targets))


def check_names(models: Sequence[str], datasets: Sequence[str]) -> None:
    """Raises UnknownEntry for a name that the zoo does not have."""
    tasks: tuple[Task, ...] = ("text-classification", "image-classification")
    known = {c.repo_id for c in CHECKPOINTS} | {t.name for task in tasks for t in _targets(task)}
    for name in (*models, *datasets):
        if f"{OWNER}/{name}" not in known:
            raise UnknownEntry(f"the zoo has no {name}", "see hubselect/demo/zoo for its names")


def _wanted(name: str, names: Collection[str]) -> bool:
    return not names or name.removeprefix(f"{OWNER}/") in names


def _targets(task: Task) -> Iterator[Target]:
    for repo in DATASET_REPOS:
        if repo.task == task:
            for config, set_name in repo.sets.items():
                yield _target(repo, None if config == "default" else config, set_name)


def _target(repo: DatasetRepo, config: str | None, set_name: str) -> Target:
    if repo.task == "image-classification":
        pictures = next(s for s in IMAGE_SETS if s.name == set_name)
        return Target(repo, config, (), dict(pictures.sizes))
    texts = next(s for s in TEXT_SETS if s.name == set_name)
    # pairs whose column names do not tell that they belong together are named, as a user would do
    columns = texts.columns if len(texts.columns) == 2 else ()
    return Target(repo, config, columns, dict(texts.sizes))


@contextmanager
def served(workdir: Path, parts: Sequence[Part], weights: Path | None = None) -> Iterator[MiniHub]:
    """The parts in `workdir/hub`, served; this process and its children use no other Hub from here on."""
    if "huggingface_hub" in sys.modules:
        raise RuntimeError("huggingface_hub was imported before the mini hub had an address")
    models = {model.removeprefix(f"{OWNER}/") for part in parts for model in part.models}
    datasets = {target.repo.name for part in parts for target in part.targets}
    write_hub(workdir / "hub", only=models | datasets, weights=weights)
    with MiniHub(workdir / "hub") as hub:
        os.environ.update(hub.environment(workdir / "hf-home"))
        os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
        os.environ.update(OMP_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
        yield hub


def register(store: Registry, part: Part) -> None:
    """Index the part's models and datasets; results measured on other data than today's are refused."""
    from hubselect import add_dataset, add_model

    for target in part.targets:
        add_dataset(
            f"{OWNER}/{target.repo.name}",
            registry=store,
            config=target.config,
            text_columns=target.text_columns,
            label_column=target.repo.label_column,
        )
    add_model(part.models, registry=store, benchmark=False)
