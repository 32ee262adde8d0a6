"""The main job over real HTTP with real fine-tuning, on tiny checkpoints."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import constants

from hubselect import Registry, coarse_recall, select
from hubselect.api.selection.policies import policy_from
from hubselect.backtest import MemoryJournal
from hubselect.demo.server import MiniHub
from hubselect.errors import (
    InvalidInput,
    KnowledgeMissing,
    RegistryError,
    RepoNotFound,
    UnsupportedDataset,
)
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import ProxyScore, Selection
from hubselect.selection import drive
from tests.api.test_growing import content
from tests.support.lab import BENCHMARKS, MODELS, OWNER, TARGET, Lab
from tests.support.repos import write_text_dataset


@pytest.fixture(scope="module")
def selection(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> tuple[Selection, Path]:
    """One finished selection, looked at from many sides."""
    place = tmp_path_factory.mktemp("selection") / "registry.db"
    place.write_bytes(lab.registry.read_bytes())
    return select(TARGET, registry=place, k=4, output=place.parent / "winner", workers=2), place


def test_the_winner_is_fully_trained_and_has_a_test_score(selection: tuple[Selection, Path]) -> None:
    """The winner went through all stages; its scores are proportions; it was recalled."""
    found, _ = selection
    assert found.model_id in {r.model for r in found.recalled}
    assert 0 <= found.val_score <= 1
    assert found.test_score is not None
    assert max(v.stage for v in found.history if v.model == found.model_id) == 2


def test_the_saved_winner_scores_its_test_score_again(selection: tuple[Selection, Path]) -> None:
    """Loaded by plain transformers from the output folder, on the test split of the dataset."""
    import torch
    from datasets import load_dataset
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    found, _ = selection
    model = AutoModelForSequenceClassification.from_pretrained(found.path).eval()
    tokenizer = AutoTokenizer.from_pretrained(found.path)
    test = load_dataset(TARGET, split="test")
    with torch.no_grad():
        batch = tokenizer(list(test["text"]), padding=True, truncation=True, return_tensors="pt")
        predicted = model(**batch).logits.argmax(-1).tolist()
    accuracy = sum(p == y for p, y in zip(predicted, test["label"], strict=True)) / len(predicted)
    assert accuracy == found.test_score
    assert any(Path(found.path or "").glob("*.safetensors"))


def test_the_evidence_lies_beside_the_winner(selection: tuple[Selection, Path]) -> None:
    """`hubselect.json` says what was tried, at which revisions, at what cost."""
    found, _ = selection
    evidence = json.loads((Path(found.path or "") / "hubselect.json").read_text())
    assert evidence["selection"]["model"] == found.model_id
    assert len(evidence["base_model"]["revision"]) == 40
    assert evidence["selection"]["cost"]["epochs"] == found.cost.epochs


def test_what_trained_is_recorded_when_it_trains(selection: tuple[Selection, Path]) -> None:
    """One environment, that of this machine, for every model with a curve; the same beside the winner and
    in the registry."""
    from hubselect.training.environment import environment

    found, place = selection
    (told,) = found.environments
    here = environment("full")
    assert (told.device, told.versions) == (here.device, here.versions)
    assert set(told.models) == {v.model for v in found.history if v.val is not None}
    with Registry.open(place) as store:
        assert store.selection(found.id).environments == found.environments
        assert sum(e.kind == "environment" for e in store.events(found.id)) == len(told.models)
    evidence = json.loads((Path(found.path or "") / "hubselect.json").read_text())["selection"]
    assert evidence["environments"] == [
        {"device": told.device, "versions": dict(told.versions), "models": list(told.models)}
    ]


def test_the_answer_says_why_how_sure_and_against_what(selection: tuple[Selection, Path]) -> None:
    """The closing statement covers every other recalled model, counts the alternatives, and is the same in
    the registry and beside the winner."""
    found, place = selection
    told = found.explanation
    assert told is not None
    assert told.why == [v.reason for v in found.history if v.model == found.model_id and v.kept][-1]
    others = {r.model for r in found.recalled} - {found.model_id}
    assert {r.model for r in told.rivals} | set(told.left_out) == others
    assert told.probability is not None
    assert max(r.probability for r in told.rivals) <= told.probability <= 1
    assert (told.second, told.margin) == (told.rivals[0].model, min(r.behind for r in told.rivals))
    assert (told.epochs_brute_force_recalled, told.epochs_brute_force) == (8, 2 * len(MODELS))
    assert told.epochs_successive_halving == 5 + 2
    with Registry.open(place) as store:
        again = store.selection(found.id)
    assert (again.explanation, again.plan) == (told, found.plan)
    evidence = json.loads((Path(found.path or "") / "hubselect.json").read_text())["selection"]
    assert evidence["explanation"]["probability"] == told.probability
    assert evidence["estimate"]["epochs"]["actual"] == found.cost.epochs


def test_what_was_planned_is_kept_beside_what_happened(selection: tuple[Selection, Path]) -> None:
    """The plan's bounds hold, and the time of training is known from the benchmarks."""
    found, _ = selection
    assert found.plan is not None
    assert found.plan.epochs.least <= found.cost.epochs <= found.plan.epochs.most + 1e-9
    assert found.plan.recall_epochs >= found.cost.recall_epochs
    assert found.plan.seconds is not None
    assert 0 < found.plan.seconds < found.cost.seconds
    assert found.plan.replayed == len(BENCHMARKS)


def test_costs_are_what_the_curves_say(selection: tuple[Selection, Path]) -> None:
    """Training epochs are those of the recorded curves; recall adds its share of forward passes."""
    found, place = selection
    with Registry.open(place) as store:
        runs = store.runs(selection=found.id)
    assert found.cost.training_epochs == sum(r.curve[-1].epochs for r in runs)
    assert 0 < found.cost.recall_epochs < 4
    assert found.cost.seconds > 0


def test_the_same_request_is_answered_from_the_registry(
    selection: tuple[Selection, Path], hub: MiniHub
) -> None:
    """Asked again nothing is trained or downloaded; the answer is the same."""
    found, place = selection
    again = select(TARGET, registry=place, k=4, output=place.parent / "winner")
    assert (again.id, again.model_id, again.test_score) == (found.id, found.model_id, found.test_score)
    assert again.resumed
    assert not hub.weights_fetched()


def test_recorded_curves_replay_to_the_same_decisions(selection: tuple[Selection, Path]) -> None:
    """The seam: replaying what the local executor recorded gives identical verdicts and winner."""
    found, place = selection
    with Registry.open(place) as store:
        record = store.selection_record(found.id)
        recipe = store.recipe(record.request.recipe_digest)
        runs = {r.model: r for r in store.runs(selection=found.id)}
    assert record.knowledge is not None
    policy = policy_from(record.request, recipe, record.knowledge)
    candidates = [r.model for r in found.recalled]
    done = drive(policy, ReplayExecutor(runs), MemoryJournal(candidates))
    assert done.winner == found.model_id
    assert done.verdicts == found.history


@pytest.mark.slow
def test_only_representatives_and_recalled_models_are_downloaded(
    registry: Path, lab: Lab, hub: MiniHub, hub_environment: dict[str, str], tmp_path: Path
) -> None:
    """With an empty cache, the server's log names no other weights, and one format of each; the report that
    was asked for is there."""
    command = [
        sys.executable,
        "-m",
        "hubselect",
        "select",
        TARGET,
        "-k",
        "2",
        "--registry",
        str(registry),
        "--report",
        str(tmp_path / "report.html"),
        "--json",
    ]
    done = subprocess.run(command, env=hub_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    with Registry.open(registry) as store:
        (clustering,) = store.clusterings()
    wanted = {c.representative for c in clustering.clusters if c.size > 1} | {
        r["model"] for r in document["recalled"]
    }
    fetched = hub.weights_fetched()
    assert set(fetched) == wanted
    assert all(len({f.rsplit(".", 1)[1] for f in files}) == 1 for files in fetched.values())
    weights = sum(sum(files.values()) for files in fetched.values())
    assert document["cost"]["bytes_downloaded"] >= weights
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "The answer" in page
    assert document["model"] in page


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["successive-halving", "brute-force"])
def test_the_baselines_run_through_the_same_seam(registry: Path, policy: str) -> None:
    """Halving and brute force end with a winner of their own, at their own cost."""
    found = select(TARGET, registry=registry, k=3, policy=policy, workers=2)
    assert found.policy == policy
    assert found.cost.training_epochs == (6 if policy == "brute-force" else 4)


@pytest.mark.slow
def test_recall_ranks_all_known_models(registry: Path) -> None:
    """Phase 1 alone: ranked by recall score; the priors are the mean benchmark scores."""
    found = coarse_recall(TARGET, registry=registry, k=None)
    scores = [r.recall_score for r in found.recalled]
    assert {r.model for r in found.recalled} == set(MODELS)
    assert scores == sorted(scores, reverse=True)
    with Registry.open(registry) as store:
        means = store.matrix().mean(axis=1)
        assert not [d for d in store.datasets() if d.name == TARGET]
    assert all(abs(means[r.model] - r.prior) < 1e-12 for r in found.recalled)


@pytest.mark.slow
def test_a_headless_representative_says_how_its_proxy_was_obtained(registry: Path) -> None:
    """A random head is never scored: the origin of a headless checkpoint's proxy is its features."""
    found = coarse_recall(TARGET, registry=registry)
    for score in found.scored:
        assert score.origin == ("features" if score.model == f"{OWNER}/headless" else "head")


@pytest.mark.slow
def test_a_broken_checkpoint_is_passed_over(registry: Path, lab: Lab, hub: MiniHub) -> None:
    """A recalled model whose download is spoilt leaves with the reason; the selection ends well."""
    hub.fault(lambda r: "bert-b" in r.path and r.path.endswith("model.safetensors"), status=404, times=None)
    with Registry.open(registry) as store:
        found = select(TARGET, registry=store, k=5, seed=3, workers=2)
    assert found.model_id


def test_bad_requests_change_nothing(registry: Path, lab: Lab) -> None:
    """Unknown datasets, unlabelled datasets and bad options are refused before anything is written."""
    before = content(registry)
    with pytest.raises(RepoNotFound):
        select(f"{OWNER}/nothing", registry=registry)
    with pytest.raises(UnsupportedDataset):
        select(f"{OWNER}/unlabelled", registry=registry)
    for wrong in ({"k": 0}, {"policy": "best"}, {"proxy": "luck"}, {"executor": "cloud"}, {"threshold": 2.0}):
        with pytest.raises(InvalidInput):
            select(TARGET, registry=registry, **wrong)
    assert content(registry) == before


@pytest.mark.slow
def test_a_download_limit_leaves_only_what_is_there_already(
    registry: Path, lab: Lab, hub: MiniHub, empty_cache: None
) -> None:
    """Ten bytes pay for no further weights: only checkpoints that lie in the cache are fine-tuned, and a
    remembered score without its checkpoint is not one of them."""
    coarse_recall(TARGET, registry=registry, proxy="leep")
    there = set(hub.weights_fetched())
    hub.reset()
    found = select(TARGET, registry=registry, max_download=10)
    assert {r.model for r in found.recalled} <= there
    assert not hub.weights_fetched()
    shutil.rmtree(constants.HF_HUB_CACHE)
    with pytest.raises(InvalidInput, match="no recalled model fits"):
        select(TARGET, registry=registry, max_download=10, fresh=True)


@pytest.mark.slow
def test_the_same_command_goes_on_when_auto_would_decide_otherwise(registry: Path, lab: Lab) -> None:
    """A selection was stopped before its winner was saved; proxy scores recorded since then change what
    `auto` would choose, and the stopped selection is finished as it was begun."""
    first = select(TARGET, registry=registry, k=2, policy="brute-force")
    with sqlite3.connect(registry) as connection:
        connection.execute("update selections set status = 'running', winner_id = null, val = null")
    with Registry.open(registry) as store:
        for number, name in enumerate(BENCHMARKS):
            store.add_proxy_scores(
                [ProxyScore(m, name, "logme", float(number + i), "features") for i, m in enumerate(MODELS)]
            )
    again = select(TARGET, registry=registry, k=2, policy="brute-force")
    assert (again.id, again.resumed, again.proxy) == (first.id, True, first.proxy)
    assert again.model_id == first.model_id


def test_an_empty_registry_says_what_to_do(tmp_path: Path, lab: Lab) -> None:
    """Without benchmark results there is nothing to recall from; where no registry is, none is made."""
    with Registry.open(tmp_path / "empty.db"), pytest.raises(KnowledgeMissing, match="add-model"):
        select(TARGET, registry=tmp_path / "empty.db")
    with pytest.raises(RegistryError):
        select(TARGET, registry=tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_a_folder_with_other_files_is_never_written_to(registry: Path, tmp_path: Path) -> None:
    """A project that happens to have a config.json is not taken for an old checkpoint."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "config.json").write_text("{}")
    (project / "thesis.tex").write_text("years of work")
    with pytest.raises(InvalidInput, match=r"thesis\.tex"):
        select(TARGET, registry=registry, output=project)
    assert (project / "thesis.tex").read_text() == "years of work"


@pytest.mark.slow
def test_other_columns_are_another_selection(registry: Path, lab: Lab) -> None:
    """What a benchmark is measured on cannot be changed by selecting for it."""
    write_text_dataset(lab.root, f"{OWNER}/two-texts", pairs=True, seed=12)
    one = select(
        f"{OWNER}/two-texts", registry=registry, k=1, policy="brute-force", text_columns=["sentence1"]
    )
    two = select(
        f"{OWNER}/two-texts", registry=registry, k=1, policy="brute-force", text_columns=["sentence2"]
    )
    assert one.id != two.id
    with pytest.raises(InvalidInput, match="benchmark dataset"):
        select(BENCHMARKS[2], registry=registry, text_columns=["sentence1"])


def test_a_second_process_waits_for_its_turn(registry: Path) -> None:
    """Two identical selections at once: the second is refused with one clear line."""
    from hubselect.api.turns import turn

    with Registry.open(registry) as store, turn(store, "x", "selecting"):
        script = (
            "import sys; from hubselect import Registry; from hubselect.api.turns import turn\n"
            "with Registry.open(sys.argv[1]) as store, turn(store, 'x', 'selecting'): pass\n"
        )
        done = subprocess.run([sys.executable, "-c", script, str(registry)], capture_output=True, text=True)
    assert "another process is already selecting" in done.stderr
    with Registry.open(registry) as store, turn(store, "x", "selecting"):
        pass


@pytest.mark.slow
def test_the_targets_own_results_do_not_reach_its_clusters(registry: Path) -> None:
    """Recall for a benchmark dataset is the same whatever its recorded test scores are."""
    before = coarse_recall(BENCHMARKS[0], registry=registry, k=None).recalled
    with sqlite3.connect(registry) as connection:
        connection.execute(
            "update runs set test = 1 - test where dataset_id = (select id from datasets where name = ?)",
            [BENCHMARKS[0]],
        )
    assert coarse_recall(BENCHMARKS[0], registry=registry, k=None).recalled == before


@pytest.mark.slow
def test_a_benchmark_dataset_is_selected_for_without_its_own_results(registry: Path) -> None:
    """Selecting for a dataset of the suite leaves its column out of the knowledge."""
    found = coarse_recall(BENCHMARKS[0], registry=registry)
    with Registry.open(registry) as store:
        means = store.matrix().drop(columns=BENCHMARKS[0]).mean(axis=1)
    assert all(abs(means[r.model] - r.prior) < 1e-12 for r in found.recalled)
