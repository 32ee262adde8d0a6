"""What the zoo's text checkpoints are pre-trained on: raw texts to mask, and labelled source tasks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from hubselect.demo.zoo.corpus import Corpus, Snippet
from hubselect.demo.zoo.text_sets import Example, examples

Labelled = Iterable[tuple[str, tuple[str, ...]]]
_MOST_EXAMPLES = 12_000


@dataclass(frozen=True)
class TextSource:
    classes: tuple[str, ...]
    make: Callable[[Corpus], Labelled]


# fmt: off
_CLOZE = (
    "the", "a", "of", "to", "in", "is", "and", "for", "be", "if",
    "or", "with", "by", "from", "as", "on", "that", "are", "this", "not",
)
# fmt: on
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_KEYWORDS = ("return", "if", "for", "assert", "def", "raise")


def _single(snippets: Iterable[Snippet]) -> Labelled:
    return ((s.label, (s.text,)) for s in snippets)


def _by_package(snippets: Iterable[Snippet]) -> Labelled:
    return ((s.package, (s.text,)) for s in snippets)


def _cloze(corpus: Corpus) -> Labelled:
    """A text with one common word hidden; the class is the word."""
    chance = random.Random("cloze")
    for snippet in corpus.docs + corpus.paragraphs:
        words = snippet.text.split()[:18]
        places = [i for i, word in enumerate(words) if word in _CLOZE]
        if places:
            place = chance.choice(places)
            yield words[place], (" ".join([*words[:place], "?", *words[place + 1 :]]),)


def _statements(corpus: Corpus) -> Labelled:
    """A line of code without its keyword; the class is the keyword."""
    for snippet in corpus.code:
        first, _, rest = snippet.text.partition(" ")
        if first in _KEYWORDS:
            yield first, (rest,)
        elif re.match(r"^[\w., ]+ = ", snippet.text):
            yield "assignment", (snippet.text,)
        else:
            yield "other", (snippet.text,)


def _prose(corpus: Corpus) -> Labelled:
    for snippet in corpus.docs + corpus.comments:
        yield "prose", (snippet.text,)
    for snippet in corpus.code:
        yield "code", (snippet.text,)


def _brackets(_: Corpus) -> Iterator[tuple[str, tuple[str, ...]]]:
    chance = random.Random("brackets")
    for _i in range(8_000):
        text: list[str] = []
        opened: list[str] = []
        for _step in range(2 * chance.randint(3, 9)):
            if opened and (chance.random() < 0.5 or len(opened) > 4):
                text.append(_BRACKETS[opened.pop()])
            else:
                opened.append(chance.choice("([{"))
                text.append(opened[-1])
        text.extend(_BRACKETS[bracket] for bracket in reversed(opened))
        balanced = chance.random() < 0.5
        if not balanced:
            place = chance.randrange(len(text))
            text[place] = chance.choice([b for b in "()[]{}" if b != text[place]])
        yield ("balanced" if balanced else "broken"), (" ".join(text),)


def _shuffled(corpus: Corpus) -> Labelled:
    chance = random.Random("shuffled")
    return ((f"class {chance.randrange(6)}", (s.text,)) for s in corpus.paragraphs)


TEXT_SOURCES: dict[str, TextSource] = {
    "packages": TextSource(
        ("numpy", "pandas", "scipy", "sqlalchemy", "stdlib", "sympy", "torch", "transformers"),
        lambda c: _by_package(c.docs),
    ),
    "code-packages": TextSource(
        ("numpy", "pandas", "scipy", "sklearn", "stdlib", "torch"), lambda c: _by_package(c.code)
    ),
    "sections": TextSource(
        ("Parameters", "Returns", "Raises", "Examples", "Notes", "See Also"), lambda c: _single(c.sections)
    ),
    "parameters": TextSource(
        ("array", "number", "string", "bool", "callable"),
        lambda c: ((s.label, (s.text, s.second)) for s in c.parameters),
    ),
    "objects": TextSource(("module", "class", "method", "function"), lambda c: _single(c.docs)),
    "depth": TextSource(("0", "1", "2", "3", "4"), lambda c: _single(c.code)),
    "cloze": TextSource(_CLOZE, _cloze),
    "statements": TextSource((*_KEYWORDS, "assignment", "other"), _statements),
    "prose": TextSource(("prose", "code"), _prose),
    "brackets": TextSource(("balanced", "broken"), _brackets),
    "errors": TextSource(
        ("ValueError", "TypeError", "RuntimeError", "AssertionError", "NotImplementedError"),
        lambda c: ((s.label, (s.second, s.text)) for s in c.errors),
    ),
    "shuffled": TextSource(tuple(f"class {i}" for i in range(6)), _shuffled),
}


def source_examples(name: str, corpus: Corpus) -> tuple[list[Example], tuple[str, ...]]:
    """Labelled examples of a source task (rare classes may have fewer) and its class names."""
    source = TEXT_SOURCES[name]
    found = examples(source.make(corpus), source.classes, _MOST_EXAMPLES, seed=f"source {name}")
    return found, source.classes


def masked_texts(name: str, corpus: Corpus) -> list[tuple[str, ...]]:
    """Texts for masked-language modelling; about a third are cut into two, as pair tasks will be."""
    kinds = {
        "docs": corpus.docs + corpus.paragraphs,
        "code": corpus.passages[:40_000],
        "mixed": corpus.docs + corpus.paragraphs + corpus.passages[:24_000],
    }
    chance = random.Random(f"masked {name}")
    texts = [_maybe_pair(snippet.text[:200], chance) for snippet in kinds[name]]
    chance.shuffle(texts)
    return texts


def _maybe_pair(text: str, chance: random.Random) -> tuple[str, ...]:
    words = text.split()
    if len(words) > 8 and chance.random() < 0.35:
        place = chance.randrange(2, len(words) - 2)
        return " ".join(words[:place]), " ".join(words[place:])
    return (text,)
