"""The zoo's text classification datasets: targets for the hub, sources for supervised pre-training.

Every builder is a pure function of a corpus (see `corpus.py`): the same installed files give the same
examples in the same order.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from hubselect.demo.zoo import text_makers as makers
from hubselect.demo.zoo.corpus import Corpus
from hubselect.demo.zoo.text_makers import Labelled, shorten
from hubselect.errors import UnsupportedDataset

_WISHED = {"train": 640, "validation": 800, "test": 2000}
_LARGE = {"train": 8_000, "validation": 1_000, "test": 2_000}


@dataclass(frozen=True, slots=True)
class Example:
    """One or two texts and the index of their class."""

    texts: tuple[str, ...]
    label: int


@dataclass(frozen=True)
class TextSet:
    """A dataset to be built: `make` gives (class name, texts) pairs, `sizes` the wished rows per split.

    When there is less material than wished, every split but train shrinks in proportion.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    classes: tuple[str, ...]
    make: Callable[[Corpus], Labelled]
    sizes: Mapping[str, int]


def examples(pairs: Labelled, classes: Sequence[str], limit: int, *, seed: str = "") -> list[Example]:
    """At most `limit` different examples, shuffled, of no class more than its equal share.

    Texts that carry several labels keep the first one met.
    """
    chance = random.Random(f"examples {seed}")
    by_class: dict[str, list[tuple[str, ...]]] = {name: [] for name in classes}
    seen: set[tuple[str, ...]] = set()
    for label, texts in pairs:
        short = tuple(shorten(text) for text in texts)
        if label in by_class and short not in seen:
            seen.add(short)
            by_class[label].append(short)
    most = limit // len(classes)
    found: list[Example] = []
    for index, name in enumerate(classes):
        chance.shuffle(by_class[name])
        found.extend(Example(texts, index) for texts in by_class[name][:most])
    chance.shuffle(found)
    return found[:limit]


def build_splits(spec: TextSet, corpus: Corpus) -> dict[str, list[Example]]:
    """The splits of one dataset. Raises UnsupportedDataset when the material does not suffice."""
    wished = sum(spec.sizes.values())
    found = examples(spec.make(corpus), spec.classes, wished, seed=spec.name)
    train = min(spec.sizes["train"], wished)
    share = (len(found) - train) / max(1, wished - train)
    if share < 0.4 or len(Counter(e.label for e in found)) < len(spec.classes):
        raise UnsupportedDataset(
            f"The installed packages hold only {len(found)} examples for {spec.name}, {wished} were wished",
            "install the packages with their Python sources: pip install --force-reinstall 'hubselect[demo]'",
        )
    splits: dict[str, list[Example]] = {}
    start = 0
    for split, size in spec.sizes.items():
        rows = size if split == "train" else int(size * min(1.0, share))
        splits[split] = found[start : start + rows]
        start += rows
    return splits


SIX_PACKAGES = ("networkx", "numpy", "scipy", "sklearn", "stdlib", "sympy")

TEXT_SETS: tuple[TextSet, ...] = (
    TextSet(
        "package-docs",
        "Which Python package a docstring comes from",
        ("text",),
        SIX_PACKAGES,
        lambda c: makers.by_package(c.docs),
        _WISHED,
    ),
    TextSet(
        "snippet-kinds",
        "Whether a line is a docstring, a comment, code or an error message",
        ("sentence",),
        ("docstring", "comment", "code", "error"),
        makers.kinds,
        _WISHED,
    ),
    TextSet(
        "parameter-types",
        "The type of a function's parameter, from its name and description",
        ("name", "description"),
        ("array", "number", "string", "bool"),
        lambda c: makers.pairs(c.parameters),
        _WISHED,
    ),
    TextSet(
        "indent-steps",
        "Whether the second line of code is indented less than, as or more than the first",
        ("line", "next_line"),
        ("back", "same", "deeper"),
        lambda c: makers.pairs(c.steps),
        _WISHED,
    ),
    TextSet(
        "unicode-names",
        "The general category of a Unicode character, from its name",
        ("name",),
        tuple(makers.CATEGORIES.values()),
        makers.unicode_names,
        {"train": 640, "test": 2400},
    ),
    TextSet(
        "doc-sections",
        "Which section of a docstring a line comes from",
        ("line",),
        ("Parameters", "Returns", "Examples", "Notes", "See Also"),
        lambda c: makers.single(c.sections),
        {"train": 640, "validation": 1600, "test": 500},
    ),
    TextSet(
        "object-kinds",
        "Whether a docstring documents a module, a class, a method or a function",
        ("text",),
        ("module", "class", "method", "function"),
        lambda c: makers.single(c.docs),
        {"train": 640, "validation": 1600},
    ),
    TextSet(
        "code-depth",
        "How deep a line of code is indented",
        ("code",),
        ("0", "1", "2", "3", "4"),
        lambda c: makers.single(c.code),
        _WISHED,
    ),
    TextSet(
        "code-package",
        "Which Python package a line of code comes from",
        ("code",),
        SIX_PACKAGES,
        lambda c: makers.by_package(c.code),
        _WISHED,
    ),
    TextSet(
        "comment-packages",
        "Which Python package a comment comes from",
        ("comment",),
        SIX_PACKAGES,
        lambda c: makers.by_package(c.comments),
        _WISHED,
    ),
    TextSet(
        "statement-kinds",
        "What a line of code does, seen without its keyword",
        ("code",),
        (*makers.KEYWORDS, "assign"),
        makers.statements,
        _WISHED,
    ),
    TextSet(
        "raised-errors",
        "Whether a ValueError or another error is raised, from the condition and the message",
        ("condition", "message"),
        ("value", "other"),
        makers.raised,
        _WISHED,
    ),
    TextSet(
        "unicode-scripts",
        "The script of a Unicode character, from the rest of its name",
        ("name",),
        makers.SCRIPTS,
        makers.unicode_scripts,
        _WISHED,
    ),
    TextSet(
        "missing-words",
        "Which common word of a docstring is hidden",
        ("text",),
        makers.HIDDEN_WORDS,
        makers.missing_words,
        _LARGE,
    ),
    TextSet(
        "hidden-operators",
        "Which operator of a line of code is hidden",
        ("code",),
        makers.OPERATORS,
        makers.operators,
        _LARGE,
    ),
    TextSet(
        "hidden-values",
        "What kind of literal of a line of code is hidden",
        ("code",),
        tuple(makers.VALUES),
        makers.values,
        _WISHED,
    ),
    TextSet(
        "hidden-punctuation",
        "Which punctuation mark of a docstring is hidden",
        ("text",),
        tuple(makers.PUNCTUATION.values()),
        makers.punctuation,
        _WISHED,
    ),
)
