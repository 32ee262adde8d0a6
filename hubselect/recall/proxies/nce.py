"""NCE: Transferability and Hardness of Supervised Classification Tasks (Tran, Nguyen, Hassner 2019)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hubselect.recall.proxies.base import Proxy, Target
from hubselect.recall.proxies.leep import probabilities


def nce(
    posterior: npt.ArrayLike, labels: npt.ArrayLike, *, target: Target = "classification", seed: int = 0
) -> float:
    """Minus the conditional entropy of the labels given the head's most probable class; <= 0, in nats.

    With z(x) = argmax of the source head and counts over the examples:
    NCE = mean_i log P(y_i | z_i) = -H(Y | Z). Ties go to the lowest source class; source classes
    that are never the most probable play no part. A head that answers always the same gives minus
    the labels' entropy. A head with about as many classes as there are examples can name them all
    and score 0, as in the paper.

    `posterior` [n, z] rows of probabilities, `labels` [n] class numbers. `seed` has no effect.
    Raises `InvalidInput` as `leep` does.
    """
    table, own, classes = probabilities(posterior, labels, target)
    answers, answer = np.unique(table.argmax(axis=1), return_inverse=True)
    counts = np.zeros((len(answers), classes))
    np.add.at(counts, (answer, own), 1.0)
    conditional = counts / counts.sum(axis=1, keepdims=True)
    return min(0.0, float(np.log(conditional[answer, own]).mean()))


PROXY = Proxy(
    name="nce",
    needs="head",
    normalisation="exp",
    function=nce,
    summary="log-likelihood of the labels given the class the checkpoint predicts (Tran et al. 2019)",
    fallback="nleep",
)
