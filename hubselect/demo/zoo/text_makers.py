"""Labelled texts for the zoo's text sets, made of a corpus: (class name, texts) pairs in a fixed order."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from hubselect.demo.zoo.corpus import Corpus, Snippet

Labelled = Iterable[tuple[str, tuple[str, ...]]]

WORDS_PER_TEXT = 22  # 20 to 30 tokens for the zoo's small vocabularies


def shorten(text: str) -> str:
    """The first words, as many as a tiny checkpoint can read."""
    return " ".join(text.split()[:WORDS_PER_TEXT])[:160]


def single(snippets: Iterable[Snippet]) -> Labelled:
    return ((s.label, (s.text,)) for s in snippets)


def pairs(snippets: Iterable[Snippet]) -> Labelled:
    return ((s.label, (s.text, s.second)) for s in snippets)


def by_package(snippets: Iterable[Snippet]) -> Labelled:
    return ((s.package, (s.text,)) for s in snippets)


def kinds(corpus: Corpus) -> Labelled:
    for kind, snippets in (
        ("docstring", corpus.docs),
        ("comment", corpus.comments),
        ("code", corpus.code),
        ("error", corpus.errors),
    ):
        yield from ((kind, (s.text,)) for s in snippets)


CATEGORIES = {
    "Lu": "uppercase letter",
    "Ll": "lowercase letter",
    "So": "symbol",
    "Sm": "mathematical symbol",
    "Mn": "combining mark",
    "Nd": "digit",
}


def unicode_names(_: Corpus) -> Labelled:
    for code in range(0x20000):
        name = unicodedata.name(chr(code), "")
        if name and not name.startswith(("CJK", "HANGUL SYLLABLE", "TANGUT", "NUSHU")):
            yield CATEGORIES.get(unicodedata.category(chr(code)), ""), (name.lower(),)


# What opens the names of characters of one script, and is taken out of them.
SCRIPTS = ("latin", "greek", "cyrillic", "arabic", "ethiopic", "hangul")


def unicode_scripts(_: Corpus) -> Labelled:
    for code in range(0x20000):
        name = unicodedata.name(chr(code), "").lower()
        if " " in name and not name.startswith("hangul syllable"):
            script, rest = name.split(" ", 1)
            yield script, (rest,)


HIDDEN_WORDS = ("the", "of", "a", "to", "is", "for", "and", "in")


def missing_words(corpus: Corpus) -> Labelled:
    """A text with one common word hidden: of those it has the one that was hidden least often so far."""
    hidden: Counter[str] = Counter()
    for snippet in corpus.docs + corpus.paragraphs:
        words = snippet.text.split()[: WORDS_PER_TEXT - 2]
        found = [word for word in HIDDEN_WORDS if word in words]
        if len(words) > 5 and found:
            word = min(found, key=lambda w: hidden[w])
            hidden[word] += 1
            place = words.index(word)
            yield word, (" ".join([*words[:place], "?", *words[place + 1 :]]),)


KEYWORDS = ("return", "if", "for", "def", "raise")
_ASSIGNMENT = re.compile(r"^[\w., ]+ = (.+)")


def statements(corpus: Corpus) -> Labelled:
    """A line of code without the keyword it starts with, or an assignment without its name."""
    for snippet in corpus.code:
        first, _, rest = snippet.text.partition(" ")
        if first in KEYWORDS:
            yield first, (rest,)
        elif match := _ASSIGNMENT.match(snippet.text):
            yield "assign", (match[1],)


def raised(corpus: Corpus) -> Labelled:
    for snippet in corpus.errors:
        yield ("value" if snippet.label == "ValueError" else "other"), (snippet.second, snippet.text)


# Written with a space on either side, as all but a few lines of code have them.
OPERATORS = ("==", "in", "not", "is", "and", "or", "+", "-")


def operators(corpus: Corpus) -> Labelled:
    """A line of code with one operator hidden: of those it has the one that was hidden least often so far."""
    hidden: Counter[str] = Counter()
    for line in _lines(corpus):
        words = line.split()[:WORDS_PER_TEXT]
        found = [operator for operator in OPERATORS if operator in words]
        if len(words) > 3 and found:
            operator = min(found, key=lambda o: hidden[o])
            hidden[operator] += 1
            place = words.index(operator)
            yield operator, (" ".join([*words[:place], "?", *words[place + 1 :]]),)


VALUES = {
    "string": re.compile(r"(?<!\w)(['\"])[^'\"]+\1(?!['\"])"),
    "whole number": re.compile(r"(?<![\w.])\d+(?![\w.])"),
    "decimal number": re.compile(r"(?<![\w.])\d+\.\d*(?![\w.])"),
    "boolean": re.compile(r"\b(?:True|False)\b"),
    "None": re.compile(r"\bNone\b"),
}


def values(corpus: Corpus) -> Labelled:
    """A line of code with one literal hidden, of the kind that was hidden least often so far."""
    hidden: Counter[str] = Counter()
    for line in _lines(corpus):
        text = shorten(line)
        found = [(kind, m) for kind, pattern in VALUES.items() if (m := pattern.search(text))]
        if found:
            kind, match = min(found, key=lambda f: hidden[f[0]])
            hidden[kind] += 1
            yield kind, (f"{text[: match.start()]}?{text[match.end() :]}",)


def _lines(corpus: Corpus) -> Iterable[str]:
    """The lines of code, and those below them: each once."""
    return dict.fromkeys([s.text for s in corpus.code] + [s.second for s in corpus.steps])


PUNCTUATION = {",": "comma", ".": "period", ":": "colon", "(": "bracket", "`": "backtick", "-": "hyphen"}


def punctuation(corpus: Corpus) -> Labelled:
    """A paragraph with one mark hidden: of those it has the one that was hidden least often so far.

    The mark that ends the text is never hidden: its place would tell what it is.
    """
    hidden: Counter[str] = Counter()
    for snippet in corpus.docs + corpus.paragraphs:
        text = shorten(snippet.text)
        found = [mark for mark in PUNCTUATION if mark in text[:-1]]
        if len(text) > 30 and found:
            mark = min(found, key=lambda m: hidden[m])
            hidden[mark] += 1
            place = text.index(mark)
            yield PUNCTUATION[mark], (f"{text[:place]} ? {text[place + 1 :]}",)
