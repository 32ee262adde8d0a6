"""Indexing the Hub: the real client walks the mini hub's listings into a registry."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from hubselect.api.indexing import IndexReport, index
from hubselect.api.progress import Progress
from hubselect.demo.server import MiniHub, Request
from hubselect.errors import HubError, HubUnreachable, InvalidInput
from hubselect.hub import Patience
from hubselect.records import Dataset, Model
from hubselect.registry import HubResult, Registry
from tests.support.listings import write_listed_dataset, write_listed_model

TEXT = "text-classification"
HASTY = Patience(tries=4, first=0.01)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "registry.db") as opened:
        yield opened


@pytest.fixture
def author(unique_id: Callable[[str], str]) -> str:
    return unique_id("x").split("/")[0]


def walk(store: Registry, author: str, **options: object) -> IndexReport:
    pipelines = options.pop("pipelines", (TEXT,))
    return index(TEXT, registry=store, author=author, pipelines=pipelines, patience=HASTY, **options)  # type: ignore[arg-type]


def listings(hub: MiniHub) -> list[Request]:
    return [r for r in hub.requests if r.path in ("/api/models", "/api/datasets")]


def write_models(root: Path, author: str, count: int) -> None:
    for i in range(count):
        stamp = f"2024-01-{i + 1:02d}T00:00:00.000Z"
        write_listed_model(root, f"{author}/m{i}", downloads=10 * i, last_modified=stamp)


def test_a_listing_becomes_candidates_with_metadata(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """Parameters, size of one format, licence, downloads, tags and lineage come from the listing alone."""
    write_listed_model(
        hub_root,
        f"{author}/a",
        weights=("model.safetensors", "pytorch_model.bin"),
        card={"license": "mit", "base_model": "google/bert", "tags": ["fine"]},
        downloads=1234,
        likes=5,
        gated="auto",
    )
    report = walk(store, author)
    assert (report.seen, report.indexed.new, report.pages) == (1, 1, 1)
    model = store.model(f"{author}/a")
    assert model.revision is not None
    assert len(model.revision) == 40
    assert (model.parameters, model.weights_format, model.weights_bytes) == (100, "safetensors", 400)
    assert model.weights_files == ("model.safetensors",)
    assert (model.license, model.base_model) == ("mit", "google/bert")
    assert (model.downloads, model.likes, model.gated) == (1234, 5, "auto")
    assert (model.pipeline_tag, model.library) == (TEXT, "transformers")
    assert "fine" in model.tags
    assert (model.architecture, model.model_type) == ("BertForSequenceClassification", "bert")
    assert model.last_modified == "2024-05-01T00:00:00+00:00"
    assert model.indexed_only
    assert not store.runs()
    assert {r.path for r in hub.requests} == {"/api/models"}


def test_what_cannot_be_fine_tuned_is_skipped_and_counted(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """Adapters, foreign formats, custom code and models of another task are no candidates."""
    write_listed_model(hub_root, f"{author}/good")
    write_listed_model(hub_root, f"{author}/onnx", weights=("model.onnx",))
    write_listed_model(
        hub_root, f"{author}/code", model_type="mystery", config={"auto_map": {"AutoModel": "modeling.M"}}
    )
    image = write_listed_model(hub_root, f"{author}/image", architecture="ViTForImageClassification")
    (image / ".minihub.json").write_text(f'{{"pipeline_tag": "{TEXT}"}}')
    adapter = write_listed_model(hub_root, f"{author}/adapter", pipeline_tag=TEXT)
    (adapter / "config.json").rename(adapter / "adapter_config.json")
    report = walk(store, author)
    assert [m.id for m in store.models()] == [f"{author}/good"]
    assert sum(report.skipped.values()) == 4
    assert "it is an adapter, not a whole model" in report.skipped
    assert "it is a model for image-classification" in report.skipped


def test_the_second_walk_asks_only_for_what_changed(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """It ends at the newest change of the last walk; a changed and a new model are found."""
    write_models(hub_root, author, 10)
    assert walk(store, author, page_size=3).pages == 4
    hub.reset()
    again = walk(store, author, page_size=3)
    assert len(listings(hub)) == 1
    assert (again.indexed.new, again.indexed.changed, again.indexed.unchanged) == (0, 0, 1)
    write_listed_model(hub_root, f"{author}/m2", values=7, last_modified="2024-02-01T00:00:00.000Z")
    write_listed_model(hub_root, f"{author}/new", last_modified="2024-02-02T00:00:00.000Z")
    third = walk(store, author, page_size=3)
    assert (third.seen, third.indexed.new, third.indexed.changed) == (3, 1, 1)
    assert store.model(f"{author}/m2").parameters == 7


def test_a_killed_walk_goes_on_at_its_page(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """Pages before the failure are not asked for again, and what changed meanwhile is found too."""
    write_models(hub_root, author, 9)
    third = lambda request: "cursor=4" in request.query  # noqa: E731
    hub.fault(third, status=400)
    with pytest.raises(HubError, match="answered 400"):
        walk(store, author, page_size=2)
    assert len(store.models()) == 4
    write_listed_model(hub_root, f"{author}/late", last_modified="2024-03-01T00:00:00.000Z")
    hub.reset()
    report = walk(store, author, page_size=2)
    assert report.resumed
    assert {m.id for m in store.models()} == {f"{author}/late", *(f"{author}/m{i}" for i in range(9))}
    assert next(parse_qs(r.query).get("cursor") for r in listings(hub)) == ["4"]
    assert (cursor := store.index_cursors()[0]).next_page is None
    assert cursor.seen_until == "2024-03-01T00:00:00+00:00"


def test_a_page_the_hub_forgot_starts_the_walk_again(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """An expired cursor costs pages, not models."""
    write_models(hub_root, author, 6)
    hub.fault(lambda r: "cursor=2" in r.query, status=400, times=2)
    with pytest.raises(HubError):
        walk(store, author, page_size=2)
    report = walk(store, author, page_size=2)
    assert report.resumed
    assert len(store.models()) == 6


def test_rate_limits_and_server_errors_are_waited_for(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """429 with Retry-After, an exhausted RateLimit and 503 delay the walk and lose nothing."""
    write_models(hub_root, author, 5)
    hub.fault("/api/models", status=429, headers={"Retry-After": "0"})
    hub.fault("/api/models", status=429, headers={"RateLimit": '"api";r=0;t=0'})
    hub.fault("/api/models", status=503)
    told: list[Progress] = []
    report = walk(store, author, page_size=2, listener=told.append)
    assert report.indexed.new == 5
    assert [t.detail for t in told if "waiting" in t.detail] == [
        "rate limit: waiting 0 s",
        "rate limit: waiting 0 s",
        "status 503: waiting 0 s",
    ]
    assert [r.status for r in listings(hub)] == [429, 429, 503, 200, 200, 200]


def test_a_limit_that_takes_too_long_stops_with_advice(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """A Retry-After of hours is not waited for; the walk can be taken up later."""
    write_models(hub_root, author, 3)
    hub.fault(lambda r: "cursor=2" in r.query, status=429, headers={"Retry-After": "7200"})
    with pytest.raises(HubUnreachable, match="rate of requests") as caught:
        walk(store, author, page_size=2)
    assert "120 minutes" in str(caught.value.hint)
    assert len(store.models()) == 2
    assert walk(store, author, page_size=2).resumed


def test_a_next_page_elsewhere_is_never_asked_for(
    hub: MiniHub, hub_root: Path, store: Registry, author: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token stays with the endpoint: a link to another origin ends the walk before it is followed."""
    write_models(hub_root, author, 3)
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    with MiniHub(hub_root) as thief:
        link = f'<{thief.url}/api/models?cursor=2>; rel="next"'
        hub.fault("/api/models", headers={"Link": link})
        with pytest.raises(HubError, match="not followed"):
            walk(store, author)
        assert thief.requests == []
    assert store.models() == []


def test_a_stored_page_elsewhere_is_never_asked_for(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """A cursor in a registry from elsewhere cannot lead the client away either."""
    write_models(hub_root, author, 3)
    walk(store, author)
    cursor = store.index_cursors()[0]
    from dataclasses import replace

    store.save_index_cursor(replace(cursor, next_page="http://127.0.0.1:1/api/models?cursor=1"))
    with pytest.raises(HubError, match="not followed"):
        walk(store, author)


def test_bounds_take_the_most_downloaded_first(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """--limit and --min-downloads end the walk as soon as they are met."""
    write_models(hub_root, author, 10)
    assert walk(store, author, limit=3).indexed.new == 3
    assert [m.id for m in store.models(order="downloads")] == [f"{author}/m{i}" for i in (9, 8, 7)]
    hub.reset()
    assert walk(store, author, min_downloads=50, page_size=4).indexed.new == 2
    assert len(store.models()) == 5
    assert len(listings(hub)) == 2


def test_an_added_model_keeps_what_was_pinned(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """A measured checkpoint keeps revision and weights; its downloads are renewed."""
    write_listed_model(hub_root, f"{author}/m", downloads=99)
    pinned = Model(f"{author}/m", TEXT, revision="a" * 40, weights_digest="w", labels=("no", "yes"))  # type: ignore[arg-type]
    store.add_model(pinned)
    report = walk(store, author)
    assert report.indexed.changed == 1
    model = store.model(f"{author}/m")
    assert (model.revision, model.weights_digest, model.labels) == ("a" * 40, "w", ("no", "yes"))
    assert (model.downloads, model.indexed_only) == (99, False)


def test_a_candidate_that_is_added_is_no_candidate_any_more(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """add-model looks at the files, and indexing again does not undo that."""
    from hubselect.hub import index_model

    write_listed_model(hub_root, f"{author}/m", downloads=99)
    walk(store, author)
    added = store.add_model(index_model(f"{author}/m"))
    assert not added.indexed_only
    assert added.weights_digest
    walk(store, author)
    assert store.model(f"{author}/m") == added
    assert store.models(TEXT, indexed_only=True) == []


def test_claims_of_cards_are_kept_apart(hub: MiniHub, hub_root: Path, store: Registry, author: str) -> None:
    """model-index and .eval_results go to hub_results, and a claim that left the card leaves them."""
    claim = {
        "task": {"type": TEXT},
        "dataset": {"type": "glue", "name": "GLUE", "config": "sst2", "split": "validation"},
        "metrics": [{"type": "accuracy", "value": 0.91}, {"type": "f1", "value": "n/a"}],
    }
    folder = write_listed_model(
        hub_root, f"{author}/m", card={"model-index": [{"name": "m", "results": [claim]}]}
    )
    results = folder / ".eval_results"
    results.mkdir()
    (results / "hle.yaml").write_text("- dataset: {id: cais/hle, task_id: default}\n  value: 20.9\n")
    report = walk(store, author)
    assert report.indexed.claims == 2
    sha = store.model(f"{author}/m").revision or ""
    assert store.hub_results(f"{author}/m") == [
        HubResult(f"{author}/m", sha, "cais/hle", "leaderboard", 20.9, "default"),
        HubResult(f"{author}/m", sha, "glue", "accuracy", 0.91, "sst2", "validation"),
    ]
    assert store.runs() == []
    assert store.matrix().empty
    (results / "hle.yaml").unlink()
    write_listed_model(
        hub_root, f"{author}/m", last_modified="2024-06-01T00:00:00.000Z", card={"license": "mit"}
    )
    walk(store, author)
    assert store.hub_results() == []


def test_datasets_are_indexed_as_targets_by_name(
    hub: MiniHub, hub_root: Path, store: Registry, author: str
) -> None:
    """They never join the benchmark suite by themselves, and an added one keeps its role."""
    write_listed_dataset(hub_root, f"{author}/d", downloads=7)
    write_listed_dataset(hub_root, f"{author}/e", downloads=8)
    store.add_dataset(Dataset(f"{author}/e", TEXT, revision="e" * 40, label_column="y"))  # type: ignore[arg-type]
    report = walk(store, author, what="datasets", pipelines=())
    assert (report.indexed.new, report.seen) == (1, 2)
    new, old = store.datasets()
    assert (new.role, new.revision, new.downloads, new.license) == ("target", None, 7, "mit")
    assert (old.role, old.revision, old.label_column, old.downloads) == ("benchmark", "e" * 40, "y", 8)


@pytest.mark.parametrize(
    "options",
    [
        {"limit": 0},
        {"min_downloads": 0},
        {"page_size": 0},
        {"pipelines": ("text-to-image",)},
        {"what": "spaces"},
    ],
)
def test_senseless_questions_are_refused(store: Registry, options: dict[str, object]) -> None:
    """Before anything is asked of the Hub."""
    with pytest.raises(InvalidInput):
        walk(store, "someone", **options)


def test_an_answer_that_is_no_listing_is_refused(hub: MiniHub, store: Registry, author: str) -> None:
    """A corrupt page is a Hub error, not a traceback."""
    hub.fault("/api/models", corrupt=True)
    with pytest.raises(HubError, match="not a Hub's answer"):
        walk(store, author)
