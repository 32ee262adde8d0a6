"""What runs inside a worker: the only part of the executors that touches the training room.

A worker keeps its most recent trainings in memory, so the next stage of a model starts
without loading. Everything here takes and returns picklable records.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubselect.errors import (
    CheckpointBroken,
    HubselectError,
    TrainingFailed,
    UnsupportedDataset,
    UnsupportedModel,
)
from hubselect.records import CurvePoint, Dataset, Environment, Model, Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hubselect.training.features import Features
    from hubselect.training.finetuning import FineTuning

KEPT_IN_MEMORY = 2


@dataclass(frozen=True)
class TrainingJob:
    """One model on one dataset under one recipe; `state_dir` holds its training state.

    `seed` is the run's; None is the recipe's. Trainings that share a folder share everything.
    """

    checkpoint: Path
    model: Model
    dataset: Dataset
    recipe: Recipe
    state_dir: Path
    seed: int | None = None


@dataclass(frozen=True)
class Advanced:
    """Every point of a training so far, those of an earlier life included, a line for people on what
    happened on the way (None: nothing), and what trained (None: the state was there already)."""

    points: tuple[CurvePoint, ...]
    note: str | None = None
    environment: Environment | None = None


@dataclass
class _Live:
    """A training in memory, and what its state folder looked like when it was last in step with it."""

    training: FineTuning
    stamp: tuple[tuple[str, int], ...]


_live: OrderedDict[Path, _Live] = OrderedDict()


def advance(job: TrainingJob, limit: int) -> Advanced:
    """Train one more stage.

    `limit` is the stage asked for: a state that already reached it is returned as it is.
    """
    with _training(job) as training:
        from hubselect.training.environment import environment

        before, trained_with = training.portion, None
        if training.stage < limit:
            training.advance()
            trained_with = environment(job.recipe.method)
        note = None if training.portion == before else _smaller(job, training.portion)
        return Advanced(tuple(training.points), note, trained_with)


def _smaller(job: TrainingJob, portion: int | None) -> str:
    return (
        f"{job.model.id} ran out of memory on {job.dataset.name}: it trains on {portion} examples at a time, "
        f"gradients are accumulated to the same batches of {job.recipe.batch_size}"
    )


def finish(job: TrainingJob, output: Path | None) -> float:
    """Test score of the fully trained model; saves it to `output` when given."""
    with _training(job) as training:
        score = training.test()
        if output is not None:
            training.export(output)
        return score


def check(job: TrainingJob) -> None:
    """Load the checkpoint for the dataset and train nothing; raises what loading raises."""
    with _training(job):
        return


@dataclass(frozen=True)
class Looked:
    """What a first look at a dataset shows: what people should be warned of (`training.cautions`), and the
    share of the most frequent class where classes are so unequal that accuracy says little (None: they
    are not, or labels are no classes)."""

    warnings: tuple[str, ...]
    largest_share: float | None = None


def look_at(dataset: Dataset, recipe: Recipe) -> Looked:
    """Read the dataset as trainings will."""
    import numpy as np

    from hubselect.training.data import load_splits
    from hubselect.training.metrics import is_imbalanced

    with _readable(dataset):
        splits = load_splits(dataset, recipe)
    labels, share = splits.train.labels, None
    classes = splits.train.truth is None and not splits.train.choices
    if classes and is_imbalanced(labels):
        share = float(np.unique(labels, return_counts=True)[1].max() / len(labels))
    return Looked(splits.warnings, share)


def pack_examples(dataset: Dataset, recipe: Recipe, folder: Path) -> None:
    """Write the examples that trainings will read to `folder`, for machines that do not ask the Hub; it
    appears whole or not at all."""
    from hubselect.training.data import load_splits
    from hubselect.training.travelling import write_splits

    with _readable(dataset):
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        write_splits(load_splits(dataset, recipe), draft)
        os.replace(draft, folder)


@contextmanager
def _readable(dataset: Dataset) -> Iterator[None]:
    """Whatever libraries raise about the dataset becomes `UnsupportedDataset`."""
    try:
        yield
    except (HubselectError, MemoryError):
        raise
    except Exception as error:
        if os.environ.get("HUBSELECT_DEBUG") == "1":
            raise
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise UnsupportedDataset(
            f"dataset {dataset.name} cannot be read: {type(error).__name__}: {first_line}",
            "mend its files, or choose another dataset",
        ) from error


def features(job: TrainingJob, max_samples: int) -> Features:
    """One forward pass over a sample of the training split (see `training.features`)."""
    with _one_clear_line(job.checkpoint, job.model, job.dataset.name):
        from hubselect.training.device import prepare_process
        from hubselect.training.features import forward_features

        prepare_process()
        return forward_features(job.checkpoint, job.model, job.dataset, job.recipe, max_samples=max_samples)


def sentence_vectors(checkpoint: Path, model: Model, texts: tuple[str, ...]) -> NDArray[np.float32]:
    """Sentence embeddings of texts by a checkpoint (see `training.sentences`)."""
    with _one_clear_line(checkpoint, model, "model cards"):
        from hubselect.training.device import prepare_process
        from hubselect.training.sentences import embed

        prepare_process()
        return embed(checkpoint, model, texts)


def rescore(folder: Path, dataset: Dataset, recipe: Recipe) -> float:
    """Test score of a saved checkpoint, loaded from the disk as a stranger would."""
    from hubselect.training.device import prepare_process
    from hubselect.training.saved import evaluate_saved

    prepare_process()
    return evaluate_saved(folder, dataset, recipe)


@contextmanager
def _training(job: TrainingJob) -> Iterator[FineTuning]:
    """The job's training, from memory if it is in step with the disk; forgotten when it fails."""
    with _one_clear_line(job.checkpoint, job.model, job.dataset.name):
        training = _open(job)
        try:
            yield training
        except BaseException:
            _live.pop(job.state_dir, None)
            raise
        _live[job.state_dir] = _Live(training, _stamp(job.state_dir))
        _live.move_to_end(job.state_dir)
        while len(_live) > KEPT_IN_MEMORY:
            _live.popitem(last=False)


def _open(job: TrainingJob) -> FineTuning:
    from hubselect.training.device import prepare_process
    from hubselect.training.finetuning import FineTuning

    live = _live.get(job.state_dir)
    if live is not None and live.stamp == _stamp(job.state_dir):
        return live.training
    _live.pop(job.state_dir, None)  # another worker went on with it, or it was discarded
    prepare_process()
    return FineTuning(
        job.checkpoint, job.model, job.dataset, job.recipe, state_dir=job.state_dir, seed=job.seed
    )


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted((p.name, p.stat().st_mtime_ns) for p in folder.iterdir()))


@contextmanager
def _one_clear_line(checkpoint: Path, model: Model, what: str) -> Iterator[None]:
    """Whatever libraries raise inside a worker reaches the driver as a `HubselectError`."""
    try:
        yield
    except (CheckpointBroken, UnsupportedModel) as error:
        # the training room knows folders named by a sha, people know the model's id
        message = error.message.replace(checkpoint.name, model.id)
        raise type(error)(message, error.hint) from error
    except HubselectError:
        raise
    except MemoryError as error:
        hint = "use a smaller model or a machine with more memory"
        raise TrainingFailed(f"{model.id} ran out of memory on {what}", hint) from error
    except Exception as error:
        if os.environ.get("HUBSELECT_DEBUG") == "1":
            raise
        first_line = (str(error).strip().splitlines() or [""])[0]
        raise TrainingFailed(f"{model.id} on {what}: {type(error).__name__}: {first_line}") from error
