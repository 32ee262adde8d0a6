"""Cards that are written again keep what their owners wrote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import metadata_load

from hubselect.errors import InvalidInput
from hubselect.hub.dataset_cards import keep_card

Keep = Callable[[str | bytes], str]
MARKS = ("<!-- begin -->", "<!-- end -->")
OURS = """---
pretty_name: made
tags:
- made
configs:
- config_name: runs
  data_files: data/runs.parquet
  default: true
---

<!-- begin -->
# New
<!-- end -->
"""


@pytest.fixture
def kept(tmp_path: Path) -> Keep:
    """The card that results when `theirs` stood there before."""

    def keep(theirs: str | bytes) -> str:
        old, new = tmp_path / "old.md", tmp_path / "new.md"
        old.write_bytes(theirs if isinstance(theirs, bytes) else theirs.encode())
        new.write_text(OURS)
        keep_card(old, new, MARKS, "dataset o/d")
        return new.read_bytes().decode()

    return keep


def metadata(text: str, tmp_path: Path) -> object:
    (tmp_path / "read.md").write_bytes(text.encode())
    return metadata_load(tmp_path / "read.md")


def test_text_around_the_section_and_metadata_stay(kept: Keep, tmp_path: Path) -> None:
    """Licence, own tags and own configurations, words before and after; only the section changes."""
    theirs = (
        "---\nlicense: cc-by-4.0\ntags:\n- mine\n- made\nconfigs:\n- config_name: runs\n  data_files: old\n"
        "- config_name: extra\n  data_files: extra.csv\n---\n"
        "Before.\n\n<!-- begin -->\n# Old\n<!-- end -->\n\nAfter.\n"
    )
    text = kept(theirs)
    assert text.endswith("---\nBefore.\n\n<!-- begin -->\n# New\n<!-- end -->\n\nAfter.\n")
    assert metadata(text, tmp_path) == {
        "license": "cc-by-4.0",
        "tags": ["mine", "made"],
        "configs": [
            {"config_name": "runs", "data_files": "data/runs.parquet", "default": True},
            {"config_name": "extra", "data_files": "extra.csv"},
        ],
        "pretty_name": "made",
    }
    assert kept(text) == text


def test_a_card_that_says_all_this_keeps_its_spelling(kept: Keep) -> None:
    """Comments and quotes of the front matter are not rewritten for nothing."""
    spelled = OURS.replace("pretty_name: made", 'pretty_name: "made"  # by hand').replace("# New", "# Old")
    assert kept(spelled) == spelled.replace("# Old", "# New")


@pytest.mark.parametrize("theirs", ["", "# Mine\n\nWords.", "---\nlicense: mit\n---\n", "\n\n# Mine\r\n"])
def test_a_card_without_a_section_gets_one_at_its_end(kept: Keep, theirs: str) -> None:
    """Its own text comes first; the second time nothing changes."""
    text = kept(theirs)
    assert "<!-- begin -->" in text
    for word in ("Mine", "Words", "license: mit"):
        assert (word in text) == (word in theirs)
    if "Mine" in theirs:
        assert text.index("Mine") < text.index("<!-- begin -->")
    assert kept(text) == text


def test_damaged_marks_lose_no_text(kept: Keep) -> None:
    """A lone mark is text; of two sections one is left, and what stands between them stays."""
    text = kept("<!-- begin -->\nMine.\n")
    assert "Mine." in text
    assert kept(text) == text
    section = "<!-- begin -->\nx\n<!-- end -->\n"
    text = kept(f"One.\n{section}Two.\n{section}Three.\n")
    assert all(word in text for word in ("One.", "Two.", "Three."))
    assert text.count("<!-- begin -->") == 1


def test_line_ends_and_an_own_default_configuration_stay(kept: Keep, tmp_path: Path) -> None:
    text = kept("---\r\nconfigs:\r\n- config_name: mine\r\n  default: true\r\n---\r\nWords.\r\n")
    assert text.count("\n") == text.count("\r\n")
    found = metadata(text, tmp_path)
    assert isinstance(found, dict)
    assert [c["config_name"] for c in found["configs"] if c.get("default")] == ["mine"]


@pytest.mark.parametrize("bad", [b"---\n[1, 2]\n---\n", b"---\na: [\n---\n", b"\xff\xfe\x00"])
def test_metadata_that_cannot_be_read_is_refused(kept: Keep, bad: bytes) -> None:
    """In one line that names the repository, because writing it again would lose it."""
    with pytest.raises(InvalidInput, match=r"README\.md of dataset o/d cannot be read") as error:
        kept(bad)
    assert "\n" not in error.value.message
