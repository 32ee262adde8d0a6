"""The text of model cards over real HTTP: bounded, kept by commit, "" when there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import hf_hub_download

from hubselect.demo.server import MiniHub
from hubselect.errors import HubUnreachable, InvalidInput, RepoGated, RepoNotFound
from hubselect.hub import card_text, index_model
from hubselect.hub.cards import MOST_BYTES, plain
from hubselect.records import Model
from tests.support.repos import write_card, write_settings, write_text_model

UniqueId = Callable[[str], str]


@pytest.fixture
def folder(hub_root: Path, unique_id: UniqueId) -> Path:
    return write_text_model(hub_root, unique_id("m"), layers=1)


def repo_id(folder: Path) -> str:
    return f"{folder.parent.name}/{folder.name}"


def test_the_words_of_a_card_are_fetched_once(hub: MiniHub, folder: Path) -> None:
    """Without its metadata; one request per commit, a changed card is another commit's."""
    write_card(folder, {"license": "mit", "tags": ["secret-tag"]}, "Reads **tweets**.")
    model = index_model(repo_id(folder))
    hub.reset()
    assert card_text(model) == "# m Reads **tweets**."
    assert [r.file for r in hub.requests] == ["README.md"]
    write_card(folder, {}, "Reads news.")
    assert card_text(model) == "# m Reads **tweets**."
    assert len(hub.requests) == 1
    assert card_text(index_model(model.id)) == "# m Reads news."


def test_a_card_in_the_hub_cache_is_read_from_there(hub: MiniHub, folder: Path) -> None:
    """Whoever fetched it; nothing is asked."""
    model = index_model(repo_id(folder))
    hf_hub_download(model.id, "README.md", revision=model.revision)
    hub.reset()
    assert card_text(model).startswith("# m")
    assert hub.requests == []


@pytest.mark.parametrize("content", [None, "", "---\nlicense: mit\n---\n"], ids=["none", "empty", "metadata"])
def test_a_card_that_says_nothing_is_empty(hub: MiniHub, folder: Path, content: str | None) -> None:
    """No README, nothing in it, metadata only; remembered too."""
    if content is None:
        (folder / "README.md").unlink()
    else:
        (folder / "README.md").write_text(content)
    model = index_model(repo_id(folder))
    assert card_text(model) == ""
    hub.reset()
    assert card_text(model) == ""
    assert hub.requests == []


def test_a_long_card_is_cut_on_the_way(hub: MiniHub, folder: Path) -> None:
    """Megabytes of it never cross the wire."""
    (folder / "README.md").write_text("word " * 1_000_000)
    model = index_model(repo_id(folder))
    hub.reset()
    assert len(card_text(model)) <= MOST_BYTES
    assert sum(r.bytes_sent for r in hub.requests) < 4 * MOST_BYTES


def test_a_name_that_was_never_looked_up_is_asked_for_its_card_of_now(folder: Path) -> None:
    """Imported models have no commit; what may change is not kept."""
    model = Model(repo_id(folder), "text-classification")
    write_card(folder, {}, "Old.")
    assert card_text(model) == "# m Old."
    write_card(folder, {}, "New.")
    assert card_text(model) == "# m New."


def test_failures_are_told_apart(folder: Path, unique_id: UniqueId, monkeypatch: pytest.MonkeyPatch) -> None:
    """No such model, no access, no Hub, no id."""
    model = index_model(repo_id(folder))
    with pytest.raises(RepoNotFound):
        card_text(Model(unique_id("nobody"), "text-classification"))
    with pytest.raises(InvalidInput):
        card_text(Model("no id!", "text-classification"))
    write_settings(folder, gated="manual")
    with pytest.raises(RepoGated):
        card_text(model)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(HubUnreachable):
        card_text(replace(model, revision="0" * 40))


def test_markup_is_left_out() -> None:
    """Pictures, HTML and comments say nothing; a link says its text."""
    text = b'---\r\na: 1\r\n---\r\n# T\n<img src="x">![alt](u) <!-- hidden\n --> see [here](http://x) \xff---'
    assert plain(text) == "# T see here ---"
    assert plain(b"---\nnever closed") == "--- never closed"
