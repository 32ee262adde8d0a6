"""The Hub's listings, page by page: polite to its rate limits, and never led to another place.

`/api/models` and `/api/datasets` name the next page in a `Link` header. Whoever answers could name
any address there, and the client would send it the user's token: so a next page is only asked for
when it lies below the same endpoint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from hubselect.errors import HubError, HubUnreachable
from hubselect.hub.client import hub_endpoint, hub_errors, hub_token
from hubselect.hub.connection import OWN_PATIENCE, guarded, same_origin
from hubselect.hub.patience import Patience as Patience
from hubselect.hub.patience import passes_by_itself
from hubselect.hub.patience import wanted_wait as wanted_wait

Response = Any  # httpx's, whichever generation the Hub's client uses
Kind = Literal["models", "datasets"]
Order = Literal["lastModified", "downloads"]

PAGE_SIZE = 1000
"""The most entries the Hub gives at once."""

TIMEOUT = 60.0
"""Seconds for one page: a page of a thousand models with their files is some megabytes."""

EXPAND: Mapping[Kind, tuple[str, ...]] = {
    "models": (
        "config",
        "createdAt",
        "downloads",
        "evalResults",
        "gated",
        "lastModified",
        "library_name",
        "likes",
        "model-index",
        "pipeline_tag",
        "safetensors",
        "sha",
        "siblings",
        "tags",
    ),
    "datasets": ("cardData", "downloads", "gated", "lastModified", "likes", "sha", "tags"),
}


@dataclass(frozen=True)
class ListQuery:
    """What is asked of a listing. `tag` is a pipeline tag for models, a `task_categories` value for
    datasets; `order` is descending; `page_size` at most 1000."""

    kind: Kind
    tag: str
    author: str | None = None
    order: Order = "lastModified"
    page_size: int = PAGE_SIZE

    @property
    def identity(self) -> dict[str, Any]:
        """What makes two walks the same walk: the endpoint and the question."""
        return {"endpoint": hub_endpoint(), **asdict(self)}

    @property
    def parameters(self) -> dict[str, Any]:
        """The question as the Hub's API reads it."""
        by_tag: dict[str, Any] = (
            {"pipeline_tag": self.tag} if self.kind == "models" else {"filter": f"task_categories:{self.tag}"}
        )
        author = {"author": self.author} if self.author else {}
        return {
            **by_tag,
            **author,
            "sort": self.order,
            "limit": self.page_size,
            "expand": list(EXPAND[self.kind]),
        }


@dataclass(frozen=True)
class Page:
    """`items` are the Hub's own JSON objects; `next_page` is None on the last page."""

    items: tuple[Mapping[str, Any], ...]
    next_page: str | None


WALK = Patience()


class StalePage(HubError):
    """A page address from an earlier walk that the Hub does not know any more."""


def pages(
    query: ListQuery,
    *,
    start: str | None = None,
    patience: Patience = WALK,
    waiting: Callable[[float, str], None] = lambda seconds, why: None,
) -> Iterator[Page]:
    """The pages of a listing, from the first or from `start` (a `next_page` of an earlier walk).

    `waiting` is told before every wait. Raises `HubUnreachable` (no answer, or none in spite of
    patience), `StalePage` when `start` is refused, and `HubError` for an answer that is no listing
    or that leads to another origin; nothing is sent there.
    """
    base = f"{hub_endpoint()}/api/{query.kind}"
    address = start and check_origin(start)
    response = _get(address or base, None if address else query.parameters, patience, waiting, start is None)
    if start and response.status_code in (400, 404, 410, 422):
        raise StalePage(f"the Hub at {hub_endpoint()} no longer knows the page where the walk stopped")
    while True:
        page = _page(response, query.kind)
        yield page
        if page.next_page is None:
            return
        response = _get(page.next_page, None, patience, waiting, False)


def check_origin(address: str) -> str:
    """The address itself when it lies below the endpoint's API. Raises `HubError` when it leads elsewhere."""
    endpoint, there = urlsplit(hub_endpoint()), urlsplit(address)
    inside = there.path.startswith(f"{endpoint.path}/api/") and ".." not in there.path
    if not same_origin(hub_endpoint(), address) or not inside or there.username or there.password:
        raise HubError(
            f"the Hub at {hub_endpoint()} names {there.scheme}://{there.hostname} for its next page; "
            "it is not followed, since it would receive your token",
            "check HF_ENDPOINT; a mirror has to give addresses of its own",
        )
    return address


def _page(response: Response, kind: Kind) -> Page:
    status = response.status_code
    if status != 200:
        raise HubError(
            f"the Hub at {hub_endpoint()} answered {status} for its list of {kind}",
            "check HF_ENDPOINT, and `hf auth login` if you are not logged in",
        )
    with hub_errors(f"the list of {kind}"):
        items = response.json()
        if not isinstance(items, list):
            raise ValueError("not a list")
    following = response.links.get("next", {}).get("url")
    known = tuple(i for i in items if isinstance(i, dict) and isinstance(i.get("id"), str))
    return Page(known, check_origin(following) if following else None)


def _get(
    address: str,
    parameters: dict[str, Any] | None,
    patience: Patience,
    waiting: Callable[[float, str], None],
    first: bool,
) -> Response:
    from huggingface_hub import errors as hf
    from huggingface_hub.utils import build_hf_headers, get_session  # type: ignore[attr-defined]

    transport_error: type[Exception] = hf.HTTPError  # type: ignore[attr-defined]
    headers = build_hf_headers(token=hub_token(), library_name="hubselect")
    delay = patience.first
    for attempt in range(1, patience.tries + 1):
        asked, why = None, ""
        try:
            with guarded():
                response = get_session().get(
                    address,
                    params=parameters,
                    headers=headers,
                    timeout=TIMEOUT,
                    follow_redirects=False,
                    extensions={OWN_PATIENCE: True},
                )
        except (hf.OfflineModeIsEnabled, transport_error, ConnectionError):
            if first or attempt == patience.tries:  # an endpoint that never answered is not waited for
                with hub_errors("the list"):
                    raise
            why = "the connection was lost"
        else:
            if not passes_by_itself(response.status_code):
                return response
            asked = wanted_wait(response.headers)
            why = "rate limit" if response.status_code == 429 else f"status {response.status_code}"
            if attempt == patience.tries or (asked or 0.0) > patience.longest:
                raise _gave_up(response.status_code, asked)
        seconds = delay if asked is None else asked
        waiting(seconds, why)
        time.sleep(seconds)
        delay = min(2 * delay, patience.longest)
    raise AssertionError("unreachable")


def _gave_up(status: int, asked: float | None) -> HubUnreachable:
    later = f"in {asked / 60:.0f} minutes" if asked and asked > 60 else "in some minutes"
    hint = f"repeat the command {later}: it goes on where it stopped"
    if status == 429:
        return HubUnreachable(f"the Hub at {hub_endpoint()} limits the rate of requests (429)", hint)
    return HubUnreachable(f"the Hub at {hub_endpoint()} failed with status {status}", hint)
