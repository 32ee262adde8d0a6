"""A Hub that wants more than to answer: paths in its headers, other commits, other origins, other times."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import HubError, HubselectError, RepoNotFound
from hubselect.hub import ListQuery, Patience, download_model, index_dataset, index_model, pages
from hubselect.hub.client import read_range
from hubselect.hub.connection import guarded
from tests.support.bad_hub import (
    DATASET_PLACES,
    MODEL_PLACES,
    TOKEN,
    WEIGHTS,
    failure,
    other_origin,
    outside,
    write_plain_model,
)
from tests.support.repos import write_text_dataset

pytestmark = pytest.mark.slow  # waits and retries

UniqueId = Callable[[str], str]
HOSTILE_ETAGS = {
    "upwards": '"../../../evil-etag"',
    "upwards, weak": 'W/"../../../../evil-etag"',
    "absolute": '"//tmp/evil-etag"',
    "folder": '"evil/etag"',
    "dots": '".."',
    "very long": '"' + "e" * 5000 + '"',
    "control characters": '"evil\x1b[2Jetag"',
    "backslashes": '"..\\\\..\\\\evil-etag"',
    "empty": '""',
}
COMMITS = {"another": "0" * 40, "upwards": "../../../evil-commit", "a name": "main"}


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that is meant for the mini hub."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)


@pytest.mark.parametrize("place", ["config head", "weights head"])
@pytest.mark.parametrize("etag", HOSTILE_ETAGS.values(), ids=HOSTILE_ETAGS.keys())
def test_a_hostile_etag_names_no_file(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, waits: list[float], place: str, etag: str
) -> None:
    """The client makes a file name of it. Nothing is written under that name, anywhere near."""
    from huggingface_hub import constants

    home = Path(constants.HF_HOME)
    repo_id = unique_id("m")
    write_plain_model(hub_root, repo_id)
    before = outside(home.parent, home)
    for header in ("ETag", "X-Linked-ETag"):
        hub.fault(MODEL_PLACES[place], times=None, headers={header: etag})
        with pytest.raises(HubselectError) as refused:
            download_model(index_model(repo_id))
        assert len(str(refused.value)) < 600
        assert str(refused.value).isprintable()
        hub.reset()
    assert outside(home.parent, home) == before
    assert not [path for path in home.rglob("*") if "evil" in path.name or path.name.startswith("eeee")]


@pytest.mark.parametrize("commit", COMMITS.values(), ids=COMMITS.keys())
@pytest.mark.parametrize("place", ["config head", "weights head"])
def test_another_commit_than_the_pinned_one_is_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, place: str, commit: str
) -> None:
    """The commit an answer names becomes a folder of the cache."""
    repo_id = unique_id("m")
    write_plain_model(hub_root, repo_id)
    hub.fault(MODEL_PLACES[place], times=None, headers={"X-Repo-Commit": commit})
    with pytest.raises(HubError, match=r"commit .* refused"):
        download_model(index_model(repo_id))
    hub.reset()
    download_model(index_model(repo_id))


def test_a_model_that_changes_while_it_is_looked_up_says_so(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    """The commit of the first answer is the one that is read; when it is gone, nothing else is."""
    repo_id = unique_id("m")
    folder = write_plain_model(hub_root, repo_id)

    def change(request: object) -> bool:
        if MODEL_PLACES["config head"](request):  # type: ignore[arg-type]
            (folder / "config.json").write_text('{"architectures": ["OtherForSequenceClassification"]}')
        return False

    hub.fault(change)
    with pytest.raises(RepoNotFound, match="no revision"):
        index_model(repo_id)
    hub.reset()
    assert index_model(repo_id).architecture == "OtherForSequenceClassification"


def test_what_was_pinned_is_fetched_though_the_branch_moved(
    hub: MiniHub, hub_root: Path, tmp_path: Path
) -> None:
    """A push between looking a model up and fetching it changes nothing."""
    from huggingface_hub import HfApi

    repo_id = "minihub/moving"
    folder = write_plain_model(hub_root, repo_id)
    api = HfApi(endpoint=hub.url, token=TOKEN)
    api.upload_file(path_or_fileobj=b"{}", path_in_repo="tokenizer_config.json", repo_id=repo_id)
    pinned = index_model(repo_id)
    old = (folder / WEIGHTS).read_bytes()
    new = (write_plain_model(tmp_path, repo_id, scale=2.0) / WEIGHTS).read_bytes()
    api.upload_file(path_or_fileobj=new, path_in_repo=WEIGHTS, repo_id=repo_id)
    moved = index_model(repo_id)
    assert (download_model(pinned).path / WEIGHTS).read_bytes() == old
    assert moved.revision != pinned.revision
    assert (download_model(moved).path / WEIGHTS).read_bytes() == new


def test_a_dataset_that_changes_after_it_was_looked_up_says_so(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    from hubselect.training.sources import read_dataset

    repo_id = unique_id("d")
    write_text_dataset(hub_root, repo_id, sizes=(24, 8, 8), described=False)
    pinned = index_dataset(repo_id)
    write_text_dataset(hub_root, repo_id, sizes=(32, 8, 8), described=False, seed=5)
    with pytest.raises(RepoNotFound, match="revision"):
        read_dataset(pinned)
    assert len(read_dataset(index_dataset(repo_id))["train"]) == 32


REDIRECTED = ("metadata", "config head", "config", "weights header", "pinned metadata", "tree", "weights")


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("place", [*REDIRECTED, "weights head"])
def test_a_redirect_to_another_origin_does_not_carry_the_token(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, waits: list[float], place: str
) -> None:
    """The Hub itself gets the token; who it points to gets the request without it."""
    repo_id = unique_id("m")
    folder = write_plain_model(hub_root, repo_id)
    with other_origin({"/file": (folder / WEIGHTS).read_bytes()}) as there:
        headers = {"Location": f"{there.url}/file"}
        hub.fault(MODEL_PLACES[place], status=302, times=None, headers=headers)
        error = failure(lambda: download_model(index_model(repo_id)))
        assert TOKEN not in repr(error)
        assert there.seen or place.endswith("head")
        assert TOKEN not in there.headers
    assert any(request.authorized for request in hub.requests)


@pytest.mark.usefixtures("login")
def test_a_next_page_elsewhere_does_not_get_the_token(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    """`Link: next` of a file listing is followed by the Hub's client, with the headers of the first page."""
    repo_id = unique_id("m")
    write_plain_model(hub_root, repo_id)
    with other_origin({}) as there:
        link = f'<{there.url}/api/models/{repo_id}/tree/main>; rel="next"'
        injected = hub.fault(MODEL_PLACES["tree"], headers={"Link": link})
        download_model(index_model(repo_id))
        assert injected.hits == 1
        assert there.seen
        assert TOKEN not in there.headers
        hub.fault("/api/models", headers={"Link": link})
        walk = pages(ListQuery("models", "text-classification"), patience=Patience(tries=1))
        with pytest.raises(HubError, match="not followed"):
            list(walk)


@pytest.mark.usefixtures("login")
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_an_upload_address_elsewhere_does_not_get_the_token(hub: MiniHub, method: str) -> None:
    """Upload and verify addresses of large files come from the Hub's answer and may be anybody's."""
    from huggingface_hub.utils import get_session

    headers = {"authorization": f"Bearer {TOKEN}"}
    with other_origin({}) as there:
        with guarded():
            get_session().request(method, f"{there.url}/verify", headers=headers)
            get_session().request(method, f"{hub.url}/verify", headers=headers)
        assert TOKEN not in there.headers
        assert hub.requests[-1].authorized
        get_session().request(method, f"{there.url}/verify", headers=headers)
        assert TOKEN in there.headers  # outside of our own calls the client is the caller's


@pytest.mark.parametrize("header", ["X-Xet-Refresh-Route", "Link"])
def test_a_place_elsewhere_to_log_in_is_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, header: str
) -> None:
    """The Xet client would send its token there."""
    repo_id = unique_id("m")
    write_plain_model(hub_root, repo_id)
    with other_origin({}) as there:
        route = f"{there.url}/xet-read-token"
        value = f'<{route}>; rel="xet-auth"' if header == "Link" else route
        hub.fault(MODEL_PLACES["weights head"], headers={header: value, "X-Xet-Hash": "0" * 64})
        with pytest.raises(HubError, match="place to log in"):
            download_model(index_model(repo_id))
        assert not there.seen


@pytest.mark.parametrize("place", ["data", "footer"])
def test_a_dataset_file_from_elsewhere_is_checked_like_any_other(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, place: str
) -> None:
    """Content decides, not where it came from: the right bytes are taken, others are not."""
    from hubselect.training.sources import read_dataset

    repo_id = unique_id("d")
    folder = write_text_dataset(hub_root, repo_id, sizes=(24, 8, 8), described=False)
    (train,) = folder.glob("data/train-*.parquet")
    right = train.read_bytes()
    asked = DATASET_PLACES[place]
    with other_origin({"/right": right, "/wrong": right[:9] + b"\xff" + right[10:]}) as there:
        for name in ("wrong", "right"):
            headers = {"Location": f"{there.url}/{name}"}
            hub.fault(lambda r: asked(r) and "train-" in r.path, status=302, times=None, headers=headers)
            if name == "wrong" and place == "data":
                with pytest.raises(HubError, match="does not match"):
                    read_dataset(index_dataset(repo_id))
            else:
                assert len(read_dataset(index_dataset(repo_id))["train"]) == 24
            hub.reset()


def test_an_answer_that_is_no_range_is_cut_off(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    """A server that ignores `Range` does not make us read its whole file."""
    repo_id = unique_id("m")
    folder = write_plain_model(hub_root, repo_id)
    sha = str(index_model(repo_id).revision)
    with other_origin({"/file": (folder / WEIGHTS).read_bytes() * 100}) as there:
        hub.fault(MODEL_PLACES["weights header"], status=302, headers={"Location": f"{there.url}/file"})
        head = read_range(repo_id, WEIGHTS, sha, repo_type="model", length=8)
    assert head == (folder / WEIGHTS).read_bytes()[:8]
