"""`hubselect place`, and how provisional models are shown wherever clusters and models are."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect.records import Model
from hubselect.registry import Registry
from hubselect.reports.placing import SHOWN
from tests.cli.conftest import MODELS, Run

TEXT = "text-classification"


@pytest.fixture
def family(registry: Path) -> Path:
    """Two models without results, one of them made from a measured one."""
    with Registry.open(registry) as store:
        store.add_model(Model("org/kin", TEXT, revision="1" * 40, base_model=MODELS[0]))
        store.add_model(Model("org/alone", TEXT, revision="1" * 40))
    return registry


def test_placing_says_what_it_did(family: Path, run: Run) -> None:
    """How many by what, that it is provisional, and that no card was read without a text model."""
    found = run("place", "--json").document
    (task,) = found["tasks"]
    assert (task["considered"], task["lineage"], task["card_text"], task["unplaced"]) == (2, 1, 0, 1)
    assert found["provisional"] is True
    assert found["text_model"] is None
    assert [(p["model"], p["how"], p["score"]) for p in found["placements"]] == [("org/kin", "lineage", 0.5)]
    people = run("place", "--model", "org/kin")
    assert people.code == 0
    assert "org/kin" in people.out
    assert "provisional" in people.out
    assert "--text-model" in people.out


def test_clusters_keep_provisional_models_apart(family: Path, run: Run) -> None:
    """In a list of their own beside the members, which are those of before."""
    before = run("clusters", "--json").document
    assert all(c["provisional"] == [] for c in before["clusters"])
    run("place")
    after = run("clusters", "--json").document
    beside = {c["id"]: c.pop("provisional") for c in after["clusters"]}
    for c in before["clusters"]:
        c.pop("provisional")
    assert after == before
    home = next(c["id"] for c in after["clusters"] if MODELS[0] in c["members"])
    assert beside.pop(home) == [{"model": "org/kin", "how": "lineage", "score": 0.5}]
    assert not any(beside.values())
    people = run("clusters").out
    assert "Provisional: 1 model " in people
    assert "no members" in people


def test_models_are_marked(family: Path, run: Run) -> None:
    """In the document of each, and in a column that is there when it is needed."""
    assert "provisional" not in run("models").out
    run("place")
    found = {m["id"]: m["provisional"] for m in run("models", "--json").document}
    assert found["org/kin"]["how"] == "lineage"
    assert found["org/kin"]["cluster"] >= 1
    assert not any(place for model, place in found.items() if model != "org/kin")
    assert "provisional: cluster" in run("models").out
    assert run("registry", "check").code == 0


def test_many_placements_are_counted_not_listed(registry: Path, run: Run) -> None:
    """Tables end somewhere; the documents hold all."""
    with Registry.open(registry) as store:
        for i in range(SHOWN + 5):
            store.add_model(Model(f"org/kin{i:03}", TEXT, base_model=MODELS[0]))
    assert "and 5 more" in run("place").out
    assert "and 5 more" in run("clusters").out
    clusters = run("clusters", "--json").document["clusters"]
    assert sum(len(c["provisional"]) for c in clusters) == SHOWN + 5


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--limit", "0"), 2, "limit"),
        (("--model", "org/nobody"), 1, "org/nobody"),
        (("--task", "image-classification"), 1, "no clusters"),
        (("--text-model", "not an id"), 1, "not a Hub id"),
    ],
)
def test_refusals_say_what_is_wrong(
    options: tuple[str, ...], code: int, words: str, family: Path, run: Run
) -> None:
    """One line; nothing is placed."""
    done = run("place", *options)
    assert done.code == code
    assert words in done.err
    with Registry.open(family) as store:
        assert store.placements() == []
