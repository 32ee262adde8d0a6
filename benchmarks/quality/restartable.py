"""How a program ends that goes on where it was stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable

from hubselect.errors import HubselectError


def restartable(work: Callable[[], int]) -> int:
    """The exit status of `work`: its own, 1 with one line for what went wrong, 130 when it was stopped."""
    try:
        return work()
    except HubselectError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
