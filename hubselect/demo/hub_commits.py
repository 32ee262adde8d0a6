"""Commits to the repositories of the mini hub: changed files become the new content, all or none.

The new content is written beside the repository and then takes its place. What stood there
before goes to `ROOT/.history/KIND/OWNER/NAME/SHA`, where `Repository.snapshot` finds old commits.
Large files wait in `ROOT/.lfs/SHA256` until a commit names them. Nothing here knows HTTP.
"""

from __future__ import annotations

import hashlib
import shutil
import threading
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from hubselect.demo.hub_repos import SETTINGS_FILE, Repository, RepositoryStore, RepoType

_COMMITTING = threading.Lock()  # one commit at a time: a parent that was checked stays the parent


class CommitRefused(Exception):
    """The commit cannot be made; nothing was changed. `stale`: the parent is not the head."""

    def __init__(self, message: str, *, stale: bool = False, missing: bool = False) -> None:
        super().__init__(message)
        self.stale, self.missing = stale, missing


@dataclass(frozen=True)
class Change:
    """One line of a commit. `content` is set for "file", `oid` (a sha256) for "lfsFile"."""

    kind: Literal["file", "lfsFile", "deletedFile", "deletedFolder"]
    path: str
    content: bytes = b""
    oid: str = ""


class LargeFiles:
    """Uploaded objects by sha256."""

    def __init__(self, root: Path) -> None:
        self._folder = root / ".lfs"

    def find(self, oid: str) -> Path | None:
        path = self._folder / oid
        return path if path.is_file() else None

    def put(self, oid: str, size: int, content: bytes) -> bool:
        """Keep an object; False (and nothing kept) when size or hash are not what was announced."""
        if len(content) != size or hashlib.sha256(content).hexdigest() != oid:
            return False
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = self._folder / f"{oid}.{uuid.uuid4().hex}"
        partial.write_bytes(content)
        partial.replace(self._folder / oid)
        return True


def create(store: RepositoryStore, kind: RepoType, repo_id: str, settings: str) -> bool:
    """An empty repository with these settings (JSON); False when there is one of that name."""
    folder = store.root / kind / repo_id
    with _COMMITTING:
        if folder.exists():
            return False
        staged = _staging(store.root)
        (staged / SETTINGS_FILE).write_text(settings, encoding="utf-8")
        folder.parent.mkdir(parents=True, exist_ok=True)
        staged.rename(folder)
        return True


def commit(
    store: RepositoryStore, repo: Repository, revision: str, changes: Sequence[Change], parent: str | None
) -> str:
    """Apply the changes to a ref and return its new sha. Raises `CommitRefused`, then nothing changed.

    A sha depends on paths and contents only, so a commit that changes nothing has the old one.
    """
    with _COMMITTING:
        before = repo.snapshot(revision)
        if before is None:
            raise CommitRefused(f"Invalid rev id: {revision}", missing=True)
        if parent is not None and parent != before.sha:
            raise CommitRefused("A commit has happened since. Please refresh and try again.", stale=True)
        staged = _staging(store.root)
        try:
            shutil.copytree(repo.folder, staged, dirs_exist_ok=True)
            root = staged / repo.refs[before.ref].relative_to(repo.folder)
            for change in changes:
                _apply(change, root, LargeFiles(store.root))
            store.swap(repo, staged, before.sha)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
        after = repo.snapshot(before.ref)
        assert after is not None  # the ref was there before and refs are not part of a commit
        return after.sha


def _staging(root: Path) -> Path:
    folder = root / ".staging" / uuid.uuid4().hex
    folder.mkdir(parents=True)
    return folder


def _apply(change: Change, root: Path, large: LargeFiles) -> None:
    parts = PurePosixPath(change.path).parts
    if not parts or change.path.startswith("/") or ".." in parts or SETTINGS_FILE in parts:
        raise CommitRefused(f"Invalid path: {change.path!r}")
    target = root.joinpath(*parts)
    if change.kind.startswith("deleted"):
        _delete(change, target, root)
        return
    source = large.find(change.oid) if change.kind == "lfsFile" else None
    if change.kind == "lfsFile" and source is None:
        raise CommitRefused(f"Large file {change.path} was not uploaded: {change.oid}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if source is None:
            target.write_bytes(change.content)
        else:
            shutil.copyfile(source, target)
    except OSError:
        raise CommitRefused(f"A file and a folder have the same name: {change.path}") from None


def _delete(change: Change, target: Path, root: Path) -> None:
    if change.kind == "deletedFile" and target.is_file():
        target.unlink()
    elif change.kind == "deletedFolder" and target.is_dir():
        shutil.rmtree(target)
    else:
        what = "file" if change.kind == "deletedFile" else "folder"
        raise CommitRefused(f"A {what} with this name doesn't exist: {change.path}", missing=True)
    for folder in target.relative_to(root).parents[:-1]:  # git keeps no empty folders
        with suppress(OSError):
            (root / folder).rmdir()
