"""Text that leaves this machine: without its paths and secrets, and read by Markdown as it is meant.

Ids, labels, licences and reasons come from the Hub or quote what did: they must not become links,
HTML, mathematics or another table on the page of a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from hubselect.errors import without_secrets

_PLACE = re.compile(
    r"(?<![\w/:.~\\-])(?:file:[^\s'\"`]+|~?/[^\s'\"`<>|,;:()\[\]]+|[A-Za-z]:[\\/][^\s'\"`]+|\\\\[^\s'\"`]+)"
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!&~^$@]|:(?=\S))")
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?", re.ASCII)
_LONGEST = 300


def public_text(text: str) -> str:
    """`text` without paths of this machine, tokens, logins and what no encoding takes."""
    told = _PLACE.sub("(a local path)", without_secrets(text))
    return told.encode("utf-8", "replace").decode("utf-8")


def public_document(value: Any) -> Any:
    """A JSON value with all of its texts made public."""
    if isinstance(value, str):
        return public_text(value)
    if isinstance(value, dict):
        return {key: public_document(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [public_document(inner) for inner in value]
    return value


def markdown(text: str, most: int = _LONGEST) -> str:
    """`text`, made public, on one line of Markdown that shows it and does nothing else.

    Control, format and surrogate characters become spaces; more than `most` characters are cut off.
    """
    shown = (" " if unicodedata.category(c)[0] in "CZ" else c for c in public_text(text))
    line = " ".join("".join(shown).split())
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    return _SPECIAL.sub(r"\\\1", line).replace("www.", "www\\.")


def is_hub_id(name: str) -> bool:
    """Whether a name may be a repository's: only then it becomes a link or metadata."""
    return _ID.fullmatch(name) is not None and len(name) <= 96


def link(name: str, address: str) -> str:
    """The name of a repository as a link to its page; of anything else the name alone."""
    return f"[{markdown(name)}]({address})" if is_hub_id(name) else markdown(name)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> str:
    """A Markdown table; cells are Markdown already. Columns in `right` hold numbers."""
    rules = ["---:" if name in right else "---" for name in columns]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (columns, rules, *rows))
