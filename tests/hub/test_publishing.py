"""Writing repositories: whose they are is known first, and every change is one commit."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import HubError, HubUnreachable, InvalidInput
from hubselect.hub.publishing import (
    Kind,
    create_repo,
    download,
    own_repo_id,
    repo_head,
    upload,
    writable_repo,
)


@pytest.fixture(autouse=True)
def _login(hub: MiniHub, hub_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")


@pytest.fixture
def repo() -> str:
    return f"minihub/{uuid.uuid4().hex[:12]}"


def test_an_id_without_owner_is_the_users_own() -> None:
    assert own_repo_id("my-model") == "minihub/my-model"
    assert own_repo_id("minihub/my-model") == "minihub/my-model"


def test_who_may_not_write_is_told_before_anything_is_sent(
    hub: MiniHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's name, no login, a login that is not accepted, a Hub that is down: one line each."""
    with pytest.raises(HubError, match="may not write to somebody/x") as error:
        own_repo_id("somebody/x")
    assert "minihub" in (error.value.hint or "")
    hub.fault("/api/whoami-v2", status=401)
    with pytest.raises(HubError, match="does not accept your login"):
        own_repo_id("minihub/x")
    hub.fault("/api/whoami-v2", status=503, times=None)
    with pytest.raises(HubUnreachable, match="503"):
        own_repo_id("minihub/x")
    hub.reset()
    with pytest.raises(InvalidInput, match="not a Hub id"):
        own_repo_id("a/b/c")
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(HubError, match="needs a login"):
        own_repo_id("minihub/x")
    assert {r.method for r in hub.requests} <= {"GET"}


@pytest.mark.parametrize("kind", ["model", "dataset"])
def test_files_come_and_go_in_one_commit(kind: Kind, repo: str, hub: MiniHub, tmp_path: Path) -> None:
    """Large and small files together, others stay; the same again is no commit; a stale parent is told."""
    assert writable_repo(kind, repo) is None
    head = create_repo(kind, repo)
    files: dict[str, Path | bytes] = {"a.txt": b"one", "big.safetensors": b"\0" * 4096, "sub/c.txt": b"two"}
    first = upload(kind, repo, files, parent=head.commit, message="first")
    assert first is not None
    (tmp_path / "b.txt").write_text("three")
    hub.reset()
    second = upload(
        kind, repo, {**files, "b.txt": tmp_path / "b.txt"}, parent=first, message="second", gone=("a.txt",)
    )
    assert second is not None
    assert sum("/commit/" in r.path for r in hub.requests) == 1
    now = repo_head(kind, repo)
    assert (now.commit, set(now.files)) == (second, {"b.txt", "big.safetensors", "sub/c.txt"})
    assert upload(kind, repo, {"b.txt": b"three"}, parent=second, message="again") == second
    assert upload(kind, repo, {"b.txt": b"four"}, parent=first, message="stale") is None
    download(kind, repo, now, ("b.txt", "absent"), tmp_path / "there", max_bytes=100)
    assert (tmp_path / "there" / "b.txt").read_text() == "three"
    with pytest.raises(InvalidInput, match="too large"):
        download(kind, repo, now, ("big.safetensors",), tmp_path / "there", max_bytes=100)


def test_a_card_that_the_hub_refuses_is_told_with_its_reason(repo: str, hub_root: Path) -> None:
    head = create_repo("model", repo)
    with pytest.raises(HubError, match=r"does not accept README.md .* not a mapping"):
        upload(
            "model", repo, {"README.md": b"---\n- a\n---\n", "x.txt": b"x"}, parent=head.commit, message="m"
        )
    assert not repo_head("model", repo).files


def test_a_hub_without_xet_gets_large_files_as_they_are(
    repo: str, hub: MiniHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the client's own choice: it would ask this Hub for a login to Xet, and give up."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", False)
    head = create_repo("model", repo)
    (tmp_path / "model.safetensors").write_bytes(b"\1" * 5000)
    files: dict[str, Path | bytes] = {
        "model.safetensors": tmp_path / "model.safetensors",
        "other.safetensors": b"\2" * 5000,
        "config.json": b"{}",
    }
    hub.reset()
    assert upload("model", repo, files, parent=head.commit, message="all") is not None
    now = repo_head("model", repo)
    assert {path: file.size for path, file in now.files.items()} == {
        "model.safetensors": 5000,
        "other.safetensors": 5000,
        "config.json": 2,
    }
    assert sum("xet-write-token" in r.path for r in hub.requests) == 1
