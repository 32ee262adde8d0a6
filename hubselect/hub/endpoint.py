"""Where the Hub is, and what it may be told.

The endpoint is read from the environment at every call. A stored login is sent to the
default endpoint only: whatever else `HF_ENDPOINT` names gets no token unless `HF_TOKEN` was
set on purpose, and never over plain http to another machine.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DEFAULT_ENDPOINT = "https://huggingface.co"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def hub_endpoint() -> str:
    """The Hub's address without a trailing slash: `HF_ENDPOINT`, else the public Hub."""
    return (os.environ.get("HF_ENDPOINT") or DEFAULT_ENDPOINT).rstrip("/")


def endpoint_notice() -> str | None:
    """One line to show the user when the endpoint is not the public Hub over https, else None."""
    endpoint = hub_endpoint()
    if endpoint == DEFAULT_ENDPOINT:
        return None
    if not endpoint.startswith("https://"):
        return f"using the Hub at {endpoint} (HF_ENDPOINT): not the default endpoint, and not encrypted"
    return f"using the Hub at {endpoint} (HF_ENDPOINT): not the default endpoint"


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
