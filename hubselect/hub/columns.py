"""Which columns hold the inputs and the label, and so which task a dataset is for: pure rules over names
and types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hubselect.errors import InvalidInput, UnsupportedDataset
from hubselect.hub.column_rules import (
    CHOICE_LISTS,
    CHOICES,
    CONTEXTS,
    LABEL_NAMES,
    NOT_TEXT,
    TAG_NAMES,
    TEXT_NAMES,
    TEXT_PAIRS,
    WORD_NAMES,
)
from hubselect.records import ProblemType, Task

Kind = Literal["string", "class_label", "integer", "bool", "float", "image", "audio", "list", "other"]


@dataclass(frozen=True)
class Column:
    """`label_names` are the class names of a "class_label", or of a list of them, in index order, empty
    otherwise; `items` is what a list holds, as far as it is known."""

    name: str
    kind: Kind
    label_names: tuple[str, ...] = ()
    items: Kind | None = None


@dataclass(frozen=True)
class Choice:
    """The inputs, the label, and the task they make: one or two `text` columns (one of lists of words, for
    token classification), perhaps with the `choices` that follow them; an `image` or an `audio` column."""

    label: Column
    text: tuple[str, ...] = ()
    image: str | None = None
    audio: str | None = None
    choices: tuple[str, ...] = ()
    task: Task = "text-classification"

    @property
    def problem_type(self) -> ProblemType:
        if self.task not in ("token-classification", "multiple-choice"):
            if self.label.kind == "float":
                return "regression"
            if self.label.kind == "list":
                return "multi_label_classification"
        return "single_label_classification"


_CLASS_KINDS = frozenset(("class_label", "integer", "string", "bool"))


def choose_columns(
    columns: Sequence[Column],
    *,
    name: str,
    text_columns: Sequence[str] = (),
    choice_columns: Sequence[str] = (),
    image_column: str | None = None,
    audio_column: str | None = None,
    label_column: str | None = None,
) -> Choice:
    """The columns to learn from; explicit ones win over the rules, and are checked.

    `name` is the dataset's name for messages. Raises InvalidInput for an explicit column that
    does not exist or cannot serve, UnsupportedDataset when the rules do not decide: the
    message lists the columns, the hint names the option to set.
    """
    given = Given(tuple(text_columns), tuple(choice_columns), image_column, audio_column, label_column)
    check_given(columns, given)
    if not given.text and (image := image_column or _of_kind(columns, "image", name)) is not None:
        return Choice(_label(columns, name, given), image=image, task="image-classification")
    if not given.text and (audio := audio_column or _of_kind(columns, "audio", name)) is not None:
        return Choice(_label(columns, name, given), audio=audio, task="audio-classification")
    words = _words(columns, given)
    if words is not None:
        return Choice(_tags(columns, name, words, given), text=(words,), task="token-classification")
    choices = given.choices or _choices(columns)
    label = _label(columns, name, given, choices)
    rest = [c for c in columns if c.name != label.name and c.name not in choices]
    if choices:
        return Choice(label, given.text or _context(rest, name), choices=choices, task="multiple-choice")
    return Choice(label, text=given.text or _text(rest, name))


def describe(columns: Sequence[Column]) -> str:
    """The columns with their types, for messages."""
    return ", ".join(f"{c.name} ({c.kind.replace('_', ' ')})" for c in columns)


@dataclass(frozen=True)
class Given:
    """The columns that somebody named."""

    text: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    image: str | None = None
    audio: str | None = None
    label: str | None = None


def check_given(columns: Sequence[Column], given: Given) -> None:
    """Raise `InvalidInput` unless the columns exist and can serve."""
    by_name = {c.name: c for c in columns}
    there = f"choose from its columns: {describe(columns)}"
    text, image, audio, label = given.text, given.image, given.audio, given.label
    if len(text) > 2 or len(set(text)) != len(text):
        raise InvalidInput("give one text column, or two different ones for sentence pairs")
    if sum(map(bool, (text, image, audio))) > 1:
        raise InvalidInput("give text columns, an image column or an audio column, not several of them")
    if given.choices and (image or audio):
        raise InvalidInput("options are texts: give them with text columns")
    for column in (*text, *given.choices, image, audio, label):
        if column is not None and column not in by_name:
            raise InvalidInput(f"there is no column {column!r}", there)
    for column in text:
        if not (by_name[column].kind == "string" or _is_words(by_name[column])):
            raise InvalidInput(f"column {column!r} is not text", there)
    _check_choices([by_name[c] for c in given.choices], there)
    if image and by_name[image].kind not in ("image", "other"):
        raise InvalidInput(f"column {image!r} holds no images", there)
    if audio and by_name[audio].kind not in ("audio", "image", "other"):
        raise InvalidInput(f"column {audio!r} holds no sound", there)
    if label is not None and label in (*text, *given.choices, image, audio):
        raise InvalidInput(
            f"column {label!r} cannot be both input and label", "choose another with --label-column L"
        )


def _check_choices(choices: Sequence[Column], there: str) -> None:
    """Several columns of texts, or one of lists of them."""
    if len(choices) == 1 and not _is_words(choices[0]):
        raise InvalidInput(f"column {choices[0].name!r} alone does not hold several options", there)
    for column in choices if len(choices) > 1 else ():
        if column.kind != "string":
            raise InvalidInput(f"column {column.name!r} is not text", there)


def _is_words(column: Column) -> bool:
    return column.kind == "list" and column.items in ("string", None)


def _label(columns: Sequence[Column], name: str, given: Given, choices: Sequence[str] = ()) -> Column:
    taken = (*given.text, *choices, given.image, given.audio)
    candidates = [c for c in columns if c.name not in taken]
    if given.label is not None:
        return _usable_label(next(c for c in columns if c.name == given.label), name)
    typed = [c for c in candidates if c.kind == "class_label"]
    if len(typed) == 1:
        return typed[0]
    named = [c for c in (typed or candidates) if c.name.lower() in LABEL_NAMES]
    plain = [c for c in named if c.name.lower() in ("label", "labels")]
    found = plain if len(plain) == 1 else named
    if len(found) == 1:
        return _usable_label(found[0], name)
    if found or typed:
        raise UnsupportedDataset(
            f"{name} has several columns that may be the label: {describe(found or typed)}",
            "choose one with --label-column L",
        )
    raise UnsupportedDataset(
        f"{name} has no label column (its columns are {describe(columns)})", "name one with --label-column L"
    )


def _usable_label(column: Column, name: str) -> Column:
    if column.kind in _CLASS_KINDS or column.kind in ("float", "list"):
        return column
    raise UnsupportedDataset(
        f"the label {column.name!r} of {name} holds no classes", "choose another with --label-column L"
    )


def _of_kind(columns: Sequence[Column], kind: Literal["image", "audio"], name: str) -> str | None:
    found = [c.name for c in columns if c.kind == kind]
    if len(found) < 2:
        return found[0] if found else None
    named = [i for i in found if i.lower() in (kind, "img")]
    if len(named) == 1:
        return named[0]
    raise UnsupportedDataset(
        f"{name} has several {kind} columns: {', '.join(found)}",
        f"choose one with --{kind}-column {kind[0].upper()}",
    )


def _words(columns: Sequence[Column], given: Given) -> str | None:
    """The column with the words of sentences: named, or the only one with a usual name whose items are
    strings."""
    lists = {c.name for c in columns if _is_words(c)}
    if given.text:
        return given.text[0] if len(given.text) == 1 and given.text[0] in lists else None
    found = [name for name in lists if name.lower() in WORD_NAMES]
    tagged = any(c.kind == "list" and (c.name == given.label or c.name.lower() in TAG_NAMES) for c in columns)
    return found[0] if len(found) == 1 and tagged and not given.choices else None


def _tags(columns: Sequence[Column], name: str, words: str, given: Given) -> Column:
    """The lists with the class of every word."""
    lists = [c for c in columns if c.kind == "list" and c.name != words]
    if given.label is not None:
        found = [c for c in lists if c.name == given.label]
        if found:
            return found[0]
        raise UnsupportedDataset(
            f"the label {given.label!r} of {name} is not a list, which words need",
            "choose another with --label-column L, or another text with --text-column A",
        )
    named = [c for c in lists if c.name.lower() in TAG_NAMES]
    first = [c for c in named if c.name.lower() == TAG_NAMES[0]]
    found = first or named or lists
    if len(found) == 1:
        return found[0]
    raise UnsupportedDataset(
        f"cannot tell which column of {name} holds the classes of its words: {describe(columns)}",
        "choose one with --label-column L",
    )


def _choices(columns: Sequence[Column]) -> tuple[str, ...]:
    """The columns of a known family of options that are there, else a list with a usual name."""
    strings = {c.name.lower(): c.name for c in columns if c.kind == "string"}
    for family in CHOICES:
        found = [strings[n] for n in family if n in strings]
        if len(found) > 1 and found == [strings.get(n) for n in family[: len(found)]]:
            return tuple(found)
    lists = [c.name for c in columns if _is_words(c) and c.name.lower() in CHOICE_LISTS]
    return tuple(lists) if len(lists) == 1 else ()


def _context(columns: Sequence[Column], name: str) -> tuple[str, ...]:
    """What options follow: the columns with usual names, in the usual order, else as for any text."""
    strings = {c.name.lower(): c.name for c in columns if c.kind == "string"}
    for family in CONTEXTS:
        if all(n in strings for n in family):
            return tuple(strings[n] for n in family)
    return _text(columns, name)


def _text(columns: Sequence[Column], name: str) -> tuple[str, ...]:
    """A known pair, else the only column with a usual name, else the only column of strings."""
    strings = {
        c.name.lower(): c.name for c in columns if c.kind == "string" and c.name.lower() not in NOT_TEXT
    }
    pairs = [pair for pair in TEXT_PAIRS if pair[0] in strings and pair[1] in strings]
    if len(pairs) == 1:
        return strings[pairs[0][0]], strings[pairs[0][1]]
    usual = [strings[n] for n in TEXT_NAMES if n in strings]
    if len(usual) == 1 and not pairs:
        return (usual[0],)
    if len(strings) == 1:
        return tuple(strings.values())
    if strings:
        raise UnsupportedDataset(
            f"cannot tell which of the columns of {name} is the text: {describe(columns)}",
            "choose with --text-column A, or --text-column A --text-column B for pairs",
        )
    raise UnsupportedDataset(
        f"{name} has no text, image or audio column (its columns are {describe(columns)})",
        "choose with --text-column A, --image-column I or --audio-column S",
    )
