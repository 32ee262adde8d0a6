"""How the content of files travels to the Hub: in Xet's chunks, or as it is to a Hub without Xet.

The Hub's client sends every large file by Xet where `hf_xet` is installed, whatever the server is.
A mirror or a Hub of one's own that does not know Xet would then refuse each upload.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hubselect.hub.client import TIMEOUT, hub_endpoint, hub_token
from hubselect.hub.endpoint import DEFAULT_ENDPOINT
from hubselect.hub.patience import persistent

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd

_NO_SUCH_ROUTE = (404, 405, 501)


@contextmanager
def additions(
    kind: str, repo_id: str, files: Mapping[str, Path | bytes]
) -> Iterator[list[CommitOperationAdd]]:
    """Operations that add files to a repository, in the form that the Hub takes; valid inside the block.

    Asks a Hub that is not the default one whether it knows Xet: one request. To be used within `hub_errors`.
    """
    from huggingface_hub import CommitOperationAdd

    plain = not _knows_xet(kind, repo_id)
    with ExitStack() as opened:
        yield [
            CommitOperationAdd(path, opened.enter_context(_stream(given)) if plain else _given(given))
            for path, given in files.items()
        ]


def _knows_xet(kind: str, repo_id: str) -> bool:
    """Whether the Hub gives out what writing by Xet begins with. What else it answers, the upload tells."""
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    if hub_endpoint() == DEFAULT_ENDPOINT:
        return True
    url = f"{hub_endpoint()}/api/{kind}s/{repo_id}/xet-write-token/main"
    headers = build_hf_headers(token=hub_token(), library_name="hubselect")
    answer = persistent(lambda: get_session().get(url, headers=headers, timeout=TIMEOUT))
    return answer.status_code not in _NO_SUCH_ROUTE


def _given(given: Path | bytes) -> str | bytes:
    return given if isinstance(given, bytes) else str(given)


def _stream(given: Path | bytes) -> BinaryIO:
    """The client sends streams as they are, never by Xet."""
    return io.BytesIO(given) if isinstance(given, bytes) else given.open("rb")
