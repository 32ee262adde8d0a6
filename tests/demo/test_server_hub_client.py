"""The mini hub as huggingface_hub sees it."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml  # type: ignore[import-untyped]
from huggingface_hub import HfApi, HfFileSystem, hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from hubselect.demo.hub_repos import Hashes
from hubselect.demo.server import MiniHub
from tests.support.repos import (
    write_card,
    write_script_dataset,
    write_settings,
    write_text_dataset,
)

UniqueId = Callable[[str], str]
TOKEN = "hf_anybody"


@pytest.fixture
def api(hub: MiniHub) -> HfApi:
    return HfApi()


@pytest.fixture
def repo(hub_root: Path, unique_id: UniqueId) -> tuple[str, Path]:
    """A model repository made by hand: config, card and two weight formats (id, folder)."""
    repo_id = unique_id("plain")
    folder = hub_root / "models" / repo_id
    (folder / "sub" / "deep").mkdir(parents=True)
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"],
        "id2label": {"0": "a"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    header = json.dumps({"w": {"dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(48))
    (folder / "pytorch_model.bin").write_bytes(b"not really")
    (folder / "sub" / "deep" / "naïve name.txt").write_text("text")
    card = {"license": "mit", "tags": ["tiny"], "base_model": "someone/base", "datasets": ["d/x"]}
    write_card(folder, card)
    return repo_id, folder


def test_model_info_tells_what_the_files_and_the_card_say(api: HfApi, repo: tuple[str, Path]) -> None:
    info = api.model_info(repo[0], files_metadata=True)
    assert info.pipeline_tag == "text-classification"
    assert info.library_name == "transformers"
    assert info.card_data is not None
    assert info.card_data.license == "mit"
    assert info.safetensors is not None
    assert info.safetensors.parameters == {"F32": 12}
    assert {"tiny", "license:mit", "base_model:someone/base", "dataset:d/x", "bert"} <= set(info.tags or ())
    weights = next(s for s in info.siblings or () if s.rfilename == "model.safetensors")
    assert weights.lfs is not None
    assert weights.lfs.sha256 == Hashes.of(repo[1] / "model.safetensors", weights.size or 0).sha256


def test_config_in_the_api_is_as_short_as_on_the_real_hub(api: HfApi, repo: tuple[str, Path]) -> None:
    assert set(api.model_info(repo[0]).config or {}) == {"model_type", "architectures"}


def test_expand_limits_the_answer_to_what_was_asked(api: HfApi, repo: tuple[str, Path]) -> None:
    info = api.model_info(repo[0], expand=["sha", "safetensors"])
    assert (info.sha is not None, info.safetensors is not None, info.tags) == (True, True, None)


def test_evaluation_results_are_read_from_both_places(api: HfApi, repo: tuple[str, Path]) -> None:
    repo_id, folder = repo
    index = [{"name": "m", "results": [{"task": {"type": "text-classification"},
             "dataset": {"type": "imdb", "name": "IMDB"},
             "metrics": [{"type": "accuracy", "value": 0.9}]}]}]  # fmt: skip
    write_card(folder, {"model-index": index, "model_name": "m"})
    (folder / ".eval_results").mkdir()
    results = [{"dataset": {"id": "a/b", "task_id": "default"}, "value": 0.5}]
    (folder / ".eval_results" / "b.yaml").write_text(yaml.safe_dump(results))
    card = api.model_info(repo_id).card_data
    assert card is not None
    assert [r.metric_value for r in card.eval_results or ()] == [0.9]
    entries = api.model_info(repo_id, expand=["evalResults"]).eval_results
    assert [(e.dataset_id, e.value) for e in entries or ()] == [("a/b", 0.5)]


def test_sha_follows_the_content_and_nothing_else(api: HfApi, repo: tuple[str, Path]) -> None:
    repo_id, folder = repo
    before = api.model_info(repo_id).sha
    (folder / "config.json").touch()
    assert api.model_info(repo_id).sha == before
    (folder / "config.json").write_text("{}")
    after = api.model_info(repo_id).sha
    assert after != before
    assert api.model_info(repo_id, revision=after).sha == after
    with pytest.raises(RevisionNotFoundError):
        api.model_info(repo_id, revision=before)


def test_dataset_info_has_the_features_of_the_card(api: HfApi, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("reviews")
    write_text_dataset(hub_root, repo_id)
    info = api.dataset_info(repo_id)
    assert info.card_data is not None
    names = [feature["name"] for feature in info.card_data["dataset_info"]["features"]]
    assert names == ["text", "label"]
    assert "task_categories:text-classification" in (info.tags or ())


def test_listing_pages_until_the_end(hub_root: Path, unique_id: UniqueId, tmp_path: Path) -> None:
    for number in range(7):
        folder = tmp_path / "models" / "many" / f"m{number}"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text('{"model_type": "bert"}')
        write_settings(folder, downloads=number, pipeline_tag="fill-mask", tags=["odd"] if number % 2 else [])
    with MiniHub(tmp_path, page_size=3) as hub:
        api = HfApi(endpoint=hub.url)
        assert [m.id for m in api.list_models(sort="downloads")] == [f"many/m{n}" for n in range(6, -1, -1)]
        assert len(hub.requests) == 3
        assert len(list(api.list_models(filter=["odd", "bert"]))) == 3
        assert [m.id for m in api.list_models(search="M5", author="many")] == ["many/m5"]
        assert len(list(api.list_models(limit=4))) == 4
        assert list(api.list_models(pipeline_tag="text-classification")) == []
        full = next(iter(api.list_models(full=True, fetch_config=True, cardData=True)))
        assert full.sha is not None
        assert full.config == {"model_type": "bert"}
        assert full.siblings is not None
        assert next(iter(api.list_models(expand=["lastModified"]))).downloads is None


def test_listing_datasets_by_task(api: HfApi, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("listed")
    write_text_dataset(hub_root, repo_id, layout="csv")
    author = repo_id.split("/")[0]
    assert [d.id for d in api.list_datasets(author=author, task_categories="text-classification")] == [
        repo_id
    ]
    assert list(api.list_datasets(author=author, task_categories="image-classification")) == []


def test_a_file_is_downloaded_once_and_then_cached(hub: MiniHub, repo: tuple[str, Path]) -> None:
    path = hf_hub_download(repo[0], "sub/deep/naïve name.txt")
    assert Path(path).read_text() == "text"
    hub.reset()
    assert hf_hub_download(repo[0], "sub/deep/naïve name.txt") == path
    assert [r.method for r in hub.requests] == ["HEAD"]


def test_a_snapshot_fetches_the_allowed_files_only(hub: MiniHub, repo: tuple[str, Path]) -> None:
    path = Path(snapshot_download(repo[0], allow_patterns=["*.json", "*.safetensors"]))
    assert sorted(p.name for p in path.iterdir()) == ["config.json", "model.safetensors"]
    size = (repo[1] / "model.safetensors").stat().st_size
    assert hub.weights_fetched() == {repo[0]: {"model.safetensors": size}}


def test_many_downloads_at_once_are_all_recorded(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("many-files")
    folder = hub_root / "models" / repo_id
    folder.mkdir(parents=True)
    for number in range(24):
        (folder / f"f{number}.bin").write_bytes(bytes(10_000 + number))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: hf_hub_download(repo_id, f"f{n}.bin"), range(24)))
    assert hub.weights_fetched() == {repo_id: {f"f{n}.bin": 10_000 + n for n in range(24)}}


def test_tree_and_paths_info_agree(api: HfApi, repo: tuple[str, Path]) -> None:
    repo_id, _ = repo
    top = {e.path for e in api.list_repo_tree(repo_id)}
    assert top == {"README.md", "config.json", "model.safetensors", "pytorch_model.bin", "sub"}
    everything = list(api.list_repo_tree(repo_id, recursive=True, expand=True))
    assert {e.path for e in everything} == top | {"sub/deep", "sub/deep/naïve name.txt"}
    assert [e.path for e in api.list_repo_tree(repo_id, "sub", recursive=True)] == [
        "sub/deep",
        "sub/deep/naïve name.txt",
    ]
    asked = ["model.safetensors", "sub", "absent.txt"]
    found = api.get_paths_info(repo_id, asked, expand=True)
    assert found == [e for e in everything if e.path in asked]
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(repo_id, "absent"))


def test_refs_and_commits_name_the_same_shas(api: HfApi, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("converted")
    write_script_dataset(hub_root, repo_id)
    refs = api.list_repo_refs(repo_id, repo_type="dataset")
    main, convert = refs.branches[0], refs.converts[0]
    assert (main.name, convert.ref) == ("main", "refs/convert/parquet")
    assert api.dataset_info(repo_id, revision="refs/convert/parquet").sha == convert.target_commit
    assert api.list_repo_commits(repo_id, repo_type="dataset")[0].commit_id == main.target_commit
    files = api.list_repo_files(repo_id, repo_type="dataset", revision="refs/convert/parquet")
    assert files == [f"default/{split}/0000.parquet" for split in ("test", "train", "validation")]
    assert ".refs" not in str(api.list_repo_files(repo_id, repo_type="dataset"))


def test_a_parquet_footer_is_read_without_the_file(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("large")
    folder = write_text_dataset(hub_root, repo_id, sizes=(20_000, 8, 8))
    path = "data/train-00000-of-00001.parquet"
    size = (folder / path).stat().st_size
    with HfFileSystem(skip_instance_cache=True).open(
        f"datasets/{repo_id}/{path}", cache_type="none"
    ) as stream:
        assert pq.ParquetFile(stream).metadata.num_rows == 20_000
    ranges = [r for r in hub.requests if r.range]
    assert {r.status for r in ranges} == {206}
    assert 0 < sum(r.bytes_sent for r in ranges) < size / 2


def test_gated_repositories_show_metadata_but_no_files(api: HfApi, repo: tuple[str, Path]) -> None:
    repo_id, folder = repo
    write_settings(folder, gated="manual")
    assert api.model_info(repo_id).gated == "manual"
    for token in (False, TOKEN):
        with pytest.raises(GatedRepoError):
            hf_hub_download(repo_id, "config.json", token=token)
        with pytest.raises(GatedRepoError):
            api.auth_check(repo_id, token=token)


def test_missing_and_private_repositories_look_alike(api: HfApi, repo: tuple[str, Path]) -> None:
    repo_id, folder = repo
    write_settings(folder, private=True)
    for wanted in (repo_id, "nobody/nothing"):
        for token in (False, TOKEN):
            with pytest.raises(RepositoryNotFoundError):
                api.model_info(wanted, token=token)
            with pytest.raises(RepositoryNotFoundError):
                hf_hub_download(wanted, "config.json", token=token)
    assert list(api.list_models(author=repo_id.split("/")[0])) == []
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("nobody/nothing")


def test_the_owner_sees_private_and_gated_repositories(api: HfApi, hub_root: Path) -> None:
    folder = hub_root / "models" / "minihub" / "secret"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    write_settings(folder, private=True, gated="auto")
    assert api.whoami(token=TOKEN)["name"] == "minihub"
    assert api.model_info("minihub/secret", token=TOKEN).private
    assert Path(hf_hub_download("minihub/secret", "config.json", token=TOKEN)).read_text() == "{}"
    with pytest.raises(RepositoryNotFoundError):
        api.model_info("minihub/secret", token=False)


def test_unknown_revisions_and_files_are_told_apart(api: HfApi, repo: tuple[str, Path]) -> None:
    with pytest.raises(RevisionNotFoundError):
        hf_hub_download(repo[0], "config.json", revision="v9")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo[0], "absent.json")
    assert not api.file_exists(repo[0], "absent.json")
    with pytest.raises(EntryNotFoundError):
        hf_hub_download(repo[0], ".minihub.json")


def test_a_cut_download_is_resumed_by_range(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("cut")
    folder = hub_root / "models" / repo_id
    folder.mkdir(parents=True)
    content = bytes(range(256)) * 48_000  # the client keeps whole chunks of 10 MB
    (folder / "model.safetensors").write_bytes(content)
    fault = hub.fault(lambda r: r.method == "GET" and r.file == "model.safetensors", cut=11_000_000)
    assert Path(hf_hub_download(repo_id, "model.safetensors")).read_bytes() == content
    assert fault.hits == 1
    assert [r.status for r in hub.requests if r.is_weights] == [200, 206]
    assert hub.weights_fetched()[repo_id]["model.safetensors"] < 1.2 * len(content)


def test_a_corrupt_download_goes_unnoticed_by_the_client(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo_id = unique_id("corrupt")
    (hub_root / "models" / repo_id).mkdir(parents=True)
    (hub_root / "models" / repo_id / "model.safetensors").write_bytes(b"weights")
    hub.fault("model.safetensors", corrupt=True, times=None)
    got = Path(hf_hub_download(repo_id, "model.safetensors")).read_bytes()
    assert (len(got), got == b"weights") == (7, False)


def test_a_server_error_reaches_the_client(hub: MiniHub, api: HfApi, repo: tuple[str, Path]) -> None:
    hub.fault(f"/api/models/{repo[0]}", status=500)
    with pytest.raises(HfHubHTTPError) as caught:
        api.model_info(repo[0])
    assert caught.value.response.status_code == 500
    assert api.model_info(repo[0]).id == repo[0]
