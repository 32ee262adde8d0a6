"""`registry import` on the command line: what it says about clusters."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect.api.clusters import after as clusters_after
from hubselect.api.clusters import upkeep as cluster_upkeep
from hubselect.errors import RegistryError
from hubselect.knowledge import incremental
from tests.cli.conftest import DATASETS, MODELS, Run


def newcomer(folder: Path, registry: Path) -> Path:
    """A file with one model more, close to the first group."""
    from hubselect.registry import Registry

    with Registry.open(registry) as store:
        row = store.matrix().loc[MODELS[0]]
    lines = [f"org/new,{d},{row[d]:.6f},5,5" for d in DATASETS]
    path = folder / "curves.csv"
    path.write_text("\n".join(["model,dataset,score,stage,epochs", *lines, ""]))
    return path


def test_an_import_says_what_changed(registry: Path, run: Run, tmp_path: Path) -> None:
    """In words for people, by kind for programs."""
    done = run("registry", "import", newcomer(tmp_path, registry))
    assert done.code == 0
    assert "org/new joined cluster" in done.out
    assert done.err == ""
    again = run("registry", "import", tmp_path / "curves.csv", "--json").document
    assert again["clusters"][0]["changes"] == again["clusters"][0]["waiting"] == again["warnings"] == []
    assert "org/new" in next(
        c["members"] for c in run("clusters", "--json").document["clusters"] if c["size"] > 3
    )


def test_an_import_names_models_that_wait(
    registry: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are no members until the next `cluster`, and the line says so."""

    def small(*given: object, **options: object) -> incremental.Step:
        return incremental.updated(*given, **options, largest=2)  # type: ignore[arg-type]

    monkeypatch.setattr(cluster_upkeep, "updated", small)
    path = newcomer(tmp_path, registry)
    done = run("registry", "import", path, "--json")
    (waiting,) = done.document["clusters"][0]["waiting"]
    assert waiting["model"] == "org/new"
    path.write_text(path.read_text().replace("org/new", "org/later"))
    said = run("registry", "import", path).out
    assert "waits beside the nearest cluster, provisionally, until `hubselect cluster`" in said
    assert f"org/later beside cluster {waiting['cluster']}" in said


def test_a_failed_update_of_clusters_is_a_warning(
    registry: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The import succeeded: exit code 0, the document is whole, one line on stderr."""

    def broken(*given: object) -> None:
        raise RegistryError("the registry is busy", "try again")

    monkeypatch.setattr(clusters_after, "keep_up", broken)
    done = run("registry", "import", newcomer(tmp_path, registry), "--json")
    assert done.code == 0
    assert done.document["runs"] == len(DATASETS)
    assert done.document["clusters"][0]["failure"] == "the registry is busy"
    assert done.err.count("\n") == 1
    assert "not up to date" in done.err


def test_the_newest_clustering_stands_on_top(registry: Path, run: Run, tmp_path: Path) -> None:
    """Of several tasks; one task alone on request."""
    path = tmp_path / "images.csv"
    path.write_text("model,dataset,score\nv/a,cifar,0.5\nv/b,cifar,0.9\n")
    run("registry", "import", path, "--task", "image-classification")
    run("cluster", "--task", "image-classification", "--threshold", "0.1")
    found = run("clusters", "--json").document
    assert [c["task"] for c in found["tasks"]] == ["image-classification", "text-classification"]
    assert found["task"] == "image-classification"
    run("cluster", "--task", "text-classification", "--threshold", "0.1")
    assert run("clusters", "--json").document["task"] == "text-classification"
    assert (
        run("clusters", "--task", "image-classification", "--json").document["task"] == "image-classification"
    )
