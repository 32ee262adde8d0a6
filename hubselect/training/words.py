"""Words as examples of their own: which are looked at, and what a model makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from hubselect.recall.features import Pooling
from hubselect.training.examples import Examples
from hubselect.training.pooling import states_of
from hubselect.training.sampling import IntArray, stratified_sample
from hubselect.training.tasks import PreparedWords

_MOST = 2048


@dataclass(frozen=True)
class SampledWords:
    """Words with a class, int [w] each: the `rows` they stand in, sorted, the token each begins at
    (`places`) and its class (`labels`)."""

    rows: IntArray
    places: IntArray
    labels: IntArray


def sampled_words(examples: Examples, prepared: PreparedWords, seed: int) -> SampledWords:
    """At most 2,048 words that were not cut off, stratified by their class."""
    assert examples.truth is not None
    rows, tokens = np.nonzero(prepared.places >= 0)
    labels = np.concatenate(examples.truth)[prepared.places[rows, tokens]]
    known = np.flatnonzero(labels >= 0)
    taken = known[stratified_sample(labels[known], _MOST, seed)]
    return SampledWords(rows[taken], tokens[taken], labels[taken])


def at_words(
    output: Any, rows: IntArray, words: SampledWords
) -> tuple[IntArray, dict[Pooling, torch.Tensor]]:
    """Which of the words stand in `rows`, the examples of a batch in its order, and their states float32
    [b, d]: the last one, which is "mean" and "cls" for a word, and the mean over the layers.

    Raises `UnsupportedModel` when the output holds no hidden states.
    """
    position = {row: place for place, row in enumerate(rows.tolist())}
    of = np.flatnonzero(np.isin(words.rows, rows))
    found = states_of(output)
    device = found[0].device
    within = torch.tensor([position[row] for row in words.rows[of].tolist()], dtype=torch.long).to(device)
    tokens = torch.from_numpy(words.places[of]).to(device)
    states = [state[within, tokens].float().cpu() for state in found]
    last = states[-1]
    layers = torch.stack(states[1:]).mean(0) if len(states) > 1 else last
    return of, {"mean": last, "cls": last, "layers": layers}
