"""Winners published to the mini hub: what arrives, what never does, and what is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import HfApi, ModelCard

import hubselect
from hubselect.api.publishing import Published, publish
from hubselect.demo.server import MiniHub
from hubselect.errors import HubError, HubUnreachable, InvalidInput, RepoGated, UnknownEntry
from hubselect.hub.patience import Patience
from hubselect.records import Selection, Verdict
from hubselect.registry import Registry
from tests.support.lab import TARGET as LAB_TARGET
from tests.support.winners import FOUND, RECIPE, TARGET, WINNER, save_winner

SECRET = "hf_" + "S" * 34


@pytest.fixture(autouse=True)
def _login(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", SECRET)
    monkeypatch.setattr("hubselect.hub.patience.PATIENCE", Patience(tries=2, first=0.01, longest=300.0))


@pytest.fixture
def repo() -> str:
    """The id of a repository that does not exist yet."""
    return f"minihub/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "registry.db") as opened:
        yield opened


@pytest.fixture
def winner(store: Registry, tmp_path: Path) -> Selection:
    return save_winner(store, tmp_path / "winner")


def card_of(repo: str) -> ModelCard:
    return ModelCard.load(repo, token=SECRET)


def content(hub_root: Path, repo: str) -> dict[str, bytes]:
    folder = hub_root / "models" / repo
    return {
        p.relative_to(folder).as_posix(): p.read_bytes()
        for p in folder.rglob("*")
        if p.is_file() and p.name != ".minihub.json"
    }


def test_weights_card_and_results_arrive_in_one_commit(
    store: Registry, winner: Selection, repo: str, hub: MiniHub, hub_root: Path
) -> None:
    """Every file of the checkpoint byte for byte, nothing else but evidence, card and results."""
    done = publish(winner.id, repo, registry=store)
    assert sum("/commit/" in r.path for r in hub.requests) == 1
    assert (done.repo_id, done.changed, done.url) == (repo, True, f"{hub.url}/{repo}")
    there = content(hub_root, repo)
    assert set(done.files) == set(there)
    made = {"README.md", "hubselect.json", ".eval_results/hubselect.yaml"}
    for name in set(there) - made:
        assert there[name] == (Path(winner.path or "") / name).read_bytes()
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(there)
    assert "predictions.json" not in there


def test_the_client_reads_what_was_published(store: Registry, winner: Selection, repo: str) -> None:
    """Metadata, results of the card and of `.eval_results`, from the server, by the Hub's client."""
    publish(winner, repo, registry=store)
    card = card_of(repo)
    assert (card.data.base_model, card.data.license) == (WINNER.id, "apache-2.0")
    (result,) = card.data.eval_results
    assert (result.metric_value, result.dataset_split) == (FOUND.test_score, "validation")
    info = HfApi(token=SECRET).model_info(repo, expand=["evalResults", "tags", "pipeline_tag"])
    assert info.eval_results is not None
    (entry,) = info.eval_results
    assert (entry.dataset_id, entry.task_id, entry.value) == (TARGET.id, "en", FOUND.test_score)
    assert info.pipeline_tag == "text-classification"
    assert {"hubselect", f"base_model:{WINNER.id}", f"dataset:{TARGET.id}"} <= set(info.tags or ())
    assert "left at stage 1" in card.text
    assert "cc-by-4.0" in card.text


def test_paths_logins_and_test_labels_stay_here(
    store: Registry, tmp_path: Path, repo: str, hub_root: Path
) -> None:
    """Whatever reasons and warnings quote: no path, no token, no home of this machine leaves it."""
    quoted = f"cannot load {tmp_path}/cache with {SECRET}"
    history = (Verdict(1, 0.0, "org/third", None, None, False, f"failed: {quoted}"), *FOUND.history)
    found = save_winner(store, tmp_path / "winner", history=history, warnings=(quoted,))
    publish(found.id, repo, registry=store)
    there = content(hub_root, repo)
    for name, data in there.items():
        assert str(tmp_path).encode() not in data, name
        assert SECRET.encode() not in data, name
        assert b"/home/someone" not in data, name
    evidence = json.loads(there["hubselect.json"])
    assert evidence["selection"]["path"] is None
    assert evidence["selection"]["test_score"] == FOUND.test_score


def test_a_file_of_ones_own_is_not_named(store: Registry, tmp_path: Path, repo: str, hub_root: Path) -> None:
    """Neither in the card nor in the evidence; that it is the same data is seen by its hash."""
    name = "./redundancies-2027.csv@1234abcd"
    own = replace(TARGET, id=name, config=None, path=str(tmp_path / "redundancies-2027.csv"))
    history = (*FOUND.history, Verdict(2, 2.0, "org/first", 0.8, 0.8, True, f"ahead on {name}"))
    told = {"target": own, "history": history, "warnings": (f"{name}: few test examples",)}
    found = save_winner(store, tmp_path / "winner", **told)
    publish(found.id, repo, registry=store)
    there = content(hub_root, repo)
    assert [path for path, data in there.items() if b"redundancies" in data] == []
    assert json.loads(there["hubselect.json"])["selection"]["dataset"] == "./data@1234abcd"
    assert "1234abcd" in card_of(repo).text
    assert not publish(found.id, repo, registry=store).changed
    other = replace(own, id="./redundancies-2028.csv@99999999")
    newer = save_winner(store, tmp_path / "newer", target=other)
    with pytest.raises(InvalidInput, match=r"holds the choice for \./data@1234abcd"):
        publish(newer.id, repo, registry=store)


def test_publishing_again_changes_nothing_or_what_is_new(
    store: Registry, winner: Selection, repo: str, tmp_path: Path, hub_root: Path
) -> None:
    """The same is no commit; a newer winner replaces weights, drops old files, keeps the owner's words."""
    first = publish(winner.id, repo, registry=store)
    again = publish(winner.id, repo, registry=store)
    assert (again.commit, again.changed) == (first.commit, False)
    card = card_of(repo)
    card.text = f"Ask me first.\n{card.text}"
    card.data["license"], card.data["language"] = "cc0-1.0", "de"
    card.push_to_hub(repo, token=SECRET)
    HfApi(token=SECRET).upload_file(path_or_fileobj=b"x", path_in_repo="model.onnx", repo_id=repo)
    HfApi(token=SECRET).upload_file(path_or_fileobj=b"x", path_in_repo="vocab.txt", repo_id=repo)
    newer = save_winner(store, tmp_path / "newer", seed=5, test_score=0.875)
    done = publish(newer.id, repo, registry=store)
    assert done.changed
    there = content(hub_root, repo)
    assert there["model.safetensors"] == (tmp_path / "newer" / "model.safetensors").read_bytes()
    assert "model.onnx" in there
    assert "vocab.txt" not in there
    now = card_of(repo)
    assert now.text.startswith("Ask me first.")
    assert (now.data.license, now.data["language"]) == ("cc0-1.0", "de")
    assert [r.metric_value for r in now.data.eval_results] == [0.875]
    assert now.text.count("## How it was chosen") == 1


def test_an_empty_repository_and_one_without_an_owner_are_fine(
    store: Registry, winner: Selection, repo: str
) -> None:
    """A card written by hand before stays; the name alone is the user's own repository."""
    HfApi(token=SECRET).create_repo(repo)
    ModelCard("---\nlicense: mit\n---\n# Mine\n").push_to_hub(repo, token=SECRET)
    done = publish(winner.id, repo.rpartition("/")[2], registry=store)
    assert done.repo_id == repo
    assert card_of(repo).text.startswith("# Mine")
    assert card_of(repo).data.license == "mit"


def test_a_new_repository_is_private_if_asked(store: Registry, winner: Selection, repo: str) -> None:
    publish(winner.id, repo, registry=store, private=True)
    assert HfApi(token=SECRET).model_info(repo).private
    publish(winner.id, f"{repo}-open", registry=store)
    with pytest.raises(InvalidInput, match="exists and is public"):
        publish(winner.id, f"{repo}-open", registry=store, private=True)


def test_other_peoples_and_other_models_are_refused(
    store: Registry, winner: Selection, repo: str, tmp_path: Path, hub: MiniHub, hub_root: Path
) -> None:
    """Nothing of them changes, and nothing is uploaded."""
    other = save_winner(store, tmp_path / "other", target=replace(TARGET, id="org/elsewhere"))
    publish(other.id, f"{repo}-other", registry=store)
    HfApi(token=SECRET).create_repo(repo)
    HfApi(token=SECRET).upload_file(path_or_fileobj=b"{}", path_in_repo="config.json", repo_id=repo)
    before = content(hub_root, repo), content(hub_root, f"{repo}-other")
    hub.reset()
    with pytest.raises(InvalidInput, match="was not published by hubselect") as error:
        publish(winner.id, repo, registry=store)
    assert "new repository" in (error.value.hint or "")
    with pytest.raises(InvalidInput, match="holds the choice for org/elsewhere:en, not for org/target:en"):
        publish(winner.id, f"{repo}-other", registry=store)
    with pytest.raises(HubError, match="may not write to somebody/else"):
        publish(winner.id, "somebody/else", registry=store)
    assert (content(hub_root, repo), content(hub_root, f"{repo}-other")) == before
    assert all(r.method in ("GET", "HEAD") for r in hub.requests)
    assert not (hub_root / "models" / "somebody").exists()


@pytest.mark.parametrize(
    ("part", "status", "expected"),
    [
        ("/preupload/", 403, RepoGated),
        ("/lfs-objects/", 503, HubUnreachable),
        ("/info/lfs/objects/batch", 500, HubUnreachable),
        ("/commit/", 503, HubUnreachable),
        ("/commit/", 412, HubError),
        ("/commit/", 401, HubError),
    ],
)
def test_a_failing_upload_publishes_nothing(
    store: Registry, tmp_path: Path, repo: str, hub: MiniHub, hub_root: Path,
    monkeypatch: pytest.MonkeyPatch, part: str, status: int, expected: type[HubError],
) -> None:  # fmt: skip
    """One line that names the endpoint or the repository and no token; not a file arrives; later it works."""
    winner = save_winner(
        store, tmp_path / "winner", seed=status + len(part)
    )  # weights that nobody sent before
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client's own pauses between its tries
    hub.fault(part, status=status, times=None)
    with pytest.raises(expected) as error:
        publish(winner.id, repo, registry=store)
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value)
    assert repo in str(error.value)
    assert content(hub_root, repo) == {}
    hub.reset()
    assert publish(winner.id, repo, registry=store).changed


def test_a_winner_that_is_gone_is_told(
    store: Registry, winner: Selection, repo: str, hub: MiniHub, hub_root: Path
) -> None:
    """Unknown and unfinished selections, a folder that holds another one, weights that are missing."""
    with pytest.raises(UnknownEntry):
        publish(99, repo, registry=store)
    folder = Path(winner.path or "")
    (folder / "model.safetensors").rename(folder / "model.bin")
    with pytest.raises(InvalidInput, match="does not hold a whole checkpoint"):
        publish(winner.id, repo, registry=store)
    (folder / "hubselect.json").unlink()
    with pytest.raises(InvalidInput, match=f"winner of selection {winner.id} is not in"):
        publish(winner.id, repo, registry=store)
    assert not (hub_root / "models" / repo).exists()
    assert not any(r.method == "POST" for r in hub.requests)


def test_the_base_model_is_named_as_it_was_fine_tuned(store: Registry, repo: str, tmp_path: Path) -> None:
    """The registry may pin another revision by now; the recipe's own metric is the one of the card."""
    recipe = RECIPE.with_(metric="f1_macro")
    found = save_winner(store, tmp_path / "winner", recipe=recipe, metric="f1_macro")
    store.add_model(replace(WINNER, revision="f" * 40))
    publish(found.id, repo, registry=store)
    card = card_of(repo)
    assert "a" * 12 in card.text
    assert "f" * 12 not in card.text
    assert (card.data.metrics, card.data.eval_results[0].metric_args) == (["f1"], {"average": "macro"})


@pytest.mark.slow
def test_a_selection_publishes_its_winner_which_scores_what_is_reported(
    registry: Path, repo: str, hub: MiniHub, tmp_path: Path
) -> None:
    """The whole way: selected, pushed, loaded by its id with the right class, and scored as reported."""
    import torch
    from datasets import load_dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    with pytest.raises(HubError, match="may not write"):
        hubselect.select(LAB_TARGET, registry=registry, k=2, push_to_hub="somebody/else")
    assert not hub.weights_fetched()
    found = hubselect.select(
        LAB_TARGET, registry=registry, k=2, output=tmp_path / "winner", push_to_hub=repo, workers=2
    )
    assert found.published == f"{hub.url}/{repo}"
    card = card_of(repo)
    (result,) = card.data.eval_results
    assert result.metric_value == found.test_score
    assert card.data.base_model == found.model_id
    assert f"[{found.model_id}]" in card.text
    name = next(n for n in card.text.split() if n.startswith("AutoModelFor"))
    assert name.rstrip(",") == AutoModelForSequenceClassification.__name__
    model = AutoModelForSequenceClassification.from_pretrained(repo).eval()
    tokenizer = AutoTokenizer.from_pretrained(repo)
    test = load_dataset(LAB_TARGET, split="test")
    with torch.no_grad():
        batch = tokenizer(list(test["text"]), padding=True, truncation=True, return_tensors="pt")
        predicted = model(**batch).logits.argmax(-1).tolist()
    right = sum(p == y for p, y in zip(predicted, test["label"], strict=True))
    assert right / len(predicted) == result.metric_value
    said = pipeline("text-classification", model=repo)(test["text"][0])
    assert said[0]["label"] in model.config.id2label.values()
    again = hubselect.select(
        LAB_TARGET, registry=registry, k=2, output=tmp_path / "winner", push_to_hub=repo, workers=2
    )
    assert (again.resumed, again.published) == (True, found.published)
    assert isinstance(hubselect.publish(found, repo, registry=registry), Published)


@pytest.mark.slow
def test_a_selection_that_cannot_be_published_is_not_lost(registry: Path, repo: str, hub: MiniHub) -> None:
    """The line says that it is finished and which command publishes it; that command does."""
    hub.fault("/commit/", status=412, times=None)
    with pytest.raises(HubError, match="is finished and saved, but not published") as error:
        hubselect.select(LAB_TARGET, registry=registry, k=2, push_to_hub=repo, workers=2)
    hub.reset()
    with Registry.open(registry) as store:
        number = store.selections()[-1].id
    assert f"hubselect publish {number} {repo}" in (error.value.hint or "")
    assert hubselect.publish(number, repo, registry=registry).changed
