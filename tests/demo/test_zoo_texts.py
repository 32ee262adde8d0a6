"""The zoo's texts: what is read from installed packages, and the datasets made of it."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from hubselect.demo.zoo import corpus as corpora
from hubselect.demo.zoo.corpus import Corpus, Snippet, half_of, package_files, read_corpus
from hubselect.demo.zoo.text_makers import WORDS_PER_TEXT, operators, punctuation, values
from hubselect.demo.zoo.text_sets import TEXT_SETS, build_splits, examples
from hubselect.demo.zoo.text_sources import TEXT_SOURCES, masked_texts, source_examples
from hubselect.errors import UnsupportedDataset

pytestmark = pytest.mark.slow  # every text set is made first

SOME_PACKAGES = ("stdlib", "numpy", "networkx")


@pytest.fixture(scope="module")
def source() -> Corpus:
    return read_corpus("source", SOME_PACKAGES)


@pytest.fixture(scope="module")
def target() -> Corpus:
    return read_corpus("target")


MODULE = '''"""A module that shows what is read, at some length."""

def scale(values, factor=2.0):
    """Multiply every value of numpy by a factor.

    Parameters
    ----------
    values : array_like
        The numbers that are to be multiplied.
    factor : float
        What to multiply them by, two by default.
    """
    # A comment that says why something is done here.
    if factor < 0:
        raise ValueError(f"factor must not be negative: {factor}")
    return values * factor
'''


def test_a_file_gives_its_docstrings_comments_parameters_errors_and_steps() -> None:
    read = Corpus()
    corpora._FileReader("numpy", MODULE, read).read(ast.parse(MODULE))
    assert [(s.label, s.text) for s in read.docs] == [
        ("module", "A module that shows what is read, at some length."),
        ("function", "Multiply every value of lib by a factor."),
    ]
    assert [(s.label, s.text, s.second) for s in read.parameters] == [
        ("array", "values", "The numbers that are to be multiplied."),
        ("number", "factor", "What to multiply them by, two by default."),
    ]
    assert [(s.label, s.text, s.second) for s in read.errors] == [
        ("ValueError", "factor must not be negative: X", "if factor < 0:")
    ]
    assert [s.text for s in read.comments] == ["A comment that says why something is done here."]
    assert ("deeper", "if factor < 0:") in [(s.label, s.text) for s in read.steps]


def test_the_two_halves_share_no_file() -> None:
    halves = [set(package_files("networkx", half, 10_000)) for half in ("source", "target")]
    assert halves[0]
    assert halves[1]
    assert not halves[0] & halves[1]


def test_a_files_half_depends_on_its_path_only() -> None:
    assert {half_of(f"folder/module{i}.py") for i in range(50)} == {"source", "target"}
    assert half_of("linalg/basic.py") == half_of("linalg/basic.py")


def test_reading_twice_gives_the_same_corpus(source: Corpus) -> None:
    assert read_corpus("source", SOME_PACKAGES) == source


def test_a_missing_package_is_named() -> None:
    with pytest.raises(UnsupportedDataset, match="no_such_package"):
        corpora.package_folder("no_such_package")


@pytest.mark.parametrize("spec", TEXT_SETS, ids=lambda s: s.name)
def test_every_text_set_has_different_examples_of_all_classes(spec, target: Corpus) -> None:
    splits = build_splits(spec, target)
    assert len(splits["train"]) == spec.sizes["train"]
    for split, size in spec.sizes.items():
        assert len(splits[split]) >= 0.4 * size
        assert {e.label for e in splits[split]} == set(range(len(spec.classes)))
    texts = [e.texts for found in splits.values() for e in found]
    assert len(set(texts)) == len(texts)
    assert all(len(text) == len(spec.columns) for text in texts)
    assert max(len(t.split()) for text in texts for t in text) <= WORDS_PER_TEXT


def test_at_least_two_sets_are_pairs_and_none_is_decided_by_its_largest_class(target: Corpus) -> None:
    assert sum(len(spec.columns) == 2 for spec in TEXT_SETS) >= 2
    for spec in TEXT_SETS:
        counts = Counter(e.label for e in build_splits(spec, target)["train"])
        assert counts.most_common(1)[0][1] < 0.65 * counts.total()


def test_too_little_material_is_an_error_that_says_so() -> None:
    spec = next(s for s in TEXT_SETS if s.name == "package-docs")
    poor = Corpus(docs=[Snippet(p, "function", f"Text {i} of {p}") for p in spec.classes for i in range(20)])
    with pytest.raises(UnsupportedDataset, match="120 examples for package-docs"):
        build_splits(spec, poor)


def test_balanced_examples_have_equally_many_of_each_class() -> None:
    pairs = [("a", (f"text {i}",)) for i in range(50)] + [("b", (f"other {i}",)) for i in range(20)]
    found = examples(pairs, ("a", "b"), 40)
    assert Counter(e.label for e in found) == {0: 20, 1: 20}


def code(*lines: str) -> Corpus:
    return Corpus(code=[Snippet("numpy", "0", line) for line in lines])


def test_one_operator_of_a_line_is_hidden_and_lines_without_one_are_left_out() -> None:
    lines = code("if size == 3 :", "if size is not None :", "call(first, second)", "if size is not None :")
    assert list(operators(lines)) == [("==", ("if size ? 3 :",)), ("not", ("if size is ? None :",))]


def test_the_operator_that_was_hidden_least_often_is_the_next_one() -> None:
    found = operators(code("left and right or both", "this and that or those"))
    assert [label for label, _ in found] == ["and", "or"]


def test_a_hidden_literal_leaves_the_rest_of_its_line() -> None:
    lines = code("x1 = call(None)", "rate = 0.5", "count = 12", "name = 'a b'", "on = True", "name = other")
    assert list(values(lines)) == [
        ("None", ("x1 = call(?)",)),
        ("decimal number", ("rate = ?",)),
        ("whole number", ("count = ?",)),
        ("string", ("name = ?",)),
        ("boolean", ("on = ?",)),
    ]


def test_a_hidden_mark_is_never_the_last_one_of_a_text() -> None:
    docs = ("The size of an array, in bytes, of one item.", "This text has no mark but the one that ends it.")
    found = list(punctuation(Corpus(docs=[Snippet("numpy", "module", text) for text in docs])))
    assert found == [("comma", ("The size of an array ?  in bytes, of one item.",))]


@pytest.mark.parametrize("name", [n for n in TEXT_SOURCES if "packages" not in n])
def test_every_source_task_has_examples_of_several_classes(name: str, source: Corpus) -> None:
    found, classes = source_examples(name, source)
    assert len(found) > 200
    assert len({e.label for e in found}) > len(classes) // 2


def test_some_masked_texts_are_pairs_and_no_word_is_lost(source: Corpus) -> None:
    texts = masked_texts("docs", source)
    pairs = sum(len(t) == 2 for t in texts)
    assert 0.2 < pairs / len(texts) < 0.4
    originals = {s.text[:200].strip() for s in source.docs + source.paragraphs}
    assert all(" ".join(t).strip() in originals for t in texts[:200])
