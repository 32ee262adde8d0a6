"""What the zoo's model cards say, and sentence embeddings of it: the paper's text-based similarity.

The cards are those that the demo's hub serves, read and embedded by the product as in
`hubselect place --text-model`. The paper embeds with Sentence-BERT; here it is a checkpoint of the zoo,
pre-trained on documentation. Bags of words stand beside it, as a text model that nobody trained.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

TEXT_MODEL = "bert-docs"


@dataclass(frozen=True)
class Cards:
    """The words of every model's card, by id, and one vector of length one for each: [d]."""

    words: Mapping[str, str]
    embedded: Mapping[str, FloatArray]

    def vectors(self, models: Sequence[str]) -> FloatArray:
        """[n, d], in the order of `models`."""
        return np.stack([self.embedded[m] for m in models])

    def bags(self, models: Sequence[str]) -> FloatArray:
        """Rows of length one [n, n_words]: words weighted by how few of these cards use them (tf-idf)."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        table: FloatArray = TfidfVectorizer().fit_transform([self.words[m] for m in models]).toarray()
        return table


def read_cards(models: Collection[str]) -> Cards:
    """The cards of these models of the zoo, written and embedded in a temporary folder."""
    from hubselect.demo.zoo import OWNER, write_hub
    from hubselect.hub.cards import plain
    from hubselect.records import Model
    from hubselect.training.sentences import embed

    names = [m.removeprefix(f"{OWNER}/") for m in sorted(models)]
    with tempfile.TemporaryDirectory() as folder:
        write_hub(Path(folder), only={*names, TEXT_MODEL})
        home = Path(folder) / "models" / OWNER
        texts = [plain((home / name / "README.md").read_bytes()) for name in names]
        reader = Model(f"{OWNER}/{TEXT_MODEL}", "text-classification")
        found = embed(home / TEXT_MODEL, reader, texts).astype(np.float64)
    ids = [f"{OWNER}/{name}" for name in names]
    return Cards(dict(zip(ids, texts, strict=True)), dict(zip(ids, found, strict=True)))
