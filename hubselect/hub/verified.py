"""Which cached files were checked against their hashes, so that each is read once for it."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hubselect.errors import StorageFailed
from hubselect.hub.weights import RepoFile

_CHUNK = 1 << 20


@dataclass
class Ledger:
    """The verified files of one commit of one model: path -> [content id, size, mtime in ns].

    `whole` says that these are all files the checkpoint needs. The file is replaced atomically;
    a lost or damaged one only costs hashing again.
    """

    path: Path
    files: dict[str, list[str | int]] = field(default_factory=dict)
    whole: bool = False

    @classmethod
    def open(cls, repo_id: str, revision: str) -> Ledger:
        from huggingface_hub import constants

        home = Path(constants.HF_HOME).expanduser() / "hubselect" / "verified"
        path = home / repo_id.replace("/", "--") / f"{revision}.json"
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, dict(stored["files"]), bool(stored["whole"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(path)

    def save(self, *, complete: bool) -> None:
        """Write it whole or not at all. Raises `StorageFailed`."""
        self.whole, temporary = complete, None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self.path.parent, suffix=".tmp")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump({"whole": self.whole, "files": self.files}, file)
            os.replace(temporary, self.path)
        except OSError as error:
            if temporary is not None:
                Path(temporary).unlink(missing_ok=True)
            raise StorageFailed(
                f"{self.path.parent} cannot be written: {error.strerror or error}",
                "check the free space and permissions there, and repeat",
            ) from error

    def holds(self, snapshot: Path, paths: Sequence[str]) -> bool:
        """Whether these files are there, unchanged since they were verified."""
        return all(name in self.files and self._unchanged(snapshot / name, name) for name in paths)

    def complete(self, snapshot: Path, weights_files: Sequence[str]) -> bool:
        """Whether every needed file is there, unchanged since it was verified."""
        if not self.whole or not all(name in self.files for name in weights_files):
            return False
        return all(self._unchanged(snapshot / name, name) for name in self.files)

    def verify(self, snapshot: Path, file: RepoFile) -> bool:
        """Whether the cached file has the stated content; hashed unless that is known already."""
        known = self.files.get(file.path)
        if (
            known is not None
            and known[0] == file.content_id
            and self._unchanged(snapshot / file.path, file.path)
        ):
            return True
        self.files.pop(file.path, None)
        if not has_content(snapshot / file.path, file):
            return False
        status = (snapshot / file.path).stat()
        self.files[file.path] = [file.content_id, status.st_size, status.st_mtime_ns]
        return True

    def verify_blob(self, blob: Path, file: RepoFile) -> bool:
        """Like `verify` for a cached blob that no snapshot links to yet."""
        return has_content(blob, file)

    def _unchanged(self, path: Path, name: str) -> bool:
        try:
            status = path.stat()
        except OSError:
            return False
        return self.files[name][1:] == [status.st_size, status.st_mtime_ns]


def has_content(path: Path, file: RepoFile) -> bool:
    """Whether a file's size and content are as stated: LFS sha256 (64 digits) or git blob sha1 (40)."""
    try:
        size = path.stat().st_size
        if size != file.size:
            return False
        if len(file.content_id) == 64:
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
        with path.open("rb") as content:
            while chunk := content.read(_CHUNK):
                digest.update(chunk)
    except OSError:
        return False
    return digest.hexdigest() == file.content_id


def link_target(path: Path) -> Path:
    """The blob a cached file links to, or the file itself where the cache has no links."""
    return path.resolve()


def drop(path: Path) -> None:
    """Remove a cached file and the blob it links to, if that lies in the same cached repository."""
    repository = path.resolve().parent.parent if path.is_symlink() else path.parent
    target = link_target(path)
    if target != path and repository in path.parents:
        target.unlink(missing_ok=True)
    path.unlink(missing_ok=True)
