"""What a worker process does before its first call: end with its parent, and keep quiet.

A driver that is killed must not leave workers behind that go on writing training states
while a resumed driver reads them.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Mapping
from multiprocessing.connection import wait


def start_worker(card: str | None = None, environment: Mapping[str, str] | None = None) -> None:
    """Initializer of every worker process. `card` is the CUDA device it sees, if it shall not see all,
    `environment` the driver's, which a forked process has from another one."""
    if environment is not None:
        os.environ.clear()
        os.environ.update(environment)
    if card is not None:  # torch asks for devices when it first uses one
        os.environ["CUDA_VISIBLE_DEVICES"] = card
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's to handle
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)
