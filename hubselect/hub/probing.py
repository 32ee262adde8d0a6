"""Whether the Hub answers, and as whom it knows us: two small questions, asked with little patience."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hubselect.errors import HubError
from hubselect.hub.client import hub_api, hub_errors
from hubselect.hub.connection import guarded
from hubselect.hub.endpoint import hub_endpoint, hub_token

_TIMEOUT = 5.0


@dataclass(frozen=True)
class Login:
    """`name` of the account, None without a login; `problem` says why a token is of no use."""

    name: str | None = None
    problem: str | None = None


def cache_folder() -> Path:
    """Where downloads are kept."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE)


def unreachable() -> str | None:
    """Why the Hub does not answer; None when it does."""
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]

    try:
        with guarded(), hub_errors("the Hub"):
            answer = get_session().get(f"{hub_endpoint()}/api/models?limit=1", timeout=_TIMEOUT)
    except HubError as error:
        return error.message
    return None if answer.status_code < 500 else f"it answers with status {answer.status_code}"


def login() -> Login:
    """The account of the token that this endpoint would get."""
    from huggingface_hub import get_token

    token = hub_token()
    if token is False or (token is None and not get_token()):
        return Login()
    try:
        with hub_errors("the account"):
            name = hub_api().whoami().get("name")
    except HubError as error:
        return Login(problem=error.message)
    return Login(str(name))
