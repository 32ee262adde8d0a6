"""`init` over real HTTP: a few repositories of the paper's suite are there, the rest is gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect import Registry
from hubselect.api.initialising import init
from hubselect.demo.server import MiniHub
from hubselect.errors import HubUnreachable
from tests.cli.conftest import Run, run  # noqa: F401
from tests.support.repos import write_image_model, write_settings, write_text_dataset, write_text_model

THERE = {"FacebookAI/roberta-base", "albert/albert-base-v2", "fancyzhx/dbpedia_14", "SetFit/qnli"}


@pytest.fixture(scope="module", autouse=True)
def served(hub_root: Path) -> None:
    """Two models and two datasets as the catalogue describes them; one gated, one broken, one misplaced."""
    write_text_model(hub_root, "FacebookAI/roberta-base", head=False)
    write_text_model(hub_root, "albert/albert-base-v2", head=False, seed=1)
    write_settings(write_text_model(hub_root, "ishan/bert-base-uncased-mnli", seed=2), gated="manual")
    write_image_model(hub_root, "dhimskyy/wiki-bert")
    _dataset(hub_root, "fancyzhx/dbpedia_14", "text,label", "content,label")
    _dataset(hub_root, "SetFit/qnli", "sentence1,sentence2", "text1,text2", pairs=True)
    write_text_dataset(hub_root, "Yelp/yelp_review_full", label_as="score")


def _dataset(root: Path, name: str, old: str, new: str, *, pairs: bool = False) -> None:
    folder = write_text_dataset(root, name, layout="csv", pairs=pairs)
    for file in folder.glob("*.csv"):
        head, rest = file.read_text().split("\n", 1)
        assert old in head
        file.write_text(f"{head.replace(old, new)}\n{rest}")


def test_what_the_hub_gives_is_registered_and_the_rest_is_listed(tmp_path: Path) -> None:
    """Columns and roles come from the catalogue; gone, gated and unsupported entries say so."""
    with Registry.open(tmp_path / "registry.db") as store:
        found = init("paper-nlp", registry=store)
        by_name = {e.name: e for e in found.entries}
        assert len(by_name) == 40 + 27
        assert {e.name for e in found.entries if e.status == "added"} == THERE
        assert not found.failed
        reasons = {name: by_name[name].reason or "" for name in by_name}
        assert "no model bondi/bert-semaphore-prediction-w4" in reasons["bondi/bert-semaphore-prediction-w4"]
        assert "request access" in reasons["ishan/bert-base-uncased-mnli"]
        assert "image-classification" in reasons["dhimskyy/wiki-bert"]
        assert "regression" in reasons["Yelp/yelp_review_full"]
        assert "three texts" in reasons["aps/super_glue:multirc"]
        assert by_name["FacebookAI/roberta-base"].paper == "roberta-base"
        assert {m.id for m in store.models()} | {d.name for d in store.datasets()} == THERE
        assert store.dataset("SetFit/qnli").text_columns == ("text1", "text2")
        assert all(m.revision for m in store.models())


def test_a_second_time_nothing_known_is_asked_for_again(tmp_path: Path, hub: MiniHub) -> None:
    place = tmp_path / "registry.db"
    init("paper-nlp", registry=place)
    hub.reset()
    again = init("paper-nlp", registry=place)
    assert {e.name for e in again.entries if e.status == "known"} == THERE
    assert not any("FacebookAI/roberta-base" in request.path for request in hub.requests)


def test_a_dry_run_asks_nobody_and_writes_nothing(tmp_path: Path, hub: MiniHub) -> None:
    found = init("paper-cv", registry=tmp_path / "registry.db", dry_run=True)
    assert found.count("planned") == 40
    assert not hub.requests
    assert not (tmp_path / "registry.db").exists()


def test_no_hub_at_all_is_an_error_and_not_seventy_skipped_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        init("paper-cv", registry=tmp_path / "registry.db")


def test_the_command_registers_one_kind_and_reports_every_entry(
    tmp_path: Path,
    run: Run,  # noqa: F811
) -> None:
    """Exit 0 when something worked, 1 when nothing did; the report is printed in both cases."""
    place = tmp_path / "registry.db"
    done = run("init", "--suite", "paper-nlp", "--datasets", "--json", "--registry", place)
    assert done.code == 0
    assert {e["kind"] for e in done.document["entries"]} == {"dataset"}
    assert (done.document["added"], done.document["skipped"]) == (2, 25)
    nothing = run("init", "--suite", "paper-cv", "--models", "--json", "--registry", place)
    assert nothing.code == 1
    assert nothing.document["skipped"] == 30
    assert "nothing of paper-cv could be registered" in nothing.err
    people = run("init", "--suite", "paper-nlp", "--models", "--registry", place)
    assert people.code == 0
    assert "roberta-base" in people.out
    assert "2 added, 38 skipped" in people.out


def test_an_unknown_suite_names_the_known_ones(tmp_path: Path, run: Run) -> None:  # noqa: F811
    done = run("init", "--suite", "paper-audio", "--registry", tmp_path / "registry.db")
    assert done.code == 1
    assert "paper-cv, paper-nlp" in done.err
