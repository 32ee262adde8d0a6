"""Models, datasets, recipes, proxy scores and claims: records in, the same records out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput, UnknownEntry
from hubselect.records import Dataset, Model, ProxyScore, Recipe
from hubselect.registry import HubResult, Registry
from tests.registry.conftest import IMAGE, TEXT

INDEXED = Model(
    "org/a",
    TEXT,
    revision="1" * 40,
    architecture="BertForSequenceClassification",
    model_type="bert",
    parameters=8_000_000_000,
    weights_format="safetensors",
    weights_files=("model-1.safetensors", "model-2.safetensors"),
    weights_bytes=16_000_000_000,
    weights_digest="w1",
    labels=("no", "yes"),
    license="mit",
    base_model="org/base",
    last_modified="2024-01-01T00:00:00Z",
)
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=200)


def test_a_model_comes_back_as_it_went_in(registry: Registry) -> None:
    """Every field of the record survives, sizes beyond 32 bits included."""
    assert registry.add_model(INDEXED) == INDEXED
    assert registry.model("org/a") == INDEXED
    assert registry.models(TEXT) == [INDEXED]
    assert registry.models(IMAGE) == []


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=NAMES,
    labels=st.lists(st.text(), max_size=3),
    splits=st.dictionaries(NAMES, st.none() | st.integers(0, 2**40)),
)
def test_any_printable_name_and_any_labels_survive(
    registry: Registry, name: str, labels: list[str], splits: dict[str, int | None]
) -> None:
    """Names and texts are stored exactly."""
    model = Model(name, TEXT, labels=tuple(labels))
    dataset = Dataset(name, TEXT, label_names=tuple(labels), splits=splits)
    registry.add_model(model)
    registry.add_dataset(dataset)
    assert registry.model(name) == model
    assert registry.dataset(name) == dataset


def test_an_imported_name_is_completed_when_it_is_indexed(registry: Registry) -> None:
    """No revision is pinned until the Hub was asked, and a bare name never undoes it."""
    registry.add_model(Model("org/a", IMAGE))
    registry.add_model(INDEXED)
    assert registry.model("org/a") == INDEXED
    assert registry.add_model(Model("org/a", TEXT)) == INDEXED


def test_the_pin_stays_while_the_weights_are_the_same(registry: Registry) -> None:
    """A new commit that only edits the card does not move the pinned revision."""
    registry.add_model(INDEXED)
    assert registry.add_model(replace(INDEXED, revision="2" * 40, license="apache-2.0")) == INDEXED


def test_other_weights_move_the_pin(registry: Registry) -> None:
    """The registry then describes the new revision only."""
    registry.add_model(INDEXED)
    newer = replace(INDEXED, revision="2" * 40, weights_digest="w2")
    assert registry.add_model(newer) == newer
    assert registry.models() == [newer]


def test_metadata_of_the_same_revision_are_updated(registry: Registry) -> None:
    """Indexing again mends what was wrong or missing."""
    registry.add_model(INDEXED)
    better = replace(INDEXED, license="apache-2.0")
    assert registry.add_model(better) == better


def test_datasets_are_told_apart_by_their_config(registry: Registry) -> None:
    """One repository with two configurations is two datasets."""
    one, two = Dataset("org/d", TEXT, config="one"), Dataset("org/d", TEXT, config="two", role="target")
    for dataset in (one, two):
        registry.add_dataset(dataset)
    assert registry.datasets() == [one, two]
    assert registry.datasets(TEXT, role="target") == [two]
    assert registry.dataset("org/d:two") == two


def test_a_bare_dataset_changes_only_the_role_of_an_indexed_one(registry: Registry) -> None:
    """Metadata from the Hub is not lost."""
    registry.add_dataset(Dataset("org/d", TEXT, revision="1" * 40, text_columns=("t",)))
    kept = registry.add_dataset(Dataset("org/d", TEXT, role="target"))
    assert kept == Dataset("org/d", TEXT, revision="1" * 40, text_columns=("t",), role="target")
    assert registry.add_dataset(replace(kept, text_columns=("u",))).text_columns == ("u",)


def test_recipes_are_kept_by_content(registry: Registry) -> None:
    """The same recipe is stored once, and comes back equal."""
    recipe = Recipe(IMAGE, epochs=2, stages_per_epoch=4, learning_rate=1e-5, max_train_samples=100)
    assert registry.add_recipe(recipe) == registry.add_recipe(recipe) == recipe.digest
    assert registry.recipe(recipe.digest) == recipe
    assert registry.recipes() == registry.recipes(IMAGE) == [recipe]
    assert registry.recipes(TEXT) == []


def test_proxy_scores_are_replaced(registry: Registry) -> None:
    """The latest value of a proxy counts."""
    registry.add_model(INDEXED)
    registry.add_dataset(Dataset("org/d", TEXT))
    registry.add_proxy_scores(
        [ProxyScore("org/a", "org/d", p, v, "head") for p, v in (("leep", -1.0), ("nce", -2.0))]
    )
    registry.add_proxy_scores([ProxyScore("org/a", "org/d", "leep", -3.0, "features")])
    assert registry.proxy_scores("org/d", "leep") == [ProxyScore("org/a", "org/d", "leep", -3.0, "features")]
    assert len(registry.proxy_scores()) == 2
    assert registry.proxy_scores("org/other") == []


def test_proxy_scores_of_older_weights_are_not_returned(registry: Registry) -> None:
    """A proxy value belongs to the revision that it was computed on."""
    registry.add_model(INDEXED)
    registry.add_dataset(Dataset("org/d", TEXT))
    registry.add_proxy_scores([ProxyScore("org/a", "org/d", "leep", -1.0, "head")])
    registry.add_model(replace(INDEXED, revision="2" * 40, weights_digest="w2"))
    assert registry.proxy_scores() == []


def test_proxy_scores_of_other_data_or_columns_are_forgotten(registry: Registry) -> None:
    """A dataset that moved on, or is read by another column, has no score computed on what it was; other
    metadata change nothing, and imported scores stay."""
    dataset = Dataset("org/d", TEXT, revision="1" * 40, text_columns=("text",), label_column="label")
    registry.add_model(INDEXED)
    registry.add_dataset(dataset)
    own = ProxyScore("org/a", "org/d", "leep", -0.5, "head")
    theirs = ProxyScore("org/a", "org/d", "sfda", 0.5)
    for change in ({"revision": "2" * 40}, {"text_columns": ("title",)}, {"label_column": "topic"}):
        registry.add_proxy_scores([own, theirs])
        registry.add_dataset(replace(dataset, downloads=7))
        assert registry.proxy_scores("org/d") == [own, theirs]
        dataset = replace(dataset, **change)  # type: ignore[arg-type]
        registry.add_dataset(dataset)
        assert registry.proxy_scores("org/d") == [theirs]


def test_many_proxy_scores_at_once(registry: Registry) -> None:
    """Look-ups by name do not depend on how many names there are."""
    registry.add_dataset(Dataset("org/d", TEXT))
    rows = ["model,dataset,proxy,score", *(f"org/m{i},org/d,leep,{-i}.5" for i in range(600))]
    path = registry.home.parent / "proxies.csv"
    path.write_text("\n".join(rows))
    registry.import_scores(path)
    registry.add_proxy_scores([ProxyScore(f"org/m{i}", "org/d", "leep", float(i)) for i in range(600)])
    assert {s.score for s in registry.proxy_scores()} == {float(i) for i in range(600)}


def test_claims_of_model_cards_are_kept_apart(registry: Registry) -> None:
    """They have their own table, keep their commit, and never reach the matrix."""
    registry.add_model(INDEXED)
    claim = HubResult("org/a", "1" * 40, "glue", "accuracy", 0.9, "sst2", "validation")
    registry.add_hub_results([claim, replace(claim, value=0.91, revision="2" * 40)])
    assert registry.hub_results("org/a") == [replace(claim, value=0.91, revision="2" * 40)]
    assert registry.hub_results("org/b") == []
    assert registry.matrix().empty


@pytest.mark.parametrize("name", ["", " ", " org/a", "org/a\n", "x" * 201, "org/\x00a", "a\u2028b"])
def test_names_that_cannot_be_names_are_refused(registry: Registry, name: str) -> None:
    """Models and datasets alike."""
    with pytest.raises(InvalidInput):
        registry.add_model(Model(name, TEXT))
    with pytest.raises(InvalidInput):
        registry.add_dataset(Dataset(name, TEXT))
    assert registry.models() == registry.datasets() == []


def test_unknown_entries_are_said_to_be_unknown(registry: Registry) -> None:
    """Every look-up by name raises UnknownEntry with a hint."""
    registry.add_model(INDEXED)
    for ask in (
        lambda: registry.model("org/nobody"),
        lambda: registry.dataset("org/nothing"),
        lambda: registry.recipe("0" * 16),
        lambda: registry.curves("org/nobody"),
        lambda: registry.curves("org/a", "org/nothing"),
        lambda: registry.matrix(recipe="0" * 16),
        lambda: registry.add_proxy_scores([ProxyScore("org/nobody", "org/nothing", "leep", 0.0)]),
        lambda: registry.add_hub_results([HubResult("org/nobody", "1", "d", "m", 0.0)]),
        lambda: registry.selection(1),
        lambda: registry.events(1),
        lambda: registry.add_cost(1, seconds=1.0),
    ):
        with pytest.raises(UnknownEntry) as caught:
            ask()
        assert caught.value.hint


def test_values_that_cannot_be_stored_are_refused(registry: Registry) -> None:
    """Bad tasks, roles, recipes and scores are invalid input; nothing is stored."""
    registry.add_model(INDEXED)
    registry.add_dataset(Dataset("org/d", TEXT))
    for ask in (
        lambda: registry.add_model(Model("org/b", "poetry")),  # type: ignore[arg-type]
        lambda: registry.add_dataset(Dataset("org/b", TEXT, role="spare")),  # type: ignore[arg-type]
        lambda: registry.add_recipe(Recipe(TEXT, epochs=0)),
        lambda: registry.models("poetry"),
        lambda: registry.add_proxy_scores([ProxyScore("org/a", "org/d", "leep", float("nan"))]),
        lambda: registry.add_proxy_scores([ProxyScore("org/a", "org/d", "", 0.5)]),
        lambda: registry.add_hub_results([HubResult("org/a", "1", "d", "m", float("inf"))]),
    ):
        with pytest.raises(InvalidInput):
            ask()
    assert registry.proxy_scores() == registry.hub_results() == registry.recipes() == []
    assert [m.id for m in registry.models()] == ["org/a"]
