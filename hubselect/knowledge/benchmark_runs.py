"""Which runs count as benchmark results; shared by the performance matrix and the trends."""

from __future__ import annotations

import math
from collections.abc import Iterable

from hubselect.errors import InvalidInput
from hubselect.records import Run


def finished(runs: Iterable[Run]) -> list[Run]:
    """The finished benchmark runs among `runs`: done, with a test score, of no selection.

    A test score of NaN means missing, so such a run is left out. Raises `InvalidInput` for an
    infinite score and for runs under more than one recipe, whose scores are not comparable.
    """
    kept = [r for r in runs if r.status == "done" and r.selection is None and not _missing(r.test)]
    for run in kept:
        if run.test is not None and math.isinf(run.test):
            raise InvalidInput(
                f"the test score of {run.model} on {run.dataset} is infinite", "remove or repeat that run"
            )
    recipes = sorted({r.recipe for r in kept})
    if len(recipes) > 1:
        raise InvalidInput(
            f"runs under {len(recipes)} recipes are not comparable ({', '.join(recipes)})",
            "choose one recipe",
        )
    return kept


def _missing(score: float | None) -> bool:
    return score is None or math.isnan(score)
