"""The zoo's text classification datasets: targets for the hub, sources for supervised pre-training.

Every builder is a pure function of a corpus (see `corpus.py`): the same installed files give the same
examples in the same order.
"""

from __future__ import annotations

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hubselect.demo.zoo.corpus import Corpus, Snippet
from hubselect.errors import UnsupportedDataset

WORDS_PER_TEXT = 22  # 20 to 30 tokens for the zoo's small vocabularies
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
    make: Callable[[Corpus], Iterable[tuple[str, tuple[str, ...]]]]
    sizes: Mapping[str, int]


def shorten(text: str) -> str:
    """The first words, as many as a tiny checkpoint can read."""
    return " ".join(text.split()[:WORDS_PER_TEXT])[:160]


def examples(
    pairs: Iterable[tuple[str, tuple[str, ...]]], classes: Sequence[str], limit: int, *, seed: str = ""
) -> list[Example]:
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


def _single(snippets: Iterable[Snippet]) -> Iterable[tuple[str, tuple[str, ...]]]:
    return ((s.label, (s.text,)) for s in snippets)


def _pairs(snippets: Iterable[Snippet]) -> Iterable[tuple[str, tuple[str, ...]]]:
    return ((s.label, (s.text, s.second)) for s in snippets)


def _by_package(snippets: Iterable[Snippet]) -> Iterable[tuple[str, tuple[str, ...]]]:
    return ((s.package, (s.text,)) for s in snippets)


def _kinds(corpus: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    for kind, snippets in (
        ("docstring", corpus.docs),
        ("comment", corpus.comments),
        ("code", corpus.code),
        ("error", corpus.errors),
    ):
        yield from ((kind, (s.text,)) for s in snippets)


_CATEGORIES = {
    "Lu": "uppercase letter",
    "Ll": "lowercase letter",
    "So": "symbol",
    "Sm": "mathematical symbol",
    "Mn": "combining mark",
    "Nd": "digit",
}


def _unicode_names(_: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    for code in range(0x20000):
        name = unicodedata.name(chr(code), "")
        if name and not name.startswith(("CJK", "HANGUL SYLLABLE", "TANGUT", "NUSHU")):
            yield _CATEGORIES.get(unicodedata.category(chr(code)), ""), (name.lower(),)


# What opens the names of characters of one script, and is taken out of them.
_SCRIPTS = ("latin", "greek", "cyrillic", "arabic", "ethiopic", "hangul")


def _unicode_scripts(_: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    for code in range(0x20000):
        name = unicodedata.name(chr(code), "").lower()
        if " " in name and not name.startswith("hangul syllable"):
            script, rest = name.split(" ", 1)
            yield script, (rest,)


_HIDDEN_WORDS = ("the", "of", "a", "to", "is", "for", "and", "in")


def _missing_words(corpus: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    """A text with one common word hidden: of those it has the one that was hidden least often so far."""
    hidden: Counter[str] = Counter()
    for snippet in corpus.docs + corpus.paragraphs:
        words = snippet.text.split()[: WORDS_PER_TEXT - 2]
        found = [word for word in _HIDDEN_WORDS if word in words]
        if len(words) > 5 and found:
            word = min(found, key=lambda w: hidden[w])
            hidden[word] += 1
            place = words.index(word)
            yield word, (" ".join([*words[:place], "?", *words[place + 1 :]]),)


_KEYWORDS = ("return", "if", "for", "def", "raise")
_ASSIGNMENT = re.compile(r"^[\w., ]+ = (.+)")


def _statements(corpus: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    """A line of code without the keyword it starts with, or an assignment without its name."""
    for snippet in corpus.code:
        first, _, rest = snippet.text.partition(" ")
        if first in _KEYWORDS:
            yield first, (rest,)
        elif match := _ASSIGNMENT.match(snippet.text):
            yield "assign", (match[1],)


def _raised(corpus: Corpus) -> Iterable[tuple[str, tuple[str, ...]]]:
    for snippet in corpus.errors:
        yield ("value" if snippet.label == "ValueError" else "other"), (snippet.second, snippet.text)


SIX_PACKAGES = ("networkx", "numpy", "scipy", "sklearn", "stdlib", "sympy")

TEXT_SETS: tuple[TextSet, ...] = (
    TextSet(
        "package-docs",
        "Which Python package a docstring comes from",
        ("text",),
        SIX_PACKAGES,
        lambda c: _by_package(c.docs),
        _WISHED,
    ),
    TextSet(
        "snippet-kinds",
        "Whether a line is a docstring, a comment, code or an error message",
        ("sentence",),
        ("docstring", "comment", "code", "error"),
        _kinds,
        _WISHED,
    ),
    TextSet(
        "parameter-types",
        "The type of a function's parameter, from its name and description",
        ("name", "description"),
        ("array", "number", "string", "bool"),
        lambda c: _pairs(c.parameters),
        _WISHED,
    ),
    TextSet(
        "indent-steps",
        "Whether the second line of code is indented less than, as or more than the first",
        ("line", "next_line"),
        ("back", "same", "deeper"),
        lambda c: _pairs(c.steps),
        _WISHED,
    ),
    TextSet(
        "unicode-names",
        "The general category of a Unicode character, from its name",
        ("name",),
        tuple(_CATEGORIES.values()),
        _unicode_names,
        {"train": 640, "test": 2400},
    ),
    TextSet(
        "doc-sections",
        "Which section of a docstring a line comes from",
        ("line",),
        ("Parameters", "Returns", "Examples", "Notes", "See Also"),
        lambda c: _single(c.sections),
        {"train": 640, "validation": 1600, "test": 500},
    ),
    TextSet(
        "object-kinds",
        "Whether a docstring documents a module, a class, a method or a function",
        ("text",),
        ("module", "class", "method", "function"),
        lambda c: _single(c.docs),
        {"train": 640, "validation": 1600},
    ),
    TextSet(
        "code-depth",
        "How deep a line of code is indented",
        ("code",),
        ("0", "1", "2", "3", "4"),
        lambda c: _single(c.code),
        _WISHED,
    ),
    TextSet(
        "code-package",
        "Which Python package a line of code comes from",
        ("code",),
        SIX_PACKAGES,
        lambda c: _by_package(c.code),
        _WISHED,
    ),
    TextSet(
        "comment-packages",
        "Which Python package a comment comes from",
        ("comment",),
        SIX_PACKAGES,
        lambda c: _by_package(c.comments),
        _WISHED,
    ),
    TextSet(
        "statement-kinds",
        "What a line of code does, seen without its keyword",
        ("code",),
        (*_KEYWORDS, "assign"),
        _statements,
        _WISHED,
    ),
    TextSet(
        "raised-errors",
        "Whether a ValueError or another error is raised, from the condition and the message",
        ("condition", "message"),
        ("value", "other"),
        _raised,
        _WISHED,
    ),
    TextSet(
        "unicode-scripts",
        "The script of a Unicode character, from the rest of its name",
        ("name",),
        _SCRIPTS,
        _unicode_scripts,
        _WISHED,
    ),
    TextSet(
        "missing-words",
        "Which common word of a docstring is hidden",
        ("text",),
        _HIDDEN_WORDS,
        _missing_words,
        _LARGE,
    ),
)
