"""Cards of models that are published again: what belongs to the weights changes, the rest stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

from hubselect.hub.model_cards import card_content, keep_model_card, united_metadata

MARKS = ("<!-- begin -->", "<!-- end -->")
MADE: dict[str, Any] = {
    "license": "mit",
    "base_model": "org/new",
    "tags": ["hubselect"],
    "model-index": [{"name": "m", "results": []}],
}


def test_facts_of_the_weights_are_replaced_and_the_owners_entries_stay() -> None:
    """Results of replaced weights go, even where the new card has none; tags are united."""
    had = {
        "base_model": "org/old",
        "language": "de",
        "tags": ["mine"],
        "model-index": [{"name": "old", "results": [1]}],
    }
    united = united_metadata(had, MADE)
    assert united == {**MADE, "language": "de", "tags": ["mine", "hubselect"]}
    without = {key: value for key, value in MADE.items() if key != "model-index"}
    assert "model-index" not in united_metadata(had, without)


def test_the_owners_licence_stays_unless_it_was_for_another_base() -> None:
    mine = {"license": "other", "license_name": "mine", "license_link": "LICENSE"}
    for had in ({**mine}, {**mine, "base_model": "org/new"}):
        united = united_metadata(had, MADE)
        assert {key: united.get(key) for key in mine} == mine
    united = united_metadata({**mine, "base_model": "org/old"}, MADE)
    assert united["license"] == "mit"
    assert "license_name" not in united
    unknown = {key: value for key, value in MADE.items() if key != "license"}
    assert "license" not in united_metadata({**mine, "base_model": "org/old"}, unknown)


def test_the_owners_words_around_the_section_stay(tmp_path: Path) -> None:
    """The card is read by the client, before and after."""
    theirs, ours = tmp_path / "theirs.md", tmp_path / "ours.md"
    theirs.write_text(
        "---\nlicense: cc0-1.0\n---\nAsk me first.\n\n<!-- begin -->\nold\n<!-- end -->\nBye.\n"
    )
    ours.write_text(card_content(MADE, "<!-- begin -->\nnew\n<!-- end -->\n"))
    keep_model_card(theirs, ours, MARKS, "model me/m")
    card = ModelCard.load(ours)
    assert card.text == "Ask me first.\n\n<!-- begin -->\nnew\n<!-- end -->\nBye.\n"
    assert (card.data.license, card.data.base_model) == ("cc0-1.0", "org/new")
