"""The performance matrix, the main recipe and the stored clusterings."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pandas as pd
import pytest

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import Cluster, Clustering, Dataset, Model, Recipe
from hubselect.registry import Registry
from tests.registry.conftest import IMAGE, RECIPE, TEXT, add_cell, fill


def scores(*rows: tuple[str, str, float], **more: object) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["model", "dataset", "score"]).assign(**more)


def test_missing_cells_are_nan(registry: Registry) -> None:
    """Rows and columns are sorted by name; failed runs and targets are no cells."""
    fill(registry)
    matrix = registry.matrix()
    assert list(matrix.index) == ["org/a", "org/b"]
    assert list(matrix.columns) == ["org/d:c", "org/e"]
    assert matrix.loc["org/a"].tolist() == [0.9, 0.7]
    assert math.isnan(matrix.loc["org/b", "org/e"])
    assert (matrix.dtypes == "float64").all()


def test_a_cell_is_the_mean_over_seeds(registry: Registry) -> None:
    """Seeds are averaged; unfinished ones do not count."""
    fill(registry)
    add_cell(registry, "org/a", "org/e", 0.5, seed=1)
    registry.start_run("org/a", "org/e", RECIPE, seed=2)
    assert registry.matrix(TEXT, RECIPE).loc["org/a", "org/e"] == pytest.approx(0.6)


def test_an_empty_registry_has_an_empty_matrix(registry: Registry) -> None:
    """No cells, no error, no main recipe."""
    assert registry.matrix().shape == (0, 0)
    assert registry.matrix(TEXT).shape == (0, 0)
    assert registry.main_recipe(TEXT) is None
    assert registry.clusterings() == []
    assert registry.clusters() == ()


def test_several_tasks_need_a_name(registry: Registry) -> None:
    """The matrix never mixes tasks."""
    fill(registry)
    registry.import_scores(scores(("org/v", "cifar", 0.9)), task=IMAGE)
    with pytest.raises(InvalidInput, match="several tasks") as caught:
        registry.matrix()
    assert IMAGE in str(caught.value.hint)
    assert registry.matrix(IMAGE).shape == (1, 1)
    assert registry.matrix(TEXT).shape == (2, 2)


def test_the_main_recipe_is_a_measured_one_where_there_is_one(registry: Registry) -> None:
    """However large an imported matrix is, it never displaces results that were measured."""
    fill(registry)
    registry.import_scores(scores(*((f"org/m{i}", "x", 0.5) for i in range(40))), source="large")
    assert registry.main_recipe(TEXT) == RECIPE
    assert registry.matrix().shape == (2, 2)
    registry.add_model(Model("org/a", TEXT, revision="1" * 40, weights_digest="1"))
    registry.add_model(Model("org/b", TEXT, revision="2" * 40, weights_digest="2"))
    main = registry.main_recipe(TEXT)  # results of other weights are no results
    assert main is not None
    assert main.name == "imported:large"
    assert registry.main_recipe(TEXT, measured=True) is None


def test_the_main_recipe_of_several_has_the_most_finished_cells(registry: Registry) -> None:
    """Runs that are not finished do not count, nor those on target datasets; among equals the newest."""
    name = {}
    for cells in (3, 5, 1, 5, 4):
        report = registry.import_scores(
            scores(*((f"org/m{i}", "x", 0.5) for i in range(cells))), source=f"of {cells}-{len(name)}"
        )
        name[len(name)] = str(report.recipe)
    open_ones = scores(*((f"org/m{i}", "x", 0.5) for i in range(9))).assign(split="val", stage=1)
    registry.import_scores(open_ones, source="curves without an end")
    registry.add_dataset(Dataset("target", TEXT, role="target"))
    registry.import_scores(scores(*((f"org/m{i}", "target", 0.5) for i in range(9))), source="targets")
    main = registry.main_recipe(TEXT)
    assert main is not None
    assert main.digest == name[3]
    registry.import_scores(scores(("org/new", "x", 0.5), ("org/new2", "x", 0.5)), source="of 4-4")
    assert registry.main_recipe(TEXT) == registry.recipe(name[4])


@pytest.mark.parametrize("seed", range(5))
def test_the_main_recipe_is_the_one_that_counting_everything_gives(registry: Registry, seed: int) -> None:
    """Whatever share of each recipe's runs is finished."""
    dice = random.Random(seed)
    finished = {}
    for number in range(6):
        done, still = dice.randint(0, 5), dice.randint(0, 5)
        rows = scores(*((f"org/m{i}", "x", 0.5) for i in range(done + still + 1)))
        rows = rows.assign(split=["test"] * done + ["val"] * (still + 1), stage=1)
        report = registry.import_scores(rows, source=str(number))
        finished[str(report.recipe)] = done
    main = registry.main_recipe(TEXT)
    most = max(finished.values())
    last = [digest for digest, done in finished.items() if done == most > 0][-1:]
    assert ([main.digest] if main else []) == last


def test_a_recipe_of_another_task_is_refused(registry: Registry) -> None:
    """Task and recipe must agree."""
    fill(registry)
    with pytest.raises(InvalidInput, match="is for text"):
        registry.matrix(IMAGE, RECIPE)


def test_a_dataset_that_becomes_a_target_leaves_the_matrix(registry: Registry) -> None:
    """Only benchmark datasets are columns."""
    fill(registry)
    registry.add_dataset(Dataset("org/e", TEXT, role="target"))
    assert list(registry.matrix().columns) == ["org/d:c"]


def test_a_clustering_comes_back_and_is_replaced(registry: Registry) -> None:
    """One clustering per task and recipe, with its stable ids."""
    fill(registry)
    old = registry.clustering(TEXT, RECIPE)
    assert old is not None
    assert old.clusters == (Cluster(4, "org/a", ("org/a", "org/b")),)
    clusters = (Cluster(4, "org/a", ("org/a",)), Cluster(9, "org/b", ("org/b",)))
    new = replace(old, clusters=clusters, silhouette=None, threshold=None, method="kmeans")
    registry.save_clustering(new)
    assert registry.clusterings() == [new]
    assert registry.clusters() == registry.clusters(TEXT) == clusters
    assert registry.clustering(TEXT, "0" * 16) is None


def test_clusters_of_several_tasks_need_a_name(registry: Registry) -> None:
    """Asking for clusters without a task is refused when two tasks have some."""
    fill(registry)
    registry.add_model(Model("org/v", IMAGE))
    digest = registry.add_recipe(Recipe(IMAGE))
    registry.save_clustering(Clustering(IMAGE, digest, 0.1, 5, "average", (Cluster(1, "org/v", ("org/v",)),)))
    with pytest.raises(InvalidInput, match="several tasks"):
        registry.clusters()
    assert registry.clusters(IMAGE)[0].representative == "org/v"


def test_clusterings_that_are_no_partition_are_refused(registry: Registry) -> None:
    """The one before stays."""
    fill(registry)
    (old,) = registry.clusterings()
    a, b = Cluster(1, "org/a", ("org/a",)), Cluster(2, "org/b", ("org/b",))
    for clusters in (
        (a, replace(b, members=("org/a", "org/b"))),
        (a, replace(b, id=1)),
        (replace(a, representative="org/b"),),
    ):
        with pytest.raises(InvalidInput):
            registry.save_clustering(replace(old, clusters=clusters))
    with pytest.raises(UnknownEntry):
        registry.save_clustering(replace(old, clusters=(Cluster(1, "org/x", ("org/x",)),)))
    with pytest.raises(UnknownEntry):
        registry.save_clustering(replace(old, recipe="0" * 16))
    assert registry.clusterings() == [old]
