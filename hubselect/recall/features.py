"""What one forward pass of a checkpoint says about a sample of a dataset: the input of every proxy score.

A pass is taken once (`training.features`), and every proxy is computed from the same arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Pooling = Literal["mean", "cls", "layers", "both"]

KEPT: tuple[Pooling, ...] = ("mean", "cls", "layers")
"""The poolings a pass collects."""

POOLINGS: tuple[Pooling, ...] = (*KEPT, "both")
"""The poolings a proxy can look at: the kept ones, and what is made of them."""

DEFAULT_POOLING: Pooling = "mean"


@dataclass(frozen=True)
class Features:
    """The outputs of a checkpoint as published for n labelled examples (or words, or options).

    `posterior` float64 [n, z]: probabilities over the checkpoint's own z classes; None without a
    trained head. `labels` int [n]: the dataset's classes, or whole numbers that stand for labels of another
    kind; those are `truth`: float [n] numbers or bool [n, c] sets of classes. `samples` are the examples
    that were read, `train_size` the rows of the train split they were drawn from: the pass costs
    samples / train_size epochs at most.
    `seconds` of wall clock were spent, loading included.

    `hidden` has one float32 array [n, d] per kept pooling:

    - "mean": the last hidden state, averaged over tokens (padding left out), patches or positions;
    - "cls": the last hidden state where the model gathers the whole input. Text: the tokenizer's
      CLS token (first in BERT, last in XLNet), and the last token when it has none (a causal
      model has read everything there, T5's is the end of the sequence). Images: the class token;
      without one (ConvNeXt, ResNet, Swin) the average over positions, which is what those models
      classify from, hence the same as "mean";
    - "layers": the mean of "mean" over all layers, the embeddings left out (as TransformerRanker
      does). Where the width changes on the way (the stages of ConvNeXt, ResNet, Swin) the layers of
      each width are averaged and the widths stand side by side, first stage first: d is their sum.
    """

    posterior: npt.NDArray[np.float64] | None
    hidden: Mapping[Pooling, npt.NDArray[np.float32]]
    labels: npt.NDArray[np.int64]
    samples: int
    train_size: int
    seconds: float
    truth: npt.NDArray[np.float64] | npt.NDArray[np.bool_] | None = None

    def pooled(self, pooling: Pooling) -> npt.NDArray[np.float32]:
        """The features [n, d] under any pooling: "both" is "mean" and "cls" side by side, and "mean"
        alone where the two are the same."""
        if pooling != "both":
            return self.hidden[pooling]
        mean, cls = self.hidden["mean"], self.hidden["cls"]
        return mean if np.array_equal(mean, cls) else np.concatenate([mean, cls], axis=1)
