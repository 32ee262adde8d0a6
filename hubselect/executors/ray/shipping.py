"""From a call to an order, and from a node's answer to files on the driver's disk."""

from __future__ import annotations

import hashlib
import os
import pickle
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.errors import CheckpointBroken, HubselectError, StorageFailed
from hubselect.executors.jobs import TrainingJob, pack_examples
from hubselect.executors.pool import Call, WorkerPool
from hubselect.executors.ray.orders import Done, Order, versions
from hubselect.executors.ray.parcels import Parcel, Pieces, checkpoint_parcel, pieces_of, whole
from hubselect.executors.ray.worker import STATEFUL

if TYPE_CHECKING:
    from hubselect.executors.ray.orders import Files

_POSTED = 4  # parcels whose pieces are kept in the object store for the next node that asks


class Shipping:
    """Makes the orders of one session. `folder` is its folder on the driver's machine; `assistant` reads
    datasets there, in a process of its own, because the driver knows no torch."""

    def __init__(self, session: str, folder: Path, assistant: WorkerPool, accelerated: bool) -> None:
        self._session = session
        self._folder = folder
        self._assistant = assistant
        self._accelerated = accelerated
        self._versions = versions()
        self._examples: dict[str, Parcel] = {}
        self._checkpoints: dict[Path, Parcel] = {}
        self._posted: OrderedDict[str, Pieces] = OrderedDict()

    def order(self, call: Call) -> Order:
        """The order for a call on a training job; nothing is sent yet.

        Raises `HubselectError` when the dataset or the checkpoint cannot be read.
        """
        job: TrainingJob = call.args[0]
        checkpoint = self._checkpoint(job)
        state = whole(job.state_dir) if call.function in STATEFUL and job.state_dir.is_dir() else None
        return Order(
            self._session,
            call.function,
            job,
            call.args[1:],
            checkpoint,
            self._packed(job),
            state,
            self._versions,
            self._accelerated,
            {},
        )

    def posting(self, order: Order, digests: Collection[str]) -> Order:
        """The order with the content of these parcels in the object store, for a node that lacks them."""
        parcels = [p for p in (order.checkpoint, order.examples, order.state) if p is not None]
        new = {p.digest: self._post(p, keep=p is not order.state) for p in parcels if p.digest in digests}
        return replace(order, posted={**order.posted, **new})

    def receive(self, call: Call, done: Done) -> Any:
        """Bring what was made to the driver's disk; the result of the call.

        Raises `StorageFailed` when it cannot be written there.
        """
        job: TrainingJob = call.args[0]
        if done.state is not None:
            try:
                _store(done.state, job.state_dir)
            except OSError as error:
                raise StorageFailed(
                    f"the training state of {job.model.id} cannot be saved: {error.strerror or error}",
                    "make room for it or choose another folder, then run the same command again",
                ) from error
        value = pickle.loads(done.value)
        if done.saved is not None and not isinstance(value, HubselectError):
            from hubselect.training.outputs import replacing

            with replacing(call.args[1]) as draft:
                _store(done.saved, draft)
        return value

    def _checkpoint(self, job: TrainingJob) -> Parcel:
        if job.checkpoint not in self._checkpoints:
            try:
                self._checkpoints[job.checkpoint] = checkpoint_parcel(job.checkpoint, job.model.weights_files)
            except OSError as error:
                raise CheckpointBroken(
                    f"{job.model.id} cannot be read: {error.strerror or error}",
                    "check the permissions there, then run the same command again",
                ) from error
        return self._checkpoints[job.checkpoint]

    def _packed(self, job: TrainingJob) -> Parcel:
        """The job's examples, read and written down once."""
        wanted = repr((job.dataset, job.recipe.digest))
        if wanted not in self._examples:
            place = self._folder / "examples" / hashlib.sha256(wanted.encode()).hexdigest()[:24]
            call = Call(pack_examples, (job.dataset, job.recipe, place))
            if not place.is_dir():  # else another pool of the session has done it
                for _, result in self._assistant.run({job.dataset.name: iter_once(call)}):
                    if isinstance(result, HubselectError):
                        raise result
            packed = whole(place)
            assert packed is not None
            self._examples[wanted] = packed
        return self._examples[wanted]

    def _post(self, parcel: Parcel, *, keep: bool) -> Pieces:
        import ray

        if parcel.digest in self._posted:
            self._posted.move_to_end(parcel.digest)
            return self._posted[parcel.digest]
        try:
            pieces = {
                name: [ray.put(piece) for piece in pieces_of(parcel.root / name)]
                for name, _, _ in parcel.files
            }
        except (ray.exceptions.ObjectStoreFullError, ray.exceptions.OutOfDiskError) as error:
            raise StorageFailed(
                "Ray's object store on the driver's machine is full, and so is its disk", "make room there"
            ) from error
        if keep:
            self._posted[parcel.digest] = pieces
            while len(self._posted) > _POSTED:
                self._posted.popitem(last=False)
        return pieces


def iter_once(call: Call) -> Any:
    """A chain of one call."""
    yield call


def _store(files: Files, folder: Path) -> None:
    """Write files that each appear whole or not at all, and are on the disk when this returns."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{os.getpid()}")
        try:
            with draft.open("wb") as file:
                content.tofile(file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, place)
        finally:
            draft.unlink(missing_ok=True)
