"""Words of sentences: which token each begins at, what is read of long ones, and their features."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import load_splits
from hubselect.training.examples import Examples, ragged
from hubselect.training.features import forward_features
from hubselect.training.loading import load_config
from hubselect.training.problems import NOT_READ, problem_for
from hubselect.training.targets import IGNORED
from hubselect.training.tasks import PreparedWords, TextAdapter
from tests.support.kinds import TAGS, write_words
from tests.support.repos import write_text_model

RECIPE = Recipe.usual("token-classification")


@pytest.fixture(scope="module")
def sentences_of_words(workshop: Path) -> Dataset:
    folder = write_words(workshop, "someone/words")
    return Dataset(
        str(folder),
        "token-classification",
        text_columns=("tokens",),
        label_column="ner_tags",
        label_names=TAGS,
    )


def examples(*sentences: tuple[str, ...]) -> Examples:
    classes = [np.arange(len(words), dtype=np.int64) % 3 for words in sentences]
    return Examples(
        np.zeros(len(sentences), np.int64), repr(sentences), words=sentences, truth=ragged(classes)
    )


def prepared_by(checkpoint: Path, these: Examples, length: int = 64) -> PreparedWords:
    config = load_config(checkpoint)
    config.vocab_size = 1000
    made = TextAdapter(checkpoint, config, length, of_words=True).prepare(these)
    assert isinstance(made, PreparedWords)
    return made


def test_a_word_stands_at_its_first_token(bert: Path) -> None:
    """ "lovelyday" is no word of the vocabulary: of its tokens only the first carries the class."""
    these = examples(("the", "lovelyday", "was", "great"), ("sad",))
    made = prepared_by(bert, these)
    tokenizer = TextAdapter(bert, load_config(bert), 64).tokenizer
    beginnings = [
        [
            tokenizer.convert_ids_to_tokens(int(made.text.ids[row, place]))
            for place in np.flatnonzero(made.places[row] >= 0)
        ]
        for row in (0, 1)
    ]
    assert beginnings[0][0] == "the"
    assert beginnings[0][-1] == "great"
    assert len(beginnings[0]) == 4
    assert beginnings[1] == ["sad"]
    assert made.places[made.places >= 0].tolist() == [0, 1, 2, 3, 4]
    target = problem_for(Dataset("d", "token-classification"), TAGS).target(these, made)
    assert target[target != IGNORED].tolist() == [0, 1, 2, 0, 0]


def test_words_past_the_length_are_wrong_and_never_missing(bert: Path) -> None:
    """Models that read less are scored on the same words."""
    these = examples(("great",) * 20)
    made = prepared_by(bert, these, length=12)
    problem = problem_for(Dataset("d", "token-classification"), TAGS)
    rows, logits = np.array([0]), torch.zeros(1, made.text.ids.shape[1], 3)
    predicted = problem.joined([(rows, problem.predicted(logits))], these, made)
    assert len(predicted[0]) == 20
    assert (predicted[0][10:] == NOT_READ).all()
    assert (predicted[0][:10] == 0).all()


def test_a_tokenizer_that_counts_the_space_is_told_of_it(workshop: Path) -> None:
    """Byte-level tokenizers make other tokens at the beginning of a text than within it: as words of a
    sentence all are within."""
    from tests.support.tokenizer import byte_level_tokenizer

    folder = write_text_model(workshop, "someone/byte-level")
    byte_level_tokenizer().save_pretrained(folder)
    made = prepared_by(folder, examples(("great", "great", "great")))
    first = [int(made.text.ids[0, place]) for place in np.flatnonzero(made.places[0] >= 0)]
    assert len(set(first)) == 1


def test_features_are_those_of_words(bert: Path, text_model: Model, sentences_of_words: Dataset) -> None:
    found = forward_features(bert, text_model, sentences_of_words, RECIPE, max_samples=16)
    train = load_splits(sentences_of_words, RECIPE).train
    assert train.truth is not None
    assert len(found.labels) > 16
    assert found.samples == 16
    assert set(found.labels.tolist()) == {0, 1, 2}
    assert {table.shape for table in found.hidden.values()} == {(len(found.labels), 32)}
    assert found.posterior is None
    same = found.hidden["mean"]
    assert np.isfinite(same).all()
    assert len(np.unique(same, axis=0)) > 3
