"""Where the Hub is, and what it may be told.

The endpoint is read from the environment at every call. A stored login is sent to the
default endpoint only: whatever else `HF_ENDPOINT` names gets no token unless `HF_TOKEN` was
set on purpose, and never over plain http to another machine.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from hubselect.errors import InvalidInput

DEFAULT_ENDPOINT = "https://huggingface.co"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def hub_endpoint() -> str:
    """The Hub's address without a trailing slash: `HF_ENDPOINT`, else the public Hub.

    Raises InvalidInput for an address with a login in it: addresses are shown, logged and recorded.
    """
    endpoint = (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")
    if "@" in urlsplit(endpoint).netloc:
        raise InvalidInput("HF_ENDPOINT holds a login", "give the address alone, and the token in HF_TOKEN")
    return endpoint


def endpoint_notice() -> str | None:
    """One line to show the user when the endpoint is not the public Hub over https, else None."""
    endpoint = hub_endpoint()
    if endpoint == DEFAULT_ENDPOINT:
        return None
    plain = "" if endpoint.startswith("https://") else ", and not encrypted"
    login = "HF_TOKEN is sent there" if hub_token() else "no login is sent there"
    return f"using the Hub at {endpoint} (HF_ENDPOINT): not the default endpoint{plain}; {login}"


def hub_token() -> str | bool | None:
    """What to pass as `token=` to any Hub client: None lets it decide, False sends none.

    Only the default endpoint gets the stored login. Another endpoint gets `HF_TOKEN` when that
    is set and the way there is encrypted or stays on this machine; otherwise nothing.
    """
    endpoint = hub_endpoint()
    if endpoint == DEFAULT_ENDPOINT:
        return None
    parts = urlsplit(endpoint)
    safe = parts.scheme == "https" or parts.hostname in _LOOPBACK
    return (os.environ.get("HF_TOKEN") or False) if safe else False
