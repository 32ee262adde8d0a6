"""`hubselect index`, `models` with conditions, and `claims`, as a user types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.support.listings import write_listed_dataset, write_listed_model


@pytest.fixture
def author(
    hub_root: Path, unique_id: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An author with three models and a dataset, and a registry to come."""
    monkeypatch.setenv("HUBSELECT_REGISTRY", str(tmp_path / "registry.db"))
    claim = {
        "task": {"type": "text-classification"},
        "dataset": {"type": "imdb", "name": "IMDB"},
        "metrics": [{"type": "accuracy", "value": 0.93}],
    }
    card = {"license": "mit", "model-index": [{"name": "m", "results": [claim]}]}
    write_listed_model(hub_root, unique_id("small"), values=50, downloads=10, card=card)
    write_listed_model(hub_root, unique_id("large"), values=5000, downloads=2000)
    write_listed_model(hub_root, unique_id("base"), architecture="BertForMaskedLM", downloads=500)
    write_listed_dataset(hub_root, unique_id("texts"), downloads=3)
    return unique_id("x").split("/")[0]


def test_index_and_search(run: Run, author: str) -> None:
    """Heads and encoders are indexed, then found by conditions; a table says how many there are."""
    done = run("index", "--task", "text-classification", "--author", author, "--json")
    assert done.code == 0
    assert (done.document["new"], done.document["claims"], done.document["resumed"]) == (3, 1, False)
    listed = run("models", "--author", author, "--min-downloads", "0.5k", "--order", "downloads", "--json")
    assert [m["id"].split("/")[1] for m in listed.document] == ["large", "base"]
    assert listed.document[0]["indexed_only"] is True
    assert [m["id"] for m in run("models", "--license", "mit", "--json").document] == [f"{author}/small"]
    assert len(run("models", "--max-parameters", "1k", "--json").document) == 2
    assert run("models", "--added", "--json").document == []
    table = run("models", "--limit", "2").out
    assert "2 of 3 models" in table
    assert "licence" in table


def test_index_again_and_claims(run: Run, author: str) -> None:
    """The second time nothing is new; claims have a command of their own."""
    run("index", "--task", "text-classification", "--author", author)
    again = run("index", "--task", "text-classification", "--author", author).out
    assert "0 new, 0 changed, 3 unchanged" in " ".join(again.split())
    claims = run("claims", f"{author}/small", "--json").document
    assert [(c["dataset"], c["metric"], c["value"]) for c in claims] == [("imdb", "accuracy", 0.93)]
    assert "not measured here" in run("claims").out
    assert run("claims", "no/such").code == 1


def test_index_datasets_and_bounds(run: Run, author: str) -> None:
    """--what datasets walks the other listing; --limit bounds the walk; nonsense is bad usage."""
    done = run(
        "index", "--task", "text-classification", "--author", author, "--what", "datasets", "--json"
    ).document
    assert (done["what"], done["new"]) == ("datasets", 1)
    assert run("datasets", "--json").document[0]["role"] == "target"
    done = run(
        "index", "--task", "text-classification", "--author", author, "--limit", "1", "--json"
    ).document
    assert done["new"] == 1
    assert run("index").code == 2
    assert run("models", "--min-parameters", "many").code == 2
