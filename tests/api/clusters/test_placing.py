"""Provisional places: by lineage, by the cards a real checkpoint reads, and never a say in any cluster."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect import Registry, add_model, cluster, place
from hubselect.api.clusters import placing
from hubselect.api.clusters.state import forget_state
from hubselect.api.clusters.upkeep import keep_up
from hubselect.demo.server import MiniHub
from hubselect.demo.zoo.checkpoints import checkpoint
from hubselect.demo.zoo.model_repos import write_model
from hubselect.demo.zoo.pretraining import read_manifest
from hubselect.errors import InvalidInput, KnowledgeMissing, RepoNotFound, UnknownEntry
from hubselect.records import Clustering, Model
from tests.api.clusters.test_upkeep import FOUR, RECIPE, SUITE, TEXT, begin, check_equal, measure
from tests.support.repos import write_card, write_image_model, write_text_model

UniqueId = Callable[[str], str]


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "registry.db"


def clustered(store: Registry, threshold: float = 0.05) -> Clustering:
    """Four measured models: a and b alike, c and x alone."""
    begin(store, FOUR)
    return cluster(registry=store, threshold=threshold)[0]


def child(store: Registry, model: str, base: str | None, **more: object) -> None:
    store.add_model(Model(model, TEXT, revision="9" * 40, base_model=base, **more))  # type: ignore[arg-type]


def places(store: Registry) -> dict[str, tuple[str, str, float | None]]:
    """By model: the representative it stands beside, how, and the score."""
    names = {c.id: c.representative for c in store.clusters()}
    return {p.model: (names[p.cluster], p.how, p.score) for p in store.placements()}


def test_models_stand_beside_their_nearest_relative(db: Path) -> None:
    """A base with results, a sibling, a chain through a name that nobody indexed; others nowhere."""
    with Registry.open(db) as store:
        made = clustered(store)
        for model, base in (("of-c", "c"), ("far", "middle"), ("middle", "x"), ("alone", None)):
            child(store, model, base)
        child(store, "a", "common")
        child(store, "cousin", "common")
        measure(store, "a", dict.fromkeys(SUITE, 0.9), seed=3)
        keep_up(store, RECIPE)
        report = place(store)
        assert places(store) == {
            "of-c": ("c", "lineage", 1 / 2),
            "cousin": ("a", "lineage", 1 / 3),
            "middle": ("x", "lineage", 1 / 2),
            "far": ("x", "lineage", 1 / 3),
        }
        (done,) = report.tasks
        assert (done.considered, done.lineage, done.card_text, done.unplaced) == (5, 4, 0, 1)
        assert (report.text_model, report.bytes_downloaded) == (None, 0)
        assert set(report.placements) == set(store.placements())
        assert {(c.id, c.members) for c in store.clusters()} == {(c.id, c.members) for c in made.clusters}
        assert not store.check()


def test_some_models_are_placed_by_name_or_by_number(db: Path) -> None:
    """Only those asked for; of a model with results it is said where it is."""
    with Registry.open(db) as store:
        clustered(store)
        for number, model in enumerate(("m1", "m2", "m3")):
            child(store, model, "a", downloads=number)
        place(store, limit=1)
        assert set(places(store)) == {"m3"}
        (done,) = place(store, models=["m1", "c"]).tasks
        assert set(places(store)) == {"m1", "m3"}
        assert done.considered == 1
        assert "c has results: it is a member of cluster" in done.notes[0]
        with pytest.raises(UnknownEntry):
            place(store, models=["nobody"])
        store.add_model(Model("image", "image-classification"))
        with pytest.raises(KnowledgeMissing, match="image-classification"):
            place(store, models=["image"])


def test_without_clusters_there_is_no_place(db: Path) -> None:
    """The error says what to do."""
    with Registry.open(db) as store:
        begin(store, FOUR)
        with pytest.raises(KnowledgeMissing, match="no clusters"):
            place(store)


def test_a_relative_that_is_none_any_more_ends_the_place(db: Path) -> None:
    """Lineage is read again each time."""
    with Registry.open(db) as store:
        clustered(store)
        child(store, "m", "a")
        place(store)
        store.add_model(Model("m", TEXT, revision="8" * 40, base_model="unknown/other"))
        place(store)
        assert places(store) == {}


def test_a_place_ends_when_the_model_has_enough_results(db: Path) -> None:
    """One or two scores can be compared with nobody's; the third makes it a member like all others."""
    with Registry.open(db) as store:
        clustered(store)
        child(store, "m", "a")
        place(store)
        for number, dataset in enumerate(SUITE):
            measure(store, "m", {dataset: 0.31})
            upkeep = keep_up(store, RECIPE)
            assert upkeep is not None
            assert not upkeep.afresh
            check_equal(store)
            assert set(places(store)) == ({"m"} if number < 2 else set())
            place(store)
            assert set(places(store)) == ({"m"} if number < 2 else set())
        assert store.clusters()[-1].members == ("c", "m")


@pytest.mark.parametrize("afresh", [False, True])
def test_places_follow_their_relatives_when_clusters_change(db: Path, afresh: bool) -> None:
    """Merged, split and left clusters: each stands beside the cluster its own relative is in."""

    def change(model: str, score: float) -> None:
        # other weights: the old scores leave the matrix
        store.add_model(Model(model, TEXT, revision=f"{len(store.runs()):040x}"))
        measure(store, model, dict.fromkeys(SUITE, score), seed=len(store.runs()))
        if afresh:
            forget_state(store, RECIPE.digest)
        keep_up(store, RECIPE)

    with Registry.open(db) as store:
        begin(store, {m: [v] * 4 for m, v in (("a", 0.9), ("b", 0.89), ("c", 0.3), ("x", 0.6))})
        store.add_model(Model("a", TEXT, revision="0" * 39 + "1"))
        cluster(registry=store, threshold=0.05)
        for base in "abcx":
            child(store, f"of-{base}", base)
        place(store)

        def follow() -> None:
            of = {m: c.id for c in store.clusters() for m in c.members}
            assert {p.model: p.cluster for p in store.placements()} == {
                f"of-{m}": of[m] for m in "abcx" if m in of
            }
            assert not store.check()

        for model, score in (("b", 0.31), ("c", 0.88), ("x", 0.32), ("b", 0.9), ("x", 0.9), ("c", 0.1)):
            change(model, score)
            follow()
        cluster(registry=store, threshold=2)
        follow()
        cluster(registry=store, threshold=0)
        follow()
        cluster(registry=store, method="kmeans", n_clusters=2)
        follow()


@pytest.mark.parametrize("seed", range(6))
def test_provisional_models_decide_nothing(seed: int) -> None:
    """Random families beside random matrices: members, ids, representatives, threshold and silhouettes stay,
    and what happens later is what would have happened without them."""
    rng = random.Random(seed)
    names = [f"m{i}" for i in range(14)]
    links = {m: rng.choice([*names, "unknown", None]) for m in names}  # type: ignore[list-item]
    scores = {m: [round(rng.random() / 4, 2) for _ in SUITE] for m in names[:8]}
    later = {
        m: dict(zip(SUITE, scores[rng.choice(names[:8])], strict=True)) for m in rng.sample(names[8:], 3)
    }
    kept = []
    for placed in (False, True):
        with tempfile.TemporaryDirectory() as folder, Registry.open(Path(folder) / "r.db") as store:
            begin(store, scores)
            cluster(registry=store, threshold=0.05)
            for model in names:
                child(store, model, links[model]) if model not in scores else store.add_model(
                    Model(model, TEXT, revision="1" * 40, base_model=links[model])
                )
            before = store.clusterings()
            if placed:
                place(store)
                assert store.clusterings() == before
            for model, row in later.items():
                measure(store, model, row)
                keep_up(store, RECIPE)
                check_equal(store)
                assert model not in places(store)
            kept.append((before, store.clusterings(), [(e.kind, e.payload) for e in store.cluster_events()]))
    assert kept[0] == kept[1]


@pytest.fixture(scope="session")
def reader(hub_root: Path) -> str:
    """A checkpoint of the zoo, really pre-trained on documentation."""
    spec = checkpoint("bert-docs")
    folder = hub_root / "models" / spec.repo_id
    folder.mkdir(parents=True, exist_ok=True)
    write_model(spec, read_manifest()["checkpoints"]["bert-docs"], folder)
    return spec.repo_id


CARDS = {
    "a": "Returns a list of the arguments that a function of the module was called with.",
    "c": "Opens a network socket and waits for a connection of a remote client.",
    "like-a": "Returns a list of the arguments that a method of the module was called with.",
    "like-c": "Opens a network socket and waits for a message of a remote client.",
}


def with_cards(store: Registry, root: Path, name: UniqueId, cards: dict[str, str]) -> None:
    """Four measured models and those of `cards`; the hub has the cards and nothing else of them."""
    begin(store, {})
    for model, row in FOUR.items():  # of no commit, as imported ones are
        store.add_model(Model(name(model), TEXT))
        measure(store, name(model), dict(zip(SUITE, row, strict=True)))
    for model, text in cards.items():
        folder = root / "models" / name(model)
        folder.mkdir(parents=True)
        write_card(folder, {"license": "mit"}, text)
        if model not in FOUR:
            store.add_model(Model(name(model), TEXT))
    cluster(registry=store, threshold=0.05)


@pytest.mark.slow
def test_cards_are_read_by_a_real_checkpoint(
    db: Path, hub: MiniHub, hub_root: Path, unique_id: UniqueId, reader: str
) -> None:
    """Models without relatives go where the most similar card is; those with one do not need theirs."""
    with Registry.open(db) as store:
        with_cards(store, hub_root, unique_id, CARDS)
        child(store, unique_id("kin"), unique_id("x"))
        store.add_model(Model(unique_id("gone"), TEXT))
        report = place(store, text_model=reader)
        found = places(store)
        assert {m: (r, how) for m, (r, how, _) in found.items()} == {
            unique_id("kin"): (unique_id("x"), "lineage"),
            unique_id("like-a"): (unique_id("a"), "card-text"),
            unique_id("like-c"): (unique_id("c"), "card-text"),
        }
        assert all(0.5 < (s or 0) <= 1 for m, (_, how, s) in found.items() if how == "card-text")
        (done,) = report.tasks
        assert (done.considered, done.lineage, done.card_text, done.unplaced) == (4, 1, 2, 1)
        assert report.text_model == reader
        assert report.bytes_downloaded > 0
        assert any(unique_id("gone") in note for note in done.notes)
        assert set(hub.weights_fetched()) == {reader}
        assert not store.check()


@pytest.mark.slow
def test_cards_are_bounded_and_taken_up_again(
    db: Path, hub_root: Path, unique_id: UniqueId, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody said how many: a repetition goes on with those that have no place yet."""
    monkeypatch.setattr(placing, "MOST_CARDS", 1)
    monkeypatch.setattr(placing, "MOST_COMPARED", 1)
    with Registry.open(db) as store:
        with_cards(store, hub_root, unique_id, CARDS)
        first = place(store, text_model=reader)
        assert len(store.placements()) == 1
        assert any("1 more models" in n for n in first.tasks[0].notes)
        assert any("1 of 4 models" in n for n in first.tasks[0].notes)
        second = place(store, text_model=reader)
        assert (second.tasks[0].considered, second.tasks[0].card_text) == (1, 1)
        assert len(store.placements()) == 2


def test_cards_without_words_place_nobody(db: Path, hub_root: Path, unique_id: UniqueId, reader: str) -> None:
    """Said in the notes, for either side."""
    with Registry.open(db) as store:
        with_cards(store, hub_root, unique_id, {"like-a": CARDS["like-a"]})
        (done,) = place(store, text_model=reader).tasks
        assert store.placements() == []
        assert any("nothing to compare with" in note for note in done.notes)


def test_a_text_model_has_to_read_text(db: Path, hub_root: Path, unique_id: UniqueId) -> None:
    """And to exist; nothing is placed then."""
    write_image_model(hub_root, unique_id("vit"), layers=1)
    with Registry.open(db) as store:
        clustered(store)
        child(store, "m", "a")
        with pytest.raises(InvalidInput, match="does not read text"):
            place(store, text_model=unique_id("vit"))
        with pytest.raises(RepoNotFound):
            place(store, text_model=unique_id("nobody"))
        assert store.placements() == []


def test_a_model_that_is_only_indexed_is_placed_at_once(
    db: Path, hub_root: Path, unique_id: UniqueId
) -> None:
    """`add_model(benchmark=False)` looks for relatives and downloads nothing for it."""
    write_text_model(hub_root, unique_id("kin"), layers=1, card={"base_model": "a"})
    with Registry.open(db) as store:
        clustered(store)
        added = add_model(unique_id("kin"), registry=store, benchmark=False)
        assert [(p.model, p.how) for p in added.placed] == [(unique_id("kin"), "lineage")]
        assert list(added.placed) == store.placements()
