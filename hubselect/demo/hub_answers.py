"""How the mini hub answers: JSON, files with ranges, and the Hub's coded errors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from hubselect.demo.hub_repos import RepoFile, Repository, RepositoryStore, RepoType, Snapshot

USER = "minihub"
CHUNK = 1 << 18


class ApiError(Exception):
    """An answer with X-Error-Code and X-Error-Message, by which the clients pick an exception."""

    def __init__(
        self, status: int, code: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.headers = dict(headers or {})

    def response(self) -> Response:
        text = self.message.encode("ascii", "replace").decode()
        headers = {**self.headers, "X-Error-Code": self.code, "X-Error-Message": text}
        return JSONResponse({"error": self.message}, self.status, headers=headers)


class FileAnswer:
    """A file, or one range of it, sent in chunks with an exact Content-Length."""

    def __init__(self, file: RepoFile, commit: str, range_header: str | None) -> None:
        self.file = file
        self.headers = {
            "X-Repo-Commit": commit,
            "ETag": f'"{file.etag}"',
            "Accept-Ranges": "bytes",
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "inline",
        }
        if file.is_lfs:
            self.headers |= {"X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.size)}
        asked = parse_range(range_header, file.size)
        self.status = 200 if asked is None else 206
        self.start, self.stop = asked or (0, file.size)
        if asked is not None:
            self.headers["Content-Range"] = f"bytes {self.start}-{self.stop - 1}/{file.size}"
        self.headers["Content-Length"] = str(self.stop - self.start)

    def chunks(self) -> Iterator[bytes]:
        left = self.stop - self.start
        with self.file.local.open("rb") as stream:
            stream.seek(self.start)
            while left > 0 and (chunk := stream.read(min(CHUNK, left))):
                left -= len(chunk)
                yield chunk


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Half-open byte range of a single-range header (RFC 9110 section 14); None means all.

    ApiError 416 when nothing of the file lies in the range. Headers that are not one simple
    range are ignored, as the standard allows.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", (header or "").strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if first == "":
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), size if last == "" else min(size, int(last) + 1)
    if start >= stop:
        headers = {"Content-Range": f"bytes */{size}"}
        raise ApiError(416, "RangeNotSatisfiable", "The range lies outside the file", headers)
    return start, stop


@dataclass(frozen=True)
class Call:
    """One request as the handlers see it: parts of its address are percent-decoded."""

    method: str
    parts: Mapping[str, str]
    query: Mapping[str, list[str]]
    form: Mapping[str, list[str]]
    headers: Mapping[str, str]
    url: str
    store: RepositoryStore
    page_size: int
    body: bytes = b""

    @property
    def user(self) -> str | None:
        """Any bearer token logs in as the one user, who owns the `minihub/` namespace."""
        return USER if self.headers.get("authorization", "").lower().startswith("bearer ") else None

    @property
    def kind(self) -> RepoType:
        return "datasets" if self.parts.get("kind", "").startswith("datasets") else "models"

    def flag(self, name: str) -> bool:
        values = self.query.get(name) or self.form.get(name) or [""]
        return values[-1].lower() in ("true", "1")

    def repo(self) -> Repository:
        """The repository of the address, or RepoNotFound: 401 to strangers, 404 to users."""
        repo = self.store.find(self.kind, self.parts["id"])
        if repo is None or not repo.visible_to(self.user):
            status = 401 if self.user is None else 404
            raise ApiError(status, "RepoNotFound", "Repository not found")
        return repo

    def require_access(self, repo: Repository) -> None:
        """GatedRepo unless the user may read the files."""
        if not repo.readable_by(self.user):
            status = 401 if self.user is None else 403
            raise ApiError(
                status,
                "GatedRepo",
                f"Access to {repo.kind[:-1]} {repo.id} is restricted: ask for access first",
            )

    def snapshot(self, repo: Repository) -> Snapshot:
        """The files at the revision of the address (`main` when it names none)."""
        revision = self.parts.get("rev") or "main"
        snapshot = repo.snapshot(revision)
        if snapshot is None:
            raise ApiError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return snapshot


Answer = Response | FileAnswer


def json_answer(content: Any, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(content, headers=dict(headers or {}))
