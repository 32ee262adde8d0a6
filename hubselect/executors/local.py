"""Trains in the workers of a pool: processes of this machine, one torch thread each on a CPU, or Ray's.

Every stage ends with the training state on disk, so a killed selection loses at most the
stages in flight, and any worker can take over any model.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from hubselect.errors import (
    ClusterFailed,
    HubError,
    HubselectError,
    HubUnreachable,
    RegistryError,
    StorageFailed,
    TrainingFailed,
    UnsupportedDataset,
)
from hubselect.executors.jobs import Advanced, TrainingJob, advance, finish
from hubselect.executors.pool import Call, Chain, Pool
from hubselect.records import CurvePoint, Environment, Failed
from hubselect.selection.stages import Stage

# Raised before training: only the model itself may be blamed for its own repository.
PASSING = (ClusterFailed, HubUnreachable, RegistryError, StorageFailed)
# Raised in a worker, where the checkpoint is on the disk: what the Hub refuses there is the dataset.
NOT_THE_MODELS_FAULT = (ClusterFailed, HubError, RegistryError, StorageFailed, UnsupportedDataset)


class LocalExecutor:
    """Carries out the stages of one selection.

    `job_for(model)` returns the model's job; it may download the checkpoint. A
    `HubselectError` there or in training becomes a `Failed` event, except what is not the
    model's fault (an unreachable Hub, a full disk, an unusable dataset): that is raised without
    a verdict on the model. `state_dir_for(model)` is the folder of its training state, which is
    deleted as soon as the model is out, also if it left before this object was made. `on_note` is
    told what people should know of a training, in one line, and `on_trained` of each stage which model
    trained with what, before its points are given.
    """

    def __init__(
        self,
        pool: Pool,
        job_for: Callable[[str], TrainingJob],
        state_dir_for: Callable[[str], Path],
        on_note: Callable[[str], None] = lambda note: None,
        on_trained: Callable[[str, Environment], None] = lambda model, environment: None,
    ) -> None:
        self._pool = pool
        self._job_for = job_for
        self._state_dir_for = state_dir_for
        self._on_note = on_note
        self._on_trained = on_trained
        self._jobs: dict[str, TrainingJob] = {}

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        chains: dict[str, Chain] = {}
        reached = dict.fromkeys(stage.models, 0)
        for model in stage.models:
            try:
                chains[model] = advance_to(self.job(model), stage.number)
            except PASSING:
                raise
            except HubselectError as error:
                yield Failed(model, stage.number, str(error))
        for model, result in self._pool.run(chains):
            if isinstance(result, NOT_THE_MODELS_FAULT):
                raise result
            if isinstance(result, HubselectError):
                yield Failed(model, reached[model] + 1, str(result))
                self.discard(model)  # recorded by now: nobody will go on with it
                continue
            self._tell(model, result)
            for point in result.points:
                reached[model] = point.stage
                yield point

    def discard(self, model: str) -> None:
        self._jobs.pop(model, None)
        shutil.rmtree(self._state_dir_for(model), ignore_errors=True)

    def finish(self, model: str, output: Path | None) -> float:
        """Test score of a fully trained model (recipe's metric); also saves it to `output`.

        Raises `TrainingFailed` when the model cannot be tested or saved.
        """
        job = self.job(model)
        score: float | None = None
        for _, result in self._pool.run(
            {model: advance_to(job, job.recipe.stages, test=True, output=output)}
        ):
            if isinstance(result, HubselectError):
                raise type(result)(result.message, result.hint or f"leave it out: --exclude {model}")
            if isinstance(result, Advanced):
                self._tell(model, result)
            if isinstance(result, float):
                score = result
        if score is None:
            raise TrainingFailed(f"{model} could not be tested", "run the same command again")
        return score

    def _tell(self, model: str, done: Advanced) -> None:
        if done.note is not None:
            self._on_note(done.note)
        if done.environment is not None:
            self._on_trained(model, done.environment)

    def job(self, model: str) -> TrainingJob:
        if model not in self._jobs:
            self._jobs[model] = self._job_for(model)
        return self._jobs[model]


def advance_to(job: TrainingJob, stage: int, *, test: bool = False, output: Path | None = None) -> Chain:
    """The chain that brings one job to `stage`, a call per stage; then tests (and saves) it if asked to."""
    reached = 0
    while reached < stage:
        result = yield Call(advance, (job, stage))
        if isinstance(result, HubselectError):
            return
        reached = result.points[-1].stage
    if test:
        yield Call(finish, (job, output))
