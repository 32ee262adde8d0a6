"""Selections that are really run and compared by the clock: the hidden target, the page, the program."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.quality.hidden import once_an_epoch, only_models, recorded_on, registry_of, without_dataset
from benchmarks.quality.load import RECORDING
from benchmarks.quality.wall_clock import Kept
from benchmarks.quality.wall_clock_arms import ARMS, OURS, Measured, arms_for, ours_options
from benchmarks.quality.wall_clock_results import page, results
from hubselect.api.benchmarks.benchmarking import recipe_for
from hubselect.api.clusters.clustering import matrix_of
from hubselect.errors import InvalidInput
from hubselect.records import Recipe
from hubselect.registry import Registry
from hubselect.registry.snapshot_reading import read_snapshot
from hubselect.registry.snapshot_tables import Tables

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "quality" / "wall_clock.py"
TARGET = "hubselect-zoo/shapes"
CONFIGURED = "hubselect-zoo/code-lines:depth"


@pytest.fixture(scope="module")
def tables() -> Tables:
    return read_snapshot(RECORDING / "registry", "the recording")


@pytest.mark.parametrize("target", [TARGET, CONFIGURED])
def test_nothing_of_a_hidden_target_is_left_and_nothing_else_is_gone(tables: Tables, target: str) -> None:
    """No dataset, run, stage or proxy score; another configuration of the same repository stays."""
    hidden = without_dataset(tables, target)
    for name in ("runs", "curve_points", "proxy_scores"):
        before, after = getattr(tables, name), getattr(hidden, name)
        assert target in set(before["dataset"])
        assert set(after["dataset"]) == set(before["dataset"]) - {target}
        assert len(after) == (before["dataset"] != target).sum()
    assert len(hidden.datasets) == len(tables.datasets) - 1


def test_the_registry_of_a_hidden_target_knows_the_models_and_the_other_benchmarks(
    tables: Tables, tmp_path: Path
) -> None:
    """Only the models asked for; its clusters are there, made from the other datasets."""
    models = sorted(recorded_on(tables, TARGET, [m["id"] for m in tables.models]).tests)[:4]
    place = tmp_path / "registry.db"
    for _ in range(2):  # made anew over what was there
        registry_of(without_dataset(only_models(tables, models), TARGET), place, task="image-classification")
    with Registry.open(place) as store:
        recipe = recipe_for(store, "image-classification")
        matrix = matrix_of(store, recipe)
        clustering = store.clustering("image-classification", recipe.digest)
        assert not store.datasets(name=TARGET)
        assert not store.proxy_scores(dataset=TARGET)
        assert store.proxy_scores(dataset="hubselect-zoo/digits")
    assert sorted(matrix.models) == models
    assert len(matrix.datasets) >= 9
    assert TARGET not in matrix.datasets
    assert clustering is not None
    assert sorted(m for c in clustering.clusters for m in c.members) == models


def test_whole_epochs_keep_the_scores_at_their_ends_and_the_time(tables: Tables, tmp_path: Path) -> None:
    """One stage an epoch under a recipe that says so; the test scores are those that were recorded."""
    part = only_models(tables, ["hubselect-zoo/resnet-shapes"])
    thinned = once_an_epoch(part)
    first = part.curve_points.query("dataset == @TARGET and seed == 0").set_index("stage")
    after = thinned.curve_points.query("dataset == @TARGET and seed == 0").set_index("stage")
    assert list(after.index) == [1, 2, 3, 4, 5]
    assert list(after["epochs"]) == list(after.index)
    assert list(after["val"]) == list(first["val"].iloc[3::4])
    assert after["seconds"].sum() == pytest.approx(first["seconds"].sum())
    registry_of(thinned, tmp_path / "registry.db", task="image-classification")  # checks every value
    with Registry.open(tmp_path / "registry.db") as store:
        recipe = recipe_for(store, "image-classification")
        assert recipe == Recipe("image-classification", stages_per_epoch=1)
        runs = store.runs(dataset=TARGET, recipe=recipe.digest)
    recorded = recorded_on(tables, TARGET, ["hubselect-zoo/resnet-shapes"])
    tests = [r.test for r in runs if r.test is not None]
    assert {r.seed for r in runs} == set(recorded.seeds)
    assert sum(tests) / len(tests) == pytest.approx(recorded.tests["hubselect-zoo/resnet-shapes"])


def test_options_of_ours_are_read_and_unknown_ones_refused() -> None:
    asked = ours_options("policy=knowledge-gradient, k=3,recall=fused,scope=all")
    assert asked == {"policy": "knowledge-gradient", "k": 3, "recall": "fused", "scope": "all"}
    assert ours_options("k=auto") == {"k": "auto"}
    assert ours_options("") == {}
    for wrong in ("k=three", "k", "output=elsewhere"):
        with pytest.raises(InvalidInput):
            ours_options(wrong)
    with pytest.raises(InvalidInput):
        arms_for(["no-such"], "")
    assert [a.name for a in arms_for(["halving", OURS], "k=3")] == [OURS, "halving"]


def test_baselines_over_all_models_name_them_and_compute_no_proxy() -> None:
    """The defaults of `select` are asked for nothing; the paper's recall is the paper's."""
    asked = {a.name: a.asked(["a", "b", "c"]) for a in ARMS}
    assert asked[OURS] == {}
    assert asked["brute force"]["candidates"] == ("a", "b", "c")
    assert (asked["halving"]["recall"], asked["halving"]["k"]) == ("mean", 3)
    assert (asked["paper"]["proxy"], asked["paper"]["k"]) == ("leep", 10)
    assert "candidates" not in asked["paper"]


def measured(arm: str, winner: str, seconds: float, epochs: float, test: float) -> Measured:
    return Measured(
        target="zoo/t", arm=arm, method="mean", policy="any", k=3, stages_per_epoch=4, epochs_of_training=5,
        trained=3, proxied=0, seconds=seconds, processor_seconds=2 * seconds, stage_seconds=seconds,
        training_epochs=epochs, recall_epochs=0.0, bytes_downloaded=1000, bytes_served=2000, winner=winner,
        val=0.5, test=test, load_before=(0.0, 0.0, 0.0), load_after=(0.0, 0.0, 0.0),
    )  # fmt: skip


def document(runs: dict[str, str]) -> dict[str, Any]:
    arms = {
        "ours": measured("ours", "zoo/b", 10.0, 8.0, 0.80),
        "halving": measured("halving", "zoo/b", 20.0, 24.0, 0.80),
        "brute force": measured("brute force", "zoo/a", 40.0, 80.0, 0.82),
    }
    return {
        "target": "zoo/t", "task": "text-classification", "rows": {"train": 10}, "models": 3,
        "recorded_tests": {"zoo/a": 0.83, "zoo/b": 0.81, "zoo/c": 0.85}, "recorded_seeds": [0, 1],
        "order": ["ours"],
        "arms": {n: {**asdict(m), "epochs": m.epochs, "run": runs[n]} for n, m in arms.items()},
    }  # fmt: skip


def summary(runs: dict[str, str]) -> dict[str, Any]:
    about = {"cpu": "one", "cores": 2, "load_average": [1.0], "load_average_after": [1.5]}
    arms = arms_for(["ours", "halving", "brute force"], "")
    return results([document(runs)], arms, about, workers=2, run="now")


def test_regret_is_to_the_best_recorded_model_and_ratios_are_to_ours() -> None:
    """Brute force itself may have regret; it is behind itself by nothing."""
    found = summary(dict.fromkeys(["ours", "halving", "brute force"], "now"))
    ours, brute = (found["targets"][0]["arms"][name] for name in ("ours", "brute force"))
    assert ours["regret"] == pytest.approx(0.85 - 0.81)
    assert brute["regret"] == pytest.approx(0.85 - 0.83)
    assert ours["behind_brute_force"] == pytest.approx(0.02)
    assert brute["behind_brute_force"] == 0
    ratios = found["ratios"]["zoo/t"]
    assert ratios["brute force"] == pytest.approx({"wall_clock": 4, "processor": 4, "epochs": 10, "bytes": 1})
    assert found["summary"]["halving"]["ratios"]["epochs"] == pytest.approx(3)


def test_the_page_says_when_arms_are_not_of_one_run() -> None:
    names = ["ours", "halving", "brute force"]
    once = page(summary(dict.fromkeys(names, "now")))
    assert "in one run of the program, one after the other" in once
    assert "4.00x / 10.00x" in once
    twice = page(summary({"ours": "now", "halving": "now", "brute force": "before"}))
    assert "not measured in one run" in twice
    assert "brute force (run of before)" in twice


def test_the_page_tells_of_failures_and_of_shorter_trainings() -> None:
    found = summary(dict.fromkeys(["ours", "halving", "brute force"], "now"))
    assert "Trainings that failed" not in page(found)
    assert "not as long as in the recording" not in page(found)
    found["targets"][0]["arms"]["halving"]["failed"] = ["zoo/c: the loss is not a finite number"]
    told = page({**found, "epochs": 2})
    assert "- halving: zoo/c: the loss is not a finite number" in told
    assert "| halving, 1 failed |" in told
    assert "2 epochs here, not as long as in the recording" in told


def test_what_is_kept_is_found_again_under_the_same_settings_only(tmp_path: Path) -> None:
    """Another setting measures again; so does `--fresh`, which spares what it has measured itself."""
    one, settings = measured("ours", "zoo/b", 1.0, 1.0, 0.5), {"target": "t", "workers": 2}
    Kept(tmp_path / "arms.json", "first", fresh=False).put(settings, one)
    again = Kept(tmp_path / "arms.json", "second", fresh=False)
    found = again.get(settings)
    assert found is not None
    assert (found[0].seconds, found[1]) == (1.0, "first")
    assert again.get({**settings, "workers": 1}) is None
    fresh = Kept(tmp_path / "arms.json", "third", fresh=True)
    assert fresh.get(settings) is None
    fresh.put(settings, replace(one, seconds=2.0))
    found = fresh.get(settings)
    assert found is not None
    assert (found[0].seconds, found[1]) == (2.0, "third")


def test_a_part_does_not_replace_the_results_that_are_kept() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--model", "resnet-shapes"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "of its own" in done.stderr


@pytest.mark.slow
def test_every_arm_is_really_run_and_measured_once(tmp_path: Path) -> None:
    """Three models, one epoch: all are trained by brute force and halving, none has a proxy there, and a
    second start measures nothing again."""
    models = ("resnet-digits", "vit-noise", "convnext-digits")
    words = [sys.executable, str(SCRIPT), "--target", "photo-scenes", "--epochs", "1", "--workers", "1"]
    words += [word for model in models for word in ("--model", model)]
    words += [w for arm in ("ours", "halving, by epoch", "brute force") for w in ("--arm", arm)]
    words += ["--workdir", str(tmp_path / "work"), "--output", str(tmp_path / "results")]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = (tmp_path / "results" / "wall_clock.json").read_text()
    result = json.loads(told)
    arms = result["targets"][0]["arms"]
    assert result["same_run"]
    assert str(tmp_path) not in told
    for name in ("brute force", "halving, by epoch"):
        assert (arms[name]["trained"], arms[name]["proxied"], arms[name]["recall_epochs"]) == (3, 0, 0)
        assert arms[name]["training_epochs"] == 3
    assert (arms["brute force"]["stages_per_epoch"], arms["halving, by epoch"]["stages_per_epoch"]) == (4, 1)
    assert arms["halving, by epoch"]["winner"] == arms["brute force"]["winner"]  # one epoch: the same thing
    assert arms["halving, by epoch"]["test"] == arms["brute force"]["test"]
    assert 0 < arms["ours"]["training_epochs"] <= 3
    for arm in arms.values():
        assert arm["winner"].partition("/")[2] in models
        assert 0 < arm["stage_seconds"] < arm["seconds"]
        assert 0 < arm["bytes_downloaded"] <= arm["bytes_served"]
        assert arm["regret"] >= 0
    again = subprocess.run(words, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert "warming up" not in again.stdout
    continued = json.loads((tmp_path / "results" / "wall_clock.json").read_text())
    assert not continued["same_run"]
    assert continued["targets"][0]["arms"] == arms
