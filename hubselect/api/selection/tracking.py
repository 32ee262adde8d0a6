"""`--report-to`: the validation curves of a selection in the ecosystem's trackers, a run per candidate.

A tracker is one more listener. What it was told is noted in the registry, so that a selection that goes on
tells it the rest.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from typing import Protocol

from hubselect.api.progress import PLAN, Candidate, Listener, Progress, Standings
from hubselect.errors import HubselectError, InvalidInput
from hubselect.registry import Registry

PROJECT = "hubselect"
TOLD = "told"
"""The kind of a selection's event: {"tracker", "model", "stage"}, the last stage that a tracker knows."""


class Tracker(Protocol):
    """Somewhere that curves are shown."""

    name: str

    def log(self, run: str, values: Mapping[str, float], step: int) -> None:
        """Add `values` at `step` to the run called `run`, which is made where there is none."""
        ...

    def where(self) -> str:
        """The command that shows the curves."""
        ...


class TensorBoard:
    """Event files below `folder`, a folder per candidate."""

    name = "tensorboard"

    def __init__(self, folder: Path) -> None:
        from tensorboard.summary import Writer

        self._folder, self._writer = folder, Writer

    def log(self, run: str, values: Mapping[str, float], step: int) -> None:
        writer = self._writer(str(self._folder / run))
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.close()

    def where(self) -> str:
        return f"tensorboard --logdir {self._folder}"


class Trackio:
    """Runs of the project `hubselect`, where trackio keeps its own (`TRACKIO_DIR`, `TRACKIO_SPACE_ID`)."""

    name = "trackio"

    def __init__(self, group: str) -> None:
        import trackio

        self._trackio, self._group = trackio, group

    def log(self, run: str, values: Mapping[str, float], step: int) -> None:
        with redirect_stdout(StringIO()):  # it prints there, where a command prints its document
            self._trackio.init(
                PROJECT,
                name=f"{self._group}/{run}",
                group=self._group,
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            self._trackio.log(dict(values), step=step)
            self._trackio.finish()

    def where(self) -> str:
        return f"trackio show --project {PROJECT}"


TRACKERS: Mapping[str, Callable[[Path, int], Tracker]] = {
    "tensorboard": lambda home, selection: TensorBoard(_logdir(home, selection)),
    "trackio": lambda home, selection: Trackio(f"selection-{selection}"),
}
"""How the tracker of each name is made, for the selection with a number in the registry at home."""


def check_trackers(names: Sequence[str]) -> None:
    """Raises `InvalidInput` for an unknown name and `ModuleNotFoundError` for one that is not installed."""
    for name in names:
        if name not in TRACKERS:
            raise InvalidInput(f"the tracker {name!r} is not known", f"use {' or '.join(TRACKERS)}")
        import_module(name)


class Tracking:
    """A listener that tells `names` what it hears, and passes everything on to `listener`.

    A tracker that fails is told no more, which is said in a line; the selection goes on.
    """

    def __init__(self, store: Registry, names: Sequence[str], listener: Listener) -> None:
        self._store, self._names, self._listener = store, tuple(names), listener
        self._trackers: list[Tracker] | None = None
        self._known: dict[tuple[str, str], int] = {}  # the last stage that a tracker was told of a model
        self._predicted: dict[tuple[str, str], int] = {}  # the same of predictions

    def __call__(self, event: Progress) -> None:
        self._listener(event)
        if isinstance(event, Standings):
            for tracker in self._opened(event.selection):
                self._tell(tracker, event)

    def _opened(self, selection: int) -> list[Tracker]:
        if self._trackers is None:
            self._trackers = [TRACKERS[name](self._store.home, selection) for name in self._names]
            for event in self._store.events(selection):
                if event.kind == TOLD:
                    self._known[event.payload["tracker"], event.payload["model"]] = event.payload["stage"]
            self._predicted.update(self._known)
            for tracker in self._trackers:
                self._say(f"curves: {tracker.where()}")
        return list(self._trackers)

    def _tell(self, tracker: Tracker, event: Standings) -> None:
        try:
            for candidate in event.candidates:
                self._tell_of(tracker, candidate, event)
        except HubselectError:
            raise
        except Exception as error:  # another's program, perhaps another's server
            self._trackers = [other for other in self._trackers or () if other is not tracker]
            what = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            self._say(f"{tracker.name} failed and is told no more: {what}")

    def _tell_of(self, tracker: Tracker, candidate: Candidate, event: Standings) -> None:
        """What is new of one candidate: points, its predicted end, the winner's test score."""
        model, stage = candidate.model, candidate.stage
        key = (tracker.name, model)
        for point in candidate.curve:
            if point.stage > self._known.get(key, 0):
                values = {f"val/{event.metric}": point.val, "epochs": point.epochs, "seconds": point.seconds}
                tracker.log(model, values, point.stage)
                self._known[key] = point.stage
                self._store.append_event(
                    event.selection, TOLD, {"tracker": tracker.name, "model": model, "stage": point.stage}
                )
        if candidate.predicted is not None and candidate.judged > self._predicted.get(key, -1):
            self._predicted[key] = candidate.judged
            tracker.log(model, {f"predicted/{event.metric}": candidate.predicted}, candidate.judged)
        if candidate.test is not None:
            tracker.log(model, {f"test/{event.metric}": candidate.test}, stage)

    def _say(self, text: str) -> None:
        self._listener(Progress(PLAN, 0, 1, text))


def _logdir(home: Path, selection: int) -> Path:
    """Below TENSORBOARD_LOGGING_DIR, as with transformers, else beside the registry."""
    named = os.environ.get("TENSORBOARD_LOGGING_DIR")
    return (Path(named) if named else home / "tensorboard") / f"selection-{selection}"
