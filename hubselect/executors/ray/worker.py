"""What runs on a node: finds the files of an order, carries it out, hands back what it made."""

from __future__ import annotations

import os
import pickle
import secrets
import shutil
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.errors import HubselectError, StorageFailed
from hubselect.executors.jobs import TrainingJob, advance, finish
from hubselect.executors.ray import leases
from hubselect.executors.ray.orders import Absent, Done, Order, Refused, versions
from hubselect.executors.ray.parcels import Parcel, Pieces, lies_at, unpack, whole
from hubselect.records import Dataset, Recipe

if TYPE_CHECKING:
    from hubselect.executors.ray.orders import Files

STATEFUL = (advance, finish)
"""The functions that go on with a training state."""

_places: dict[str, Path] = {}  # by digest: where this process found a checkpoint or examples
_examples: tuple[str, Dataset, Recipe] | None = None  # the last ones that were used


def carry_out(order: Order) -> Done | Absent | Refused:
    """The task. What is not a `HubselectError` is raised, and reaches the driver as Ray's error."""
    import ray

    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # all it needs is brought to it
    if not order.accelerated:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    node = ray.get_runtime_context().get_node_id()
    wrong = _mismatch(order.versions)
    if wrong is not None:
        return Refused(node, f"node {socket.gethostname()} has {wrong}")
    try:
        return _carry_out(order, node, _cache(order.session, node))
    except OSError as error:
        hint = "make room there, then run the same command again"
        full = StorageFailed(f"node {socket.gethostname()} cannot store files: {error}", hint)
        return Done(node, pickle.dumps(full))


def clean(session: str) -> None:
    """The task that removes what a driver's session left on this machine."""
    leases.remove_all(session)


def _carry_out(order: Order, node: str, cache: Path) -> Done | Absent:
    states = cache / "states"
    at_hand = _State(states, order.job.state_dir, order.state) if order.function in STATEFUL else None
    lasting = {p.digest: _find(p, cache, order.posted) for p in (order.checkpoint, order.examples)}
    state: Path | None = None
    absent = [digest for digest, place in lasting.items() if place is None]
    if at_hand is not None and order.state is not None and not at_hand.is_current:
        state = _look_for(order.state, cache, order.posted)
        absent += [order.state.digest] if state is None else []
    if absent:
        return Absent(node, tuple(absent))
    checkpoint, examples = lasting[order.checkpoint.digest], lasting[order.examples.digest]
    assert checkpoint is not None
    assert examples is not None
    _use_examples(order, examples)
    folder = states / secrets.token_hex(8) if at_hand is None else at_hand.prepare(state)
    if state is not None and state.is_relative_to(cache):
        shutil.rmtree(state.parent, ignore_errors=True)  # it is of no use to anybody else
    return _call(order, replace(order.job, checkpoint=checkpoint, state_dir=folder), node, cache, at_hand)


def _call(order: Order, job: TrainingJob, node: str, cache: Path, at_hand: _State | None) -> Done:
    rest, output = order.rest, None
    finishing = order.function is finish
    if finishing and rest[0] is not None:
        output = cache / "outputs" / secrets.token_hex(8)
        rest = (output,)
    try:
        value = order.function(job, *rest)
    except HubselectError as error:
        value, finishing = error, True  # nobody goes on with it here
    try:
        saved = _files(whole(output)) if output is not None and output.is_dir() else None
        state = at_hand.changed() if at_hand is not None and not finishing else None
        return Done(node, pickle.dumps(value), state, saved)
    finally:
        if at_hand is not None and finishing:
            at_hand.drop()
        if output is not None:
            shutil.rmtree(output, ignore_errors=True)


class _State:
    """A training's state folder in the node's cache; a mark beside it says which state it holds."""

    def __init__(self, states: Path, driver_folder: Path, wanted: Parcel | None) -> None:
        name = "-".join(driver_folder.parts[-2:])
        self._folder, self._mark = states / name, states / f"{name}.digest"
        self._wanted = wanted

    @property
    def is_current(self) -> bool:
        """Whether it holds the state that the driver knows of."""
        try:
            return self._mark.read_text() == (self._wanted.digest if self._wanted else "")
        except OSError:
            return False

    def prepare(self, state: Path | None) -> Path:
        """The folder, with the driver's state (from `state`, if it is not there yet), not marked."""
        if not self.is_current:
            self.drop()
            self._folder.mkdir(parents=True)
            if state is not None and self._wanted is not None:
                for name, _, _ in self._wanted.files:
                    shutil.copyfile(state / name, self._folder / name)
        self._mark.unlink(missing_ok=True)
        return self._folder

    def changed(self) -> Files | None:
        """The new state's files, if there is one; marks what the folder holds."""
        now = whole(self._folder)
        self._mark.write_text(now.digest if now else "")
        same = now is None or (self._wanted is not None and now.digest == self._wanted.digest)
        return None if same else _files(now)

    def drop(self) -> None:
        self._mark.unlink(missing_ok=True)
        shutil.rmtree(self._folder, ignore_errors=True)


def _cache(session: str, node: str) -> Path:
    folder = leases.lease(f"{session}-{node[:12]}")
    leases.sweep()
    return folder


def _find(parcel: Parcel, cache: Path, posted: Mapping[str, Pieces]) -> Path | None:
    """The folder that holds a parcel which never changes; it is looked for once."""
    known = _places.get(parcel.digest)
    if known is None or not known.is_dir():
        known = _look_for(parcel, cache, posted)
        if known is not None:
            _places[parcel.digest] = known
    return known


def _look_for(parcel: Parcel, cache: Path, posted: Mapping[str, Pieces]) -> Path | None:
    """The folder that holds the parcel on this machine; None when it has to be sent."""
    own = cache / "parcels" / parcel.digest / parcel.root.name
    if own.is_dir():
        return own
    if lies_at(parcel, parcel.root):
        return parcel.root
    if parcel.digest in posted:
        unpack(parcel, own, posted[parcel.digest], _fetched)
        return own
    return None


def _fetched(piece: Any) -> bytes:
    import ray

    content: bytes = ray.get(piece)
    return content


def _use_examples(order: Order, folder: Path) -> None:
    global _examples
    from hubselect.training.travelling import use_splits

    these = (order.examples.digest, order.job.dataset, order.job.recipe)
    if _examples != these:
        use_splits(order.job.dataset, order.job.recipe, folder)
        _examples = these


def _files(parcel: Parcel | None) -> Files:
    import numpy as np

    if parcel is None:
        return {}
    return {name: np.fromfile(parcel.root / name, dtype=np.uint8) for name, _, _ in parcel.files}


def _mismatch(expected: Mapping[str, str | None]) -> str | None:
    """The first package of another version than the driver's, in words."""
    found = versions()
    for name, driver in expected.items():
        if found.get(name) != driver:
            return f"{name} {found.get(name) or 'not installed'}, the driver has {driver or 'none'}"
    return None
