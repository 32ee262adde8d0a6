"""Fetching a model: one weight format, verified, complete, from the cache when possible."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import DownloadIncomplete, HubUnreachable, InvalidInput, RepoGated
from hubselect.hub import download_model, index_model
from hubselect.hub.downloads import needed_files
from hubselect.records import Model
from tests.support.repos import write_settings, write_text_model

UniqueId = Callable[[str], str]


def prepared(hub: MiniHub, root: Path, repo_id: str, **options: object) -> tuple[Path, Model]:
    """A written and indexed text model; the request log is empty again."""
    folder = write_text_model(root, repo_id, **options)  # type: ignore[arg-type]
    model = index_model(repo_id)
    hub.reset()
    return folder, model


def no_client_cache() -> None:
    """Forget the in-memory tree listings, as a new process would."""
    from huggingface_hub import _tree_cache

    _tree_cache._IN_MEMORY_TREE_CACHE.clear()


def test_one_weight_format_and_the_files_around_it_are_fetched(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder, model = prepared(hub, hub_root, unique_id("m"), weights=("safetensors", "bin"))
    (folder / "onnx").mkdir()
    download = download_model(model)
    names = {p.name for p in download.path.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"} <= names
    assert "pytorch_model.bin" not in names
    assert "README.md" not in names
    assert set(hub.weights_fetched()[model.id]) == {"model.safetensors"}
    fetched = [r for r in hub.requests if r.method == "GET" and r.file]
    assert download.bytes_fetched == sum(r.bytes_sent for r in fetched)
    assert download.bytes_fetched > (model.weights_bytes or 0)


def test_a_second_use_asks_the_hub_nothing(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    _, model = prepared(hub, hub_root, unique_id("m"))
    first = download_model(model)
    hub.reset()
    second = download_model(model)
    assert (second.path, second.bytes_fetched) == (first.path, 0)
    assert hub.requests == []


def test_a_half_empty_snapshot_is_completed(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    _, model = prepared(hub, hub_root, unique_id("m"))
    first = download_model(model)
    tokenizer = first.path / "tokenizer.json"
    size = tokenizer.stat().st_size
    tokenizer.resolve().unlink()
    tokenizer.unlink()
    hub.reset()
    assert download_model(model).bytes_fetched == size
    assert tokenizer.is_file()
    assert hub.weights_fetched() == {}


def test_an_interrupted_download_is_completed(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    from huggingface_hub import snapshot_download

    _, model = prepared(hub, hub_root, unique_id("m"))
    snapshot_download(model.id, revision=model.revision, allow_patterns=["tokenizer*"])
    download = download_model(model)
    assert (download.path / "model.safetensors").is_file()


def test_tampered_content_of_the_right_size_is_refused_and_removed(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    _, model = prepared(hub, hub_root, unique_id("m"))
    hub.fault(lambda r: r.method == "GET" and r.file == "model.safetensors", corrupt=True, times=1)
    with pytest.raises(DownloadIncomplete, match=r"model\.safetensors.*does not match"):
        download_model(model)
    download = download_model(model)
    assert download.bytes_fetched == model.weights_bytes


def test_a_cached_file_changed_on_disk_is_fetched_again(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder, model = prepared(hub, hub_root, unique_id("m"))
    weights = download_model(model).path / "model.safetensors"
    weights.resolve().write_bytes(b"\xff" * weights.stat().st_size)
    assert download_model(model).bytes_fetched == model.weights_bytes
    assert weights.read_bytes() == (folder / "model.safetensors").read_bytes()


def test_a_bad_blob_left_by_another_program_is_not_trusted(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    from huggingface_hub import hf_hub_download

    _, model = prepared(hub, hub_root, unique_id("m"))
    path = Path(hf_hub_download(model.id, "model.safetensors", revision=model.revision))
    path.resolve().write_bytes(b"\x00" * path.stat().st_size)
    path.unlink()
    assert download_model(model).bytes_fetched >= (model.weights_bytes or 0)


def test_shared_files_between_revisions_cost_nothing_again(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder, model = prepared(hub, hub_root, unique_id("m"))
    download_model(model)
    (folder / "README.md").write_text("a new commit")
    newer = index_model(model.id)
    hub.reset()
    assert newer.revision != model.revision
    assert download_model(newer).bytes_fetched == 0
    assert hub.weights_fetched() == {}


def test_a_model_that_was_never_looked_up_says_so() -> None:
    with pytest.raises(InvalidInput, match="add-model some/model"):
        download_model(Model("some/model", "text-classification"))


def test_a_model_gated_meanwhile_is_reported(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    folder, model = prepared(hub, hub_root, unique_id("m"))
    write_settings(folder, gated="auto")
    with pytest.raises(RepoGated, match="request access"):
        download_model(model)


def test_a_hub_that_dies_keeps_the_cache_usable(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, cached = prepared(hub, hub_root, unique_id("cached"))
    _, other = prepared(hub, hub_root, unique_id("other"), seed=1)
    path = download_model(cached).path
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert download_model(cached).path == path
    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9"):
        download_model(other)


OFFLINE = """
import sys, json
from hubselect.errors import HubselectError
from hubselect.hub import download_model
from hubselect.records import Model
fields = json.loads(sys.argv[1])
fields["weights_files"] = tuple(fields["weights_files"])
try:
    print(download_model(Model(**fields)))
except HubselectError as error:
    print(type(error).__name__, error)
"""


def offline(model: Model, environment: dict[str, str]) -> str:
    import json
    from dataclasses import asdict

    command = [sys.executable, "-c", OFFLINE, json.dumps(asdict(model))]
    done = subprocess.run(
        command,
        env={**environment, "HF_HUB_OFFLINE": "1", "HF_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
    )
    return done.stdout


def online(script: str, environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-c", script, *arguments], env=environment, timeout=30, check=True)


def test_offline_a_snapshot_cached_by_another_program_is_judged_by_its_own_hashes(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, hub_environment: dict[str, str]
) -> None:
    _, model = prepared(hub, hub_root, unique_id("m"))
    assert "HF_HUB_OFFLINE=1 forbids" in offline(model, hub_environment)
    fetch = "import sys, huggingface_hub as h; h.snapshot_download(sys.argv[1], revision=sys.argv[2])"
    online(fetch, hub_environment, model.id, str(model.revision))
    assert "bytes_fetched=0" in offline(model, hub_environment)
    assert "bytes_fetched=0" in offline(model, hub_environment)
    weights = next(Path(hub_environment["HF_HOME"]).rglob("snapshots/*/model.safetensors")).resolve()
    weights.write_bytes(b"\x01" * weights.stat().st_size)
    assert "HubUnreachable" in offline(model, hub_environment)


def test_needed_files_are_the_weights_and_the_configuration_beside_them() -> None:
    paths = [
        "README.md",
        "config.json",
        "merges.txt",
        "model.safetensors",
        "model.safetensors.index.json",
        "onnx/config.json",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "requirements.txt",
        "spiece.model",
        "tokenizer.json",
        "trainer_state.json",
    ]
    assert needed_files(paths, ["model.safetensors", "model.safetensors.index.json"]) == [
        "config.json",
        "merges.txt",
        "model.safetensors",
        "model.safetensors.index.json",
        "spiece.model",
        "tokenizer.json",
    ]
