"""Files of one commit into the Hub cache: all of those wanted, each with the content the Hub states.

The Hub's client neither checks content hashes nor notices a half-empty snapshot, so both are done here.
"""

from __future__ import annotations

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from hubselect.errors import DownloadIncomplete
from hubselect.hub.client import hub_endpoint, hub_errors, hub_token
from hubselect.hub.failures import storing
from hubselect.hub.patience import persistent
from hubselect.hub.verified import Ledger, drop
from hubselect.hub.weights import RepoFile

RepoType = Literal["model", "dataset"]


@dataclass(frozen=True)
class Commit:
    """One commit of a repository, and where the Hub's client caches it."""

    repo_id: str
    revision: str
    repo_type: RepoType = "model"

    @property
    def snapshot(self) -> Path:
        from huggingface_hub import constants

        folder = f"{self.repo_type}s--{self.repo_id.replace('/', '--')}"
        return Path(constants.HF_HUB_CACHE).expanduser().resolve() / folder / "snapshots" / self.revision

    @property
    def name(self) -> str:
        return self.repo_id if self.repo_type == "model" else f"dataset {self.repo_id}"


def complete(commit: Commit, wanted: Sequence[RepoFile], ledger: Ledger) -> int:
    """Make the snapshot hold every wanted file with its stated content; the bytes that took.

    Raises HubError's classes, DownloadIncomplete for content that is not what the Hub states (it has
    been removed), and StorageFailed when it cannot be written.
    """
    snapshot = commit.snapshot
    missing = [f for f in wanted if not ledger.verify(snapshot, f)]
    for file in missing:
        drop(snapshot / file.path)
    fetched = 0
    for file in missing:
        blob = snapshot.parent.parent / "blobs" / PurePosixPath(file.content_id).name
        if not blob.is_file() or not ledger.verify_blob(blob, file):
            blob.unlink(missing_ok=True)
            fetched += file.size
    ledger.save(complete=False)
    if missing:
        _fetch(commit, [f.path for f in missing])
    bad = [f for f in missing if not ledger.verify(snapshot, f)]
    absent = [f.path for f in bad if not (snapshot / f.path).is_file()]
    for file in bad:
        drop(snapshot / file.path)
    if bad:
        names = ", ".join(f.path for f in bad)
        ledger.save(complete=False)
        if absent:  # without a listing the client takes a half-empty snapshot for the whole
            raise DownloadIncomplete(
                f"{', '.join(absent)} of {commit.name} did not arrive: "
                f"the Hub at {hub_endpoint()} does not answer",
                "repeat to fetch the rest",
            )
        raise DownloadIncomplete(
            f"{names} of {commit.name} does not match the Hub's hash and was removed",
            "repeat to fetch it again; if it happens again, the repository or a mirror is damaged",
        )
    return fetched


def _fetch(commit: Commit, paths: Sequence[str]) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils import tqdm  # type: ignore[attr-defined]

    class Silent(tqdm):  # type: ignore[type-arg, misc]
        """The caller shows one progress for everything; bars of single files would cut through it."""

        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **{**options, "disable": True})  # type: ignore[no-untyped-call]

    cache = commit.snapshot.parent.parent.parent
    with (
        storing(commit.name, cache),
        hub_errors(commit.repo_id, repo_type=commit.repo_type, revision=commit.revision),
    ):
        persistent(
            lambda: snapshot_download(
                commit.repo_id,
                repo_type=commit.repo_type,
                revision=commit.revision,
                allow_patterns=[glob.escape(p) for p in paths],
                endpoint=hub_endpoint(),
                token=hub_token(),
                library_name="hubselect",
                cache_dir=cache,
                tqdm_class=Silent,
            ),
            rate_limits=False,
        )
