"""Published scores become runs: every layout, idempotently, in recipes of their own."""

from __future__ import annotations

import gzip
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hubselect.records import Dataset, Model, ProxyScore
from hubselect.registry import ImportReport, Registry
from tests.registry.conftest import IMAGE, RECIPE, TEXT, fill

CURVES = """model,dataset,stage,epochs,split,score
org/a,d,1,0.5,val,0.1
org/a,d,2,1.5,val,0.2
org/a,d,3,2.5,val,0.3
org/a,d,3,2.5,test,0.35
org/b,d,1,0.5,val,0.4
"""


def write(folder: Path, text: str, name: str = "curves.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_curves_and_test_scores_become_runs(registry: Registry, tmp_path: Path) -> None:
    """Points keep their own epochs; the recipe is large enough for all of them; no test, no result."""
    report = registry.import_scores(write(tmp_path, CURVES))
    assert report == ImportReport(2, 1, 2, 4, 0, 0, report.recipe, (report.recipe,))
    done, stopped = registry.runs()
    assert [(p.stage, p.epochs, p.val) for p in done.curve] == [(1, 0.5, 0.1), (2, 1.5, 0.2), (3, 2.5, 0.3)]
    assert (done.status, done.test, done.source, done.model_revision) == (
        "done",
        0.35,
        "imported:curves",
        None,
    )
    assert (stopped.status, stopped.test) == ("stopped", None)
    recipe = registry.recipe(str(report.recipe))
    assert (recipe.name, recipe.epochs, recipe.stages, recipe.task) == ("imported:curves", 3, 3, TEXT)
    assert registry.check() == []


def test_importing_twice_changes_nothing(registry: Registry, tmp_path: Path) -> None:
    """All scores are counted as unchanged."""
    path = write(tmp_path, CURVES)
    registry.import_scores(path)
    before = registry.runs(), registry.recipes(), registry.models()
    again = registry.import_scores(path)
    assert (again.models, again.datasets, again.runs, again.points, again.unchanged) == (0, 0, 0, 0, 5)
    assert (registry.runs(), registry.recipes(), registry.models()) == before


def test_a_longer_file_adds_what_is_new(registry: Registry, tmp_path: Path) -> None:
    """A missing test score finishes the run, and new points extend its curve."""
    registry.import_scores(write(tmp_path, CURVES))
    more = CURVES + "org/b,d,2,1.5,val,0.5\norg/b,d,,,test,0.6\n"
    report = registry.import_scores(write(tmp_path, more))
    assert (report.models, report.runs, report.points, report.unchanged) == (0, 1, 1, 5)
    assert {r.model: (r.status, len(r.curve)) for r in registry.runs()} == {
        "org/a": ("done", 3),
        "org/b": ("done", 2),
    }


@pytest.mark.parametrize("suffix", [".csv.gz", ".parquet", ".tsv", ".CSV", "frame"])
def test_every_kind_of_file_gives_the_same_runs(registry: Registry, tmp_path: Path, suffix: str) -> None:
    """Compressed, columnar, tab separated, or a frame in memory."""
    write(tmp_path, CURVES)
    frame = pd.read_csv(tmp_path / "curves.csv")
    path = tmp_path / f"curves{suffix}"
    if suffix == ".csv.gz":
        path.write_bytes(gzip.compress(CURVES.encode()))
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        path.write_text(CURVES.replace(",", "\t") if suffix == ".tsv" else CURVES)
    report = registry.import_scores(frame if suffix == "frame" else path, source="curves")
    assert (report.runs, report.points) == (2, 4)
    assert registry.recipe(str(report.recipe)).name == "imported:curves"
    assert [r.test for r in registry.runs()] == [0.35, None]


def test_test_scores_alone_are_enough(registry: Registry, tmp_path: Path) -> None:
    """Three columns make a matrix; byte order marks, blank lines and odd spellings of names survive."""
    text = "\ufeff model ,dataset,score\nNA,d:c,0.5\n\nnull,d:c,1e-3\n"
    report = registry.import_scores(write(tmp_path, text))
    assert (report.models, report.runs, report.points) == (2, 2, 0)
    assert registry.matrix().loc["null", "d:c"] == 0.001
    assert registry.dataset("d:c") == Dataset("d", TEXT, config="c")


def test_columns_may_have_other_names(registry: Registry, tmp_path: Path) -> None:
    """`columns` maps our names to those of the file; unknown columns are ignored."""
    path = write(tmp_path, "ckpt,task_name,acc,junk\norg/a,d,0.5,?\n")
    registry.import_scores(
        path, columns={"model": "ckpt", "dataset": "task_name", "score": "acc"}, recipe="paper"
    )
    assert registry.matrix().loc["org/a", "d"] == 0.5
    assert registry.recipes()[0].name == "paper"


def test_stages_and_epochs_complete_each_other(registry: Registry) -> None:
    """Without epochs one stage is one epoch; without stages they are the ranks of the epochs."""
    frame = pd.DataFrame({"model": "a", "dataset": "d", "split": "val", "score": [0.1, 0.2, 0.3]})
    registry.import_scores(frame.assign(stage=[1, 2, 3]), source="stages")
    registry.import_scores(frame.assign(epochs=[0.25, 2.0, 5.0]), source="epochs")
    curves = {r.source: [(p.stage, p.epochs) for p in r.curve] for r in registry.runs()}
    assert curves["imported:stages"] == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert curves["imported:epochs"] == [(1, 0.25), (2, 2.0), (3, 5.0)]
    assert {r.name: (r.epochs, r.stages) for r in registry.recipes()} == {
        "imported:stages": (3, 3),
        "imported:epochs": (5, 5),
    }


def test_seeds_and_recipes_are_kept_apart(registry: Registry) -> None:
    """A recipe column makes one recipe per name; seeds are runs of their own."""
    rows = [("a", "d", 0.1, 0, "x"), ("a", "d", 0.3, 1, "x"), ("a", "d", 0.9, 0, "y")]
    frame = pd.DataFrame(rows, columns=["model", "dataset", "score", "seed", "recipe"])
    report = registry.import_scores(frame)
    assert (report.recipe, len(report.recipes), report.runs) == (None, 2, 3)
    matrices = {r.name: registry.matrix(recipe=r).loc["a", "d"] for r in registry.recipes()}
    assert matrices == {"x": pytest.approx(0.2), "y": 0.9}


def test_imported_scores_never_share_a_recipe_with_measured_ones(registry: Registry) -> None:
    """Not even when the import is given the name of a measured recipe."""
    fill(registry)
    frame = pd.DataFrame(
        {"model": ["org/a"], "dataset": ["org/e"], "score": [0.1], "stage": [3], "epochs": [3.0]}
    )
    report = registry.import_scores(frame, recipe=RECIPE.name)
    assert report.recipe != RECIPE.digest
    assert registry.matrix(recipe=RECIPE).loc["org/a", "org/e"] == 0.7


def test_repeated_equal_rows_count_once(registry: Registry) -> None:
    """A row that stands there twice is no contradiction."""
    frame = pd.DataFrame({"model": ["a", "a"], "dataset": ["d", "d"], "score": [0.5, 0.5]})
    assert registry.import_scores(frame).runs == 1


def test_the_task_is_known_from_the_names(registry: Registry) -> None:
    """Named, else what the registry knows the names by, else text classification."""
    registry.add_model(Model("org/v", IMAGE))
    image = pd.DataFrame({"model": ["org/v", "org/w"], "dataset": "cifar", "score": 0.5})
    registry.import_scores(image)
    assert registry.model("org/w").task == registry.dataset("cifar").task == IMAGE
    rows = [("org/t", "imdb", 0.5, TEXT), ("org/u", "birds", 0.6, IMAGE)]
    both = pd.DataFrame(rows, columns=["model", "dataset", "score", "task"])
    assert len(registry.import_scores(both).recipes) == 2
    assert registry.dataset("birds").task == IMAGE


def test_proxy_scores_are_imported_and_updated(registry: Registry, tmp_path: Path) -> None:
    """A column `proxy` makes them proxy scores; a newer file replaces imported values."""
    fill(registry)
    rows = "model,dataset,proxy,score\norg/a,org/e,leep,-1.5\norg/a,org/d:c,leep,-0.5\norg/n,org/e,nce,2\n"
    report = registry.import_scores(write(tmp_path, rows))
    assert (report.models, report.proxies, report.unchanged, report.recipe) == (1, 2, 1, None)
    assert registry.proxy_scores("org/d:c") == [ProxyScore("org/a", "org/d:c", "leep", -0.5, "head")]
    report = registry.import_scores(write(tmp_path, rows.replace("-1.5", "-1.25")))
    assert (report.proxies, report.unchanged) == (1, 2)
    assert registry.proxy_scores("org/e", "leep")[0].score == -1.25


def test_the_authors_layout_is_read(registry: Registry, tmp_path: Path) -> None:
    """`--` is the slash of a Hub id, once; scores of 0 and below are missing; line ends may be Windows'."""
    folder = tmp_path / "m"
    folder.mkdir()
    write(folder, "org--a--b\tbert-base\n0.5\t-0.04\r\n0\t0.25\n", "matrix.txt")
    write(folder, "cola\nsst2", "datasets.txt")
    report = registry.import_scores(folder, format="matrix")
    assert (report.models, report.datasets, report.runs) == (2, 2, 2)
    matrix = registry.matrix()
    assert list(matrix.index) == ["bert-base", "org/a--b"]
    assert np.isnan(matrix.loc["bert-base", "cola"])
    assert registry.import_scores(folder, format="matrix").unchanged == 2
    assert registry.recipes()[0].name == "imported:m"


def test_a_hundred_thousand_rows_take_seconds(registry: Registry, tmp_path: Path) -> None:
    """Import is in bulk: far from one statement per row."""
    names = [(f"org/m{i}", f"d{j}", s) for i in range(1000) for j in range(20) for s in range(1, 6)]
    frame = pd.DataFrame(names, columns=["model", "dataset", "stage"]).assign(split="val", score=0.5)
    frame.to_csv(tmp_path / "many.csv", index=False)
    started = time.process_time()
    assert registry.import_scores(tmp_path / "many.csv").points == 100_000
    assert time.process_time() - started < 30


def test_both_layouts_of_one_table_give_one_matrix(registry: Registry, tmp_path: Path) -> None:
    """A suite of curves with proxies, and the same final scores as a matrix."""
    rng = np.random.default_rng(0)
    models, datasets = [f"org/g{i}" for i in range(13)], [f"org/bench{j}" for j in range(8)]
    final = rng.uniform(0.1, 0.9, (13, 8)).round(3)
    rows = []
    for (i, j), score in np.ndenumerate(final):
        cell = (models[i], datasets[j])
        rows += [(*cell, s, float(s), "val", score * (1 - 0.5**s)) for s in range(1, 6)]
        rows.append((*cell, 5, 5.0, "test", score))
    frame = pd.DataFrame(rows, columns=["model", "dataset", "stage", "epochs", "split", "score"])
    frame.to_csv(tmp_path / "curves.csv", index=False)
    assert registry.import_scores(tmp_path / "curves.csv").points == 13 * 8 * 5
    folder = tmp_path / "m"
    folder.mkdir()
    columns = "\n".join("\t".join(f"{v:.3f}" for v in column) for column in final.T)
    write(folder, "\t".join(models) + "\n" + columns + "\n", "matrix.txt")
    write(folder, "\n".join(datasets), "datasets.txt")
    report = registry.import_scores(folder, format="matrix")
    assert (report.models, report.datasets, report.runs) == (0, 0, 104)
    one, two = (registry.matrix(recipe=r) for r in registry.recipes())
    assert one.equals(two)
    assert one.loc[models, datasets].to_numpy().tolist() == final.tolist()
    assert len(registry.curves(models[0], datasets[0])[0].curve) == 5


def test_a_column_with_another_meaning_keeps_only_that_one(registry: Registry) -> None:
    """A file's column `seed` that is named as the score is not read as a seed too."""
    frame = pd.DataFrame({"model": ["a"], "dataset": ["d"], "seed": [0.25]})
    registry.import_scores(frame, columns={"score": "seed"})
    assert [(r.test, r.seed) for r in registry.runs()] == [(0.25, 0)]
