"""The paper's tables and figures on a part of the recorded zoo, checked against first principles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import silhouette_score

from benchmarks.paper import clusters, selections
from benchmarks.paper.page import page
from benchmarks.paper.published import BASELINES_V, MODELS, TABLE_V, TABLE_VI
from benchmarks.paper.replays import Replays, Setup
from benchmarks.paper.reproduce import RESULTS, run
from benchmarks.paper.sources import SHOWN, Zoo, complete_seeds, lower_rate_runs, recorded_zoos
from hubselect.knowledge.clusters import cluster
from hubselect.knowledge.similarity import distance_matrix
from hubselect.records import Run

MODELS_OF_PART = {
    "text": (
        "albert-docs",
        "bert-code",
        "bert-docs",
        "bert-docs-packages",
        "distilbert-docs",
        "roberta-mixed",
    ),
    "image": ("convnext-digits", "deit-glyphs", "resnet-digits", "resnet-shapes", "vit-glyphs"),
}
DATASETS_OF_PART = {
    "text": ("object-kinds", "raised-errors", "unicode-scripts"),
    "image": ("digits", "gratings", "shapes"),
}
FIGURES = (1, 3, 4, 5, 6, 7, 8)


@pytest.fixture(scope="module")
def whole() -> list[Zoo]:
    return recorded_zoos()


@pytest.fixture(scope="module")
def parts(whole: list[Zoo]) -> list[Zoo]:
    return [
        zoo.part(
            [f"hubselect-zoo/{m}" for m in MODELS_OF_PART[zoo.kind]],
            [SHOWN[zoo.kind], *(f"hubselect-zoo/{d}" for d in DATASETS_OF_PART[zoo.kind])],
        )
        for zoo in whole
    ]


@pytest.fixture(scope="module")
def slower(parts: list[Zoo]) -> dict[str, tuple[Run, ...]]:
    runs = lower_rate_runs()
    return {zoo.kind: tuple(r for r in runs[zoo.kind] if r.model in zoo.models) for zoo in parts}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("results") / "paper"


@pytest.fixture(scope="module")
def result(parts: list[Zoo], slower: dict[str, tuple[Run, ...]], place: Path) -> dict[str, Any]:
    return run(parts, slower, place)


@pytest.fixture
def zoos(result: dict[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = result["zoos"]
    return found


def test_the_recording_is_whole(whole: list[Zoo]) -> None:
    """Every model has a result on every dataset under every seed that is used; the shown dataset is one."""
    assert [zoo.kind for zoo in whole] == ["text", "image"]
    for zoo in whole:
        assert len(zoo.runs) == zoo.pool * len(zoo.matrix.datasets) * len(zoo.seeds)
        assert not np.isnan(zoo.matrix.scores).any()
        assert SHOWN[zoo.kind] in zoo.matrix.datasets


def test_printed_numbers_fit_each_other() -> None:
    """A slip of the pen in what the paper prints would break its own ratios."""
    for kind, rows in TABLE_VI.items():
        brute, halving = (BASELINES_V[kind][p][1] for p in ("bf", "sh"))
        for name, row in rows.items():
            assert row.bf == pytest.approx(brute / row.epochs, abs=0.006)
            assert row.sh == pytest.approx(halving / row.epochs, abs=0.006)
            assert row.epochs == TABLE_V[kind][name][0] + 5


def test_baselines_cost_what_their_definition_says(parts: list[Zoo], zoos: Mapping[str, Any]) -> None:
    """Brute force: models x epochs. Halving: the floor of the half goes on after every epoch."""
    for zoo in parts:
        for label in ("10", "share", "pool"):
            table = zoos[zoo.kind]["V"][label]
            assert table["bf"]["epochs"]["mean"] == table["models"] * zoo.epochs
            left, cost = table["models"], 0
            for _ in range(zoo.epochs):
                cost, left = cost + left, max(1, left // 2)
            assert table["sh"]["epochs"]["mean"] == cost
            assert zoo.epochs <= table["fs"]["epochs"]["mean"] <= cost


def test_recall_costs_half_an_epoch_per_cluster_with_a_proxy(
    parts: list[Zoo], zoos: Mapping[str, Any]
) -> None:
    """Clusters made without the target say whose proxies are computed; the rest of the epochs is training."""
    for zoo in parts:
        rows = zoos[zoo.kind]["VI"]["arms"]["10"]["by target"]
        for target in zoo.matrix.datasets:
            known = zoo.matrix.without_dataset(target)
            made = cluster(known, task=zoo.task, recipe="test")
            groups = sum(c.size > 1 for c in made.clusters)
            assert rows[target]["proxied"] == groups
            assert rows[target]["epochs"] == rows[target]["training"] + 0.5 * groups


def test_ratios_and_regrets_follow_from_the_runs(parts: list[Zoo], zoos: Mapping[str, Any]) -> None:
    for zoo in parts:
        n = len(zoo.matrix.datasets)
        for arm in zoos[zoo.kind]["VI"]["arms"].values():
            rows = arm["by target"]
            spent = sum(row["epochs"] for row in rows.values())
            assert arm["vs bf"]["mean"] == pytest.approx(zoo.pool * zoo.epochs * n / spent, abs=1e-5)
            assert arm["epochs"]["mean"] == pytest.approx(spent / n, abs=1e-5)
            for target, row in rows.items():
                tests: dict[int, list[float]] = {}
                for r in zoo.runs:
                    if r.dataset == target and r.test is not None:
                        tests.setdefault(r.seed, []).append(r.test)
                best = fmean(max(of_a_seed) for of_a_seed in tests.values())
                assert row["best"] == pytest.approx(best, abs=1e-5)
                assert row["regret"] == pytest.approx(best - row["accuracy"], abs=1e-5)
            assert arm["regret of the recall"]["mean"] <= arm["regret"]["mean"] + 1e-9


def test_silhouettes_are_those_of_scikit_learn(parts: list[Zoo], zoos: Mapping[str, Any]) -> None:
    for zoo in parts:
        matrix = zoo.matrix.scored()
        distances = distance_matrix(matrix.scores, 5)
        for cut in clusters.CUTS:
            for method in clusters.METHODS:
                made = clusters.clustering(zoo, matrix, cut, method)
                labels = clusters.labels_of(made.clusters, matrix.models)
                cell = zoos[zoo.kind]["I"][cut]["performance"][method]
                expected = silhouette_score(distances, labels, metric="precomputed")
                assert cell["standard"] == pytest.approx(expected, abs=1e-5)
                assert cell["standard"] <= cell["paper"] + 1e-9


def test_every_model_and_every_best_is_counted_once(parts: list[Zoo], zoos: Mapping[str, Any]) -> None:
    for zoo in parts:
        for row in zoos[zoo.kind]["III"].values():
            assert sum(c["models"] for c in row.values()) == zoo.pool
            assert sum(c["best"] for c in row.values()) == len(zoo.matrix.datasets)
        found = zoos[zoo.kind]["II"]["paper-like"]
        assert found["members"] == sum(found["sizes"]) == sum(map(len, found["groups"]))
        assert found["clusters"] == found["non-singleton"] + zoo.pool - found["members"]


def test_recalling_everything_is_no_better_than_chance(zoos: Mapping[str, Any]) -> None:
    for zoo in zoos.values():
        for row in zoo["figure 5"]["targets"].values():
            assert row["recalled"][-1] == pytest.approx(row["random"], abs=1e-5)
            assert 1 <= row["needed for best"] <= zoo["models"]


def test_the_number_of_clusters_is_the_papers_share() -> None:
    """8 clusters and 10 singletons of 40, 6 and 5 of 30."""
    assert clusters.paper_like_number("text", MODELS["text"]) == 18
    assert clusters.paper_like_number("image", MODELS["image"]) == 11


def test_every_figure_is_written_and_small(result: dict[str, Any], place: Path) -> None:
    assert sorted(p.name for p in place.iterdir()) == [f"figure_{n}.png" for n in FIGURES]
    for path in place.iterdir():
        assert 5_000 < path.stat().st_size < 60_000
        with Image.open(path) as picture:
            assert picture.width >= 900
            assert len(picture.getcolors(256) or ()) > 5


def test_the_page_names_every_table_and_is_the_same_twice(result: dict[str, Any], place: Path) -> None:
    text = page(result, place)
    for name in ("I", "X", "III", "IV", "V", "VI", "VII"):
        assert f"### Table {name}:" in text
    assert "### Tables II and XI:" in text
    assert "### Appendix A" in text
    assert all(f"(paper/figure_{n}.png)" in text for n in FIGURES)
    assert page(json.loads(json.dumps(result)), place) == text


def test_the_kept_page_is_that_of_the_kept_numbers() -> None:
    result = json.loads((RESULTS / "paper.json").read_text(encoding="utf-8"))
    assert page(result, RESULTS / "paper") == (RESULTS / "paper.md").read_text(encoding="utf-8")


def test_selections_are_the_same_twice(parts: list[Zoo], zoos: Mapping[str, Any]) -> None:
    again = selections.table_v(Replays(parts[1]))
    assert again["pool"]["fs"]["epochs"] == zoos["image"]["V"]["pool"]["fs"]["epochs"]
    assert again["10"]["fs"]["accuracy"]["mean"] == pytest.approx(
        zoos["image"]["V"]["10"]["fs"]["accuracy"]["mean"], abs=1e-6
    )


def test_every_seed_is_replayed_on_its_own_curves(parts: list[Zoo]) -> None:
    """A second seed with nine tenths of every score: the matrix holds means, a replay its seed's scores."""
    first = replace(parts[1], runs=tuple(r for r in parts[1].runs if r.seed == parts[1].seeds[0]))
    second = [
        replace(
            r,
            seed=7,
            test=0.9 * (r.test or 0.0),
            curve=tuple(replace(p, val=0.9 * p.val) for p in r.curve),
        )
        for r in first.runs
    ]
    both = replace(first, runs=(*first.runs, *second))
    assert both.matrix.scores == pytest.approx(0.95 * first.matrix.scores)
    found = Replays(both).of(Setup("brute-force", None))
    assert {r.seed for r in found} == {first.seeds[0], 7}
    half = len(found) // 2
    for usual, scaled in zip(found[:half], found[half:], strict=True):
        assert scaled.target.selected == usual.target.selected
        assert scaled.target.test_score == pytest.approx(0.9 * usual.target.test_score)
    costs = selections.over(found, lambda r: r.target.test_score)
    assert costs["mean"] == pytest.approx(0.95 * costs["seeds"][0])


def test_a_seed_that_is_still_being_recorded_waits(parts: list[Zoo]) -> None:
    runs = [r for r in parts[0].runs if r.seed == parts[0].seeds[0]]
    begun = [replace(r, seed=9) for r in runs[:5]]
    assert complete_seeds([*runs, *begun]) == tuple(runs)
    assert len(complete_seeds([*runs, *(replace(r, seed=9) for r in runs)])) == 2 * len(runs)
