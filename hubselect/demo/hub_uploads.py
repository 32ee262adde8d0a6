"""The Hub's writing endpoints: creating repositories, uploading large files, committing.

Every login is the one user `minihub`, who may write to repositories of the `minihub/` namespace
only. What a commit does to the files is the business of `hub_commits`.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
import secrets
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlencode, urlsplit

import yaml  # type: ignore[import-untyped]

from hubselect.demo.hub_answers import USER, Answer, ApiError, Call, json_answer
from hubselect.demo.hub_commits import Change, CommitRefused, LargeFiles, commit, create
from hubselect.demo.hub_repos import LFS_SIZE, LFS_SUFFIXES, Repository, RepoType

_SIGNING_KEY = secrets.token_bytes(32)  # upload addresses carry their permission, like presigned ones
_NAME = re.compile(r"[A-Za-z0-9_][\w.-]{0,95}", re.ASCII)
_KINDS: dict[str, RepoType] = {"model": "models", "dataset": "datasets"}


def create_repo(call: Call) -> Answer:
    """POST /api/repos/create; 409 with the address when the repository exists."""
    asked = _json(call)
    owner = asked.get("organization") or USER
    name, kind = str(asked.get("name", "")), _KINDS.get(asked.get("type") or "model")
    if kind is None or not _NAME.fullmatch(name):
        raise ApiError(400, "BadRequest", f"Cannot create a repository of this type or name: {name}")
    _require_writer(call, str(owner))
    private = asked.get("visibility") == "private" or asked.get("private") is True
    repo_id = f"{owner}/{name}"
    prefix = "datasets/" if kind == "datasets" else ""
    url = f"{_origin(call)}/{prefix}{repo_id}"
    if not create(call.store, kind, repo_id, json.dumps({"private": private})):
        answer = json_answer({"error": f"You already created this repo: {repo_id}", "url": url})
        answer.status_code = 409
        return answer
    return json_answer({"url": url, "name": repo_id})


def validate_yaml(call: Call) -> Answer:
    """POST /api/validate-yaml: whether the front matter of a card can be read."""
    content = str(_json(call).get("content", ""))
    found = re.match(r"---\r?\n(.*?)\r?\n---(?:\r?\n|$)", content, re.DOTALL)
    try:
        if not isinstance(yaml.safe_load(found[1]) if found else {}, dict | None):
            raise yaml.YAMLError("the metadata is not a mapping")
    except yaml.YAMLError as error:
        message = {"message": " ".join(str(error).split())}
        answer = json_answer({"errors": [message], "warnings": []})
        answer.status_code = 400
        return answer
    return json_answer({"errors": [], "warnings": []})


def preupload(call: Call) -> Answer:
    """Which files go into the commit and which are uploaded beforehand; what is there already."""
    repo = _writable(call)
    there = call.snapshot(repo).files
    files = []
    for asked in _json(call).get("files", []):
        path = str(asked["path"])
        large = PurePosixPath(path).suffix in LFS_SUFFIXES or int(asked["size"]) > LFS_SIZE
        entry: dict[str, Any] = {"path": path, "uploadMode": "lfs" if large else "regular"}
        entry["shouldIgnore"] = False
        if path in there:
            entry["oid"] = there[path].etag
        files.append(entry)
    return json_answer({"files": files})


def lfs_batch(call: Call) -> Answer:
    """POST .git/info/lfs/objects/batch: signed addresses for the objects that are not there yet."""
    _writable(call)
    here = f"{call.url.removesuffix('/info/lfs/objects/batch')}/lfs-objects"
    objects = []
    for asked in _json(call).get("objects", []):
        oid, size = str(asked["oid"]), int(asked["size"])
        entry: dict[str, Any] = {"oid": oid, "size": size}
        if LargeFiles(call.store.root).find(oid) is None:
            permission = urlencode({"size": size, "signature": _signature(oid, size)})
            upload = {"href": f"{here}/{oid}?{permission}"}
            entry["actions"] = {"upload": upload, "verify": {"href": f"{here}/{oid}/verify"}}
        objects.append(entry)
    return json_answer({"transfer": "basic", "objects": objects})


def lfs_put(call: Call) -> Answer:
    """PUT of one object to its signed address, which needs no login; content of another hash is refused."""
    oid = call.parts["oid"]
    size, signature = (call.query.get(name, [""])[-1] for name in ("size", "signature"))
    if not size.isdecimal() or not hmac.compare_digest(signature, _signature(oid, int(size))):
        raise ApiError(403, "Forbidden", "The upload address is not valid")
    if not LargeFiles(call.store.root).put(oid, int(size), call.body):
        raise ApiError(400, "BadDigest", "The content does not match the announced size and sha256")
    return json_answer({})


def lfs_verify(call: Call) -> Answer:
    """POST after an upload: whether the object arrived whole."""
    _writable(call)
    path = LargeFiles(call.store.root).find(call.parts["oid"])
    if path is None or path.stat().st_size != _json(call).get("size"):
        raise ApiError(404, "EntryNotFound", "The object was not uploaded")
    return json_answer({})


def make_commit(call: Call) -> Answer:
    """POST .../commit/{rev}: NDJSON lines header, file, lfsFile, deletedFile, deletedFolder."""
    repo = _writable(call)
    header, changes = _commit_lines(call.body)
    if call.flag("create_pr"):
        raise ApiError(400, "BadRequest", "The mini hub has no pull requests")
    try:
        sha = commit(call.store, repo, call.parts["rev"], changes, header.get("parentCommit"))
    except CommitRefused as refused:
        if refused.stale:
            raise ApiError(412, "PreconditionFailed", str(refused)) from None
        status, code = (404, "EntryNotFound") if refused.missing else (400, "BadRequest")
        raise ApiError(status, code, str(refused)) from None
    prefix = "datasets/" if repo.kind == "datasets" else ""
    url = f"{_origin(call)}/{prefix}{repo.id}/commit/{sha}"
    return json_answer({"success": True, "commitOid": sha, "commitUrl": url, "hookOutput": ""})


def _commit_lines(body: bytes) -> tuple[dict[str, Any], list[Change]]:
    header: dict[str, Any] = {}
    changes: list[Change] = []
    try:
        for line in filter(None, body.split(b"\n")):
            content = json.loads(line)
            kind, value = content["key"], content["value"]
            if kind == "header":
                header = dict(value)
            elif kind == "file":
                data = base64.b64decode(value["content"], validate=True)
                changes.append(Change("file", str(value["path"]), content=data))
            elif kind == "lfsFile":
                changes.append(Change("lfsFile", str(value["path"]), oid=str(value["oid"])))
            elif kind in ("deletedFile", "deletedFolder"):
                changes.append(Change(kind, str(value["path"])))
            else:
                raise ValueError(f"unknown line {kind}")
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise ApiError(400, "BadRequest", f"The commit cannot be read: {error}") from None
    if not header.get("summary"):
        raise ApiError(400, "BadRequest", "A commit needs a summary")
    return header, changes


def _require_writer(call: Call, owner: str) -> None:
    if call.user is None:
        raise ApiError(401, "InvalidToken", "Invalid username or password.")
    if owner != call.user:
        raise ApiError(403, "Forbidden", f'You don\'t have the rights to write under the namespace "{owner}"')


def _writable(call: Call) -> Repository:
    repo = call.repo()
    _require_writer(call, repo.owner)
    return repo


def _json(call: Call) -> dict[str, Any]:
    try:
        content = json.loads(call.body)
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise ApiError(400, "BadRequest", "The body is not a JSON object")
    return content


def _signature(oid: str, size: int) -> str:
    return hmac.digest(_SIGNING_KEY, f"{oid} {size}".encode(), "sha256").hex()


def _origin(call: Call) -> str:
    parts = urlsplit(call.url)
    return f"{parts.scheme}://{parts.netloc}"
