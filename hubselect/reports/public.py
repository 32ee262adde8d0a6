"""Text that leaves this machine: without its paths and secrets, without the names of files of one's own,
and read by Markdown as it is meant.

Ids, labels, licences and reasons come from the Hub or quote what did: they must not become links,
HTML, mathematics or another table on the page of a model.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

from hubselect.errors import without_secrets

_PLACE = re.compile(
    r"(?<![\w/:.~\\-])(?:file:[^\s'\"`]+|~?/[^\s'\"`<>|,;:()\[\]]+|[A-Za-z]:[\\/][^\s'\"`]+|\\\\[^\s'\"`]+)"
)
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|!&~^$@]|:(?=\S))")
_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)?", re.ASCII)
_LONGEST = 300
_T = TypeVar("_T")


def public_text(text: str) -> str:
    """`text` without paths of this machine, tokens, logins and what no encoding takes."""
    told = _PLACE.sub("(a local path)", without_secrets(text))
    return told.encode("utf-8", "replace").decode("utf-8")


def public_document(value: Any) -> Any:
    """A JSON value with all of its texts made public."""
    return _each_text(value, public_text)


def public_name(dataset: str) -> str:
    """What others read instead of the name of a file of one's own: that it is data, with the beginning of
    its content's hash. Names of the Hub stay."""
    return f"./data@{dataset.rpartition('@')[2]}" if dataset.startswith("./") else dataset


def without_own_name(told: _T, dataset: str) -> _T:
    """The same record or JSON value with the public name wherever a text of it names `dataset`."""
    return cast(_T, _each_text(told, lambda text: text.replace(dataset, public_name(dataset))))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A record or JSON value with each of its texts changed, keys of mappings included."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {_each_text(k, change): _each_text(inner, change) for k, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_each_text(inner, change) for inner in value)
    if is_dataclass(value) and not isinstance(value, type):
        given = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
        return replace(value, **_each_text(given, change))
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
