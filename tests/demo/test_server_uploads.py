"""Writing to the mini hub with the Hub's own client."""

from __future__ import annotations

import hashlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationDelete,
    HfApi,
    hf_hub_download,
)
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError

from hubselect.demo.server import MiniHub

CARD = "---\nlicense: mit\ntags:\n- tiny\n---\n# A dataset\n"


@pytest.fixture
def api(hub: MiniHub) -> HfApi:
    hub.root.mkdir(exist_ok=True)
    return HfApi(token="hf_anybody")


@pytest.fixture
def repo(api: HfApi) -> str:
    """A new empty dataset repository of the one user."""
    repo_id = f"minihub/{uuid.uuid4().hex[:12]}"
    api.create_repo(repo_id, repo_type="dataset")
    return repo_id


def read(repo_id: str, path: str, revision: str | None = None) -> bytes:
    return Path(hf_hub_download(repo_id, path, repo_type="dataset", revision=revision)).read_bytes()


def put(api: HfApi, repo: str, content: str, parent: str | None = None, path: str = "a.txt") -> str:
    operation = CommitOperationAdd(path, content.encode())
    return api.create_commit(
        repo, [operation], commit_message="put", repo_type="dataset", parent_commit=parent
    ).oid


def test_a_repository_is_made_once(api: HfApi, repo: str) -> None:
    """A second creation is an error, or none when that is allowed; names without owner are the user's."""
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo(repo, repo_type="dataset")
    assert error.value.response.status_code == 409
    assert repo in api.create_repo(repo, repo_type="dataset", exist_ok=True)
    name = uuid.uuid4().hex[:12]
    assert api.create_repo(name).repo_id == f"minihub/{name}"
    assert api.model_info(f"minihub/{name}").siblings == []


def test_private_repositories_are_for_their_owner(api: HfApi) -> None:
    repo_id = f"minihub/{uuid.uuid4().hex[:12]}"
    api.create_repo(repo_id, repo_type="dataset", private=True)
    assert api.dataset_info(repo_id).private
    with pytest.raises((RepositoryNotFoundError, HfHubHTTPError)):
        HfApi().dataset_info(repo_id)


def test_strangers_and_other_owners_cannot_write(api: HfApi, repo: str) -> None:
    """Without a login 401, below somebody else's name 403; nothing is written."""
    head = api.dataset_info(repo).sha
    for client, name, status in ((HfApi(), repo, 401), (api, "somebody/else", 403)):
        with pytest.raises(HfHubHTTPError) as error:
            client.create_repo(name, repo_type="dataset")
        assert error.value.response.status_code == status
    with pytest.raises(HfHubHTTPError) as error:
        put(HfApi(), repo, "x")
    assert error.value.response.status_code == 401
    assert api.dataset_info(repo).sha == head


def test_a_folder_with_small_and_large_files_is_uploaded(api: HfApi, repo: str, tmp_path: Path) -> None:
    """Content comes back; the card is read; an unchanged folder makes no commit."""
    (tmp_path / "data").mkdir()
    (tmp_path / "README.md").write_text(CARD)
    (tmp_path / "data" / "rows.parquet").write_bytes(bytes(range(256)) * 64)
    (tmp_path / "naïve name.txt").write_text("text")
    first = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=tmp_path)
    info = api.dataset_info(repo, files_metadata=True)
    assert first.oid == info.sha
    assert {s.rfilename for s in info.siblings or ()} == {
        "README.md",
        "data/rows.parquet",
        "naïve name.txt",
    }
    assert "tiny" in (info.tags or ())
    assert read(repo, "data/rows.parquet") == bytes(range(256)) * 64
    assert read(repo, "naïve name.txt") == b"text"
    again = api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=tmp_path)
    assert again.oid == first.oid


def test_every_commit_has_its_own_sha_and_old_ones_can_be_read(api: HfApi, repo: str) -> None:
    one, two = put(api, repo, "one"), put(api, repo, "two")
    assert len({one, two, api.dataset_info(repo).sha}) == 2
    assert read(repo, "a.txt", one) == b"one"
    assert read(repo, "a.txt", two) == read(repo, "a.txt") == b"two"


def test_a_stale_parent_is_refused(api: HfApi, repo: str) -> None:
    """412, and the repository is as the other commit left it."""
    parent = api.dataset_info(repo).sha
    head = put(api, repo, "theirs", parent)
    with pytest.raises(HfHubHTTPError) as error:
        put(api, repo, "ours", parent)
    assert error.value.response.status_code == 412
    assert api.dataset_info(repo).sha == head
    assert read(repo, "a.txt") == b"theirs"


def test_files_and_folders_are_deleted(api: HfApi, repo: str) -> None:
    for path in ("a.txt", "sub/deep/b.txt", "sub/c.txt", "d.txt"):
        put(api, repo, path, path=path)
    api.delete_file("a.txt", repo, repo_type="dataset")
    api.delete_folder("sub", repo, repo_type="dataset")
    assert api.list_repo_files(repo, repo_type="dataset") == ["d.txt"]
    with pytest.raises(EntryNotFoundError):
        api.delete_file("a.txt", repo, repo_type="dataset")


def test_a_commit_is_all_or_nothing(api: HfApi, repo: str) -> None:
    """One impossible line undoes the lines before it."""
    head = put(api, repo, "one")
    operations = [CommitOperationAdd("b.txt", b"b"), CommitOperationDelete("nowhere.txt")]
    with pytest.raises(EntryNotFoundError):
        api.create_commit(repo, operations, commit_message="half", repo_type="dataset")
    assert api.dataset_info(repo).sha == head
    assert api.list_repo_files(repo, repo_type="dataset") == ["a.txt"]


def post(hub: MiniHub, path: str, body: bytes, method: str = "POST") -> tuple[int, bytes]:
    headers = {"Authorization": "Bearer hf_anybody"}
    try:
        with urlopen(Request(hub.url + path, body, headers, method=method)) as answer:
            return answer.status, answer.read()
    except OSError as error:
        return error.code, error.read()  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["../evil.txt", "/etc/evil", "a/../../x", ".minihub.json", ""])
def test_a_commit_cannot_leave_its_repository(hub: MiniHub, api: HfApi, repo: str, path: str) -> None:
    lines = [
        {"key": "header", "value": {"summary": "s"}},
        {"key": "file", "value": {"path": path, "content": "eA==", "encoding": "base64"}},
    ]
    body = "\n".join(map(json.dumps, lines)).encode()
    assert post(hub, f"/api/datasets/{repo}/commit/main", body)[0] == 400
    assert api.list_repo_files(repo, repo_type="dataset") == []
    assert not list(hub.root.rglob("evil*"))


def test_large_files_must_have_the_hash_they_announce(hub: MiniHub, repo: str) -> None:
    """Other content is refused at the upload, and an address without a valid signature too."""
    content = b"content"
    oid, size = hashlib.sha256(content).hexdigest(), len(content)
    asked = json.dumps({"objects": [{"oid": oid, "size": size}]}).encode()
    batch = f"/datasets/{repo}.git/info/lfs/objects/batch"
    actions = json.loads(post(hub, batch, asked)[1])["objects"][0]["actions"]
    href = actions["upload"]["href"].removeprefix(hub.url)
    assert post(hub, href, b"CONTENT", "PUT")[0] == 400
    assert post(hub, href.replace("signature=", "signature=0"), content, "PUT")[0] == 403
    verify = actions["verify"]["href"].removeprefix(hub.url)
    assert post(hub, verify, asked)[0] == 404
    line = {"key": "lfsFile", "value": {"path": "x.bin", "algo": "sha256", "oid": oid, "size": size}}
    body = "\n".join(map(json.dumps, [{"key": "header", "value": {"summary": "s"}}, line])).encode()
    assert post(hub, f"/api/datasets/{repo}/commit/main", body)[0] == 400
    assert post(hub, href, content, "PUT")[0] == 200
    assert post(hub, verify, json.dumps({"oid": oid, "size": size}).encode())[0] == 200
    assert post(hub, f"/api/datasets/{repo}/commit/main", body)[0] == 200
    assert read(repo, "x.bin") == content
    assert "actions" not in json.loads(post(hub, batch, asked)[1])["objects"][0]


def test_commits_that_cannot_be_read_are_refused(hub: MiniHub, repo: str) -> None:
    header = b'{"key":"header","value":{"summary":"s"}}\n'
    for body in (b"", b"nonsense", header + b'{"key":"what","value":{}}', b'{"key":"file","value":{}}'):
        assert post(hub, f"/api/datasets/{repo}/commit/main", body)[0] == 400
    assert post(hub, f"/api/datasets/{repo}/commit/nowhere", header)[0] == 404


def test_a_card_that_is_no_yaml_is_refused(api: HfApi, repo: str) -> None:
    with pytest.raises(ValueError, match="Invalid metadata"):
        put(api, repo, "---\ntags: [unclosed\n---\n", path="README.md")
    put(api, repo, CARD, path="README.md")


def test_of_many_writers_with_one_parent_one_wins(api: HfApi, repo: str) -> None:
    """Eight commits upon the same parent: one is made; readers always see a whole repository."""
    operations = [CommitOperationAdd(f"{n}.txt", b"0") for n in range(5)]
    parent = api.create_commit(repo, operations, commit_message="0", repo_type="dataset").oid

    def write(number: int) -> int:
        files = [CommitOperationAdd(f"{n}.txt", str(number).encode()) for n in range(5)]
        try:
            api.create_commit(repo, files, commit_message="n", repo_type="dataset", parent_commit=parent)
        except HfHubHTTPError as refused:
            return int(refused.response.status_code)
        return 200

    with ThreadPoolExecutor(9) as pool:
        seen = [pool.submit(api.list_repo_files, repo, repo_type="dataset") for _ in range(10)]
        won = list(pool.map(write, range(1, 9)))
    assert sorted(won) == [200] + [412] * 7
    assert all(len(s.result()) == 5 for s in seen)
    assert len({read(repo, f"{n}.txt") for n in range(5)}) == 1
