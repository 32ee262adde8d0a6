"""Whole registries in and out: merges lose nothing, and what cannot be trusted is refused as a whole."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import CurvePoint, Dataset, Model, Recipe
from hubselect.registry import Registry
from hubselect.registry.snapshot_checks import check_tables
from hubselect.registry.snapshot_loading import held
from hubselect.registry.snapshot_merging import merge
from hubselect.registry.snapshot_plan import applied
from hubselect.registry.snapshot_reading import read_snapshot
from hubselect.registry.snapshot_tables import FORMAT, RUN_KEY, TABLES, Tables
from hubselect.registry.snapshot_writing import write_snapshot
from tests.registry.conftest import TEXT, add_cell, fill
from tests.support.shared import RECIPE, contents, dataset, model, recipe, tables

DONE = ("org/a", "org/x", 0)


def ordered(found: Tables, *, source: bool = True) -> dict[str, Any]:
    """The content in one order, to be compared."""
    plain: dict[str, Any] = {}
    for name in TABLES:
        rows = getattr(found, name)
        if isinstance(rows, pd.DataFrame):
            rows = rows.astype(object).where(rows.notna(), None)
            rows = (rows if source else rows.drop(columns="source", errors="ignore")).to_dict("records")
        plain[name] = sorted(rows, key=str)
    return plain


def scores(found: Tables) -> dict[Any, Any]:
    rows = found.runs[found.runs["test"].notna()]
    return dict(zip(rows[RUN_KEY].itertuples(index=False, name=None), rows["test"], strict=True))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ours=contents(), theirs=contents())
def test_a_merge_loses_nothing_and_changes_no_score(ours: Tables, theirs: Tables) -> None:
    """All keys of both are there, held scores stand, every other score is a conflict, twice is once."""
    plan = merge(ours, theirs)
    both = applied(ours, plan)
    check_tables(both, "the merge")
    assert scores(both) == {**scores(theirs), **scores(ours)} or plan.conflicts
    for key, test in scores(ours).items():
        assert scores(both)[key] == test
    keys = {k for t in (ours, theirs) for k in t.runs[RUN_KEY].itertuples(index=False, name=None)}
    assert set(both.runs[RUN_KEY].itertuples(index=False, name=None)) == keys
    told = {(c.model, c.dataset, c.recipe, c.seed) for c in plan.conflicts}
    for key, test in scores(theirs).items():
        assert scores(both).get(key) == test or key in told
    again = merge(both, theirs)
    assert not again.changes
    assert not merge(both, ours).changes


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ours=contents(), theirs=contents())
def test_the_preferred_side_wins_every_conflict(ours: Tables, theirs: Tables) -> None:
    """With `overwrite` the incoming scores stand, and each replaced one was told."""
    plan = merge(ours, theirs, overwrite=True)
    both = applied(ours, plan)
    check_tables(both, "the merge")
    assert all(c.kept == "incoming" for c in plan.conflicts)
    assert {**scores(both), **scores(theirs)} == scores(both)
    replaced = {k for k, v in scores(ours).items() if scores(both).get(k) != v}
    assert replaced <= {(c.model, c.dataset, c.recipe, c.seed) for c in plan.conflicts}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ours=contents(), theirs=contents())
def test_without_conflicts_the_order_of_a_merge_does_not_matter(ours: Tables, theirs: Tables) -> None:
    there, here = merge(ours, theirs), merge(theirs, ours)
    assert bool(there.conflicts) == bool(here.conflicts)
    if not there.conflicts:
        one, two = (ordered(applied(a, p)) for a, p in ((ours, there), (theirs, here)))
        assert scores_and_curves(one) == scores_and_curves(two)


def scores_and_curves(plain: dict[str, Any]) -> Any:
    runs = [{k: r[k] for k in (*RUN_KEY, "status", "test")} for r in plain["runs"]]
    return sorted(map(str, runs)), plain["curve_points"], [m["id"] for m in plain["models"]]


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(ours=contents(), theirs=contents())
def test_the_database_does_what_the_plan_says(ours: Tables, theirs: Tables) -> None:
    """A registry after an import holds what `applied` computes; a second import changes nothing."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_snapshot(ours, folder / "ours")
        write_snapshot(theirs, folder / "theirs")
        with Registry.open(folder / "r.db") as registry:
            registry.import_registry(folder / "ours")
            plan = merge(ours, theirs)
            report = registry.import_registry(folder / "theirs", source="hub:org/repo@1")
            assert report.conflicts == tuple(plan.conflicts)
            with registry._database.read() as session:
                found = held(session, applied(ours, plan))
            assert ordered(found, source=False) == ordered(applied(ours, plan), source=False)
            new = plan.runs_new[RUN_KEY].itertuples(index=False, name=None)
            sources = {(r.model, r.dataset, r.recipe, r.seed): r.source for r in registry.runs()}
            assert all(sources[key] == "hub:org/repo@1" for key in new)
            assert registry.check() == []
            assert not registry.import_registry(folder / "theirs").changed


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(content=contents())
def test_what_is_written_is_read(content: Tables) -> None:
    """Every value comes back; the same content gives the same bytes."""
    with tempfile.TemporaryDirectory() as name:
        for folder in ("one", "two"):
            write_snapshot(content, Path(name) / folder)
        assert ordered(read_snapshot(Path(name) / "one", "it")) == ordered(content)
        one, two = (sorted((Path(name) / f).rglob("*.*")) for f in ("one", "two"))
        assert [p.read_bytes() for p in one if p.is_file()] == [p.read_bytes() for p in two if p.is_file()]


def put(registry: Registry, content: Tables, folder: Path, **options: Any) -> Any:
    write_snapshot(content, folder)
    return registry.import_registry(folder, **options)


def test_a_failed_or_stopped_run_is_completed(registry: Registry, tmp_path: Path) -> None:
    """A finished run from elsewhere takes the place of a failure here; points that are there stay."""
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/x", TEXT))
    registry.start_run("org/a", "org/x", RECIPE)
    registry.append_point(CurvePoint("org/a", 1, 1.0, 0.25, 9.0), "org/x", RECIPE)
    registry.fail_run("org/a", "org/x", RECIPE, "out of memory")
    report = put(registry, tables({DONE: (0.5, [0.25, 0.5], None)}), tmp_path / "in")
    assert (report.completed, report.points, report.conflicts) == (1, 1, ())
    (run,) = registry.runs()
    assert (run.status, run.test, run.reason, run.source) == ("done", 0.5, None, "snapshot:in")
    assert [(p.val, p.seconds) for p in run.curve] == [(0.25, 9.0), (0.5, 0.5)]


def test_a_run_under_way_is_not_disturbed(registry: Registry, tmp_path: Path) -> None:
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/x", TEXT))
    registry.start_run("org/a", "org/x", RECIPE)
    content = tables({DONE: (0.5, [0.25], None)})
    assert [c.kind for c in put(registry, content, tmp_path / "in").conflicts] == ["unfinished"]
    assert registry.runs()[0].status == "running"
    registry.append_point(CurvePoint("org/a", 1, 1.0, 0.75), "org/x", RECIPE)
    put(registry, content, tmp_path / "in", prefer="remote")
    assert [p.val for p in registry.runs()[0].curve] == [0.25]


def test_runs_of_another_revision_are_kept_but_do_not_count(registry: Registry, tmp_path: Path) -> None:
    """They are stored with their own revision and reported; the pin here stays."""
    registry.add_model(Model("org/a", TEXT, revision="1" * 40, weights_digest="one"))
    content = tables({DONE: (0.5, [], "2" * 40)}, {"org/a": "2" * 40})
    report = put(registry, content, tmp_path / "in")
    assert [(o.model, o.revision, o.runs) for o in report.other_revisions] == [("org/a", "2" * 40, 1)]
    assert [(c.kind, c.held, c.incoming) for c in report.conflicts] == [("pin", "1" * 40, "2" * 40)]
    assert registry.runs()[0].model_revision == "2" * 40
    assert registry.matrix(TEXT).empty
    put(registry, content, tmp_path / "in", prefer="remote")
    assert registry.model("org/a").revision == "2" * 40
    assert registry.matrix(TEXT).loc["org/a", "org/x"] == 0.5


def test_another_commit_of_the_same_weights_is_the_same_model(registry: Registry, tmp_path: Path) -> None:
    registry.add_model(Model("org/a", TEXT, revision="1" * 40, weights_digest="same"))
    content = tables({DONE: (0.5, [], "2" * 40)}, {"org/a": "2" * 40})
    content.models = [model("org/a", "2" * 40, weights_digest="same")]
    report = put(registry, content, tmp_path / "in")
    assert (report.conflicts, report.other_revisions) == ((), ())
    assert registry.matrix(TEXT).loc["org/a", "org/x"] == 0.5


def test_names_that_were_never_looked_up_gain_what_is_known(registry: Registry, tmp_path: Path) -> None:
    """An imported name gets the shared metadata; an indexed model keeps its own."""
    registry.add_model(Model("org/a", TEXT))
    registry.add_model(Model("org/b", TEXT, revision="3" * 40, license="mit"))
    content = tables({}, {"org/a": "1" * 40, "org/b": "3" * 40})
    content.models[0]["architecture"] = content.models[1]["architecture"] = "BertModel"
    put(registry, content, tmp_path / "in")
    assert registry.model("org/a").architecture == "BertModel"
    assert registry.model("org/b") == Model("org/b", TEXT, revision="3" * 40, license="mit")


def test_a_name_of_another_task_is_left_out(registry: Registry, tmp_path: Path) -> None:
    registry.add_model(Model("org/a", "image-classification"))
    content = tables({DONE: (0.5, [], None), ("org/b", "org/x", 0): (0.25, [], None)})
    report = put(registry, content, tmp_path / "in")
    assert [(c.kind, c.model) for c in report.conflicts] == [("task", "org/a")]
    assert [r.model for r in registry.runs()] == ["org/b"]


def test_roles_and_downloads_stay_local(registry: Registry, tmp_path: Path) -> None:
    """A target here does not become a benchmark because others benchmark on it."""
    registry.add_dataset(Dataset("org/x", TEXT, role="target"))
    put(registry, tables({DONE: (0.5, [], None)}), tmp_path / "in")
    assert registry.dataset("org/x").role == "target"


def test_a_folder_of_other_files_is_not_written_to(registry: Registry, tmp_path: Path) -> None:
    """Nothing to share, a file, a folder of something else; an older export is replaced."""
    with pytest.raises(KnowledgeMissing):
        registry.export_registry(tmp_path / "out")
    fill(registry)
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").touch()
    for name in ("file", "full", "file/below"):
        with pytest.raises(InvalidInput):
            registry.export_registry(tmp_path / name)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.tex"]
    registry.export_registry(tmp_path / "out")
    add_cell(registry, "org/b", "org/e", 0.5)
    assert registry.export_registry(tmp_path / "out").rows["runs"] == 4
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".out")]
    with Registry.open(tmp_path / "new.db") as new:
        assert new.import_registry(tmp_path / "out").runs == 4


def test_whole_numbers_in_recipes_keep_their_digest(registry: Registry, tmp_path: Path) -> None:
    """A recipe made with `weight_decay=0` is not the one with 0.0: its digest survives the journey."""
    odd = Recipe(TEXT, epochs=1, weight_decay=0, learning_rate=1, name="odd | <b>name</b>")
    registry.add_model(Model("org/a", TEXT))
    registry.add_dataset(Dataset("org/x", TEXT))
    registry.start_run("org/a", "org/x", odd)
    registry.finish_run("org/a", "org/x", odd, 0.5)
    registry.export_registry(tmp_path / "out")
    with Registry.open(tmp_path / "new.db") as new:
        new.import_registry(tmp_path / "out")
        assert new.recipes() == [odd]
        assert new.runs()[0].recipe == odd.digest


# ---- what others wrote is not trusted


def valid() -> Tables:
    runs = {DONE: (0.5, [0.25, 0.5], "1" * 40), ("org/b", "org/y:c", 1): (0.25, [], None)}
    return tables(runs, {"org/a": "1" * 40}, {("org/a", "org/x"): 0.5})


def cell(table: str, column: str, value: object) -> Callable[[Tables], None]:
    def change(content: Tables) -> None:
        getattr(content, table).loc[0, column] = value

    return change


def entry(table: str, **values: object) -> Callable[[Tables], None]:
    def change(content: Tables) -> None:
        getattr(content, table)[0].update(values)

    return change


def twice(table: str) -> Callable[[Tables], None]:
    def change(content: Tables) -> None:
        rows = getattr(content, table)
        more = rows + rows[:1] if isinstance(rows, list) else pd.concat([rows, rows[:1]], ignore_index=True)
        setattr(content, table, more)

    return change


def recipe_of(**values: object) -> Callable[[Tables], None]:
    def change(content: Tables) -> None:
        content.recipes[0]["content"] = {**asdict(RECIPE), **values}

    return change


HOSTILE = {
    "model twice": twice("models"),
    "dataset twice": twice("datasets"),
    "recipe twice": twice("recipes"),
    "run twice": twice("runs"),
    "point twice": twice("curve_points"),
    "proxy twice": twice("proxy_scores"),
    "infinite score": cell("runs", "test", float("inf")),
    "score missing": cell("runs", "test", float("nan")),
    "impossible accuracy": cell("runs", "test", 7.5),
    "impossible validation": cell("curve_points", "val", -0.5),
    "infinite proxy": cell("proxy_scores", "score", float("-inf")),
    "stage gap": cell("curve_points", "stage", 3),
    "stage zero": cell("curve_points", "stage", 0),
    "epochs shrink": cell("curve_points", "epochs", 5.0),
    "negative seconds": cell("runs", "seconds", -1.0),
    "unknown model": cell("runs", "model", "org/nobody"),
    "unknown dataset": cell("proxy_scores", "dataset", "org/nothing"),
    "unknown recipe": cell("runs", "recipe", "0" * 16),
    "point without run": cell("curve_points", "seed", 5),
    "status": cell("runs", "status", "running"),
    "huge seed": cell("runs", "seed", 2**60),
    "revision with a path": cell("runs", "model_revision", "../../x"),
    "origin of a proxy": cell("proxy_scores", "origin", "<script>"),
    "name of a proxy": cell("proxy_scores", "proxy", "a\nb"),
    "source with control characters": cell("runs", "source", "measured\x1b[2J"),
    "model with a path": entry("models", id="../../etc/passwd"),
    "model with control characters": entry("models", id="org/\x1b[31m"),
    "model of an unknown task": entry("models", task="cooking"),
    "long name": entry("models", id="x" * 500),
    "long text": entry("models", license="x" * 20_000),
    "pinned to a path": entry("models", revision="../main"),
    "weights elsewhere": entry("models", weights_files=["../../../home/x.bin"]),
    "weights of a kind": entry("models", weights_format="pickle"),
    "negative size": entry("models", parameters=-1),
    "negative split": entry("datasets", splits={"train": -5}),
    "three text columns": entry("datasets", text_columns=["a", "b", "c"]),
    "recipe of another digest": recipe_of(epochs=4),
    "recipe of another name": entry("recipes", name="other"),
    "recipe of an unknown origin": entry("recipes", origin="heaven"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_impossible_values_are_refused_as_a_whole(what: str, registry: Registry, tmp_path: Path) -> None:
    """One line that names the file; nothing of the rest is taken."""
    content = valid()
    HOSTILE[what](content)
    write_snapshot(content, tmp_path / "in")
    with pytest.raises(InvalidInput, match="is not a usable registry") as error:
        registry.import_registry(tmp_path / "in")
    assert error.value.message.isprintable()
    assert (registry.models(), registry.runs(), registry.recipes()) == ([], [], [])


def test_a_recipe_with_impossible_counts_is_refused(registry: Registry, tmp_path: Path) -> None:
    content = valid()
    content.recipes.append(recipe(replace(RECIPE, epochs=0)))
    with pytest.raises(InvalidInput, match="counts that cannot be"):
        put(registry, content, tmp_path / "in")


def resigned(folder: Path, table: str) -> None:
    """Make the manifest vouch for a changed file."""
    manifest = json.loads((folder / "manifest.json").read_text())
    path = folder / "data" / f"{table}.parquet"
    manifest["tables"][table]["sha256"] = sha256(path.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def truncate(folder: Path) -> None:
    path = folder / "data" / "runs.parquet"
    path.write_bytes(path.read_bytes()[:-200])


def truncate_signed(folder: Path) -> None:
    truncate(folder)
    resigned(folder, "runs")


def other_columns(folder: Path) -> None:
    pq.write_table(pa.table({"model": ["a"], "evil": [1]}), folder / "data" / "runs.parquet")
    resigned(folder, "runs")


def other_types(folder: Path) -> None:
    path = folder / "data" / "runs.parquet"
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("test")
    pq.write_table(rows.set_column(place, "test", pa.array(["0.5"] * rows.num_rows)), path)
    resigned(folder, "runs")


def lacking(folder: Path) -> None:
    path = folder / "data" / "runs.parquet"
    rows = pq.read_table(path)
    place = rows.schema.get_field_index("model")
    pq.write_table(rows.set_column(place, "model", pa.array([None, "org/b"], pa.string())), path)
    resigned(folder, "runs")


def fewer_rows(folder: Path) -> None:
    path = folder / "data" / "curve_points.parquet"
    pq.write_table(pq.read_table(path)[:1], path)
    resigned(folder, "curve_points")


def manifest(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        content = json.loads((folder / "manifest.json").read_text())
        changed = change(content)
        text = changed if isinstance(changed, str) else json.dumps(content)
        (folder / "manifest.json").write_text(text)

    return write


def recipe_text(**values: object) -> Callable[[Path], None]:
    """Another content for the recipe, whose digest is that of the new content."""

    def write(folder: Path) -> None:
        path = folder / "data" / "recipes.parquet"
        (row,) = pq.read_table(path).to_pylist()
        content = json.dumps({**json.loads(row["content"]), **values}, sort_keys=True)
        row |= {"content": content, "digest": sha256(content.encode()).hexdigest()[:16]}
        pq.write_table(pa.Table.from_pylist([row], schema=pq.read_schema(path)), path)
        resigned(folder, "recipes")

    return write


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "truncated": (truncate, "damaged"),
    "truncated and signed": (truncate_signed, "cannot be read"),
    "other columns": (other_columns, "columns"),
    "other types": (other_types, "columns"),
    "null name": (lacking, "lacks values"),
    "fewer rows": (fewer_rows, "has 1 rows, not 2"),
    "recipe with a field more": (recipe_text(evil="os.system"), "fields of a recipe"),
    "recipe with text for a number": (recipe_text(epochs="5"), "fields of a recipe"),
    "recipe with a truth value": (recipe_text(batch_size=True), "fields of a recipe"),
    "recipe with NaN": (recipe_text(weight_decay=float("nan")), "cannot be understood"),
    "missing file": (lambda f: (f / "data" / "models.parquet").unlink(), "missing"),
    "missing manifest": (lambda f: (f / "manifest.json").unlink(), "has no manifest"),
    "no JSON": (manifest(lambda m: "{"), "cannot be read"),
    "deep JSON": (manifest(lambda m: "[" * 100_000), "cannot be read"),
    "huge manifest": (manifest(lambda m: m.update(x="x" * 2_000_000)), "too large"),
    "a list": (manifest(lambda m: "[]"), "not hubselect's"),
    "another kind": (manifest(lambda m: m.update(kind="dataset")), "not hubselect's"),
    "newer": (manifest(lambda m: m.update(format=FORMAT + 1)), "newer hubselect"),
    "no number": (manifest(lambda m: m.update(format="1")), "names no format"),
    "undescribed": (manifest(lambda m: m["tables"].pop("runs")), "does not describe runs"),
    "rows as text": (manifest(lambda m: m["tables"]["runs"].update(rows="2")), "does not describe runs"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_broken_folders_are_refused(what: str, registry: Registry, tmp_path: Path) -> None:
    write_snapshot(valid(), tmp_path / "in")
    break_it, message = BROKEN[what]
    break_it(tmp_path / "in")
    with pytest.raises(InvalidInput, match=message):
        registry.import_registry(tmp_path / "in")
    assert registry.models() == []


def test_ids_that_point_elsewhere_are_not_needed(registry: Registry, tmp_path: Path) -> None:
    """Files beside the known ones are ignored, whatever the manifest says about them."""
    write_snapshot(valid(), tmp_path / "in")
    manifest(lambda m: m["tables"]["runs"].update(file="/etc/passwd"))(tmp_path / "in")
    assert registry.import_registry(tmp_path / "in").runs == 2


def test_unknown_sides_are_refused(registry: Registry, tmp_path: Path) -> None:
    write_snapshot(valid(), tmp_path / "in")
    with pytest.raises(InvalidInput, match="side of a merge"):
        registry.import_registry(tmp_path / "in", prefer="newest")  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_killed_import_leaves_nothing_half(tmp_path: Path) -> None:
    """Killed at any moment, the registry holds all runs or none, and is sound."""
    runs = {(f"org/m{i}", f"org/d{j}", 0): (0.5, [0.25] * 3, None) for i in range(600) for j in range(5)}
    write_snapshot(tables(runs), tmp_path / "in")  # type: ignore[arg-type]
    code = (
        "import sys; from hubselect.registry import Registry\n"
        "with Registry.open(sys.argv[1]) as r:\n"
        "    print('open', flush=True); r.import_registry(sys.argv[2])"
    )
    for number, delay in enumerate((0.5, 0.9, 1.3)):
        place = tmp_path / f"{number}.db"
        with subprocess.Popen(
            [sys.executable, "-c", code, str(place), str(tmp_path / "in")],
            stdout=subprocess.PIPE,
            env=os.environ,
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        with Registry.open(place) as registry:
            assert len(registry.runs()) in (0, len(runs))
            assert registry.check() == []
            registry.import_registry(tmp_path / "in")
            assert len(registry.runs()) == len(runs)
    shutil.rmtree(tmp_path / "in")


def test_datasets_are_matched_by_their_whole_name(registry: Registry, tmp_path: Path) -> None:
    """Two configurations of one repository are two datasets."""
    content = tables({("org/a", "org/y:c", 0): (0.5, [], None), ("org/a", "org/y:d", 0): (0.25, [], None)})
    assert [d["config"] for d in content.datasets] == ["c", "d"]
    content.datasets.append(dataset("org/y"))
    put(registry, content, tmp_path / "in")
    assert [d.name for d in registry.datasets()] == ["org/y", "org/y:c", "org/y:d"]


@pytest.mark.parametrize("few", [0, 5000])
def test_only_what_may_be_met_is_read(few: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The merge is the same whether the rows of a few models are read or all rows."""
    from hubselect.registry import snapshot_loading

    monkeypatch.setattr(snapshot_loading, "_FEW", few)
    theirs = tables({("org/a", "org/x", 0): (0.75, [0.25], None), ("org/c", "org/x", 0): (0.5, [0.5], None)})
    with Registry.open(tmp_path / "r.db") as registry:
        put(registry, valid(), tmp_path / "first")
        with registry._database.read() as session:
            found = held(session, theirs)
        if few:
            assert set(found.runs["model"]) <= {"org/a", "org/c"}
        report = put(registry, theirs, tmp_path / "in")
        assert [(c.kind, c.model, c.kept) for c in report.conflicts] == [("score", "org/a", "held")]
        assert report.runs == 1
        assert registry.check() == []
