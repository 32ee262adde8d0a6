"""The repositories behind the mini hub: folders on disk seen as Hub repositories.

    ROOT/models/OWNER/NAME/...      a model repository, served as it is
    ROOT/datasets/OWNER/NAME/...    a dataset repository
    .../.minihub.json               what the Hub knows beside the files (never served), see RepoSettings

The folder is the truth: it is read again at every request (hashes are kept while a file's size
and modification time stay the same), so adding, changing or removing files takes effect at once
and gives a new commit sha. Old shas are known only of commits made over HTTP (see hub_commits).
Nothing here knows HTTP.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

RepoType = Literal["models", "datasets"]
Gated = Literal["auto", "manual", False]

SETTINGS_FILE = ".minihub.json"
LFS_SUFFIXES = frozenset({".safetensors", ".bin", ".parquet", ".pt", ".h5", ".msgpack", ".onnx", ".zip"})
LFS_SIZE = 1_000_000
MAIN = "main"


@dataclass(frozen=True)
class RepoSettings:
    """Content of `.minihub.json`; every key is optional.

    `gated` repositories show their metadata but not their files, `private` ones do not exist for
    strangers. `revisions` maps further refs (`refs/convert/parquet`, `refs/tags/v1`, or a branch
    name) to folders relative to the repository; these folders are not part of `main`.
    Dates are ISO 8601 with Z. None means: derived from the files.
    """

    gated: Gated = False
    private: bool = False
    downloads: int = 0
    likes: int = 0
    tags: tuple[str, ...] = ()
    pipeline_tag: str | None = None
    library_name: str | None = None
    created_at: str = "2024-01-01T00:00:00.000Z"
    last_modified: str | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> RepoSettings:
        """Settings of one repository; ValueError names an unknown key or a wrong `gated`."""
        if not path.is_file():
            return cls()
        content = json.loads(path.read_text(encoding="utf-8"))
        unknown = sorted(set(content) - set(cls.__dataclass_fields__))
        if unknown:
            raise ValueError(f"{path}: unknown keys {', '.join(unknown)}")
        if content.get("gated", False) not in ("auto", "manual", False):
            raise ValueError(f'{path}: gated must be "auto", "manual" or false')
        return cls(**{**content, "tags": tuple(content.get("tags", ()))})


@dataclass(frozen=True)
class Hashes:
    """Content hashes of one file: plain sha256 and the git blob id (sha1)."""

    sha256: str
    git_oid: str

    @classmethod
    def of(cls, path: Path, size: int) -> Hashes:
        sha256, git = hashlib.sha256(), hashlib.sha1(b"blob %d\0" % size)
        with path.open("rb") as stream:
            while chunk := stream.read(1 << 20):
                sha256.update(chunk)
                git.update(chunk)
        return cls(sha256.hexdigest(), git.hexdigest())


@dataclass(frozen=True)
class RepoFile:
    """One served file: `path` inside the repository (posix), `local` on disk."""

    path: str
    local: Path
    size: int
    modified: float
    hashes: Hashes

    @property
    def is_lfs(self) -> bool:
        return Path(self.path).suffix in LFS_SUFFIXES or self.size > LFS_SIZE

    @property
    def pointer(self) -> bytes:
        """The text git stores in place of a large file."""
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.hashes.sha256}\nsize {self.size}\n"
        ).encode()

    @property
    def oid(self) -> str:
        """The git blob id: of the content, or of the pointer when the file is large."""
        if not self.is_lfs:
            return self.hashes.git_oid
        return hashlib.sha1(b"blob %d\0" % len(self.pointer) + self.pointer).hexdigest()

    @property
    def etag(self) -> str:
        return self.hashes.sha256 if self.is_lfs else self.hashes.git_oid


@dataclass(frozen=True)
class Snapshot:
    """The files of a repository at one ref. `sha` depends on paths and contents only."""

    ref: str
    sha: str
    files: Mapping[str, RepoFile]

    @property
    def modified(self) -> float:
        """Newest modification time of its files, in seconds since the epoch."""
        return max((f.modified for f in self.files.values()), default=0.0)

    def folder_oid(self, folder: str) -> str | None:
        """A stable id of a folder's content; None when there is no such folder."""
        inside = [f for path, f in self.files.items() if path.startswith(f"{folder}/")]
        return _digest(inside) if inside else None


class Repository:
    """A folder seen as a repository; reads the folder when asked."""

    def __init__(
        self, kind: RepoType, repo_id: str, folder: Path, hashes: HashCache, history: Path | None = None
    ) -> None:
        self.kind: RepoType = kind
        self.id = repo_id
        self.folder = folder
        self.history = history
        self.settings = RepoSettings.read(folder / SETTINGS_FILE)
        self._hashes = hashes

    @property
    def owner(self) -> str:
        return self.id.split("/")[0]

    def visible_to(self, user: str | None) -> bool:
        return not self.settings.private or user == self.owner

    def readable_by(self, user: str | None) -> bool:
        return not self.settings.gated or user == self.owner

    @property
    def refs(self) -> dict[str, Path]:
        """Folder of every ref, `main` first."""
        others = {name: self.folder / place for name, place in self.settings.revisions.items()}
        return {MAIN: self.folder, **others}

    def snapshot(self, revision: str = MAIN) -> Snapshot | None:
        """The files at a ref name (`refs/heads/x`, `refs/tags/x` and `x` alike), a current or an old sha."""
        for ref in self.refs:
            if revision in (ref, f"refs/heads/{ref}", f"refs/tags/{ref}") or ref == f"refs/tags/{revision}":
                return self._read(ref)
        snapshots = (self._read(ref) for ref in self.refs)
        found = next((s for s in snapshots if s.sha == revision), None)
        return found if found is not None else self._old(revision)

    def _old(self, sha: str) -> Snapshot | None:
        folder = self.history / sha if self.history is not None and sha.isalnum() else None
        if folder is None or not folder.is_dir():
            return None
        return Repository(self.kind, self.id, folder, self._hashes).snapshot(sha)

    def _read(self, ref: str) -> Snapshot:
        """The files of a ref; read again when a commit took the folder's place meanwhile."""
        for _ in range(1000):
            try:
                before = self.folder.stat().st_ino
                snapshot = self._read_once(ref)
                if self.folder.stat().st_ino == before:
                    return snapshot
            except FileNotFoundError:
                time.sleep(0.001)
        raise FileNotFoundError(f"{self.folder} went away while it was read")

    def _read_once(self, ref: str) -> Snapshot:
        root = self.refs[ref]
        hidden = {place for place in self.refs.values() if place != root}
        files = {f.path: f for f in self._files(root, hidden)}
        return Snapshot(ref, _digest(files.values(), salt=f"{self.kind}/{self.id}"), files)

    def _files(self, root: Path, hidden: set[Path]) -> Iterator[RepoFile]:
        for place, folders, names in os.walk(root):
            folders[:] = sorted(f for f in folders if Path(place, f) not in hidden)
            for name in sorted(names):
                local = Path(place, name)
                if local == self.folder / SETTINGS_FILE:
                    continue
                stat = local.stat()
                path = local.relative_to(root).as_posix()
                yield RepoFile(path, local, stat.st_size, stat.st_mtime, self._hashes.of(local, stat))


class HashCache:
    """Hashes by path, size and modification time; safe to share between threads."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, Hashes]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, stat: os.stat_result) -> Hashes:
        with self._lock:
            known = self._known.get(path)
        if known is not None and known[:2] == (stat.st_size, stat.st_mtime_ns):
            return known[2]
        hashes = Hashes.of(path, stat.st_size)
        with self._lock:
            self._known[path] = (stat.st_size, stat.st_mtime_ns, hashes)
        return hashes


class RepositoryStore:
    """Every repository under a root folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._hashes = HashCache()
        self._swapping = threading.Lock()

    def find(self, kind: RepoType, repo_id: str) -> Repository | None:
        """The repository of that id, or None."""
        parts = repo_id.split("/")
        if len(parts) != 2 or any(part in ("", ".", "..") for part in parts):
            return None
        folder = self.root / kind / repo_id
        with self._swapping:
            return self._repository(kind, repo_id, folder) if folder.is_dir() else None

    def all(self, kind: RepoType) -> list[Repository]:
        """All repositories of one kind, by id."""
        with self._swapping:
            folders = sorted(p for p in (self.root / kind).glob("*/*") if p.is_dir())
            return [self._repository(kind, f"{p.parent.name}/{p.name}", p) for p in folders]

    def swap(self, repo: Repository, content: Path, sha: str) -> None:
        """Put the folder `content` in the repository's place; what is there is kept as commit `sha`."""
        assert repo.history is not None
        old = repo.history / sha
        old.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(old, ignore_errors=True)
        with self._swapping:
            repo.folder.rename(old)
            content.rename(repo.folder)

    def _repository(self, kind: RepoType, repo_id: str, folder: Path) -> Repository:
        return Repository(kind, repo_id, folder, self._hashes, self.root / ".history" / kind / repo_id)


def _digest(files: Iterable[RepoFile], salt: str = "") -> str:
    lines = sorted(f"{f.path}\0{f.hashes.sha256}\n" for f in files)
    return hashlib.sha1((salt + "\n" + "".join(lines)).encode()).hexdigest()
