"""Writes the hub tree: `ROOT/models/OWNER/NAME` and `ROOT/datasets/OWNER/NAME`.

A repository appears by one rename when it is complete, so what exists is whole. Beside the trees,
`ROOT/.zoo/` remembers what each repository was made from: it is made again only when that has changed.
"""

from __future__ import annotations

import functools
import hashlib
import json
import platform
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.demo.zoo.checkpoints import CHECKPOINTS, OWNER
from hubselect.errors import InvalidInput
from hubselect.records import Task

if TYPE_CHECKING:
    from rich.progress import Progress

    from hubselect.demo.zoo.corpus import Corpus


@dataclass(frozen=True)
class _Repo:
    """One repository to write: where, what it is made from, and how to fill its folder."""

    path: Path
    fingerprint: str
    fill: Callable[[Path], None]


def write_hub(
    root: Path,
    *,
    text: bool = True,
    images: bool = True,
    only: Collection[str] | None = None,
    weights: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes the models and datasets of the wanted tasks below `root`: all, or those `only` names.

    Models are copies of the `weights` (default: the committed ones); datasets are made from the installed
    packages, the same for the same Python and packages (about 20 s of CPU in all). Repositories that are
    already there, made from the same things, are kept. Raises InvalidInput when `root` cannot be written or
    the weights are missing.
    """
    tasks: list[Task] = []
    if text:
        tasks.append("text-classification")
    if images:
        tasks.append("image-classification")
    try:
        root.mkdir(parents=True, exist_ok=True)
        repos = [*_models(root, tasks, only, weights), *_datasets(root, tasks, only)]
        bar = progress.add_task("writing the zoo", total=len(repos)) if progress else None
        for repo in repos:
            if progress and bar is not None:
                progress.update(bar, description=f"writing {repo.path.parent.parent.name} {repo.path.name}")
            _write(root, repo)
            if progress and bar is not None:
                progress.advance(bar)
    except OSError as error:
        raise InvalidInput(
            f"The zoo cannot be written to {root}: {error}", "choose a writable folder with 40 MB free"
        ) from error


def _write(root: Path, repo: _Repo) -> None:
    stamp = root / ".zoo" / f"{repo.path.relative_to(root)}.stamp"
    if repo.path.is_dir() and stamp.exists() and stamp.read_text() == repo.fingerprint:
        return
    stamp.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="partial-", dir=root / ".zoo") as partial:
        folder = Path(partial) / repo.path.name
        folder.mkdir()
        repo.fill(folder)
        shutil.rmtree(repo.path, ignore_errors=True)
        repo.path.parent.mkdir(parents=True, exist_ok=True)
        folder.rename(repo.path)
    stamp.write_text(repo.fingerprint)


def _models(
    root: Path, tasks: list[Task], only: Collection[str] | None, weights: Path | None
) -> Iterator[_Repo]:
    from hubselect.demo.zoo.model_repos import write_model
    from hubselect.demo.zoo.pretraining import WEIGHTS, read_manifest

    weights = weights or WEIGHTS
    records = read_manifest(weights)["checkpoints"]
    for checkpoint in CHECKPOINTS:
        if checkpoint.task not in tasks or (only is not None and checkpoint.name not in only):
            continue
        if checkpoint.name not in records:
            raise InvalidInput(
                f"The zoo's weights of {checkpoint.name} are missing",
                "make them: python -m hubselect.demo.zoo pretrain",
            )
        record = records[checkpoint.name]
        yield _Repo(
            root / "models" / OWNER / checkpoint.name,
            _fingerprint(asdict(checkpoint), record),
            functools.partial(write_model, checkpoint, record, weights=weights),
        )


def _datasets(root: Path, tasks: list[Task], only: Collection[str] | None) -> Iterator[_Repo]:
    from hubselect.demo.zoo.dataset_repos import DATASET_REPOS, DatasetRepo, write_dataset

    corpus = functools.cache(_target_corpus)  # read when the first text dataset is missing

    def fill(repo: DatasetRepo, folder: Path) -> None:
        write_dataset(repo, folder, corpus() if repo.task == "text-classification" else None)

    versions = source_versions()
    for repo in DATASET_REPOS:
        if repo.task in tasks and (only is None or repo.name in only):
            yield _Repo(
                root / "datasets" / OWNER / repo.name,
                _fingerprint(asdict(repo), versions),
                functools.partial(fill, repo),
            )


def _target_corpus() -> Corpus:
    from hubselect.demo.zoo.corpus import read_corpus

    return read_corpus("target")


def source_versions() -> dict[str, str]:
    """The versions of everything the datasets are made from."""
    from hubselect.demo.zoo.corpus import DISTRIBUTIONS

    found = {"python": platform.python_version()}
    for name in DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


@functools.cache
def _builder() -> str:
    """A hash of the zoo's own code: a changed builder writes everything anew."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _fingerprint(*parts: Any) -> str:
    text = json.dumps([_builder(), *parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
