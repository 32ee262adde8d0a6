"""The catalogues that come with hubselect, and what a catalogue file may hold."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubselect.catalogues.reading import catalogue, catalogue_names, parse
from hubselect.errors import InvalidInput, UnknownEntry

REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def test_the_papers_suites_are_there() -> None:
    assert {"paper-nlp", "paper-cv"} <= set(catalogue_names())


@pytest.mark.parametrize(("name", "models"), [("paper-nlp", 40), ("paper-cv", 30)])
def test_every_checkpoint_of_table_viii_is_listed_once(name: str, models: int) -> None:
    found = catalogue(name)
    assert found.name == name
    assert len({m.id for m in found.models}) == len(found.models) == models
    papers = [m.paper or m.id for m in found.models]
    assert len(set(papers)) == models


@pytest.mark.parametrize("name", ["paper-nlp", "paper-cv"])
def test_ids_are_whole_and_changed_ones_keep_the_papers_spelling(name: str) -> None:
    """An id has an owner; `paper` stands only where it differs; nothing is listed twice."""
    found = catalogue(name)
    for entry in (*found.models, *found.datasets):
        assert REPO_ID.fullmatch(entry.id)
        assert entry.paper is None or (entry.paper != entry.id and not entry.unverified)
    assert len({d.name for d in found.datasets}) == len(found.datasets)


def test_the_text_suite_holds_the_benchmarks_and_targets_of_section_v_a() -> None:
    found = catalogue("paper-nlp")
    named = [d for d in found.datasets if d.source and d.source.startswith("V.A")]
    assert len([d for d in named if d.role == "benchmark"]) == 21
    targets = {d.name for d in named if d.role == "target"}
    assert targets == {
        "cardiffnlp/tweet_eval:sentiment",
        "LysandreJik/glue-mnli-train",
        "aps/super_glue:multirc",
        "aps/super_glue:boolq",
    }
    cola = next(d for d in found.datasets if d.config == "cola")
    assert (cola.id, cola.paper, cola.text_columns) == ("nyu-mll/glue", "glue", ("sentence",))


def test_the_image_suite_holds_the_ten_datasets_of_table_ix() -> None:
    found = catalogue("paper-cv")
    assert len(found.datasets) == 10
    assert len([d for d in found.datasets if d.role == "target"]) == 4


def valid() -> dict[str, Any]:
    return {
        "suite": {"name": "own", "task": "text-classification", "title": "Own", "source": "here"},
        "models": [{"id": "a/b"}],
        "datasets": [
            {
                "id": "a/d",
                "role": "benchmark",
                "label_column": "label",
                "text_columns": ["text"],
                "splits": {"train": "train"},
            }
        ],
    }


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        '[suite]\nname = "mine"\ntask = "image-classification"\ntitle = "t"\nsource = "s"\n'
        '[[datasets]]\nid = "a/d"\nrole = "target"\nlabel_column = "y"\nimage_column = "x"\n'
        'splits = { train = "train" }\n'
    )
    found = catalogue(file)
    assert (found.models, found.datasets[0].name) == ((), "a/d")


def set_in(*path: str | int, to: object) -> Callable[[dict[str, Any]], None]:
    def change(content: dict[str, Any]) -> None:
        place: Any = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (set_in("extra", to=1), "'extra' means nothing"),
        (lambda c: c.pop("suite"), "no table [suite]"),
        (set_in("suite", "task", to="poetry"), "'poetry' is no task"),
        (set_in("suite", "title", to=3), "title must be text"),
        (set_in("models", to={}), "list of tables"),
        (set_in("models", 0, to="a/b"), "must be a table"),
        (set_in("models", 0, "id", to=" "), "id must be text"),
        (set_in("models", 0, "unverified", to="yes"), "true or false"),
        (set_in("models", 0, "revision", to="main"), "'revision' means nothing"),
        (lambda c: c["models"][0].pop("id"), "has no id"),
        (lambda c: c["models"].append({"id": "a/b"}), "a/b occurs twice"),
        (set_in("datasets", 0, "role", to="test"), "benchmark or target"),
        (set_in("datasets", 0, "text_columns", to="text"), "a list of texts"),
        (set_in("datasets", 0, "text_columns", to=["a", "b", "c"]), "one or two text_columns"),
        (set_in("datasets", 0, "image_column", to="image"), "no image_column"),
        (set_in("suite", "task", to="image-classification"), "needs an image_column"),
        (set_in("datasets", 0, "splits", to={"test": "test"}), "for training"),
        (set_in("datasets", 0, "splits", to={"train": "a", "dev": "b"}), "'dev' means nothing"),
        (set_in("datasets", 0, "splits", to={"train": 1}), "a table of texts"),
    ],
)
def test_what_is_not_as_the_schema_says_is_refused(
    change: Callable[[dict[str, Any]], None], expected: str
) -> None:
    """The message names the file, the place and what is wrong there."""
    content = valid()
    change(content)
    with pytest.raises(InvalidInput, match=re.escape(expected)) as seen:
        parse(content, "own.toml")
    assert seen.value.message.startswith("own.toml")


def test_a_suite_that_does_not_exist_names_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(UnknownEntry, match="paper-cv, paper-nlp"):
        catalogue("paper-audio")
    with pytest.raises(UnknownEntry, match="no file"):
        catalogue(tmp_path / "none.toml")
    (tmp_path / "broken.toml").write_text("[suite")
    with pytest.raises(InvalidInput, match=r"broken\.toml cannot be read"):
        catalogue(tmp_path / "broken.toml")
