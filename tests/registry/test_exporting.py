"""What is exported is imported again: the same scores, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import Model
from hubselect.registry import Registry
from tests.registry.conftest import IMAGE, TEXT, fill

NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
RUNS = st.dictionaries(
    st.tuples(NAMES, NAMES, st.integers(0, 3)),
    st.tuples(st.lists(SCORES, max_size=4), SCORES),
    min_size=1,
    max_size=6,
)


def tidy(runs: dict[tuple[str, str, int], tuple[list[float], float]]) -> pd.DataFrame:
    rows = []
    for (model, dataset, seed), (curve, test) in runs.items():
        rows += [(model, dataset, seed, "val", i, i / 2, val) for i, val in enumerate(curve, start=1)]
        rows.append((model, dataset, seed, "test", None, None, test))
    return pd.DataFrame(rows, columns=["model", "dataset", "seed", "split", "stage", "epochs", "score"])


@pytest.mark.slow
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs=RUNS, suffix=st.sampled_from([".csv", ".csv.gz", ".parquet"]))
def test_curves_survive_a_round_trip(
    runs: dict[tuple[str, str, int], tuple[list[float], float]], suffix: str
) -> None:
    """Any names and finite scores come back exactly, under an equal recipe, and again as unchanged."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        with Registry.open(Path(folder) / "a.db") as one, Registry.open(Path(folder) / "b.db") as two:
            one.import_scores(tidy(runs), recipe="r", source="s")
            one.export(path, what="curves")
            two.import_scores(path, source="s")
            assert two.runs() == one.runs()
            assert two.recipes() == one.recipes()
            assert two.matrix().equals(one.matrix())
            again = one.import_scores(path)
            assert (again.runs, again.points, again.unchanged) == (0, 0, len(tidy(runs)))


def test_everything_is_exported_into_a_folder(registry: Registry, tmp_path: Path) -> None:
    """Test scores, curves and proxies; measured recipes come back as imported ones of equal length."""
    fill(registry)
    registry.import_scores(pd.DataFrame({"model": ["v"], "dataset": ["x"], "score": [0.5]}), task=IMAGE)
    written = registry.export(tmp_path / "out", what="all")
    assert [p.name for p in written] == ["scores.csv", "curves.csv", "proxies.csv"]
    with Registry.open(tmp_path / "second.db") as second:
        for path in written:
            second.import_scores(path)
        assert second.matrix(TEXT).equals(registry.matrix(TEXT))
        assert second.matrix(IMAGE).equals(registry.matrix(IMAGE))
        assert [s.score for s in second.proxy_scores()] == [-0.5]
        assert {r.stages for r in second.recipes(TEXT)} == {3}
        assert len(second.recipes()) == 2
        assert second.check() == []


def test_recipes_of_one_name_stay_apart(registry: Registry, tmp_path: Path) -> None:
    """Where two recipes have the same name the file names their digests."""
    for stages in (2, 3):
        frame = pd.DataFrame({"model": ["a"], "dataset": ["d"], "score": [0.1 * stages], "stage": [stages]})
        registry.import_scores(frame, recipe="same")
    (path,) = registry.export(tmp_path / "scores.csv")
    with Registry.open(tmp_path / "second.db") as second:
        second.import_scores(path)
        assert sorted(r.test for r in second.runs() if r.test) == pytest.approx([0.2, 0.3])
        assert all(r.name.startswith("same@") for r in second.recipes())


def test_results_of_older_weights_are_not_exported(registry: Registry, tmp_path: Path) -> None:
    """What leaves the registry is what its matrix shows."""
    fill(registry)
    registry.add_model(Model("org/a", TEXT, revision="9" * 40, weights_digest="new"))
    (path,) = registry.export(tmp_path / "scores.csv")
    assert pd.read_csv(path)["model"].tolist() == ["org/b"]


def test_exports_that_cannot_be_are_refused(registry: Registry, tmp_path: Path) -> None:
    """Nothing to export, unknown kinds and suffixes, places that cannot be written."""
    with pytest.raises(KnowledgeMissing):
        registry.export(tmp_path / "out.csv")
    with pytest.raises(KnowledgeMissing):
        registry.export(tmp_path / "out", what="all")
    fill(registry)
    (tmp_path / "file").touch()
    for path, what in (
        ("out.xlsx", "scores"),
        ("out.csv", "all"),
        ("out.csv", "everything"),
        ("file/out.csv", "scores"),
    ):
        with pytest.raises(InvalidInput):
            registry.export(tmp_path / path, what=what)  # type: ignore[arg-type]
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix == ".csv") == []
