"""Every command that needs no training, for people and for programs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hubselect.cli import COMMANDS
from hubselect.registry import Registry
from tests.cli.conftest import DATASETS, MODELS, Run

QUERIES = [
    ("models",),
    ("datasets",),
    ("clusters",),
    ("matrix",),
    ("selections",),
    ("curves", MODELS[0]),
    ("curves", MODELS[0], DATASETS[0]),
    ("backtest", "-k", "3"),
    ("cluster", "--threshold", "0.05", "--method", "kmeans", "--clusters", "3"),
    ("registry", "check"),
    ("suite", "--size", "3"),
    ("init", "--suite", "paper-nlp", "--dry-run"),
]


@pytest.mark.parametrize("command", QUERIES, ids=" ".join)
def test_people_get_tables_and_programs_get_one_document(
    command: tuple[str, ...], registry: Path, run: Run
) -> None:
    """Without --json there is something to read; with it stdout is one JSON document and nothing else."""
    people = run(*command)
    assert people.code == 0
    assert people.out.strip()
    programs = run(*command, "--json")
    assert programs.code == 0
    assert programs.document is not None


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help(command: str, run: Run) -> None:
    """`--help` says in a sentence what the command does and explains every option."""
    done = run(command, "--help")
    assert done.code == 0
    assert done.out.split("\n\n")[1].strip().endswith((".", ":")) or "." in done.out


def test_clusters_are_the_groups_that_were_imported(registry: Path, run: Run) -> None:
    """Keys as promised; three groups of three; each representative has the highest mean."""
    found = run("clusters", "--json").document
    assert {"threshold", "top_k", "method", "silhouette", "clusters"} <= set(found)
    assert sorted(c["members"] for c in found["clusters"]) == [MODELS[i : i + 3] for i in (0, 3, 6)]
    matrix = run("matrix", "--json").document
    means = {m: sum(row) / len(row) for m, row in zip(matrix["models"], matrix["scores"], strict=True)}
    for cluster in found["clusters"]:
        assert cluster["representative"] == max(cluster["members"], key=means.__getitem__)
        assert cluster["size"] == len(cluster["members"])


def test_the_history_of_clusters_is_told(registry: Path, run: Run) -> None:
    """Oldest first, numbered from 1; `--limit` keeps the newest and goes with `--history` only."""
    run("cluster", "--threshold", "0.9")
    run("cluster", "--threshold", "0.05")
    events = run("clusters", "--history", "--json").document["events"]
    assert [e["sequence"] for e in events] == list(range(1, len(events) + 1))
    assert {"clustered", "split", "created", "left"} <= {e["kind"] for e in events}
    assert {"time", "task", "recipe"} <= set(events[0])
    assert run("clusters", "--history", "--limit", "1", "--json").document["events"] == events[-1:]
    assert "split into" in run("clusters", "--history").out
    assert run("clusters", "--limit", "1").code == 2


def test_backtest_document_has_the_promised_keys(registry: Path, run: Run) -> None:
    """Every dataset once, with costs of both baselines."""
    found = run("backtest", "-k", "3", "--json").document
    assert [t["dataset"] for t in found["targets"]] == DATASETS
    assert {"k", "policy", "mean_regret", "speedup_vs_brute_force", "speedup_vs_successive_halving"} <= set(
        found
    )
    for target in found["targets"]:
        assert target["regret"] == pytest.approx(target["best"] - target["test_score"])
        assert target["epochs_brute_force"] == 5 * len(MODELS)


def test_backtest_compares_recall_methods(registry: Path, run: Run) -> None:
    """Per target and over all: regret at 1, 3, 5 and 10, rank correlation and cost, baselines beside."""
    found = run("backtest", "--recall-only", "--json").document
    assert found["mean_regret"] is None
    assert found["without_selections"]
    assert {"paper", "fused", "mean", "random", "leep"} <= set(found["recall_mean"])
    for target in found["targets"]:
        assert set(target) == {"dataset", "recall"}
        for measured in target["recall"].values():
            regret = [measured["regret_at"][k] for k in ("1", "3", "5", "10")]
            assert regret == sorted(regret, reverse=True)
            assert {"spearman", "forward_passes", "bytes_downloaded"} < set(measured)
    both = run("backtest", "--json").document
    assert both["recall_mean"] == found["recall_mean"]
    assert set(both["targets"][0]) > {"selected", "regret", "recall"}
    assert "Recall, means over 6 targets" in run("backtest").out


def test_backtest_shows_no_method_that_lacked_its_proxies(scores: Path, tmp_path: Path, run: Run) -> None:
    """It would rank as the mean does; what is missing is said, and how it comes."""
    place = ("--registry", tmp_path / "plain.db")
    assert run("registry", "import", scores / "curves.csv", *place).code == 0
    done = run("backtest", "--recall-only", *place)
    table, _, below = done.out.partition("not shown, as proxy scores are missing: ")
    assert "fused" in below
    assert "hubselect score" in below
    assert "fused" not in table
    assert "mean" in table


def test_a_registry_without_scores_says_how_they_come(tmp_path: Path, run: Run) -> None:
    place = ("--registry", tmp_path / "empty.db")
    Registry.open(tmp_path / "empty.db").close()
    done = run("matrix", *place)
    assert done.code == 0
    assert "hubselect benchmark" in done.out
    assert run("matrix", *place, "--json").document["models"] == []


def test_backtest_of_another_recall_is_another_selection(registry: Path, run: Run) -> None:
    """Whole selections recall by the method asked for; a proxy nobody knows is bad input."""
    paper, mean = (run("backtest", "-k", "1", "--method", m, "--json").document for m in ("paper", "mean"))
    assert (paper["method"], mean["method"]) == ("paper", "mean")
    assert all(t["proxied"] == 0 for t in mean["targets"])
    assert run("backtest", "--method", "guess").code == 2
    assert run("backtest", "--method", "paper", "--proxy", "leep", "--proxy", "logme").code == 1
    assert "no proxy 'lepp'" in run("backtest", "--proxy", "lepp").err


def test_a_backtest_says_which_proxies_were_never_scored(registry: Path, run: Run) -> None:
    """The paper's figures stay those of leep when another recall is asked for; what is missing is said."""
    plain = run("backtest", "--json").document
    found = run("backtest", "--method", "fused", "--proxy", "knn", "--json").document
    assert found["recall_mean"]["paper"] == plain["recall_mean"]["paper"]
    assert (plain["proxy"], found["proxy"]) == ("leep", "knn")
    assert plain["notes"] == []
    assert "no scores of the proxy knn are recorded" in found["notes"][0]


def test_curves_on_one_dataset_do_not_spoil_the_figures_of_recall(tmp_path: Path, run: Run) -> None:
    """Too few curves to replay: recall is measured all the same."""
    scores = tmp_path / "scores.csv"
    rows = [(f"org/m{m}", f"d{d}", 0.5 + 0.05 * m + 0.01 * d * m) for m in range(4) for d in range(4)]
    curve = [f"org/m0,d0,{s / 2},{n},{n},val\n" for n, s in ((1, 0.6), (2, 0.8))]
    scores.write_text(
        "model,dataset,score,stage,epochs,split\n"
        + "".join(f"{m},{d},{s},,,test\n" for m, d, s in rows)
        + "".join(curve)
    )
    place = ("--registry", tmp_path / "imported.db")
    assert run("registry", "import", scores, *place).code == 0
    found = run("backtest", "--json", *place).document
    assert "validation curves" in found["without_selections"]
    assert "mean" in found["recall_mean"]


def test_a_registry_of_scores_and_proxies_alone_can_be_backtested(tmp_path: Path, run: Run) -> None:
    """No curves: recall is measured, and one line says why no selection was replayed."""
    scores, proxies = tmp_path / "scores.csv", tmp_path / "proxies.csv"
    rows = [(f"org/m{m}", f"d{d}", 0.5 + 0.05 * m + 0.01 * d * m) for m in range(4) for d in range(4)]
    scores.write_text("model,dataset,score\n" + "".join(f"{m},{d},{s}\n" for m, d, s in rows))
    proxies.write_text(
        "model,dataset,proxy,score\n" + "".join(f"{m},{d},logme,{10 * s - 3}\n" for m, d, s in rows)
    )
    place = ("--registry", tmp_path / "imported.db")
    for file in (scores, proxies):
        assert run("registry", "import", file, *place).code == 0
    found = run("backtest", "--json", *place).document
    assert "curves" in found["without_selections"]
    assert found["recall_mean"]["logme"]["spearman"] == pytest.approx(1)
    assert found["recall_mean"]["logme"]["regret_at"]["1"] == 0
    assert "no whole selection was replayed" in run("backtest", *place).out


def test_numbers_of_models_are_numbers_or_auto(registry: Path, run: Run) -> None:
    """`-k 0`, `-k some` and a tolerance above 1 are bad usage."""
    for wrong in (("-k", "0"), ("-k", "some"), ("--tolerance", "2"), ("--scope", "none")):
        done = run("recall", "org/bench0", *wrong)
        assert done.code == 2, wrong


def test_importing_twice_changes_nothing(registry: Path, scores: Path, run: Run) -> None:
    """The report counts what was already known."""
    again = run("registry", "import", scores / "curves.csv", "--json").document
    assert (again["models"], again["runs"], again["points"]) == (0, 0, 0)
    assert again["unchanged"] > 0


def test_exported_scores_come_back(registry: Path, tmp_path: Path, run: Run) -> None:
    """What `export` writes `import` reads, into the same matrix."""
    file = tmp_path / "out.csv"
    assert run("registry", "export", file, "--what", "curves").code == 0
    matrix = run("matrix", "--json").document
    other = tmp_path / "second.db"
    assert run("registry", "import", file, "--registry", other).code == 0
    assert run("matrix", "--json", "--registry", other).document == matrix


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("model,dataset,score\norg/a,org/b,not-a-number\n", "2"),
        ("model,dataset\norg/a,org/b\n", "score"),
        ("", "empty"),
    ],
)
def test_a_faulty_file_is_refused_with_its_line(text: str, line: str, tmp_path: Path, run: Run) -> None:
    """Exit code 1, one line that names the fault, an empty registry."""
    file = tmp_path / "bad.csv"
    file.write_text(text)
    place = tmp_path / "registry.db"
    done = run("registry", "import", file, "--registry", place)
    assert done.code == 1
    assert len(done.err.strip().splitlines()) == 1
    assert line in done.err
    assert run("models", "--json", "--registry", place).document == []  # it was opened, and is empty


@pytest.mark.parametrize(
    "command",
    [
        ("cluster", "--threshold", "-1"),
        ("cluster", "--clusters", "3"),
        ("backtest", "--policy", "best"),
        ("backtest", "-k", "0"),
        ("select", "org/x", "--max-download", "lots"),
        ("select",),
        ("nonsense",),
        ("registry", "import", "x.csv", "--columns", "model"),
    ],
    ids=" ".join,
)
def test_bad_usage_exits_with_2(command: tuple[str, ...], registry: Path, run: Run) -> None:
    """Options out of range are named with their range."""
    done = run(*command)
    assert done.code == 2
    assert "Error" in done.err or "Usage" in done.err


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("curves", "org/nobody"), "org/nobody"),
        (("clusters", "--task", "image-classification"), "hubselect cluster"),
        (("backtest", "--recipe", "0000"), "0000"),
        (("registry", "import", "no-such-file.csv"), "no-such-file.csv"),
        (("benchmark",), "add-dataset"),
    ],
    ids=lambda c: " ".join(c) if isinstance(c, tuple) else c,
)
def test_a_failed_job_is_one_line_that_says_what_to_do(
    command: tuple[str, ...], word: str, registry: Path, run: Run
) -> None:
    """Exit code 1, one line on stderr, nothing on stdout."""
    done = run(*command, "--json")
    assert done.code == 1
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1
    assert word in done.err


def test_a_place_without_a_registry_is_not_made_into_one_by_asking(tmp_path: Path, run: Run) -> None:
    """A mistyped --registry is an error for whatever only reads; nothing is created there."""
    place = tmp_path / "mistyped.db"
    for words in (
        ("models",),
        ("matrix",),
        ("selections",),
        ("clusters",),
        ("curves", "a"),
        ("recall", "a/b"),
    ):
        done = run(*words, "--registry", place)
        assert done.code == 1
        assert "mistyped.db" in done.err
    assert not place.exists()


def test_missing_cells_are_null(tmp_path: Path, run: Run) -> None:
    """A cell without a score is null in the document, never 0 and never NaN."""
    file = tmp_path / "sparse.csv"
    file.write_text("model,dataset,score\na,d1,0.5\nb,d1,0.6\nb,d2,0.7\n")
    place = tmp_path / "registry.db"
    assert run("registry", "import", file, "--registry", place).code == 0
    scores = run("matrix", "--json", "--registry", place).document["scores"]
    assert scores == [[0.5, None], [0.6, 0.7]]
    assert not any(v is not None and math.isnan(v) for row in scores for v in row)


def test_columns_of_a_leaderboard_can_be_named(tmp_path: Path, run: Run) -> None:
    """Any CSV of fine-tuned accuracies fills a registry through --columns."""
    file = tmp_path / "leaderboard.csv"
    file.write_text("checkpoint,task,accuracy\nbert,mnli,0.84\nroberta,mnli,0.87\n")
    place = tmp_path / "registry.db"
    columns = "model=checkpoint,dataset=task,score=accuracy"
    assert run("registry", "import", file, "--columns", columns, "--registry", place).code == 0
    assert run("matrix", "--json", "--registry", place).document["scores"] == [[0.84], [0.87]]
