"""The connection: `HfApi`, ids and commits, ranged reads."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from hubselect.errors import HubError, InvalidInput
from hubselect.hub.endpoint import endpoint_notice, hub_endpoint, hub_token
from hubselect.hub.failures import hub_errors
from hubselect.hub.patience import persistent

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, HfApi, ModelInfo

__all__ = [
    "TIMEOUT",
    "card_of",
    "check_repo_id",
    "commit_of",
    "endpoint_notice",
    "hub_api",
    "hub_endpoint",
    "hub_errors",
    "hub_token",
    "is_commit",
    "read_range",
]

TIMEOUT = 10.0
"""Seconds the Hub may take to answer one metadata request."""

_REPO_ID = re.compile(r"[A-Za-z0-9](?:[\w.-]*\w)?(?:/\w(?:[\w.-]*\w)?)?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def hub_api() -> HfApi:
    """A client bound to the current endpoint and token."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub_endpoint(), token=hub_token(), library_name="hubselect")


def card_of(info: ModelInfo | DatasetInfo) -> dict[str, Any]:
    """The metadata of a repository's card (the YAML of its README), {} when there is none."""
    return dict(info.card_data.to_dict()) if info.card_data else {}  # type: ignore[no-untyped-call]


def commit_of(info: ModelInfo | DatasetInfo) -> str:
    """The commit sha of an answer. Raises HubError when it is none: it becomes part of file paths."""
    if not is_commit(info.sha):
        raise HubError(f"the Hub at {hub_endpoint()} gave no commit for {info.id}", "check HF_ENDPOINT")
    return str(info.sha)


def is_commit(revision: str | None) -> bool:
    """Whether a revision is a full commit sha (40 hex digits)."""
    return revision is not None and _COMMIT.fullmatch(revision) is not None


def check_repo_id(repo_id: str) -> str:
    """The id itself when it has the form `name` or `owner/name`. Raises InvalidInput."""
    if not _REPO_ID.fullmatch(repo_id) or ".." in repo_id or "--" in repo_id or len(repo_id) > 96:
        raise InvalidInput(f"{repo_id!r} is not a Hub id", "give one like owner/name")
    return repo_id


def read_range(
    repo_id: str, path: str, revision: str, *, repo_type: str, start: int = 0, length: int
) -> bytes:
    """At most `length` bytes of a file from byte `start`, without caching or downloading the rest.

    A server that ignores `Range` is cut off after what was asked for. Hub errors are mapped.
    """
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(repo_id, path, repo_type=repo_type, revision=revision, endpoint=hub_endpoint())
    headers = build_hf_headers(token=hub_token(), library_name="hubselect")
    headers |= {"Range": f"bytes={start}-{start + length - 1}", "Accept-Encoding": "identity"}
    with hub_errors(repo_id, repo_type=repo_type):
        return persistent(lambda: _received(url, headers, start, length))


def _received(url: str, headers: dict[str, str], start: int, length: int) -> bytes:
    from huggingface_hub.utils import get_session, hf_raise_for_status  # type: ignore[attr-defined]

    with get_session().stream("GET", url, headers=headers, timeout=TIMEOUT) as response:
        if not response.is_success:
            response.read()
        hf_raise_for_status(response)
        skip = 0 if response.status_code == 206 else start
        received = bytearray()
        for chunk in response.iter_bytes():
            received += chunk
            if len(received) >= skip + length:
                break
        return bytes(received[skip : skip + length])
