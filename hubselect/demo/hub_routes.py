"""The Hub's endpoints as a table of (methods, address, handler), and the handlers that read.

Addresses are matched against the raw, still percent-encoded path, because revisions hold encoded
slashes (`refs%2Fconvert%2Fparquet`). The handlers that write are in `hub_uploads`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlencode

from hubselect.demo.hub_answers import USER, Answer, ApiError, Call, FileAnswer, json_answer
from hubselect.demo.hub_records import (
    Json,
    commit_record,
    info_view,
    list_view,
    repo_record,
    tree_entry,
)
from hubselect.demo.hub_repos import MAIN, Repository
from hubselect.demo.hub_uploads import (
    create_repo,
    lfs_batch,
    lfs_put,
    lfs_verify,
    make_commit,
    preupload,
    validate_yaml,
)

SORT_KEYS = ("downloads", "likes", "trendingScore", "createdAt", "lastModified")


def whoami(call: Call) -> Answer:
    if call.user is None:
        raise ApiError(401, "InvalidToken", "Invalid username or password.")
    token = {"role": "write", "displayName": "mini hub"}
    return json_answer(
        {"type": "user", "name": USER, "fullname": USER, "orgs": [], "auth": {"accessToken": token}}
    )


def repo_info(call: Call) -> Answer:
    repo = call.repo()
    record = repo_record(repo, call.snapshot(repo), blobs=call.flag("blobs"))
    return json_answer(info_view(record, call.query.get("expand", [])))


def list_repos(call: Call) -> Answer:
    """One page; the next one is named in the Link header, by an offset called `cursor`."""
    found = sorted(_matching(call), key=lambda record: str(record["id"]))
    sort = call.query.get("sort", ["downloads"])[-1]
    if sort not in SORT_KEYS:
        raise ApiError(400, "BadRequest", f"Cannot sort by {sort}; use one of {', '.join(SORT_KEYS)}")
    found.sort(key=lambda record: record[sort], reverse=True)
    start = _number(call, "cursor", 0)
    stop = start + min(_number(call, "limit", call.page_size), call.page_size)
    headers = {}
    if stop < len(found):
        again = urlencode({**call.query, "cursor": [str(stop)]}, doseq=True)
        headers["Link"] = f'<{call.url}?{again}>; rel="next"'
    return json_answer([list_view(r, call.kind, call.query) for r in found[start:stop]], headers)


def tree(call: Call) -> Answer:
    repo = call.repo()
    snapshot = call.snapshot(repo)
    top = call.parts.get("path", "").strip("/")
    prefix = f"{top}/" if top else ""
    inside = [path for path in snapshot.files if path.startswith(prefix)]
    if top and not inside:
        raise _entry_not_found(top, snapshot.sha)
    paths = {prefix + part for path in inside for part in _below(path[len(prefix) :])}
    if not call.flag("recursive"):
        paths = {path for path in paths if "/" not in path[len(prefix) :]}
    entries = (tree_entry(repo, snapshot, path, expand=call.flag("expand")) for path in sorted(paths))
    return json_answer(list(entries))


def paths_info(call: Call) -> Answer:
    repo = call.repo()
    snapshot = call.snapshot(repo)
    paths = [path.strip("/") for path in call.form.get("paths", [])]
    entries = (tree_entry(repo, snapshot, path, expand=call.flag("expand")) for path in paths)
    return json_answer([entry for entry in entries if entry is not None])


def refs(call: Call) -> Answer:
    repo = call.repo()
    groups: dict[str, list[Json]] = {"branches": [], "tags": [], "converts": []}
    for ref in repo.refs:
        snapshot = repo.snapshot(ref)
        assert snapshot is not None  # the name comes from the repository itself
        group = {"refs/convert": "converts", "refs/tags": "tags"}.get(ref.rpartition("/")[0], "branches")
        full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
        name = ref.split("/", 2)[-1] if ref.startswith("refs/") else ref
        groups[group].append({"name": name, "ref": full, "targetCommit": snapshot.sha})
    return json_answer(groups)


def commits(call: Call) -> Answer:
    repo = call.repo()
    return json_answer([commit_record(repo, call.snapshot(repo))])


def auth_check(call: Call) -> Answer:
    call.require_access(call.repo())
    return json_answer({})


def discussions(call: Call) -> Answer:
    call.repo()
    return json_answer({"discussions": [], "count": 0, "start": 0})


def resolve(call: Call) -> Answer:
    repo = call.repo()
    call.require_access(repo)
    snapshot = call.snapshot(repo)
    file = snapshot.files.get(call.parts["path"])
    if file is None:
        raise _entry_not_found(call.parts["path"], snapshot.sha)
    return FileAnswer(file, snapshot.sha, call.headers.get("range") if call.method == "GET" else None)


@dataclass(frozen=True)
class Route:
    methods: frozenset[str]
    address: re.Pattern[str]
    handler: Callable[[Call], Answer]


def _route(methods: str, address: str, handler: Callable[[Call], Answer]) -> Route:
    """`{T}`: models or datasets; `{id}`: a repository id; `{rev}`: a revision; `{path}`: the rest;
    `{oid}`: the sha256 of a large file.
    """
    parts = {
        "{T}": r"(?P<kind>models|datasets)",
        "{P}": r"(?P<kind>datasets/|)",
        "{id}": r"(?P<id>[^/]+/[^/]+|[^/]+)",
        "{rev}": r"(?P<rev>refs/(?:convert|pr|heads|tags)/[^/]+|[^/]+)",
        "{path}": r"(?P<path>.+)",
        "{oid}": r"(?P<oid>[0-9a-f]{64})",
    }
    for name, pattern in parts.items():
        address = address.replace(name, pattern)
    return Route(frozenset(methods.split()), re.compile(address), handler)


ROUTES = (
    _route("GET", "/api/whoami-v2", whoami),
    _route("GET", "/api/{T}/?", list_repos),
    _route("GET", "/api/{T}/{id}", repo_info),
    _route("GET", "/api/{T}/{id}/revision/{rev}", repo_info),
    _route("GET", "/api/{T}/{id}/tree/{rev}/?", tree),
    _route("GET", "/api/{T}/{id}/tree/{rev}/{path}", tree),
    _route("POST", "/api/{T}/{id}/paths-info/{rev}", paths_info),
    _route("GET", "/api/{T}/{id}/refs", refs),
    _route("GET", "/api/{T}/{id}/commits/{rev}", commits),
    _route("GET", "/api/{T}/{id}/auth-check", auth_check),
    _route("GET", "/api/{T}/{id}/discussions", discussions),
    _route("GET", "/{P}{id}/resolve/{rev}/{path}", resolve),
    _route("POST", "/api/repos/create", create_repo),
    _route("POST", "/api/validate-yaml", validate_yaml),
    _route("POST", "/api/{T}/{id}/preupload/{rev}", preupload),
    _route("POST", "/api/{T}/{id}/commit/{rev}", make_commit),
    _route("POST", "/{P}{id}.git/info/lfs/objects/batch", lfs_batch),
    _route("PUT", "/{P}{id}.git/lfs-objects/{oid}", lfs_put),
    _route("POST", "/{P}{id}.git/lfs-objects/{oid}/verify", lfs_verify),
)


def find_route(method: str, raw_path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a request and the decoded parts of its address; HEAD goes where GET goes."""
    for route in ROUTES:
        match = route.address.fullmatch(raw_path)
        if match and ("GET" if method == "HEAD" else method) in route.methods:
            return route, {key: unquote(value) for key, value in match.groupdict("").items()}
    return None


def _matching(call: Call) -> Iterator[Json]:
    query = call.query
    for repo in call.store.all(call.kind):
        if not repo.visible_to(call.user) or not _asked_for(repo, query):
            continue
        snapshot = repo.snapshot(MAIN)
        assert snapshot is not None  # every repository has a main
        record = repo_record(repo, snapshot)
        wanted = {*query.get("filter", [])}
        pipelines = query.get("pipeline_tag", [])
        if wanted <= set(record["tags"]) and (not pipelines or record.get("pipeline_tag") in pipelines):
            yield record


def _asked_for(repo: Repository, query: Mapping[str, list[str]]) -> bool:
    """The filters that need no file of the repository: search, author, gated."""
    authors, gated = query.get("author", []), query.get("gated", [])
    return (
        all(text.lower() in repo.id.lower() for text in query.get("search", []))
        and (not authors or repo.owner in authors)
        and (not gated or (gated[-1].lower() == "true") == bool(repo.settings.gated))
    )


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, [str(default)])[-1]
    if not text.isdecimal():
        raise ApiError(400, "BadRequest", f"{name} must be a number, not {text}")
    return int(text)


def _below(path: str) -> Iterator[str]:
    """A path and all its folders: a/b/c gives a, a/b, a/b/c."""
    parts = path.split("/")
    for depth in range(1, len(parts) + 1):
        yield "/".join(parts[:depth])


def _entry_not_found(path: str, sha: str) -> ApiError:
    return ApiError(404, "EntryNotFound", f"Entry not found: {path}", {"X-Repo-Commit": sha})
