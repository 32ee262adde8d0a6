"""Phase 2: the seam between policies and executors, and the policies.

Knows numpy and the records only; nothing here trains, downloads or writes.
"""

from __future__ import annotations

from collections.abc import Mapping

from hubselect.errors import InvalidInput
from hubselect.selection.brute_force import BruteForce
from hubselect.selection.budget import Budget, Budgeted, Costs
from hubselect.selection.fine_selection import FineSelection, Forecast
from hubselect.selection.knowledge_gradient import PRICE, Ends, KnowledgeGradient, NothingKnown
from hubselect.selection.rounds import StagedPolicy
from hubselect.selection.stages import Executor, Finished, History, Journal, Policy, Stage, drive
from hubselect.selection.successive_halving import SuccessiveHalving

__all__ = [
    "POLICIES",
    "PRICE",
    "BruteForce",
    "Budget",
    "Budgeted",
    "Costs",
    "Ends",
    "Executor",
    "FineSelection",
    "Finished",
    "Forecast",
    "History",
    "Journal",
    "KnowledgeGradient",
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
    "knowledge-gradient": "a model trains on while it may still win by more than its epochs cost",
    "brute-force": "every candidate is fine-tuned to the end",
}


def make_policy(
    name: str,
    stages: int,
    forecast: Forecast,
    *,
    threshold: float = 0.0,
    stages_per_epoch: int = 1,
    ends: Ends | None = None,
    price: float = PRICE,
    epochs: tuple[float, ...] = (),
) -> StagedPolicy:
    """The policy called `name` for `stages` stages; raises `InvalidInput` for an unknown name.

    `forecast` and `threshold` are fine selection's; it and halving decide once in `stages_per_epoch`
    stages, as in the paper, however often curves are validated; `ends`, `price` and
    `epochs` (after each stage; empty: stages are equally long) the knowledge gradient's.
    """
    if name == "fine-selection":
        return FineSelection(stages, forecast, threshold, every=stages_per_epoch)
    if name == "successive-halving":
        return SuccessiveHalving(stages, every=stages_per_epoch)
    if name == "knowledge-gradient":
        return KnowledgeGradient(stages, ends or NothingKnown(), price, epochs)
    if name == "brute-force":
        return BruteForce(stages)
    raise InvalidInput(f"unknown policy {name!r}", f"choose one of {', '.join(POLICIES)}")
