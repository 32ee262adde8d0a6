"""A registry that grows, on every database: listings, filters, frames, cluster history, whole copies."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hubselect.errors import RegistryError
from hubselect.records import Cluster, Clustering, Dataset, Model
from hubselect.registry import HubResult, Registry
from hubselect.registry.cluster_events import ClusterUpdate
from hubselect.registry.indexing import IndexCursor, Indexed
from tests.contracts.processes import together
from tests.registry.conftest import RECIPE, TEXT, add_cell, fill

PAGE = 200


def listed(number: int, commit: str = "1", downloads: int | None = 5) -> Model:
    return Model(
        f"{'Org' if number % 2 else 'a-b'}/m{number:05}",
        TEXT,
        revision=commit * 40,
        downloads=downloads,
        parameters=None if number % 5 == 0 else number * 10**9,
        license="mit" if number % 3 else None,
        tags=("nlp", f"n{number}"),
        indexed_only=True,
    )


def test_a_page_of_a_listing_is_stored_with_its_cursor(registry: Registry) -> None:
    """New, changed and unchanged entries are told apart; added models keep what was looked at."""
    fill(registry)
    cursor = IndexCursor({"task": TEXT}, "page-2", None, PAGE)
    page = [listed(i) for i in range(PAGE)]
    claims = [HubResult(page[0].id, "1" * 40, "glue", "accuracy", 0.5)]
    assert registry.index_models(page, claims, cursor) == Indexed(new=PAGE, claims=1)
    again = [listed(i, "2" if i < 3 else "1", 2**40) for i in range(PAGE)]
    report = registry.index_models([*again, Model("org/a", TEXT, revision="9" * 40, downloads=7)])
    assert (report.new, report.changed, report.unchanged) == (0, 4, PAGE - 3)
    assert registry.model("org/a").revision == "a" * 40
    assert registry.model("org/a").downloads == 7
    assert registry.model(again[4].id) == again[4]
    found = registry.index_cursor({"task": TEXT})
    assert found is not None
    assert (found.next_page, found.walk_seen) == ("page-2", PAGE)
    assert registry.index_datasets([Dataset("org/x", TEXT, downloads=2**40)]).new == 1
    assert registry.check() == []


def test_filters_and_orders_agree_with_python(registry: Registry) -> None:
    """Unknown values last, names by their characters, authors and searches taken literally."""
    models = [listed(i, downloads=None if i % 7 == 0 else i * 11 % 50) for i in range(PAGE)]
    registry.index_models(models)
    by_id = sorted(models, key=lambda m: m.id)
    assert registry.models() == by_id
    assert registry.models(author="Org") == [m for m in by_id if m.id.startswith("Org/")]
    assert registry.models(author="Or_") == registry.models(search="%") == []
    assert registry.models(search="ORG/M0001") == [m for m in by_id if "org/m0001" in m.id.lower()]
    assert registry.models(license="MIT", min_parameters=10**11) == [
        m for m in by_id if m.license == "mit" and (m.parameters or 0) >= 10**11
    ]
    most = sorted(by_id, key=lambda m: -math.inf if m.downloads is None else m.downloads, reverse=True)
    downwards = [m.downloads for m in registry.models(order="downloads")]
    assert downwards == [m.downloads for m in most]
    assert registry.count_models(TEXT, min_downloads=10) == sum((m.downloads or 0) >= 10 for m in models)


def test_frames_and_score_tables_say_what_the_matrix_says(registry: Registry) -> None:
    """Curves, clusters, proxies and claims as frames; what changed since a mark is found."""
    fill(registry)
    assert registry.curves_frame().shape == (9, 10)
    assert list(registry.clusters_frame(TEXT)["model"]) == ["org/a", "org/b"]
    assert (len(registry.proxies_frame("org/d:c")), len(registry.claims_frame("org/a"))) == (1, 1)
    table = registry.scores_table(RECIPE)
    np.testing.assert_array_equal(table.scores, registry.matrix().to_numpy())
    registry.add_model(Model("org/c", TEXT))
    add_cell(registry, "org/c", "org/e", 0.25)
    changes = registry.score_changes(RECIPE, table.mark)
    assert changes is not None
    assert (changes.models, changes.scores.tolist()) == (("org/c",), [[0.25]])


def test_clusters_change_in_place_with_their_history(registry: Registry) -> None:
    """Only what differs is written; an update of an older state is refused."""
    fill(registry)
    (before,) = registry.clusterings()
    mark = registry.save_clustering_with(before, [("clustered", {"highest": 4})])
    old = before.clusters
    new = (Cluster(4, "org/a", ("org/a",)), Cluster(5, "org/b", ("org/b",)))
    update = ClusterUpdate(old, new, (("created", {"cluster": 5, "highest": 5}),), (), (0.5, None))
    after = registry.update_clusters(TEXT, RECIPE, mark, update)
    assert registry.clusters(TEXT) == new
    assert [e.sequence for e in registry.cluster_events(TEXT)] == [1, 2]
    assert registry.highest_cluster(TEXT, RECIPE) == 5
    assert registry.clustering_mark(TEXT, RECIPE) == after
    with pytest.raises(RegistryError, match="another process"):
        registry.update_clusters(TEXT, RECIPE, mark, update)
    assert registry.check() == []


def test_a_whole_registry_moves_between_databases(registry: Registry, tmp_path: Path) -> None:
    """Out of one, into a file, out of that and back: equal results, and nothing new at home."""
    fill(registry)
    registry.export_registry(tmp_path / "out")
    with Registry.open(tmp_path / "other.db") as other:
        report = other.import_registry(tmp_path / "out")
        assert (report.models, report.runs, report.conflicts) == (2, len(other.runs()), ())
        assert other.matrix().equals(registry.matrix())
        add_cell(other, "org/b", "org/e", 0.5)
        other.export_registry(tmp_path / "back")
    report = registry.import_registry(tmp_path / "back")
    assert (report.models, report.datasets, report.conflicts) == (0, 0, ())
    assert registry.matrix().loc["org/b", "org/e"] == 0.5
    assert registry.check() == []


def _index(number: int, place: str) -> None:
    with Registry.open(place) as registry:
        for start in range(0, PAGE, 50):
            page = [listed(i, downloads=number) for i in range(start, start + 50)]
            query = {"task": TEXT, "walk": number}
            registry.index_models(page[:: 1 if number % 2 else -1], (), IndexCursor(query, f"{start}"))
        add = Clustering(TEXT, RECIPE.digest, 0.05, 5, "average", ())
        registry.add_recipe(RECIPE)
        registry.save_clustering_with(add, [("note", {"writer": number})])


def test_eight_walks_over_one_listing_at_once(registry: Registry) -> None:
    """Each model once, each cursor where its walk ended, events numbered without gaps."""
    together(_index, 8, registry._database.location.url)
    assert len(registry.models(TEXT)) == PAGE
    assert [c.next_page for c in registry.index_cursors()] == ["150"] * 8
    assert [e.sequence for e in registry.cluster_events(TEXT)] == list(range(1, 9))
    assert registry.check() == []
