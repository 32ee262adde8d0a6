"""The closing statement of a selection: why this model, by how much, how sure, at what cost."""

from __future__ import annotations

from hubselect.knowledge.assurance import assurance
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.records import Explanation, Selection
from hubselect.selection import History
from hubselect.selection.costs import brute_force_epochs, successive_halving_epochs


def explanation_for(
    selection: Selection,
    history: History,
    *,
    ends: CurveEnds,
    tolerance: float,
    epochs: int,
    candidates: int,
) -> Explanation:
    """What is to be said of a finished `selection`, from the `history` that its journal holds.

    `ends` is what recorded curves taught when it began; differences of scores up to `tolerance` are ties.
    A full training has so many `epochs`, and `candidates` models came into question.
    """
    winner, recalled = selection.model_id, len(selection.recalled)
    sure = assurance(
        winner,
        selection.test_score,
        history.points,
        selection.recalled,
        ends,
        tolerance,
        failed=history.failed,
    )
    kept = [v for v in selection.history if v.model == winner and v.kept]
    nearest = sure.rivals[0] if sure.rivals else None
    return Explanation(
        why=kept[-1].reason if kept else "the only one left",
        tolerance=tolerance,
        margin=nearest.behind if nearest else None,
        second=nearest.model if nearest else None,
        probability=sure.probability,
        unknown=sure.unknown,
        rivals=sure.rivals,
        left_out=sure.left_out,
        epochs=selection.cost.epochs,
        candidates=candidates,
        recalled=recalled,
        epochs_brute_force_recalled=brute_force_epochs(recalled, epochs),
        epochs_brute_force=brute_force_epochs(candidates, epochs),
        epochs_successive_halving=successive_halving_epochs(candidates, epochs),
    )
