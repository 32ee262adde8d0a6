"""The rules that tell text, image and label columns apart."""

from __future__ import annotations

from typing import Any

import pytest

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.columns import Column, Kind, choose_columns

ONE = "single_label_classification"


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


@pytest.mark.parametrize(
    ("given", "task", "problem", "inputs"),
    [
        (columns(text="string", label="float"), "text-classification", "regression", ("text",)),
        (
            columns(text="string", labels="list"),
            "text-classification",
            "multi_label_classification",
            ("text",),
        ),
        (
            columns(image="image", tags="list", label="float"),
            "image-classification",
            "regression",
            ("image",),
        ),
        (columns(file="string", audio="audio", label="class_label"), "audio-classification", ONE, ("audio",)),
        (columns(id="string", tokens="list", ner_tags="list"), "token-classification", ONE, ("tokens",)),
        (
            columns(tokens="list", pos_tags="list", chunk_tags="list", ner_tags="list"),
            "token-classification",
            ONE,
            ("tokens",),
        ),
        (columns(text="string", tokens="list", label="class_label"), "text-classification", ONE, ("text",)),
        (
            columns(
                premise="string", choice1="string", choice2="string", question="string", label="class_label"
            ),
            "multiple-choice",
            ONE,
            ("premise", "question", "choice1", "choice2"),
        ),
        (
            columns(sent1="string", sent2="string", ending0="string", ending1="string", label="integer"),
            "multiple-choice",
            ONE,
            ("sent1", "sent2", "ending0", "ending1"),
        ),
        (
            columns(question="string", choices="list", answer="integer", label="string"),
            "multiple-choice",
            ONE,
            ("question", "choices"),
        ),
    ],
)
def test_the_columns_tell_the_task_and_the_kind_of_label(
    given: list[Column], task: str, problem: str, inputs: tuple[str, ...]
) -> None:
    choice = choose_columns(given, name="o/d")
    files = [name for name in (choice.image, choice.audio) if name]
    assert (choice.task, choice.problem_type) == (task, problem)
    assert (*choice.text, *choice.choices, *files) == inputs


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"choice_columns": ["text"]}, "alone does not hold several options"),
        ({"choice_columns": ["text", "label"]}, "column 'label' is not text"),
        ({"text_columns": ["text"], "audio_column": "sound"}, "not several of them"),
        ({"audio_column": "text"}, "holds no sound"),
        ({"image_column": "sound", "choice_columns": ["text"]}, "options are texts"),
    ],
)
def test_a_named_column_has_to_serve(named: dict[str, Any], words: str) -> None:
    given = columns(text="string", sound="audio", label="integer")
    with pytest.raises(InvalidInput, match=words):
        choose_columns(given, name="o/d", **named)


def test_an_image_column_wins_over_text() -> None:
    given = columns(image="image", caption="string", label="class_label")
    choice = choose_columns(given, name="o/d")
    assert (choice.image, choice.text) == ("image", ())
    assert choose_columns(given, name="o/d", text_columns=["caption"]).text == ("caption",)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (columns(text="string"), "no label column"),
        (columns(text="string", fine="class_label", coarse="class_label"), "several columns.*--label-column"),
        (columns(text="string", topic="string", intent="string"), "several columns.*--label-column"),
        (columns(a="string", b="string", label="class_label"), "cannot tell.*--text-column"),
        (columns(left="image", right="image", label="class_label"), "several image columns.*--image-column"),
        (columns(x="float", label="class_label"), "no text, image or audio column"),
    ],
)
def test_what_cannot_be_decided_names_the_option(given: list[Column], words: str) -> None:
    with pytest.raises(UnsupportedDataset, match=words):
        choose_columns(given, name="o/d")
