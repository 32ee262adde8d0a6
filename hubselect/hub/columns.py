"""Which columns hold the text or image and the label: pure rules over names and types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hubselect.errors import InvalidInput, UnsupportedDataset

Kind = Literal["string", "class_label", "integer", "bool", "float", "image", "list", "other"]


@dataclass(frozen=True)
class Column:
    """`label_names` are the class names of a "class_label" in index order, empty otherwise."""

    name: str
    kind: Kind
    label_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Choice:
    """One or two `text` columns, or an `image` column; and the label."""

    label: Column
    text: tuple[str, ...] = ()
    image: str | None = None


LABEL_NAMES = (
    "label",
    "labels",
    "target",
    "class",
    "category",
    "sentiment",
    "intent",
    "emotion",
    "topic",
    "y",
    "gold_label",
    "score",
    "rating",
    "stars",
)
TEXT_PAIRS = (
    ("sentence1", "sentence2"),
    ("sentence_1", "sentence_2"),
    ("premise", "hypothesis"),
    ("question1", "question2"),
    ("question", "sentence"),
    ("question", "passage"),
    ("question", "answer"),
    ("query", "passage"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("claim", "evidence"),
)
TEXT_NAMES = ("text", "sentence", "content", "review", "tweet", "comment", "utterance", "document", "body")
_NOT_TEXT = frozenset(("id", "idx", "index", "guid", "uid", "uuid", "url", "file_name", "filename", "path"))
_CLASS_KINDS = frozenset(("class_label", "integer", "string", "bool"))


def choose_columns(
    columns: Sequence[Column],
    *,
    name: str,
    text_columns: Sequence[str] = (),
    image_column: str | None = None,
    label_column: str | None = None,
) -> Choice:
    """The columns to learn from; explicit ones win over the rules, and are checked.

    `name` is the dataset's name for messages. Raises InvalidInput for an explicit column that
    does not exist or cannot serve, UnsupportedDataset when the rules do not decide: the
    message lists the columns, the hint names the option to set.
    """
    _check_explicit(columns, text_columns, image_column, label_column)
    label = _label(columns, name, label_column, taken=(*text_columns, image_column or ""))
    if text_columns:
        return Choice(label, text=tuple(text_columns))
    image = image_column or _image(columns, name)
    if image is not None:
        return Choice(label, image=image)
    return Choice(label, text=_text([c for c in columns if c.name != label.name], name))


def describe(columns: Sequence[Column]) -> str:
    """The columns with their types, for messages."""
    return ", ".join(f"{c.name} ({c.kind.replace('_', ' ')})" for c in columns)


def _check_explicit(
    columns: Sequence[Column], text: Sequence[str], image: str | None, label: str | None
) -> None:
    by_name = {c.name: c for c in columns}
    if len(text) > 2 or len(set(text)) != len(text):
        raise InvalidInput("give one text column, or two different ones for sentence pairs")
    if text and image:
        raise InvalidInput("give text columns or an image column, not both")
    for column in (*text, image, label):
        if column is not None and column not in by_name:
            raise InvalidInput(f"there is no column {column!r}", f"the columns are {describe(columns)}")
    for column in text:
        if by_name[column].kind != "string":
            raise InvalidInput(f"column {column!r} is not text", f"the columns are {describe(columns)}")
    if image and by_name[image].kind not in ("image", "other"):
        raise InvalidInput(f"column {image!r} holds no images", f"the columns are {describe(columns)}")
    if label is not None and label in (*text, image):
        raise InvalidInput(f"column {label!r} cannot be both input and label")


def _label(columns: Sequence[Column], name: str, explicit: str | None, taken: Sequence[str]) -> Column:
    candidates = [c for c in columns if c.name not in taken]
    if explicit is not None:
        return _usable_label(next(c for c in columns if c.name == explicit), name)
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
    if column.kind in _CLASS_KINDS:
        return column
    if column.kind == "float":
        raise UnsupportedDataset(
            f"the label {column.name!r} of {name} is a real number: that is regression, not classification",
            "choose a column of classes with --label-column L",
        )
    if column.kind == "list":
        raise UnsupportedDataset(
            f"the label {column.name!r} of {name} is a list: several labels per example are not supported",
            "choose a column of classes with --label-column L",
        )
    raise UnsupportedDataset(
        f"the label {column.name!r} of {name} holds no classes", "choose another with --label-column L"
    )


def _image(columns: Sequence[Column], name: str) -> str | None:
    images = [c.name for c in columns if c.kind == "image"]
    if len(images) < 2:
        return images[0] if images else None
    named = [i for i in images if i.lower() in ("image", "img")]
    if len(named) == 1:
        return named[0]
    raise UnsupportedDataset(
        f"{name} has several image columns: {', '.join(images)}", "choose one with --image-column I"
    )


def _text(columns: Sequence[Column], name: str) -> tuple[str, ...]:
    """A known pair, else the only column with a usual name, else the only column of strings."""
    strings = {
        c.name.lower(): c.name for c in columns if c.kind == "string" and c.name.lower() not in _NOT_TEXT
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
        f"{name} has no text and no image column (its columns are {describe(columns)})",
        "choose with --text-column A or --image-column I",
    )
