"""A small disk of its own that can be full or read-only, for root and for ordinary users alike.

The disk is a tmpfs in user and mount namespaces of their own (`unshare`): nothing else on the machine sees
it, and it goes with the process that holds it. `Disk.run` runs commands inside, several in one process
(`python -m tests.support.disks`), each from the same registry and with as little room as it is given:
most of the time of a command goes into its imports.
"""

from __future__ import annotations

import errno
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.support.kills import said

ROOT = Path(__file__).parents[2]
_BALLAST = "ballast"
_HOLD = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo ready && read -r _'


@dataclass(frozen=True)
class Step:
    """A command on the disk, with `room` bytes left to it; None: all there is."""

    words: tuple[str, ...]
    room: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a step printed, how it ended, and the files that it left behind on the disk or changed."""

    code: int
    out: str
    errors: str
    left: tuple[str, ...]
    problems: tuple[str, ...]
    """What `registry check` finds once there is room again."""
    changed: bool
    """Whether the registry says anything else than before."""


class Disk:
    """The disk mounted at `place`, as long as its holder lives. Made by `mounted`."""

    def __init__(self, place: Path, holder: subprocess.Popen[str]) -> None:
        self.place = place
        self._holder = holder

    def inside(self, *command: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command where the disk can be seen."""
        enter = ["nsenter", "--preserve-credentials", "-U", "-m", "-t", str(self._holder.pid), "--"]
        return subprocess.run([*enter, *command], text=True, capture_output=True, **options)

    def run(
        self, steps: Sequence[Step], before: Path, registry: Path, environment: Mapping[str, str]
    ) -> list[Outcome]:
        """Run the steps one after another, each with a new copy of `before` at `registry`; see `Outcome`."""
        asked = {"place": str(self.place), "before": str(before), "registry": str(registry)}
        asked["steps"] = [asdict(step) for step in steps]  # type: ignore[assignment]
        done = self.inside(
            sys.executable, "-m", "tests.support.disks", json.dumps(asked), env=dict(environment), cwd=ROOT
        )
        assert done.returncode == 0, done.stderr
        return [
            Outcome(**{**each, "left": tuple(each["left"]), "problems": tuple(each["problems"])})
            for each in json.loads(done.stdout)
        ]

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nobody can write to it within the block."""
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def _remount(self, how: str) -> None:
        done = self.inside("mount", "-o", f"remount,{how}", str(self.place))
        assert done.returncode == 0, done.stderr


@contextmanager
def mounted(place: Path, megabytes: int) -> Iterator[Disk | None]:
    """A disk of that size at `place`; None where this machine does not let us have one."""
    place.mkdir(parents=True)
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", _HOLD, "sh"]
    if not all(shutil.which(name) for name in ("unshare", "nsenter", "mount")):
        yield None
        return
    with subprocess.Popen(
        [*command, f"{megabytes}m", str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        yield Disk(place, holder) if holder.stdout.readline() else None


def _step(place: Path, before: Path, registry: Path, step: Step) -> dict[str, Any]:
    """Run one step in this process; what it writes to both streams goes to files outside of the disk."""
    writable = os.access(place, os.W_OK)
    gc.collect()  # a connection that an error kept open holds files that are deleted already
    if writable:
        _clear(place)
    if writable or not registry.is_relative_to(place):
        _put(before, registry)
    if writable:
        _fill(place, step.room)
    known = _files(place)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        code = _called((*step.words, "--registry", str(registry)), out.fileno(), errors.fileno())
        texts = [_text(stream) for stream in (out, errors)]
    if writable:
        (place / _BALLAST).unlink(missing_ok=True)
    left = sorted(n for n, size in _files(place).items() if known.get(n) != size and n != _BALLAST)
    with tempfile.TemporaryDirectory() as folder:  # a registry on a read-only disk cannot be opened
        copy = _put(registry, Path(folder) / "registry.db")
        from hubselect.registry import Registry

        with Registry.open(copy, create=False) as opened:
            problems = [f"{p.what}: {p.where}" for p in opened.check()]
        changed = said(copy) != said(before)
    return asdict(Outcome(code, *texts, tuple(left), tuple(problems), changed))


def _put(source: Path, target: Path) -> Path:
    """The database with what a writer may have left beside it, in place of whatever is there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for ending in ("", "-wal", "-shm"):
        target.with_name(target.name + ending).unlink(missing_ok=True)
        if source.with_name(source.name + ending).exists():
            shutil.copy(source.with_name(source.name + ending), target.with_name(target.name + ending))
    return target


def _called(words: Sequence[str], out: int, errors: int) -> int:
    from hubselect.cli import main

    kept = [os.dup(1), os.dup(2)]
    argv, sys.argv = sys.argv, ["hubselect", *words]
    try:
        for stream, target in ((1, out), (2, errors)):
            os.dup2(target, stream)
        main()
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for stream, target in ((1, kept[0]), (2, kept[1])):
            os.dup2(target, stream)
            os.close(target)
        sys.argv = argv
    return 0


def _clear(place: Path) -> None:
    for path in place.iterdir():
        if path.name == "cache":
            continue  # of the Hub's client: what a command fetched before need not be fetched again
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _fill(place: Path, room: int | None) -> None:
    """Leave `room` bytes on the disk, to the page."""
    if room is None:
        return
    handle, size = os.open(place / _BALLAST, os.O_WRONLY | os.O_CREAT), 0
    try:
        while True:
            size += os.write(handle, b"\0" * 4096)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        os.truncate(handle, max(0, size - room))
    finally:
        os.close(handle)


def _files(place: Path) -> dict[str, int]:
    found = (p for p in place.rglob("*") if p.is_file() and not p.is_symlink())
    return {str(p.relative_to(place)): p.stat().st_size for p in found}


def _text(stream: Any) -> str:
    stream.seek(0)
    text: str = stream.read().decode()
    return text


if __name__ == "__main__":
    given = json.loads(sys.argv[1])
    print(
        json.dumps(
            [
                _step(
                    Path(given["place"]),
                    Path(given["before"]),
                    Path(given["registry"]),
                    Step(tuple(step["words"]), step["room"]),
                )
                for step in given["steps"]
            ]
        )
    )
