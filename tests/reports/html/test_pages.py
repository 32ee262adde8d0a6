"""Whole pages: the answer first, everything inside, and nothing from outside believed or asked for."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from hubselect.api.clusters.clustering import cluster
from hubselect.api.reporting.facts import registry_facts, selection_facts
from hubselect.records import CurvePoint, Environment
from hubselect.registry import Registry
from hubselect.registry.selection_documents import ENVIRONMENT, environment_event
from hubselect.reports.html.registry import registry_page
from hubselect.reports.html.selection import UNRECORDED, UNSURE, selection_page
from tests.reports.html.conftest import Read
from tests.support import reported
from tests.support.reported import HOSTILE, SMALL, Size

CHARTS = ["curves", "predictions", "ranking", "map", "tree", "matrix", "costs"]


def selection(store: Registry, number: int = 1) -> Read:
    return Read(selection_page(selection_facts(store, number)))


def registry(store: Registry) -> Read:
    return Read(registry_page(registry_facts(store)))


def headings(read: Read) -> list[str]:
    return [a["id"] or "" for tag, a in read.elements if tag == "section"]


def charts(read: Read) -> list[str]:
    return [a["id"] or "" for tag, a in read.elements if a.get("class") == "chart"]


def test_the_answer_comes_first(store: Registry) -> None:
    """The winner, its scores with the metric's name, where it is, and how sure that is."""
    read = selection(store)
    assert headings(read)[0] == "answer"
    assert charts(read) == CHARTS
    assert [c["id"] for c in read.drawing["charts"]] == CHARTS
    start = read.text[read.text.index("The answer") :]
    for said in (
        SMALL.ids[0],
        "0.7900",
        "validation accuracy",
        "0.7800",
        "/somewhere/winner",
        "how sure: 12%",
    ):
        assert said in start[:1200], said
    ids = [a["id"] for _, a in read.elements if "id" in a]
    assert len(set(ids)) == len(ids)
    for said in ("d" * 40, "a" * 40, "a note on the way", "left"):
        assert said in read.text, said


@pytest.mark.parametrize("whole", [False, True], ids=["selection", "registry"])
def test_a_page_asks_for_nothing(store: Registry, whole: bool) -> None:
    """No address anywhere but a place of the page itself; scripts are those that the policy names by
    their hash, and plotly is one of them, once."""
    read = registry(store) if whole else selection(store)
    for tag, attributes in read.elements:
        assert not {"src", "srcset", "action", "data"} & set(attributes), tag
        assert not any(name.startswith("on") for name in attributes), tag
        assert (attributes.get("href") or "#").startswith(("#", "data:,"))
    policy = next(a["content"] or "" for _, a in read.elements if a.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    code = [s for a, s in read.scripts if a.get("type") != "application/json"]
    hashes = [base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in code]
    assert re.findall(r"'sha256-([^']+)'", policy) == hashes
    assert len(code) == 2
    assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_what_comes_from_the_hub_is_text(store: Registry) -> None:
    """A hostile dataset, hostile classes, reasons and model names: no element but ours, nothing to run."""
    honest = selection(store)
    bad = Size(name=f"{HOSTILE}{{:02d}}")
    with Registry.open(store.home.parent / "hostile.db") as other:
        reported.fill(other, bad)
        number = reported.selected(other, bad, target=f"{HOSTILE} data")
        page = selection_page(selection_facts(other, number))
        everything = registry_page(registry_facts(other))
    read = Read(page)
    assert [tag for tag, _ in read.elements] == [tag for tag, _ in honest.elements]
    assert HOSTILE in read.text
    for text in (page, everything):
        assert "<img" not in text
        assert HOSTILE not in text
        drawn = Read(text).drawing
        assert "<img" not in str([c["data"] for c in drawn["charts"]])
        assert "&lt;img" in str([c["data"] for c in drawn["charts"]])


def test_an_unfinished_selection_is_told_so_far(store: Registry) -> None:
    """At every stage of its life: no empty chart, a sentence instead that says why."""
    number = reported.begin(store)
    recalled = selection(store, number)
    assert "repeat the same `hubselect select`" in recalled.text
    assert "Nothing was trained yet" in recalled.text
    assert "counted when a selection ends" in recalled.text
    assert charts(recalled) == ["predictions", "ranking", "map", "tree", "matrix"]
    reported.train(store, number)
    trained = selection(store, number)
    assert "highest so far" in trained.text
    assert "curves" in charts(trained)
    store.fail_selection(number, "every candidate failed")
    assert "every candidate failed" in selection(store, number).text


def test_what_trained_is_told_as_it_was_then(store: Registry) -> None:
    """Device and versions as recorded, not those that make the page."""
    read = selection(store)
    assert f"trained onCPU, {HOSTILE}" in read.text
    assert "trained withhubselect 0.0.9, torch 2.8.0, Python 3.11.9" in read.text
    assert "what trained what" not in read.text
    number = reported.begin(store)
    assert "trained withnothing was trained yet" in selection(store, number).text


def test_what_went_on_elsewhere_is_told_of_every_model(store: Registry) -> None:
    """The winner's libraries in order; a table of all."""
    other = Environment("NVIDIA H", {"torch": "2.9.0"})
    store.append_event(1, ENVIRONMENT, environment_event(SMALL.ids[0], other))
    third = Environment("NVIDIA K", {"torch": "2.9.1"})
    store.append_event(1, ENVIRONMENT, environment_event(SMALL.ids[2], third))
    text = selection(store).text
    assert "trained onNVIDIA Htrained withtorch 2.9.0" in text
    assert "trained onNVIDIA K" not in text
    table = text[text.index("what trained what") :]
    assert f"NVIDIA Ktorch 2.9.1{SMALL.ids[2]}" in table


def test_a_selection_of_an_older_hubselect_has_a_page(tmp_path: Path) -> None:
    """It recorded no libraries, no explanation and no recipe of its own: the page says so."""
    with Registry.open(tmp_path / "old.db") as store:
        reported.fill(store)
        number = reported.begin(store)
        recipe = store.main_recipe(reported.TASK)
        assert recipe is not None
        store.start_run(SMALL.ids[0], reported.TARGET, recipe, selection=number)
        point = CurvePoint(SMALL.ids[0], 1, 1.0, 0.5)
        store.append_point(point, reported.TARGET, recipe, selection=number)
        assert f"trained with{UNRECORDED}" in selection(store, number).text
        store.finish_selection(number, SMALL.ids[0], 0.5, 0.5, None)
        text = selection(store, number).text
    assert f"trained with{UNRECORDED}" in text
    assert "trained on" not in text
    assert UNSURE in text


def test_a_selection_killed_before_its_recall_has_a_page(store: Registry) -> None:
    done = store.selection_record(1).request
    number = store.create_selection(done)
    read = selection(store, number)
    assert "Nothing was recalled yet" in read.text
    assert charts(read) == ["map", "tree", "matrix"]


def test_scores_of_any_metric_are_shown_by_its_name(store: Registry) -> None:
    """Correlations below zero too."""
    number = reported.selected(store, target="org/other", scale=-1)
    read = selection(store, number)
    assert "validation matthews_corrcoef" in read.text
    assert "-0.7900" in read.text
    assert min(read.chart("curves")["data"][-1]["y"]) < 0


def test_long_names_and_many_candidates_have_a_page(tmp_path: Path) -> None:
    """Labels are shortened, tables hold the whole name."""
    size = Size(models=42, recalled=40, name="org/" + "a-very-long-name-" * 5 + "{:02d}")
    with Registry.open(tmp_path / "large.db") as store:
        reported.fill(store, size)
        read = selection(store, reported.selected(store, size))
    labels = read.chart("ranking")["layout"]["yaxis"]["ticktext"]
    assert len(set(labels)) == 40
    assert max(map(len, labels)) <= 40
    assert size.ids[39] in read.text
    assert len(read.chart("curves")["data"]) == 39  # one failed before its first point


def test_the_registry_has_a_page(store: Registry) -> None:
    """Matrix, clusters, dendrogram, models, datasets and past selections."""
    read = registry(store)
    assert charts(read) == ["map", "tree", "matrix"]
    assert headings(read)[-3:] == ["models", "datasets", "selections"]
    assert all(m in read.text for m in SMALL.ids)
    assert "org/bench-0" in read.text
    assert store.location in read.text
    assert "fine-selection" in read.text


def test_an_empty_registry_has_sentences_and_no_chart(tmp_path: Path) -> None:
    """They say what to do."""
    with Registry.open(tmp_path / "empty.db") as store:
        read = registry(store)
    assert charts(read) == []
    for said in ("hubselect benchmark", "hubselect add-model", "hubselect add-dataset", "hubselect select"):
        assert said in read.text


def test_results_without_clusters_are_drawn_and_it_is_said(tmp_path: Path) -> None:
    with Registry.open(tmp_path / "cold.db") as store:
        store.import_scores(reported.results(SMALL))
        read = registry(store)
        assert "There are no clusters yet" in read.text
        assert charts(read) == ["map", "tree", "matrix"]
        cluster(registry=store, method="kmeans", n_clusters=2)
        assert "k-means, which does not cut this tree" in registry(store).text


def test_two_tasks_have_their_own_charts(store: Registry) -> None:
    """And their ids differ."""
    frame = reported.results(Size(name="img/{:02d}")).replace(
        {"dataset": r"^org/"}, {"dataset": "img/"}, regex=True
    )
    store.import_scores(frame, task="image-classification")
    read = registry(store)
    assert len(charts(read)) == len(set(charts(read))) == 6
    assert "image-classification" in read.text


def test_tokens_are_cut_out(store: Registry) -> None:
    """A page is sent around; what a library said may repeat what it was sent."""
    store.append_event(1, "note", {"text": f"refused with Bearer hf_{'a' * 30}"})
    page = selection_page(selection_facts(store, 1))
    assert "refused with Bearer ***" in page
    assert "aaaa" * 7 not in page.replace("a" * 40, "")
