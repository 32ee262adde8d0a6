"""Class names that a checkpoint's own head and a target share."""

from __future__ import annotations

import pytest

from hubselect.recall.classes import Classes, named


@pytest.mark.parametrize("nothing", ["0", "LABEL_0", "label 12", "class3", "Class-1", "", "__"])
def test_numbers_are_no_names(nothing: str) -> None:
    """What a head calls its classes when nobody named them tells nothing."""
    assert named([nothing]) == frozenset()


def test_case_and_punctuation_do_not_matter() -> None:
    assert named(["Very_Negative", "very negative", "POSITIVE!"]) == {"very negative", "positive"}


def test_shares_are_of_the_targets_classes() -> None:
    """A head with more classes than the target is as good as one with just these."""
    classes = Classes(
        {
            "all": ("Negative", "neutral", "POSITIVE"),
            "half": ("positive", "other"),
            "none": ("cat", "dog"),
            "headless": (),
            "numbered": ("LABEL_0", "LABEL_1"),
        },
        {"films": ("negative", "positive"), "numbers": ("0", "1")},
    )
    assert classes.shared_with("films") == {"all": 1.0, "half": 0.5}
    assert classes.shared_with("numbers") == {}
    assert classes.shared_with("unheard of") == {}
