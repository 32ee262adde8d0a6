"""What leaves this machine and what comes in: checks on the HTTP client of the Hub's libraries.

huggingface_hub, and datasets through it, send everything by one HTTP client. While `guarded` is
active, that client names an unusual endpoint before the first request, gives the login to nobody but
the endpoint, and refuses answers that would make it write outside the cache, pin another commit than
was asked for, or wait for hours. Outside of `guarded` it is the caller's client, unchanged.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urljoin, urlsplit

from hubselect.errors import HubError, HubUnreachable, without_secrets
from hubselect.hub import patience
from hubselect.hub.endpoint import DEFAULT_ENDPOINT, endpoint_notice, hub_endpoint, hub_token
from hubselect.hub.patience import passes_by_itself, wanted_wait

SILENCE = 60.0
"""Seconds a Hub may be silent where its client sets no limit of its own."""

OWN_PATIENCE = "hubselect.own_patience"
"""Name of the request extension by which a caller says that it waits for a rate limit itself."""

_NAMED = "HUBSELECT_NAMED_ENDPOINT"  # in the environment, so that workers do not repeat it
_ETAG = re.compile(r"[A-Za-z0-9][\w.+=-]{0,127}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")
_RESOLVED = re.compile(r"/resolve/([^/]+)/")
_PUBLIC_HOSTS = ("huggingface.co", "hf.co")

_lock = threading.Lock()
_active = 0
_not_before: dict[str, float] = {}  # by host: when it wants to be asked again, in time.monotonic()


@contextmanager
def guarded() -> Iterator[None]:
    """Check every request and answer of the Hub's client inside the block, in all threads.

    The checks raise `HubError` or `HubUnreachable` through whatever library made the request.
    """
    global _active
    _install()
    with _lock:
        _active += 1
    try:
        yield
    finally:
        with _lock:
            _active -= 1


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses have the same scheme, host and port; False for an address that is none."""
    try:
        return _origin(one) == _origin(other)
    except ValueError:  # a port that is no number
        return False


def _origin(address: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(address)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def _install() -> None:
    """Make the client that is in force, with the user's own proxies and certificates, a checked one."""
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils import _http

    make: Callable[[], Any] = getattr(_http, "_GLOBAL_CLIENT_FACTORY", _http.default_client_factory)
    if getattr(make, "is_checked", False):
        return

    def checked() -> Any:
        client = make()
        hooks = client.event_hooks
        client.event_hooks = {
            "request": [*hooks["request"], _before],
            "response": [*hooks["response"], _after],
        }
        return client

    checked.is_checked = True  # type: ignore[attr-defined]
    set_client_factory(checked)
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_censor)


def _censor(record: logging.LogRecord) -> bool:
    """A Hub can have anything it was sent logged by the client: warnings are an answer's header."""
    record.msg, record.args = without_secrets(record.getMessage()), ()
    return True


def _before(request: Any) -> None:
    if not _active:
        return
    name_endpoint()
    if (wait := _not_before.pop(request.url.netloc.decode(), 0.0) - time.monotonic()) > 0:
        time.sleep(wait)  # the client asks for a file's header again at once, and with eight threads
    if "authorization" in request.headers and not _may_know_login(str(request.url)):
        del request.headers["authorization"]
    limits = request.extensions.get("timeout")
    if limits is not None and request.method in ("GET", "HEAD"):  # an upload may take its time
        bounded = {kind: SILENCE if limit is None else limit for kind, limit in limits.items()}
        request.extensions = {**request.extensions, "timeout": bounded}


def name_endpoint() -> None:
    """Say on stderr, once, where requests go when that is not the public Hub over https."""
    notice = endpoint_notice()
    if notice is not None and os.environ.get(_NAMED) != hub_endpoint():
        os.environ[_NAMED] = hub_endpoint()
        print(f"hubselect: {notice}", file=sys.stderr, flush=True)


def _may_know_login(address: str) -> bool:
    """The endpoint may, as far as `hub_token` allows; of the public Hub all its hosts may, encrypted."""
    if hub_endpoint() != DEFAULT_ENDPOINT:
        return same_origin(address, hub_endpoint()) and hub_token() is not False
    return _is_public_hub(address)


def _is_public_hub(address: str) -> bool:
    parts = urlsplit(address)
    host = parts.hostname or ""
    return parts.scheme == "https" and any(host == own or host.endswith(f".{own}") for own in _PUBLIC_HOSTS)


def _after(response: Any) -> None:
    if not _active:
        return
    _heed_wait(response)
    if response.status_code < 400:
        _refuse_hostile_headers(response)


def _heed_wait(response: Any) -> None:
    """The client would wait as long as it is told to, whatever that is, or not at all."""
    asked = wanted_wait(response.headers) if passes_by_itself(response.status_code) else None
    if asked is None or response.request.extensions.get(OWN_PATIENCE):
        return
    if asked <= patience.PATIENCE.longest:
        _not_before[response.request.url.netloc.decode()] = time.monotonic() + asked
        return
    raise HubUnreachable(
        f"the Hub at {hub_endpoint()} asks to wait {_duration(asked)} (status {response.status_code})",
        "repeat the command then: it goes on where it stopped",
    )


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:.0f} hours"


def _refuse_hostile_headers(response: Any) -> None:
    """ETag and X-Repo-Commit become parts of paths in the cache; the route of a Xet login gets the token."""
    address, headers = str(response.request.url), response.headers
    asked = _RESOLVED.search(urlsplit(address).path)
    for name in ("etag", "x-linked-etag") if asked else ():
        if name in headers and not _ETAG.fullmatch(_plain(headers[name])):
            raise _hostile(f"an {name} that is no name for a file: {headers[name]!r:.80}")
    commit = headers.get("x-repo-commit") if asked else None
    if commit is not None and not _COMMIT.fullmatch(commit):
        raise _hostile(f"a commit that is none: {commit!r:.80}")
    if commit is not None and asked and _COMMIT.fullmatch(asked[1]) and commit != asked[1]:
        raise _hostile(f"commit {commit[:8]} where {asked[1][:8]} was asked for")
    for route in (headers.get("x-xet-refresh-route"), response.links.get("xet-auth", {}).get("url")):
        place = urljoin(address, route or "")
        if not same_origin(place, address) and not _is_public_hub(place):
            raise _hostile(f"{urlsplit(place).netloc} as the place to log in")


def _plain(etag: str) -> str:
    """An ETag as the client writes it into paths."""
    return etag.lstrip("W/").strip('"')


def _hostile(what: str) -> HubError:
    return HubError(
        f"the Hub at {hub_endpoint()} answers with {what}; the answer is refused",
        "check HF_ENDPOINT: a mirror or proxy there is broken or hostile",
    )
