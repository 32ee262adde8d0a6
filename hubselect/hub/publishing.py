"""Files as repositories of the Hub: uploaded upon a known commit, downloaded and verified.

What the files mean is the caller's business. `kind` is the type of the repository everywhere.
"""

from __future__ import annotations

import glob
import logging
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from hubselect.errors import DownloadIncomplete, HubError, InvalidInput, RepoNotFound
from hubselect.hub.client import (
    TIMEOUT,
    check_repo_id,
    commit_of,
    hub_api,
    hub_endpoint,
    hub_errors,
    hub_token,
)
from hubselect.hub.endpoint import DEFAULT_ENDPOINT
from hubselect.hub.failures import storing
from hubselect.hub.patience import persistent
from hubselect.hub.sending import additions
from hubselect.hub.verified import has_content
from hubselect.hub.weights import RepoFile, repo_files

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

Kind = Literal["model", "dataset"]

_STALE = 412
_REFUSED_CARD = "Invalid metadata in README.md"  # how the client says it


@dataclass(frozen=True)
class RepoHead:
    """A repository at one commit: its files by path, and who may see it."""

    commit: str
    files: dict[str, RepoFile]
    private: bool


def repo_page(kind: Kind, repo_id: str) -> str:
    """The address of a repository for people."""
    return f"{hub_endpoint()}/{'datasets/' if kind == 'dataset' else ''}{repo_id}"


def repo_head(kind: Kind, repo_id: str, revision: str | None = None) -> RepoHead:
    """What a repository holds at a revision (default: now). One request.

    Raises HubError's classes; `RepoNotFound` also for a private repository of somebody else.
    """
    check_repo_id(repo_id)
    with hub_errors(repo_id, repo_type=kind, revision=revision):
        info: Any = persistent(
            lambda: hub_api().repo_info(
                repo_id, repo_type=kind, revision=revision, files_metadata=True, timeout=TIMEOUT
            )
        )
    # a dataset has the same list of files as a model
    return RepoHead(commit_of(info), repo_files(cast("ModelInfo", info)), bool(info.private))


def writable_repo(kind: Kind, repo_id: str, *, private: bool = False) -> RepoHead | None:
    """The head of a repository that is about to be written, None when there is none yet.

    Raises HubError's classes (also when nobody is logged in), and `InvalidInput` when one that
    should be private is there and public.
    """
    require_login(repo_id)
    try:
        head = repo_head(kind, repo_id)
    except RepoNotFound:
        return None
    if private and not head.private:
        raise InvalidInput(
            f"{kind} {repo_id} exists and is public, so --private cannot be kept",
            f"make it private at {repo_page(kind, repo_id)}/settings, or choose a new repository",
        )
    return head


def require_login(repo_id: str) -> None:
    """Raise `HubError` when nothing would be sent that says who is writing."""
    check_repo_id(repo_id)
    token = hub_token()
    if token is None:
        from huggingface_hub import get_token

        token = get_token() or False
    if token is False:
        hint = "log in with `hf auth login`, or set HF_TOKEN"
        if hub_endpoint() != DEFAULT_ENDPOINT:
            hint = "set HF_TOKEN: a stored login is sent to https://huggingface.co only"
        raise HubError(f"writing to {repo_id} on {hub_endpoint()} needs a login", hint)


def own_repo_id(repo_id: str) -> str:
    """The id with its owner, who is the user where none is named. One request.

    Raises `HubError` when nobody is logged in, when the login may only read, and for a name below
    somebody who is neither the user nor one of the user's organizations: better known before the work
    than after it.
    """
    from huggingface_hub.errors import HfHubHTTPError

    require_login(repo_id)
    with hub_errors(repo_id):
        try:
            me = persistent(lambda: hub_api().whoami())
        except HfHubHTTPError as error:
            _refuse_login(error, repo_id)
            raise
        names = [str(me["name"]), *(str(org["name"]) for org in me.get("orgs") or ())]
        role = ((me.get("auth") or {}).get("accessToken") or {}).get("role")
    owner, _, name = repo_id.rpartition("/")
    if owner and owner not in names:
        raise HubError(
            f"you are {names[0]} on {hub_endpoint()}, and may not write to {repo_id}",
            f"choose a repository of {' or '.join(names)}, or log in as somebody who may",
        )
    if role == "read":
        raise HubError(
            f"your login on {hub_endpoint()} may only read, and {repo_id} is to be written",
            "use a token that may write: `hf auth login`, or HF_TOKEN",
        )
    return check_repo_id(f"{owner or names[0]}/{name}")


def files_of(folder: Path) -> dict[str, Path]:
    """All files below a folder, by their path in a repository."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in found}


def upload(
    kind: Kind,
    repo_id: str,
    files: Mapping[str, Path | bytes],
    *,
    parent: str,
    message: str,
    gone: Iterable[str] = (),
) -> str | None:
    """Make files part of a repository, and those in `gone` no longer, in one commit upon `parent`.

    Files with the same content are not sent again; others that are there stay. Returns the commit;
    None when the repository is not at `parent` any more: then nothing was changed.
    """
    from huggingface_hub import CommitOperationDelete
    from huggingface_hub.errors import HfHubHTTPError, HTTPError  # type: ignore[attr-defined]

    removals = [CommitOperationDelete(path) for path in gone]
    with hub_errors(repo_id, repo_type=kind), _quiet(), additions(kind, repo_id, files) as added:
        try:
            done = hub_api().create_commit(
                repo_id, [*added, *removals], commit_message=message, repo_type=kind, parent_commit=parent
            )
        except HfHubHTTPError as error:
            if error.response.status_code == _STALE:
                return None
            _refuse_login(error, repo_id)
            raise
        except ValueError as error:
            if str(error).startswith(_REFUSED_CARD):
                raise HubError(
                    f"the Hub at {hub_endpoint()} does not accept README.md for {repo_id}: {error}",
                    "mend the metadata of the card there, then repeat: nothing was uploaded",
                ) from error
            raise
        except RuntimeError as error:  # of a large file; what happened is its cause
            cause = error.__cause__
            if isinstance(cause, (HfHubHTTPError, HTTPError, HubError, OSError)):
                raise cause from None
            raise HubError(
                f"a large file could not be uploaded to {repo_id} on {hub_endpoint()}: {cause or error}",
                "repeat the command",
            ) from error
    return str(done.oid)


def download(
    kind: Kind, repo_id: str, head: RepoHead, wanted: Sequence[str], target: Path, *, max_bytes: int
) -> None:
    """Put the wanted files of a commit (those that are there) below `target`, with verified content.

    Raises HubError's classes, `DownloadIncomplete` for content that is not what the Hub states,
    `StorageFailed`, and `InvalidInput` when they are larger than `max_bytes` together.
    """
    from huggingface_hub import snapshot_download

    files = [head.files[path] for path in wanted if path in head.files]
    total = sum(file.size for file in files)
    if total > max_bytes:
        raise InvalidInput(
            f"{kind} {repo_id} is too large: {total:,} bytes where at most {max_bytes:,} are expected",
            "choose another repository; nothing was downloaded",
        )
    if not files:
        return
    with (
        storing(f"{kind} {repo_id}", target),
        hub_errors(repo_id, repo_type=kind, revision=head.commit),
        _quiet(),
    ):
        persistent(
            lambda: snapshot_download(
                repo_id,
                repo_type=kind,
                revision=head.commit,
                allow_patterns=[glob.escape(file.path) for file in files],
                local_dir=target,
                endpoint=hub_endpoint(),
                token=hub_token(),
                library_name="hubselect",
            ),
            rate_limits=False,
        )
    bad = [file.path for file in files if not has_content(target / file.path, file)]
    if bad:
        raise DownloadIncomplete(
            f"{', '.join(bad)} of {kind} {repo_id} does not match the Hub's hash",
            "repeat; if it happens again, the repository or a mirror is damaged",
        )


def create_repo(kind: Kind, repo_id: str, *, private: bool = False) -> RepoHead:
    """Make an empty repository (no error when somebody was faster); returns its head."""
    from huggingface_hub.errors import HfHubHTTPError

    with hub_errors(repo_id, repo_type=kind):
        try:
            hub_api().create_repo(repo_id, repo_type=kind, private=private, exist_ok=True)
        except HfHubHTTPError as error:
            _refuse_login(error, repo_id)
            raise
    return repo_head(kind, repo_id)


def _refuse_login(error: Exception, repo_id: str) -> None:
    """A write that is answered 401 is about the login, not about a missing repository."""
    if getattr(getattr(error, "response", None), "status_code", None) == 401:
        raise HubError(
            f"the Hub at {hub_endpoint()} does not accept your login for writing to {repo_id}",
            "use a token that may write: `hf auth login`, or HF_TOKEN",
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the client's own progress bars and remarks: they would cut through the caller's output."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from huggingface_hub.utils import logging as client_log

    disabled, verbosity = are_progress_bars_disabled(), client_log.get_verbosity()
    disable_progress_bars()
    client_log.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="huggingface_hub")
            yield
    finally:
        client_log.set_verbosity(verbosity)
        if not disabled:
            enable_progress_bars()
