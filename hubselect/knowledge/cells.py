"""Which missing cells of the performance matrix to fill first, when not all can be afforded.

1. Full rows: half of all scores shall belong to models with a score on every dataset (and three
   models at least, and no more than there are datasets). The model with the fewest gaps gets the
   rest of its row. Without full rows nobody can tell which datasets predict the others, and a
   dataset without any score cannot be predicted at all.
2. Otherwise datasets go in the greedy order of `suites.propose`: those first that tell most about
   the others. The order is the same for all models, because rows are compared on the datasets
   they share (Eq. 1) and means over different datasets are no ranking. The model with the fewest
   scores, filled or planned, is always next, so that all rows grow together.

Backtested against random choice in `benchmarks/growing/cells.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.knowledge.suites import MIN_MODELS, propose

_JUDGED = 2_000  # models at most that the order of datasets is learnt from; more change it little

Cell = tuple[str, str]


def dataset_order(matrix: PerformanceMatrix, datasets: Sequence[str]) -> tuple[str, ...]:
    """`datasets` by what their scores tell about the others of `matrix`, most telling first.

    Those without a score come last. Where too little is known to judge, those with more scores
    come first. Ties keep the order given.
    """
    wanted = tuple(dict.fromkeys(datasets))
    counts = dict(zip(matrix.datasets, (~np.isnan(matrix.scores)).sum(axis=0).tolist(), strict=True))
    judged = _sample(matrix)
    scored = int((~np.isnan(judged.scores)).any(axis=0).sum())
    try:
        ranks = {name: i for i, name in enumerate(propose(judged, max(1, scored)).datasets)}
    except KnowledgeMissing:
        ranks = {name: -count for name, count in counts.items() if count}
    return tuple(sorted(wanted, key=lambda name: ranks.get(name, len(counts))))


def _sample(matrix: PerformanceMatrix) -> PerformanceMatrix:
    """At most `_JUDGED` models: half evenly spaced among the sorted ids, half those with the most scores."""
    if len(matrix.models) <= _JUDGED:
        return matrix
    counts = (~np.isnan(matrix.scores)).sum(axis=1)
    order = sorted(range(len(matrix.models)), key=lambda i: matrix.models[i])
    spaced = [order[k] for k in np.linspace(0, len(order) - 1, _JUDGED // 2).astype(int)]
    fullest = sorted(set(order) - set(spaced), key=lambda i: (-counts[i], matrix.models[i]))
    return matrix.subset_models([matrix.models[i] for i in (*spaced, *fullest[: _JUDGED - len(spaced)])])


def next_cells(
    matrix: PerformanceMatrix,
    models: Sequence[str],
    datasets: Sequence[str],
    budget: int,
    *,
    settled: Collection[Cell] = (),
) -> tuple[Cell, ...]:
    """At most `budget` missing (model, dataset) cells of `models` x `datasets`, most informative first.

    Fewer than the budget where scores that are still to come decide what is next: ask again when
    they are known. A model need not have a row in `matrix`. `settled` are cells not to be filled
    although they have no score (failed ones). Raises `InvalidInput` for a budget below 1.
    """
    if budget < 1:
        raise InvalidInput(f"a budget of {budget} cells fills nothing", "give at least 1")
    ranked = dataset_order(matrix, datasets)
    known = {(matrix.models[i], matrix.datasets[j]) for i, j in np.argwhere(~np.isnan(matrix.scores))}
    closed = known.union(settled)
    gaps = {m: [d for d in ranked if (m, d) not in closed] for m in dict.fromkeys(models)}
    gaps = {model: missing for model, missing in gaps.items() if missing}
    counts = [len(known.intersection((m, d) for d in ranked)) for m in matrix.models]
    full = sum(
        n > 0 and all((m, d) in closed for d in ranked) for m, n in zip(matrix.models, counts, strict=True)
    )
    wanted = min(len(ranked), max(MIN_MODELS, sum(counts) // (2 * max(1, len(ranked))) + 1))
    if full < wanted:
        first = sorted(gaps, key=lambda m: (len(gaps[m]), m))[: wanted - full]
        return tuple((m, d) for m in first for d in gaps[m])[:budget]
    turns = sorted((len(ranked) - len(gaps[m]) + k, m, d) for m in gaps for k, d in enumerate(gaps[m]))
    if full < len(ranked):  # after so many more, half of the scores are outside full rows
        budget = min(budget, 2 * len(ranked) * full - sum(counts))
    return tuple((m, d) for _, m, d in turns[:budget])
