"""The text of a model's card: README.md at the pinned commit, without the YAML before it.

One ranged request per card and commit, at most `MOST_BYTES` of it. What was read is kept in
`$HF_HOME/hubselect/cards`, for a commit's card never changes; a card in the Hub's own cache is read
from there.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from hubselect.errors import HubError
from hubselect.hub.client import check_repo_id, is_commit, read_range
from hubselect.hub.failures import unreachable
from hubselect.records import Model

MOST_BYTES = 1 << 16
_CARD = "README.md"
_FRONT_MATTER = re.compile(r"\A\s*---[ \t]*\r?\n.*?^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_MARKUP = re.compile(r"<!--.*?-->|<[^<>]{1,500}>|!\[[^\]]*\]\([^)]*\)", re.DOTALL)
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")


def card_text(model: Model) -> str:
    """What the card says in words; "" when there is no card, or nothing in it.

    A model that is not pinned to a commit is asked for its card of now, and that is not kept. Raises
    HubError's classes: `RepoNotFound` and `RepoGated` are about this model alone.
    """
    check_repo_id(model.id)
    if not is_commit(model.revision):
        return plain(_fetched(model.id, "main"))
    assert model.revision is not None
    kept = _place(model.id, model.revision)
    with suppress(OSError):
        return plain(kept.read_bytes())
    content = _cached(model.id, model.revision)
    if content is None:
        content = _fetched(model.id, model.revision)
    with suppress(OSError):  # then it is fetched again
        _keep(kept, content)
    return plain(content)


def plain(content: bytes) -> str:
    """The words of a README: no front matter, no HTML, no pictures, links by their text, spaces joined."""
    text = content.decode("utf-8", errors="ignore").removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")
    text = _FRONT_MATTER.sub("", text, count=1)
    return " ".join(_LINK.sub(r"\1", _MARKUP.sub(" ", text)).split())


def _fetched(repo_id: str, revision: str) -> bytes:
    from huggingface_hub import constants
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError

    if constants.HF_HUB_OFFLINE:
        raise unreachable(repo_id)
    try:
        return read_range(repo_id, _CARD, revision, repo_type="model", length=MOST_BYTES)
    except HubError as error:
        cause = error.__cause__
        if isinstance(cause, EntryNotFoundError):
            return b""
        if isinstance(cause, HfHubHTTPError) and cause.response.status_code == 416:
            return b""  # an empty file has no first byte
        raise


def _cached(repo_id: str, revision: str) -> bytes | None:
    """The card in the Hub's cache; b"" when it knows that there is none, None when it does not know."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(repo_id, _CARD, revision=revision)
    if found is None:
        return None
    if not isinstance(found, str):
        return b""
    try:
        with open(found, "rb") as file:
            return file.read(MOST_BYTES)
    except OSError:
        return None


def _place(repo_id: str, revision: str) -> Path:
    from huggingface_hub import constants

    home = Path(constants.HF_HOME).expanduser() / "hubselect" / "cards"
    return home / repo_id.replace("/", "--") / f"{revision}.md"


def _keep(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=place.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(part, place)
    except BaseException:
        with suppress(OSError):
            os.unlink(part)
        raise
