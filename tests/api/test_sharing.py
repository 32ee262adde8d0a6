"""Registries shared through the mini hub: what is pushed comes back, and what is refused says why."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from huggingface_hub import DatasetCard, HfApi

import hubselect
from hubselect.api.sharing import pull, push
from hubselect.demo.server import MiniHub
from hubselect.errors import (
    HubError,
    HubUnreachable,
    InvalidInput,
    KnowledgeMissing,
    RegistryError,
    RepoNotFound,
)
from hubselect.records import Dataset, Model, ProxyScore
from hubselect.registry import Registry
from tests.cli.conftest import Run, run
from tests.registry.conftest import RECIPE, TEXT, add_cell, fill

pytestmark = pytest.mark.slow  # whole registries go up and down

__all__ = ["run"]  # a fixture of the command line's tests


@pytest.fixture(autouse=True)
def _login(hub: MiniHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")


@pytest.fixture
def repo() -> str:
    """The id of a repository that does not exist yet."""
    return f"minihub/{uuid.uuid4().hex[:12]}"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(tmp_path / "one.db") as opened:
        fill(opened)
        yield opened


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Registry]:
    """Overlaps with `one`: an equal cell, another score, a cell and a model of its own."""
    with Registry.open(tmp_path / "two.db") as opened:
        for name in "ac":
            opened.add_model(Model(f"org/{name}", TEXT, revision=name * 40))
        for dataset, sha in (("org/d", "d"), ("org/e", "e"), ("org/f", "f")):
            config = "c" if dataset == "org/d" else None
            opened.add_dataset(Dataset(dataset, TEXT, config=config, revision=sha * 40))
        add_cell(opened, "org/a", "org/d:c", 0.9)
        add_cell(opened, "org/a", "org/e", 0.25)
        add_cell(opened, "org/c", "org/f", 0.5)
        yield opened


def cells(registry: Registry) -> dict[tuple[str, str], float | None]:
    return {(r.model, r.dataset): r.test for r in registry.runs(status="done")}


def test_whose_repository_it_is_is_known_before_anything_is_written(
    one: Registry, repo: str, hub: MiniHub
) -> None:
    with pytest.raises(HubError, match="may not write to somebody/shared"):
        push("somebody/shared", registry=one)
    assert {r.method for r in hub.requests} == {"GET"}
    assert push(repo.rpartition("/")[2], registry=one).repo_id == repo


def test_two_registries_meet_and_nothing_is_lost(one: Registry, two: Registry, repo: str) -> None:
    """Push one, pull into two, push two, pull into one: all cells in both, own scores kept."""
    mine, theirs = cells(one), cells(two)
    first = push(repo, registry=one)
    assert first.changed
    into_two = pull(repo, registry=two)
    assert into_two.commit == first.commit
    assert [(c.kind, c.model, c.dataset, c.held, c.incoming, c.kept) for c in into_two.merged.conflicts] == [
        ("score", "org/a", "org/e", 0.25, 0.7, "held")
    ]
    second = push(repo, registry=two)
    assert [c.kept for c in second.exported.merged.conflicts] == ["held"]
    into_one = pull(repo, registry=one)
    assert into_one.merged.conflicts == ()
    assert cells(one) == {**theirs, **mine}
    assert cells(two) == {**mine, **theirs}
    sources = {(r.model, r.dataset): r.source for r in one.runs(status="done")}
    assert sources["org/c", "org/f"] == f"hub:{repo}@{into_one.commit}"
    assert sources["org/a", "org/e"] == "measured"
    assert one.check() == two.check() == []


def test_pushing_and_pulling_again_changes_nothing(one: Registry, two: Registry, repo: str) -> None:
    first = push(repo, registry=one)
    again = push(repo, registry=one)
    assert (again.commit, again.changed) == (first.commit, False)
    pull(repo, registry=two)
    before = two.runs()
    assert not pull(repo, registry=two).merged.changed
    assert two.runs() == before
    assert push(repo, registry=two).changed
    assert not push(repo, registry=two).changed
    assert not push(repo, registry=one).changed


def test_without_conflicts_the_matrices_become_equal(one: Registry, repo: str, tmp_path: Path) -> None:
    """Models and datasets come with all that is known of them, and proxies and claims too."""
    push(repo, registry=one)
    with Registry.open(tmp_path / "new.db") as new:
        pull(repo, registry=new)
        assert new.matrix(TEXT).equals(one.matrix(TEXT))
        assert new.models() == one.models()
        assert new.dataset("org/d:c") == one.dataset("org/d:c")
        assert new.recipes() == one.recipes()
        told = [replace(s, source="measured") for s in new.proxy_scores()]
        assert told == one.proxy_scores()
        assert new.hub_results() == one.hub_results()
        assert [r.curve for r in new.runs()] == [r.curve for r in one.runs(status="done")]


def test_corrections_reach_those_who_pulled(one: Registry, two: Registry, repo: str, tmp_path: Path) -> None:
    """Published with --prefer local, a new score replaces what was pulled before, and no measurement."""
    push(repo, registry=two)
    pull(repo, registry=one)
    with Registry.open(tmp_path / "reader.db") as reader:
        pull(repo, registry=reader)
        assert cells(reader)["org/a", "org/e"] == 0.25
        push(repo, registry=one, prefer="local")
        merged = pull(repo, registry=reader).merged
        assert [(c.held, c.incoming, c.kept) for c in merged.conflicts] == [(0.25, 0.7, "incoming")]
        assert cells(reader)["org/a", "org/e"] == 0.7
    assert [c.kept for c in pull(repo, registry=two).merged.conflicts] == ["held"]
    assert cells(two)["org/a", "org/e"] == 0.25
    assert [c.kept for c in pull(repo, registry=two, prefer="remote").merged.conflicts] == ["incoming"]
    assert cells(two)["org/a", "org/e"] == 0.7


def test_an_older_commit_can_be_pulled(one: Registry, two: Registry, repo: str, tmp_path: Path) -> None:
    first = push(repo, registry=one)
    push(repo, registry=two)
    with Registry.open(tmp_path / "new.db") as new:
        assert pull(repo, revision=first.commit, registry=new).commit == first.commit
        assert "org/c" not in [m.id for m in new.models()]


def test_every_table_loads_with_datasets(one: Registry, repo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`load_dataset(repo, "runs")` and every other configuration, without naming a file."""
    import datasets

    monkeypatch.setattr(datasets.config, "USE_PARQUET_EXPORT", False)
    pushed = push(repo, registry=one)
    assert datasets.load_dataset(repo)["train"].num_rows == 3
    for table, rows in pushed.exported.rows.items():
        found = datasets.load_dataset(repo, table, split="train")
        assert found.num_rows == rows
    assert set(datasets.load_dataset(repo, "runs", split="train")["source"]) == {"measured"}


def test_the_card_says_what_is_inside(one: Registry, repo: str) -> None:
    push(repo, registry=one)
    info = HfApi(token="hf_anybody").dataset_info(repo)
    assert "hubselect" in (info.tags or ())
    path = HfApi(token="hf_anybody").hf_hub_download(repo, "README.md", repo_type="dataset")
    text = Path(path).read_text()
    assert RECIPE.digest in text
    assert "| `runs` | 3 |" in text
    assert "Licence" in text


def test_the_owners_part_of_the_card_stays(
    one: Registry, two: Registry, repo: str, hub_root: Path, tmp_path: Path
) -> None:
    """Licence, tags and words of the owner survive every push; with nothing to do there is no commit."""
    push(repo, registry=one)
    api = HfApi(token="hf_anybody")
    card = DatasetCard.load(repo, token="hf_anybody")
    assert f"pull {repo}" in card.text
    card.data["license"], card.data["tags"] = "cc-by-4.0", ["mine"]
    card.text = f"# My results\n\nAsk me before {{use}}.\n{card.text}\n## Thanks\n\nTo all.\n"
    card.push_to_hub(repo, repo_type="dataset", token="hf_anybody")
    assert push(repo, registry=two).changed
    again = DatasetCard.load(repo, token="hf_anybody")
    assert again.data["license"] == "cc-by-4.0"
    assert again.data["tags"] == ["mine", "hubselect", "model-selection", "benchmark"]
    assert "| `runs` | 4 |" in again.text
    assert "| `runs` | 3 |" not in again.text
    assert again.text.split("<!--")[0] == card.text.split("<!--")[0]
    assert again.text.endswith("## Thanks\n\nTo all.\n")
    head = api.dataset_info(repo).sha
    assert push(repo, registry=two).commit == head == push(repo, registry=one).commit
    (hub_root / "datasets" / repo / "README.md").write_text("# Only mine\n")
    assert push(repo, registry=one).changed
    last = DatasetCard.load(repo, token="hf_anybody")
    assert last.text.startswith("# Only mine\n\n<!--")
    assert last.data["configs"][0]["config_name"] == "runs"


def test_a_card_written_before_the_first_push_is_kept(one: Registry, repo: str) -> None:
    api = HfApi(token="hf_anybody")
    api.create_repo(repo, repo_type="dataset")
    DatasetCard("---\nlicense: mit\n---\n# Mine\n").push_to_hub(repo, repo_type="dataset", token="hf_anybody")
    assert push(repo, registry=one).changed
    card = DatasetCard.load(repo, token="hf_anybody")
    assert (card.data["license"], card.text.splitlines()[0]) == ("mit", "# Mine")
    assert "| `runs` | 3 |" in card.text


def test_provenance_travels(one: Registry, repo: str, tmp_path: Path) -> None:
    """Dates of submission come along; sources name the repository, and corrections from there arrive."""
    frame = {"model": ["org/b"], "dataset": ["org/e"], "score": [0.5], "submitted": ["2024-05-03"]}
    one.import_scores(pd.DataFrame(frame), source="table", recipe="published")
    one.import_scores(pd.DataFrame({**frame, "proxy": ["logme"]}), source="table")
    first = push(repo, registry=one)
    with Registry.open(tmp_path / "new.db") as new:
        pull(repo, registry=new)
        said = {s.proxy: s for s in new.proxy_scores()}
        assert said["logme"].submitted == "2024-05-03"
        assert {s.source for s in said.values()} == {f"hub:{repo}@{first.commit}"}
        (run,) = new.runs(model="org/b", dataset="org/e")
        assert (run.submitted, run.source) == ("2024-05-03", f"hub:{repo}@{first.commit}")
        one.add_proxy_scores([ProxyScore("org/a", "org/d:c", "leep", -0.25, "head")])
        second = push(repo, registry=one, prefer="local")
        (conflict,) = pull(repo, registry=new).merged.conflicts
        assert (conflict.kind, conflict.incoming, conflict.kept) == ("proxy", -0.25, "incoming")
        corrected = new.proxy_scores(proxy="leep")[0]
        assert (corrected.score, corrected.source) == (-0.25, f"hub:{repo}@{second.commit}")
        new.add_proxy_scores([ProxyScore("org/a", "org/d:c", "leep", -0.125, "head")])
        assert [c.kept for c in pull(repo, registry=new).merged.conflicts] == ["held"]


def test_clusters_follow_what_was_pulled_also_at_the_second_attempt(
    one: Registry, repo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Clusters that could not be kept up are told, cost no rows, and are mended by pulling again."""
    from hubselect.api.clusters import after as clusters_after

    with hubselect.Registry.open(tmp_path / "two.db") as two:
        push(repo, registry=one)
        two.pull(repo)
        hubselect.cluster(registry=two, threshold=0.3)
        one.add_model(Model("org/n", TEXT, revision="6" * 40))
        for dataset in ("org/d:c", "org/e"):
            add_cell(one, "org/n", dataset, 0.5)
        assert hubselect.push(repo, registry=one).changed

        def fail(*args: object) -> None:
            raise RegistryError("no clusters today")

        with monkeypatch.context() as patched:
            patched.setattr(clusters_after, "keep_up", fail)
            first = two.pull(repo)
        assert first.merged.runs == 2
        assert "no clusters today" in (first.clusters[0].warning or "")
        again = two.pull(repo)
        assert (again.merged.changed, again.clusters[0].failure) == (False, None)
        assert "org/n" in {m for c in two.clusters(TEXT) for m in c.members}
        one.export_registry(tmp_path / "folder")
        assert two.import_registry(tmp_path / "folder").warnings == ()
        assert two.push(repo).repo_id == repo


def test_what_is_local_stays_here(one: Registry, repo: str, hub_root: Path) -> None:
    """Targets, selections, failures and their reasons, and names that are paths or tokens."""
    secret = "hf_" + "Z" * 34
    one.add_model(Model("/home/someone/model", TEXT))
    one.add_model(Model("org/child", TEXT, revision="8" * 40, base_model="/home/someone/base"))
    one.add_dataset(Dataset("C:\\data\\mine", TEXT))
    one.add_dataset(Dataset(f"org/{secret}", TEXT))
    one.add_dataset(Dataset("org/private-target", TEXT, role="target"))
    add_cell(one, "/home/someone/model", "org/e", 0.4)
    add_cell(one, "org/a", "org/private-target", 0.4)
    one.fail_run("org/child", "org/e", RECIPE, "no such file /home/someone/data.csv")
    one.add_proxy_scores([ProxyScore("org/a", "org/private-target", "leep", -1.0, "head")])
    frame = [{"model": "org/a", "dataset": "org/x", "score": 0.5}]
    one.import_scores(pd.DataFrame(frame), source="/home/someone/table.csv", recipe="published")
    pushed = push(repo, registry=one)
    assert pushed.exported.withheld == 4
    import pyarrow.parquet as pq

    folder = hub_root / "datasets" / repo
    text = "".join(p.read_text() for name in ("*.md", "*.json") for p in folder.glob(name))
    text += "".join(str(pq.read_table(p).to_pylist()) for p in (folder / "data").iterdir())
    for word in ("someone", "mine", "Z" * 34, "target", "no such file", "somewhere", "minihub-token"):
        assert word not in text, word
    assert "org/child" in text


def test_others_being_faster_is_noticed(one: Registry, two: Registry, repo: str, hub: MiniHub) -> None:
    """One race is won at the second attempt; losing every one is one clear line."""
    push(repo, registry=one)
    fault = hub.fault(lambda r: "/commit/" in r.path, status=412, times=1)
    assert push(repo, registry=two).changed
    assert fault.hits == 1
    one.add_model(Model("org/new", TEXT, revision="7" * 40))
    hub.fault(lambda r: "/commit/" in r.path, status=412, times=None)
    with pytest.raises(HubError, match="other commits") as error:
        push(repo, registry=one)
    assert "pull" in (error.value.hint or "")


def test_refusals_are_clear(
    one: Registry, repo: str, hub: MiniHub, hub_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A missing and a private repository, no login, another's name, no registry, a dead Hub."""
    with pytest.raises(RepoNotFound, match="there is no dataset"):
        pull(repo, registry=one)
    with pytest.raises(HubError, match="may not write to"):
        push("somebody/else", registry=one)
    push(repo, registry=one, private=True)
    monkeypatch.setenv("HF_TOKEN", "")
    with pytest.raises(RepoNotFound, match="private"):
        pull(repo, registry=one)
    with pytest.raises(HubError, match="needs a login"):
        push(repo, registry=one)
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")
    foreign = hub_root / "datasets" / "minihub" / "foreign"
    foreign.mkdir(parents=True, exist_ok=True)
    (foreign / "train.csv").write_text("text,label\n")
    for refused in (pull, push):
        with pytest.raises(InvalidInput, match="does not hold a shared registry"):
            refused("minihub/foreign", registry=one)
    with pytest.raises(RepoNotFound, match="no revision"):
        pull(repo, revision="0" * 40, registry=one)
    hub.fault("/api/datasets/", status=503, times=None)
    with pytest.raises(HubUnreachable):
        pull(repo, registry=one)


def test_an_empty_registry_makes_no_repository(repo: str, tmp_path: Path, hub_root: Path) -> None:
    with Registry.open(tmp_path / "empty.db") as empty, pytest.raises(KnowledgeMissing):
        push(repo, registry=empty)
    assert not (hub_root / "datasets" / repo).exists()


def test_a_public_repository_does_not_become_private_silently(one: Registry, repo: str) -> None:
    push(repo, registry=one)
    with pytest.raises(InvalidInput, match="public"):
        push(repo, registry=one, private=True)


@pytest.mark.parametrize("how", ["corrupt", "cut"])
def test_damage_on_the_way_changes_nothing(
    one: Registry, two: Registry, repo: str, hub: MiniHub, how: str
) -> None:
    """Changed bytes and failing downloads are refused as a whole; afterwards the pull works."""
    push(repo, registry=one)
    before = two.runs(), two.models()
    hub.fault("curve_points.parquet", times=None, corrupt=how == "corrupt", cut=10 if how == "cut" else None)
    with pytest.raises(HubError):
        pull(repo, registry=two)
    assert (two.runs(), two.models()) == before
    hub.reset()
    assert pull(repo, registry=two).merged.runs == 1


def test_a_damaged_repository_is_neither_pulled_nor_pushed_onto(
    one: Registry, two: Registry, repo: str, hub_root: Path
) -> None:
    push(repo, registry=one)
    manifest = hub_root / "datasets" / repo / "manifest.json"
    content = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**content, "format": 99}))
    for refused in (pull, push):
        with pytest.raises(InvalidInput, match="newer hubselect"):
            refused(repo, registry=two)


def test_commands(one: Registry, two: Registry, repo: str, run: Run, tmp_path: Path) -> None:
    """push, pull, export and import on the command line: documents, tables, one warning for conflicts."""
    done = run("registry", "push", repo, "--registry", one.location, "--json")
    assert done.code == 0
    assert done.document["changed"]
    assert done.document["rows"]["runs"] == 3
    done = run("registry", "pull", repo, "--registry", two.location)
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert "warning: 1 conflicts" in done.err
    assert "other test score" in done.out
    done = run("registry", "pull", repo, "--registry", two.location, "--json")
    assert done.document["conflicts"][0]["kept"] == "held"
    assert run("registry", "push", repo, "--registry", two.location).code == 0
    folder = tmp_path / "folder"
    assert run("registry", "export", folder, "--what", "registry", "--registry", one.location).code == 0
    done = run("registry", "import", folder, "--registry", tmp_path / "new.db", "--json")
    assert done.document["runs"] == 3
    with Registry.open(tmp_path / "new.db") as new:
        assert new.matrix(TEXT).equals(one.matrix(TEXT))
    done = run("registry", "import", folder, "--recipe", "x", "--registry", tmp_path / "new.db")
    assert done.code == 2
    done = run("registry", "pull", "minihub/nowhere", "--registry", two.location)
    assert (done.code, done.err.count("\n")) == (1, 1)
