"""Listings in the registry: bulk upserts, cursors, and a small version of the indexing benchmark."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from hubselect.errors import InvalidInput
from hubselect.records import Dataset, Model
from hubselect.registry import HubResult, IndexCursor, Indexed, Registry
from tests.registry.conftest import TEXT, add_cell

QUERY = {"kind": "models", "tag": TEXT}


def listed(name: str, **values: object) -> Model:
    given = {"revision": "1" * 40, "downloads": 5, "tags": ("a", "b"), "indexed_only": True, **values}
    return Model(name, TEXT, **given)  # type: ignore[arg-type]


def test_a_page_is_counted_by_what_was_known(registry: Registry) -> None:
    """New, changed and unchanged entries, doubles once."""
    assert registry.index_models([listed("o/a"), listed("o/b"), listed("o/a")]) == Indexed(new=2)
    again = [listed("o/a", downloads=6), listed("o/b", revision="2" * 40), listed("o/c")]
    assert registry.index_models(again) == Indexed(new=1, changed=1, unchanged=1)
    assert registry.model("o/a").downloads == 6
    assert registry.model("o/b").revision == "2" * 40
    assert registry.model("o/c").tags == ("a", "b")


def test_measured_models_keep_what_their_runs_are_of(registry: Registry) -> None:
    """Revision, weights, labels and the matrix stay; popularity is renewed."""
    model = Model("o/a", TEXT, revision="a" * 40, weights_digest="w", labels=("x", "y"), license="mit")  # type: ignore[arg-type]
    registry.add_model(model)
    registry.add_dataset(Dataset("o/d", TEXT, revision="d" * 40))  # type: ignore[arg-type]
    add_cell(registry, "o/a", "o/d", 0.9)
    registry.index_models([listed("o/a", license="other", downloads=7, likes=3)])
    assert registry.model("o/a") == replace(model, downloads=7, likes=3, tags=("a", "b"))
    assert registry.matrix().loc["o/a", "o/d"] == 0.9


def test_an_imported_name_gets_metadata_and_keeps_its_scores(registry: Registry) -> None:
    """Scores of an unknown revision stay in the matrix when the name is found in a listing."""
    import pandas as pd

    registry.import_scores(pd.DataFrame({"model": ["o/a"], "dataset": ["d"], "score": [0.5]}))
    registry.index_models([listed("o/a", parameters=10)])
    model = registry.model("o/a")
    assert (model.parameters, model.revision, model.indexed_only) == (10, "1" * 40, True)
    assert registry.matrix().loc["o/a", "d"] == 0.5


def test_claims_of_a_page_replace_those_before(registry: Registry) -> None:
    """A claim that left the card leaves the registry; other cards keep theirs."""
    one, two = (HubResult(m, "1" * 40, "glue", "f1", 0.5) for m in ("o/a", "o/b"))
    registry.index_models([listed("o/a"), listed("o/b")], [one, two])
    better = replace(one, metric="accuracy", value=0.6)
    assert registry.index_models([listed("o/a")], [better]).claims == 1
    assert registry.hub_results() == [better, two]
    registry.add_hub_results([replace(two, value=0.7)])
    assert [r.value for r in registry.hub_results("o/b")] == [0.7]
    assert registry.claims_frame("o/b")["value"].tolist() == [0.7]


def test_a_page_and_its_cursor_are_stored_together_or_not_at_all(registry: Registry) -> None:
    """A refused entry leaves neither models nor cursor."""
    cursor = IndexCursor(QUERY, next_page="http://hub/api/models?cursor=2", walk_seen=1)
    with pytest.raises(InvalidInput):
        registry.index_models([listed("o/a"), listed(" o/b")], cursor=cursor)
    assert registry.models() == []
    assert registry.index_cursor(QUERY) is None
    registry.index_models([listed("o/a")], cursor=cursor)
    assert registry.index_cursor(QUERY) == cursor
    registry.save_index_cursor(replace(cursor, next_page=None, seen_until="2024"))
    assert [c.seen_until for c in registry.index_cursors()] == ["2024"]
    assert registry.index_cursor({**QUERY, "author": "o"}) is None


def test_looking_a_candidate_up_makes_it_a_model(registry: Registry) -> None:
    """add_model completes an indexed entry; what the look-up does not know stays."""
    registry.index_models([listed("o/a", likes=4)])
    added = registry.add_model(Model("o/a", TEXT, revision="1" * 40, weights_digest="w"))  # type: ignore[arg-type]
    assert (added.indexed_only, added.weights_digest, added.likes, added.downloads) == (False, "w", 4, 5)
    assert registry.add_model(listed("o/a", revision="2" * 40)).revision == "1" * 40


def test_ten_thousand_models_a_few_seconds(registry: Registry) -> None:
    """The benchmark in small: pages of a thousand, then questions about all of them.

    The bounds are far above what an idle machine needs (2 s, 5 ms): tests share their cores.
    """
    pages = [
        [
            listed(
                f"user-{i % 97}/m{i}", downloads=i, parameters=1000 * i, license="mit" if i % 3 else "other"
            )
            for i in range(start, start + 1000)
        ]
        for start in range(0, 10_000, 1000)
    ]
    started = time.process_time()
    for number, page in enumerate(pages):
        registry.index_models(page, cursor=IndexCursor(QUERY, walk_seen=1000 * number))
    assert time.process_time() - started < 10
    assert registry.count_models(TEXT) == 10_000
    questions: list[dict[str, object]] = [
        {"order": "downloads"},
        {"license": "mit", "order": "downloads"},
        {"min_parameters": 2_000_000, "max_parameters": 2_100_000},
        {"author": "user-5"},
        {"search": "m999", "order": "downloads"},
    ]
    times = []
    for question in questions * 3:
        started = time.process_time()
        assert registry.models(TEXT, limit=20, **question)  # type: ignore[arg-type]
        times.append(time.process_time() - started)
    assert sorted(times)[len(times) // 2] < 0.05
    assert registry.check() == []
