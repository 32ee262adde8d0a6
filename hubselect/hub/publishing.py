"""Folders as dataset repositories of the Hub: uploaded upon a known commit, downloaded and verified.

What the files mean is the caller's business.
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

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
from hubselect.hub.verified import has_content
from hubselect.hub.weights import RepoFile, repo_files

if TYPE_CHECKING:
    from huggingface_hub import DatasetInfo, ModelInfo

_STALE = 412


@dataclass(frozen=True)
class DatasetHead:
    """A dataset repository at one commit: its files by path, and who may see it."""

    commit: str
    files: dict[str, RepoFile]
    private: bool


def dataset_page(repo_id: str) -> str:
    """The address of a dataset repository for people."""
    return f"{hub_endpoint()}/datasets/{repo_id}"


def dataset_head(repo_id: str, revision: str | None = None) -> DatasetHead:
    """What a dataset repository holds at a revision (default: now). One request.

    Raises HubError's classes; `RepoNotFound` also for a private repository of somebody else.
    """
    check_repo_id(repo_id)
    with hub_errors(repo_id, repo_type="dataset", revision=revision):
        info = persistent(
            lambda: hub_api().dataset_info(repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        )
    return _head(info)


def writable_dataset(repo_id: str, *, private: bool = False) -> DatasetHead | None:
    """The head of a dataset repository that is about to be written, None when there is none yet.

    Raises HubError's classes (also when nobody is logged in), and `InvalidInput` when one that
    should be private is there and public.
    """
    require_login(repo_id)
    try:
        head = dataset_head(repo_id)
    except RepoNotFound:
        return None
    if private and not head.private:
        raise InvalidInput(
            f"dataset {repo_id} exists and is public, so --private cannot be kept",
            f"make it private at {dataset_page(repo_id)}/settings, or push to a new repository",
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


def upload_dataset(repo_id: str, folder: Path, *, parent: str, message: str) -> str | None:
    """Make the files of a folder part of a dataset repository in one commit upon `parent`.

    Files with the same content are not sent again; others that are there stay. Returns the commit;
    None when the repository is not at `parent` any more: then nothing was changed.
    """
    from huggingface_hub import CommitOperationAdd
    from huggingface_hub.errors import HfHubHTTPError

    files = sorted(path for path in folder.rglob("*") if path.is_file())
    operations = [CommitOperationAdd(path.relative_to(folder).as_posix(), str(path)) for path in files]
    with hub_errors(repo_id, repo_type="dataset"), _quiet():
        try:
            done = hub_api().create_commit(
                repo_id, operations, commit_message=message, repo_type="dataset", parent_commit=parent
            )
        except HfHubHTTPError as error:
            if error.response.status_code == _STALE:
                return None
            _refuse_login(error, repo_id)
            raise
    return str(done.oid)


def download_dataset(
    repo_id: str, head: DatasetHead, wanted: Sequence[str], target: Path, *, max_bytes: int
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
            f"dataset {repo_id} is too large: {total:,} bytes where at most {max_bytes:,} are expected",
            "nothing was downloaded",
        )
    if not files:
        return
    with (
        storing(f"dataset {repo_id}", target),
        hub_errors(repo_id, repo_type="dataset", revision=head.commit),
        _quiet(),
    ):
        persistent(
            lambda: snapshot_download(
                repo_id,
                repo_type="dataset",
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
            f"{', '.join(bad)} of dataset {repo_id} does not match the Hub's hash",
            "repeat; if it happens again, the repository or a mirror is damaged",
        )


def create_dataset(repo_id: str, *, private: bool = False) -> DatasetHead:
    """Make an empty dataset repository (no error when somebody was faster); returns its head."""
    from huggingface_hub.errors import HfHubHTTPError

    with hub_errors(repo_id, repo_type="dataset"):
        try:
            hub_api().create_repo(repo_id, repo_type="dataset", private=private, exist_ok=True)
        except HfHubHTTPError as error:
            _refuse_login(error, repo_id)
            raise
    return dataset_head(repo_id)


def _refuse_login(error: Exception, repo_id: str) -> None:
    """A write that is answered 401 is about the login, not about a missing repository."""
    if getattr(getattr(error, "response", None), "status_code", None) == 401:
        raise HubError(
            f"the Hub at {hub_endpoint()} does not accept your login for writing to {repo_id}",
            "use a token that may write: `hf auth login`, or HF_TOKEN",
        ) from error


def _head(info: DatasetInfo) -> DatasetHead:
    files = repo_files(cast("ModelInfo", info))  # the two have the same list of files
    return DatasetHead(commit_of(info), files, bool(info.private))


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the client's own progress bars: they would cut through the caller's output."""
    from huggingface_hub.utils import (  # type: ignore[attr-defined]
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    disabled = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not disabled:
            enable_progress_bars()
