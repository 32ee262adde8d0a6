"""How worker processes come to be.

Importing torch and transformers costs seconds of a core. On Linux one process imports them (a fork
server), and workers are forked from it in milliseconds: the second worker, and every later one of the
same driver, costs nothing. The server has no threads and has not touched an accelerator, so forking it
is safe. Elsewhere workers are spawned, and import for themselves.

Libraries read the environment when they are imported. A driver whose environment has changed since its
server started spawns its workers, too; and so does one whose temporary folder cannot hold the server's
socket, because its path is too long for one (about 100 characters) or it cannot be written.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import sys
from multiprocessing.context import BaseContext
from multiprocessing.forkserver import ensure_running

_LIBRARIES = "hubselect.executors.libraries"
# beginnings of names that are read when they are needed, if at all; importing ray sets some of its own
_NOT_READ = ("HUBSELECT_", "PYTEST_", "RAY_")
# by `training.quiet`, torch and scikit-learn, when they are imported or first used
_SET_BY_LIBRARIES = (
    "DISABLE_SAFETENSORS_CONVERSION",
    "TOKENIZERS_PARALLELISM",
    "KMP_DUPLICATE_LIB_OK",
    "KMP_INIT_AT_FORK",
    "TORCHINDUCTOR_CACHE_DIR",
)
_READ_LATE = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")  # whenever a request is made
_OF_SHELLS = ("PWD", "OLDPWD", "SHLVL", "_", "COLUMNS", "LINES")


def worker_context() -> BaseContext:
    """The way to start the next worker process."""
    return multiprocessing.get_context("forkserver" if _server() == _environment() else "spawn")


@functools.cache
def _server() -> dict[str, str] | None:
    """The environment in which the fork server was started, once; None where there is none."""
    if sys.platform != "linux":
        return None
    multiprocessing.get_context("forkserver").set_forkserver_preload([_LIBRARIES])
    try:
        ensure_running()  # now, so that its environment is this one
    except OSError:
        return None
    return _environment()


def _environment() -> dict[str, str]:
    """What libraries may have read."""
    ignored = (*_SET_BY_LIBRARIES, *_READ_LATE, *_OF_SHELLS)
    return {n: v for n, v in os.environ.items() if n not in ignored and not n.startswith(_NOT_READ)}
