"""Errors of the Hub's client -> `hubselect.errors`, each with what to do next."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from hubselect.errors import (
    DownloadIncomplete,
    HubError,
    HubUnreachable,
    InvalidInput,
    RepoGated,
    RepoNotFound,
    StorageFailed,
)
from hubselect.hub.connection import guarded
from hubselect.hub.endpoint import hub_endpoint
from hubselect.hub.patience import cut_short

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

_LONGEST = 300  # characters of what a Hub says that are repeated
_LOGIN = "log in with `hf auth login`"


@contextmanager
def storing(name: str, cache: Path) -> Iterator[None]:
    """What the operating system refuses while `name` is written into `cache` becomes `StorageFailed`."""
    try:
        with warnings.catch_warnings():  # the client warns of a full disk in two lines of its own
            warnings.filterwarnings("ignore", "Not enough free disk space")
            yield
    except OSError as error:
        raise StorageFailed(
            f"{name} could not be fetched into {cache}: {error.strerror or error}",
            "check the free space and permissions there, and repeat",
        ) from error


@contextmanager
def hub_errors(repo_id: str, *, repo_type: str = "model", revision: str | None = None) -> Iterator[None]:
    """Map whatever the Hub client raises inside the block, and check what it sends and receives.

    Raises `RepoGated`, `RepoNotFound` (repository, revision or file), `HubUnreachable`
    (refused, timed out, offline, 429, 5xx), `DownloadIncomplete` (a cached snapshot with
    holes and no way to fill them, or a file of another length), `InvalidInput` (not an id) or
    `HubError` for the rest.
    """
    from huggingface_hub import errors as hf

    transport_error: type[Exception] = hf.HTTPError  # type: ignore[attr-defined]  # httpx's, whichever generation the client uses
    try:
        with guarded():
            yield
    except hf.GatedRepoError as error:
        raise _gated(repo_id, repo_type) from error
    except hf.RepositoryNotFoundError as error:
        raise _missing(repo_id, repo_type) from error
    except hf.RevisionNotFoundError as error:
        raise RepoNotFound(
            f"{repo_type} {repo_id} has no revision {revision or 'of that name'}",
            "leave the revision out for the newest, or give a branch, tag or full commit sha",
        ) from error
    except hf.RemoteEntryNotFoundError as error:
        raise RepoNotFound(
            f"a file of {repo_type} {repo_id} does not exist: {_last_line(error)}",
            "choose another revision, or look at what the repository holds",
        ) from error
    except hf.HfHubHTTPError as error:
        raise _http_failure(error, repo_id, repo_type) from error
    except hf.OfflineModeIsEnabled as error:
        raise unreachable(repo_id) from error
    except hf.LocalEntryNotFoundError as error:
        raise _not_cached(error, repo_id) from error
    except hf.HFValidationError as error:
        raise InvalidInput(f"{repo_id!r} is not a Hub id", "give one like owner/name") from error
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
    ) as error:  # the client could not make sense of the answer
        raise HubError(
            f"what {hub_endpoint()} answered for {repo_id} is not a Hub's answer",
            "check HF_ENDPOINT and any proxy",
        ) from error
    except transport_error as error:
        raise unreachable(repo_id, _reason(error)) from error
    except ConnectionError as error:
        raise unreachable(repo_id, _reason(error)) from error
    except OSError as error:  # of the disk, which is the caller's business, or of the client's own
        if not cut_short(error):
            raise
        raise DownloadIncomplete(
            f"files of {repo_type} {repo_id} do not have the length the Hub states",
            "repeat to fetch them again; if it happens again, the Hub or a proxy is broken",
        ) from error


def unreachable(repo_id: str, reason: str | None = None) -> HubUnreachable:
    """The error for "no answer": names the endpoint, and tells offline mode from a dead network."""
    from huggingface_hub import constants

    endpoint = hub_endpoint()
    if constants.HF_HUB_OFFLINE:
        return HubUnreachable(
            f"{repo_id} is not completely cached and HF_HUB_OFFLINE=1 forbids asking the Hub",
            "unset HF_HUB_OFFLINE, or fetch it once while online",
        )
    because = f" ({reason})" if reason else ""
    return HubUnreachable(
        f"the Hub at {endpoint} does not answer{because}; {repo_id} was asked for",
        "check the network or HF_ENDPOINT; with HF_HUB_OFFLINE=1 only cached files are used",
    )


def _page(repo_id: str, repo_type: str) -> str:
    return f"{hub_endpoint()}/{'datasets/' if repo_type == 'dataset' else ''}{repo_id}"


def _gated(repo_id: str, repo_type: str) -> RepoGated:
    return RepoGated(
        f"{repo_type} {repo_id} is gated and you have no access",
        f"request access at {_page(repo_id, repo_type)} and {_LOGIN}",
    )


def _missing(repo_id: str, repo_type: str) -> RepoNotFound:
    return RepoNotFound(
        f"there is no {repo_type} {repo_id} on {hub_endpoint()}",
        f"check the spelling, or {_LOGIN} if it is private",
    )


def _http_failure(error: HfHubHTTPError, repo_id: str, repo_type: str) -> HubError:
    status = error.response.status_code
    if status == 401:  # over plain http the client does not tell a missing repository from a private one
        return _missing(repo_id, repo_type)
    if status == 403:
        return RepoGated(
            f"the Hub refuses access to {repo_type} {repo_id}: {_last_line(error)}",
            f"look at {_page(repo_id, repo_type)}, and {_LOGIN}",
        )
    if status == 429:
        return HubUnreachable(
            f"the Hub at {hub_endpoint()} limits the rate of requests (429); {repo_id} was asked for",
            f"wait some minutes and repeat; if you are not logged in, {_LOGIN} for a higher limit",
        )
    if status >= 500:
        return HubUnreachable(
            f"the Hub at {hub_endpoint()} failed with status {status}; {repo_id} was asked for",
            "try again in a few minutes",
        )
    return HubError(
        f"the Hub answered {status} for {repo_type} {repo_id}: {_last_line(error)}",
        "check its page, the id and HF_ENDPOINT",
    )


def _not_cached(error: Exception, repo_id: str) -> HubError:
    """The client found files neither in the cache nor, for the reason in `__cause__`, on the Hub."""
    from huggingface_hub.errors import HfHubHTTPError

    cause = error.__cause__
    if isinstance(cause, HfHubHTTPError):
        with_status = _http_failure(cause, repo_id, "model")
        return DownloadIncomplete(with_status.message, with_status.hint)
    if cause is not None:
        return unreachable(repo_id, _reason(cause))
    return unreachable(repo_id)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text[:_LONGEST] if text else type(error).__name__


def _last_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1][:_LONGEST] if lines else type(error).__name__
