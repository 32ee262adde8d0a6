"""Several files under one recipe name: one recipe as long as nothing contradicts."""

from __future__ import annotations

import random

import pandas as pd
import pytest

from hubselect.records import Cluster, Clustering, Recipe
from hubselect.registry import ImportReport, Registry
from tests.registry.conftest import TEXT

SUITE = ("d0", "d1")


def finals(*models: str, epochs: float | None = None, score: float = 0.5) -> pd.DataFrame:
    """Test scores, after so many epochs where they say it."""
    frame = pd.DataFrame(
        [(m, d, score) for m in models for d in SUITE], columns=["model", "dataset", "score"]
    )
    return frame if epochs is None else frame.assign(epochs=epochs)


def curves(*models: str, epochs: int, per_epoch: int = 1, tested: bool = True) -> pd.DataFrame:
    """Validation scores after every stage, and the test scores of `finals`."""
    rows = [
        (m, d, s, s / per_epoch, "val", s / 100)
        for m in models for d in SUITE for s in range(1, epochs * per_epoch + 1)
    ]  # fmt: skip
    if tested:
        rows += [(m, d, epochs * per_epoch, float(epochs), "test", 0.5) for m in models for d in SUITE]
    return pd.DataFrame(rows, columns=["model", "dataset", "stage", "epochs", "split", "score"])


def bring(registry: Registry, frame: pd.DataFrame, name: str = "paper") -> ImportReport:
    return registry.import_scores(frame, recipe=name)


def shapes(registry: Registry) -> list[tuple[int, int]]:
    assert registry.check() == []
    return [(r.epochs, r.stages) for r in registry.recipes()]


def test_scores_first_and_curves_later_meet_in_one_recipe(registry: Registry) -> None:
    """What said nothing of epochs is under the recipe that says it; everything kept goes along."""
    first = bring(registry, finals("a", "b"))
    old = str(first.recipe)
    registry.save_clustering(Clustering(TEXT, old, 0.1, 5, "average", (Cluster(1, "a", ("a", "b")),)))
    later = bring(registry, curves("a", "c", epochs=5))
    assert shapes(registry) == [(5, 5)]
    assert (later.models, later.runs, later.points, later.unchanged) == (1, 2, 20, 2)
    assert later.replaced == (old,)
    (warning,) = later.warnings
    assert "the recipe paper has 5 epochs in 5 stages now" in warning
    assert registry.matrix().shape == (3, 2)
    assert len(registry.curves("a", "d0")[0].curve) == 5
    assert [c.recipe for c in registry.clusterings()] == [later.recipe]
    again = bring(registry, finals("a", "b"))
    assert (again.recipe, again.runs, again.unchanged, again.warnings) == (later.recipe, 0, 4, ())


def test_curves_first_and_scores_later_meet_in_one_recipe(registry: Registry) -> None:
    """Scores that say nothing of epochs say nothing against them."""
    first = bring(registry, curves("a", epochs=5))
    later = bring(registry, finals("b"))
    assert later.recipe == first.recipe
    assert (later.replaced, later.warnings) == ((), ())
    assert registry.matrix().shape == (2, 2)


@pytest.mark.parametrize("seed", range(8))
def test_the_order_of_files_does_not_matter(registry: Registry, seed: int) -> None:
    """Parts of one table give one recipe and the runs that the whole table gives."""
    parts = [finals("a", "b"), curves("a", epochs=4), finals("b", "d", epochs=4), curves("d", epochs=4)]
    bring(registry, pd.concat(parts[1:]), "whole")
    random.Random(seed).shuffle(parts)
    for part in parts:
        bring(registry, part)
    assert shapes(registry) == [(4, 4)] * 2
    (one, two) = (
        [(r.model, r.dataset, r.test, r.curve) for r in registry.runs(recipe=r)] for r in registry.recipes()
    )
    assert one == two


def test_curves_that_end_early_join_the_recipe_that_goes_on(registry: Registry) -> None:
    """Before and after the whole curves: without a test score nothing says that training ended there."""
    bring(registry, curves("a", epochs=2, tested=False))
    report = bring(registry, curves("b", epochs=5))
    assert report.replaced
    assert bring(registry, curves("c", epochs=3, tested=False)).recipe == report.recipe
    assert shapes(registry) == [(5, 5)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (curves("a", epochs=3), curves("b", epochs=5)),
        (curves("a", epochs=5), curves("b", epochs=3)),
        (curves("a", epochs=5), finals("b", epochs=3)),
        (curves("a", epochs=5, tested=False), finals("b", epochs=3)),
        (finals("a", epochs=5), curves("b", epochs=3)),
        (curves("a", epochs=5), curves("b", epochs=5, per_epoch=4)),
        (curves("a", epochs=5, per_epoch=4), curves("b", epochs=5, tested=False)),
    ],
    ids=["longer", "shorter", "tests earlier", "tests before the end", "finals later", "finer", "coarser"],
)
def test_contradictions_are_kept_apart_with_a_warning(
    registry: Registry, first: pd.DataFrame, second: pd.DataFrame
) -> None:
    """Scores after other epochs or stages get a recipe of their own: they are not comparable."""
    one, two = bring(registry, first), bring(registry, second)
    assert one.recipe != two.recipe
    (warning,) = two.warnings
    assert "kept apart" in warning
    assert str(one.recipe) in warning
    assert str(two.recipe) in warning
    assert two.replaced == ()
    assert bring(registry, second).recipe == two.recipe  # and importing it again is no news
    assert bring(registry, second).warnings == ()
    assert len(shapes(registry)) == 2


def test_finer_stages_join_scores_that_have_no_curve(registry: Registry) -> None:
    """Scores after five epochs say nothing of how often was validated."""
    bring(registry, finals("a", epochs=5))
    bring(registry, curves("b", epochs=5, per_epoch=4))
    assert shapes(registry) == [(5, 20)]


def test_names_tasks_and_measured_recipes_do_not_meet(registry: Registry) -> None:
    """Another name, another task, and a measured recipe of the same name are other recipes."""
    registry.add_recipe(Recipe(TEXT, name="paper"))
    bring(registry, finals("a"))
    report = registry.import_scores(
        curves("v", epochs=5).replace({"d0": "i0", "d1": "i1"}), recipe="paper", task="image-classification"
    )
    bring(registry, curves("a", epochs=3), "other")
    assert report.warnings == report.replaced == ()
    assert len(registry.recipes()) == 4


def test_a_refused_file_leaves_the_recipe_as_it_was(registry: Registry) -> None:
    """Growing a recipe is undone with the import."""
    bring(registry, finals("a"))
    before = registry.recipes(), registry.runs()
    bad = curves("a", epochs=5)
    bad.loc[bad["split"] == "test", "score"] = 0.9
    with pytest.raises(Exception, match="another score for a on d0"):
        bring(registry, bad)
    assert (registry.recipes(), registry.runs()) == before
