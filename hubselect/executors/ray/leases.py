"""Temporary folders of a machine that go with their users, however these end.

All lie in one folder per user. A process holds the lock of a folder while it uses it; what nobody
holds was left by a kill, and the next one to come removes it.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from hubselect.errors import StorageFailed

_LOCK = ".lock"
_FORGOTTEN = 60.0  # seconds after which a folder without a lock is nobody's
_held: dict[Path, int] = {}


def root() -> Path:
    """The folder of this user's leases. Raises `StorageFailed` when it belongs to somebody else."""
    # paths of sockets are short: macOS's own temporary folder is too deep for Ray's
    base = Path("/tmp") if sys.platform == "darwin" else Path(tempfile.gettempdir())
    folder = base / f"hubselect-ray-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise StorageFailed(f"{folder} belongs to somebody else", "set TMPDIR to another folder")
    return folder


def lease(name: str) -> Path:
    """The folder `name`, made if need be, and held until this process ends or removes it."""
    folder = root() / name
    while folder not in _held:
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            handle = os.open(folder / _LOCK, os.O_CREAT | os.O_RDWR, 0o600)
        except FileNotFoundError:  # swept in between
            continue
        fcntl.flock(handle, fcntl.LOCK_SH)
        if _same(handle, folder / _LOCK):
            _held[folder] = handle
        else:
            os.close(handle)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder, whoever uses it."""
    shutil.rmtree(folder, ignore_errors=True)
    handle = _held.pop(folder, None)
    if handle is not None:
        os.close(handle)
    with suppress(OSError):
        folder.parent.rmdir()  # if it was the last one


def remove_all(prefix: str) -> None:
    """Remove every folder whose name begins so."""
    for folder in root().glob(f"{prefix}*"):
        remove(folder)


def sweep() -> None:
    """Remove the folders that no process holds."""
    for folder in root().iterdir():
        if folder in _held:
            continue
        try:
            handle = os.open(folder / _LOCK, os.O_RDWR)
        except OSError:  # being made, or left by a removal that somebody wrote into
            with suppress(OSError):
                if time.time() - folder.stat().st_mtime > _FORGOTTEN:
                    shutil.rmtree(folder, ignore_errors=True)
            continue
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
        except BlockingIOError:
            pass
        finally:
            os.close(handle)


def _same(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False
