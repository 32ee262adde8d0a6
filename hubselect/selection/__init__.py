"""Phase 2: the seam between policies and executors, and the policies.

Knows numpy and the records only; nothing here trains, downloads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubselect.errors import InvalidInput
from hubselect.selection.brute_force import BruteForce
from hubselect.selection.fine_selection import FineSelection, Forecast
from hubselect.selection.rounds import StagedPolicy
from hubselect.selection.stages import Executor, Finished, History, Journal, Policy, Stage, drive
from hubselect.selection.successive_halving import SuccessiveHalving

__all__ = [
    "POLICIES",
    "BruteForce",
    "Executor",
    "FineSelection",
    "Finished",
    "Forecast",
    "History",
    "Journal",
    "Policy",
    "Stage",
    "StagedPolicy",
    "SuccessiveHalving",
    "drive",
    "make_policy",
]

POLICIES: Mapping[str, str] = {
    "fine-selection": "the paper's Algorithm 1: halving plus predicted ends",
    "successive-halving": "the better half stays at every stage",
    "brute-force": "every candidate is fine-tuned to the end",
}


def make_policy(name: str, stages: int, forecast: Forecast, *, threshold: float = 0.0) -> StagedPolicy:
    """The policy called `name` for `stages` stages; raises `InvalidInput` for an unknown name."""
    if name == "fine-selection":
        return FineSelection(stages, forecast, threshold)
    if name == "successive-halving":
        return SuccessiveHalving(stages)
    if name == "brute-force":
        return BruteForce(stages)
    raise InvalidInput(f"unknown policy {name!r}", f"choose one of {', '.join(POLICIES)}")
