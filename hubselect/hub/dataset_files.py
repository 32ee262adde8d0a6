"""The data files of a pinned dataset in the Hub cache, verified before any library reads them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hubselect.errors import DownloadIncomplete
from hubselect.hub.client import TIMEOUT, check_repo_id, hub_api, hub_errors, hub_token, is_commit
from hubselect.hub.connection import guarded
from hubselect.hub.fetching import Commit, complete
from hubselect.hub.formats import METADATA_FILES, format_of
from hubselect.hub.patience import persistent
from hubselect.hub.verified import Ledger
from hubselect.hub.weights import repo_files

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

__all__ = [
    "METADATA_FILES",
    "fetch_dataset_files",
    "format_of",
    "guarded",
    "hub_token",
    "local_file",
    "persistent",
]


def fetch_dataset_files(addresses: Iterable[str]) -> None:
    """Fetch files given as `hf://datasets/OWNER/NAME@COMMIT/PATH` and check them against the Hub's hashes.

    Files that were verified before and are unchanged cost no request. Other addresses (local files,
    branches) are left alone, and in offline mode the cache is used as it is. Raises HubError's classes,
    DownloadIncomplete for content that is not what the Hub states, StorageFailed.
    """
    from huggingface_hub import constants

    wanted: dict[Commit, list[str]] = {}
    for address in addresses:
        if (found := _parsed(address)) is not None:
            wanted.setdefault(found[0], []).append(found[1])
    if constants.HF_HUB_OFFLINE:
        return
    for commit, paths in wanted.items():
        _fetch(commit, paths)


def local_file(address: str) -> Path:
    """Where the file of an address lies on this machine once it was fetched; of a local file, there."""
    found = _parsed(address)
    return Path(address) if found is None else found[0].snapshot / found[1]


def _fetch(commit: Commit, paths: list[str]) -> None:
    check_repo_id(commit.repo_id)
    ledger = Ledger.open(f"datasets/{commit.repo_id}", commit.revision)
    if ledger.holds(commit.snapshot, paths):
        return
    with hub_errors(commit.repo_id, repo_type="dataset", revision=commit.revision):
        info = persistent(
            lambda: hub_api().dataset_info(
                commit.repo_id, revision=commit.revision, files_metadata=True, timeout=TIMEOUT
            )
        )
    files = repo_files(cast("ModelInfo", info))  # the two have the same list of files
    absent = [path for path in paths if path not in files]
    if absent:
        raise DownloadIncomplete(
            f"{commit.name} at {commit.revision[:8]} has no {absent[0]}",
            f"run `hubselect add-dataset {commit.repo_id}` again",
        )
    complete(commit, [files[path] for path in paths], ledger)
    ledger.save(complete=False)


def _parsed(address: str) -> tuple[Commit, str] | None:
    head, at, rest = address.removeprefix("hf://datasets/").partition("@")
    revision, slash, path = rest.partition("/")
    if not address.startswith("hf://datasets/") or not at or not slash or not is_commit(revision):
        return None
    return Commit(head, revision, "dataset"), path
