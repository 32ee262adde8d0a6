"""Where results come from and when they were submitted: kept by imports, files and questions."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from hubselect.errors import InvalidInput
from hubselect.records import ProxyScore
from hubselect.registry import Registry
from tests.registry.conftest import fill

ROWS = "model,dataset,score,split,stage,submitted\n"


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_was_submitted_when_its_test_score_was(registry: Registry, tmp_path: Path) -> None:
    """Without a test score, when its last validation was; an empty cell says nothing."""
    text = ROWS + (
        "o/a,o/d,0.1,val,1,2024-01-01\no/a,o/d,0.2,val,2,2024-01-02\no/a,o/d,0.3,test,2,3 May 2024\n"
        "o/b,o/d,0.1,val,1,2024-01-01\no/b,o/d,0.2,val,2,2024-01-02\no/c,o/d,0.3,test,2,\n"
    )
    registry.import_scores(put(tmp_path / "table.csv", text))
    assert {r.model: r.submitted for r in registry.runs()} == {
        "o/a": "3 May 2024",
        "o/b": "2024-01-02",
        "o/c": None,
    }


def test_dates_of_files_and_frames_become_iso_8601(registry: Registry, tmp_path: Path) -> None:
    """Timestamps of Parquet, dates of a frame, numbers as they are written."""
    row = {"model": "o/a", "dataset": "o/d", "score": 0.5}
    frame = pd.DataFrame([{**row, "submitted": pd.Timestamp("2024-05-03T01:02:03Z")}])
    frame.to_parquet(tmp_path / "table.parquet")
    registry.import_scores(tmp_path / "table.parquet")
    registry.import_scores(pd.DataFrame([{**row, "model": "o/b", "submitted": date(2024, 5, 3)}]))
    registry.import_scores(pd.DataFrame([{**row, "model": "o/c", "submitted": 2024}]))
    told = {r.model: r.submitted for r in registry.runs()}
    assert told == {"o/a": "2024-05-03T01:02:03+00:00", "o/b": "2024-05-03", "o/c": "2024"}


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_files_bring_it_back(registry: Registry, tmp_path: Path, suffix: str) -> None:
    """Scores, curves and proxy scores; a registry that knows of no date writes no such column."""
    text = ROWS + "o/a,o/d,0.1,val,1,then\no/a,o/d,0.3,test,1,now\no/b,o/d,0.3,test,1,\n"
    registry.import_scores(put(tmp_path / "t.csv", text), recipe="r", source="t")
    proxies = "model,dataset,score,proxy,submitted\no/a,o/d,0.5,logme,now\no/b,o/d,0.25,logme,\n"
    registry.import_scores(put(tmp_path / "p.csv", proxies), source="p")
    with Registry.open(tmp_path / "new.db") as new:
        for what in ("curves", "proxies"):
            path = tmp_path / f"{what}{suffix}"
            registry.export(path, what=what)  # type: ignore[arg-type]
            new.import_scores(path, source="t" if what == "curves" else "p", recipe=None)
        assert [(r.model, r.test, r.submitted) for r in new.runs()] == [
            (r.model, r.test, r.submitted) for r in registry.runs()
        ]
        assert new.proxy_scores() == registry.proxy_scores()
    with Registry.open(tmp_path / "other.db") as other:
        fill(other)
        other.export(tmp_path / f"bare{suffix}")
    read = pd.read_parquet if suffix == ".parquet" else pd.read_csv
    assert "submitted" not in read(tmp_path / f"bare{suffix}").columns


def test_what_cannot_be_a_date_or_words_is_refused(registry: Registry, tmp_path: Path) -> None:
    """A line that holds control characters or an essay, with its number."""
    for text in ("bad\x07bell", "x" * 5000):
        with pytest.raises(InvalidInput, match="line 3: submitted"):
            registry.import_scores(
                put(tmp_path / "t.csv", f"{ROWS}o/a,o/d,0.1,test,1,then\no/b,o/d,0.1,test,1,{text}\n")
            )
    assert registry.runs() == []


def test_proxy_scores_tell_their_source(registry: Registry, tmp_path: Path) -> None:
    """Measured here or imported from a file; a new import of the same says its own."""
    fill(registry)
    text = "model,dataset,score,proxy,submitted\norg/b,org/e,{},logme,{}\n"
    registry.import_scores(put(tmp_path / "one.csv", text.format(0.5, "May")))
    wanted = ProxyScore("org/b", "org/e", "logme", 0.5, "imported", "imported:one", "May")
    assert registry.proxy_scores(proxy="logme") == [wanted]
    registry.import_scores(put(tmp_path / "two.csv", text.format(0.75, "June")))
    wanted = replace(wanted, score=0.75, source="imported:two", submitted="June")
    assert registry.proxy_scores(proxy="logme") == [wanted]
    assert registry.proxy_scores(proxy="leep")[0].source == "measured"
    frame = registry.proxies_frame(proxy="logme")
    assert frame[["source", "submitted"]].to_numpy().tolist() == [["imported:two", "June"]]
    with pytest.raises(InvalidInput, match="source"):
        registry.add_proxy_scores([replace(wanted, source=" ")])
