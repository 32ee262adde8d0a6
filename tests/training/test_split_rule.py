from __future__ import annotations

import datasets
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.records import Dataset, Recipe
from hubselect.training.data import _arrange, _Part

TEXT = Recipe("text-classification")

labels_with_two_classes = st.lists(st.integers(0, 3), min_size=12, max_size=60).map(
    lambda v: [0, 0, 0, 1, 1, 1, *v]
)


@given(
    train=labels_with_two_classes,
    validation=st.none() | labels_with_two_classes,
    test=st.none() | labels_with_two_classes,
    caps=st.tuples(st.none() | st.integers(6, 40), st.none() | st.integers(4, 40)),
)
@settings(max_examples=40, deadline=None)
def test_the_split_rule(
    train: list[int],
    validation: list[int] | None,
    test: list[int] | None,
    caps: tuple[int | None, int | None],
) -> None:
    """Whatever splits exist: disjoint parts from the right splits, capped, all classes trained."""
    parts = {
        name: _part(name, labels)
        for name, labels in (("train", train), ("validation", validation), ("test", test))
        if labels is not None
    }
    dataset = Dataset("d", "text-classification", text_columns=("text",), label_column="label")
    recipe = TEXT.with_(max_train_samples=caps[0], max_eval_samples=caps[1])
    splits = _arrange(parts, dataset, recipe, ("0", "1", "2", "3"), 0)
    origin = {"train": "train", "validation": "train", "test": "train"}
    if test is not None:
        origin["test"] = "test"
        origin["validation"] = "validation" if validation is not None else "train"
    elif validation is not None:
        origin["test"] = "validation"
    seen: set[tuple[str, ...]] = set()
    for role, examples in (("train", splits.train), ("validation", splits.validation), ("test", splits.test)):
        assert {text.split()[0] for (text,) in examples.texts} == {origin[role]}
        assert [int(text.split()[2]) for (text,) in examples.texts] == examples.labels.tolist()
        assert not seen & set(examples.texts)
        seen |= set(examples.texts)
        cap = caps[0] if role == "train" else caps[1]
        assert cap is None or len(examples) <= cap
    assert set(splits.train.labels.tolist()) == set(train)
    assert (splits.test_origin == "carved from train") == (origin["test"] == "train")
    assert (splits.validation_origin == "carved from train") == (origin["validation"] == "train")


def _part(name: str, labels: list[int]) -> _Part:
    rows = datasets.Dataset.from_dict({"text": [f"{name} {i} {label}" for i, label in enumerate(labels)]})
    return _Part(name, rows, np.arange(len(labels)), np.array(labels), None)
