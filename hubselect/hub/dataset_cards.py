"""The card of a repository that is written again and again: what its owner put there stays.

A written card is made of three parts: metadata, a section between two marks, and whatever people
write around it. Only the section, and the entries of the metadata that the writer needs, change.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hubselect.errors import InvalidInput

MAX_CARD = 1 << 20
"""Bytes that a card may have."""

Metadata = dict[str, Any]


def keep_card(
    theirs: Path,
    ours: Path,
    marks: tuple[str, str],
    name: str,
    united: Callable[[Metadata, Metadata], Metadata] | None = None,
) -> None:
    """Make `ours`, a card as it was just written, say what `theirs`, the card as it is, says besides.

    Of `theirs` everything stays but the section between the marks, which comes from `ours` (at the
    end where there was none); metadata it lacks is added; tags and configurations are united, those
    of `ours` win by `config_name`. `united` makes the metadata of theirs and ours by another rule. Raises
    `InvalidInput` for metadata that cannot be read; `name` is what the message calls the repository.
    """
    from huggingface_hub import metadata_load, metadata_save

    try:
        text = theirs.read_bytes().decode("utf-8-sig")
        had = metadata_load(theirs) or {}
    except Exception as error:  # PyYAML's classes are the client's business
        problem = " ".join(str(error).split())[:200]
        raise InvalidInput(
            f"the metadata of README.md of {name} cannot be read: {problem}",
            "mend the part between the two lines of --- on top of it, then repeat the command",
        ) from None
    wanted = (united or _united)(had, metadata_load(ours) or {})
    section = _between(marks).search(ours.read_text(encoding="utf-8"))
    if section is None:
        raise ValueError("the card has no marked section")
    ours.write_bytes(_with_section(text, section[0], marks).encode("utf-8"))
    if wanted != had:  # else the owner's own spelling stays
        metadata_save(ours, wanted)


def _between(marks: tuple[str, str]) -> re.Pattern[str]:
    """One section; a first mark that was left alone does not begin it."""
    first, last = (re.escape(mark) for mark in marks)
    return re.compile(f"{first}(?:(?!{first}).)*?{last}", re.DOTALL)


def _with_section(text: str, section: str, marks: tuple[str, str]) -> str:
    if "\r\n" in text:
        section = section.replace("\n", "\r\n")
    line = "\r\n" if "\r\n" in text else "\n"
    before, *after = _between(marks).split(text)
    if after:
        return before + section + "".join(after)
    if before.strip():
        before = before.rstrip("\r\n") + line * 2
    return before + section + line


def _united(had: dict[str, Any], made: dict[str, Any]) -> dict[str, Any]:
    united = {**had, **{key: value for key, value in made.items() if key not in had}}
    tags = had.get("tags") or []
    tags = tags if isinstance(tags, list) else [tags]
    united["tags"] = tags + [tag for tag in made.get("tags", []) if tag not in tags]
    configs = made.get("configs", [])
    names = {config["config_name"] for config in configs}
    others = had.get("configs")
    kept = [
        config
        for config in (others if isinstance(others, list) else [])
        if not (isinstance(config, dict) and config.get("config_name") in names)
    ]
    if any(isinstance(config, dict) and config.get("default") for config in kept):
        configs = [{k: v for k, v in config.items() if k != "default"} for config in configs]
    united["configs"] = [*configs, *kept]
    return united if united["configs"] else {k: v for k, v in united.items() if k != "configs"}
