"""The rules that tell text, image and label columns apart."""

from __future__ import annotations

import pytest

from hubselect.errors import UnsupportedDataset
from hubselect.hub.columns import Column, Kind, choose_columns


def columns(**kinds: Kind) -> list[Column]:
    return [Column(name, kind, ("a", "b") if kind == "class_label" else ()) for name, kind in kinds.items()]


@pytest.mark.parametrize(
    ("given", "text", "label"),
    [
        (columns(text="string", label="class_label"), ("text",), "label"),
        (columns(idx="integer", Sentence="string", LABEL="integer"), ("Sentence",), "LABEL"),
        (
            columns(premise="string", hypothesis="string", label="class_label"),
            ("premise", "hypothesis"),
            "label",
        ),
        (
            columns(question="string", sentence="string", label="class_label"),
            ("question", "sentence"),
            "label",
        ),
        (columns(text="string", label="integer", label_text="string"), ("text",), "label"),
        (columns(title="string", content="string", label="class_label"), ("content",), "label"),
        (columns(id="string", Phrase="string", Sentiment="integer"), ("Phrase",), "Sentiment"),
        (columns(label="integer", labels="integer", kind="class_label", text="string"), ("text",), "kind"),
        (columns(label="string", category="string", text="string"), ("text",), "label"),
    ],
)
def test_usual_columns_are_found(given: list[Column], text: tuple[str, ...], label: str) -> None:
    choice = choose_columns(given, name="o/d")
    assert (choice.text, choice.label.name) == (text, label)


def test_an_image_column_wins_over_text() -> None:
    given = columns(image="image", caption="string", label="class_label")
    choice = choose_columns(given, name="o/d")
    assert (choice.image, choice.text) == ("image", ())
    assert choose_columns(given, name="o/d", text_columns=["caption"]).text == ("caption",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (columns(text="string", label="float"), "regression"),
        (columns(text="string", labels="list"), "several labels per example"),
        (columns(text="string"), "no label column"),
        (columns(text="string", fine="class_label", coarse="class_label"), "several columns.*--label-column"),
        (columns(text="string", topic="string", intent="string"), "several columns.*--label-column"),
        (columns(a="string", b="string", label="class_label"), "cannot tell.*--text-column"),
        (columns(left="image", right="image", label="class_label"), "several image columns.*--image-column"),
        (columns(x="float", label="class_label"), "no text and no image"),
    ],
)
def test_what_cannot_be_decided_names_the_option(given: list[Column], words: str) -> None:
    with pytest.raises(UnsupportedDataset, match=words):
        choose_columns(given, name="o/d")
