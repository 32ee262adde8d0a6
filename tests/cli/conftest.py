"""Runs the command line in this process, exactly as the console script does."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from hubselect.cli import main


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Stdout as the one JSON document it must be."""
        return json.loads(self.out)


Run = Callable[..., Done]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*args: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["hubselect", *map(str, args)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        seen = capsys.readouterr()
        assert "Traceback" not in seen.err
        return Done(code if isinstance(code, int) else 0, seen.out, seen.err)

    return call


MODELS = [f"org/g{g}-m{i}" for g in range(3) for i in range(3)]
DATASETS = [f"org/bench{i}" for i in range(6)]


def curves() -> pd.DataFrame:
    """Three groups of models that fine-tune alike, five stages each."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0.4, 0.9, (3, len(DATASETS)))
    rows = []
    for number, model in enumerate(MODELS):
        for d, dataset in enumerate(DATASETS):
            score = float(centre[number // 3, d] + rng.normal(0, 0.004))
            rows += [(model, dataset, s, float(s), "val", score * (1 - 0.5**s)) for s in range(1, 6)]
            rows.append((model, dataset, 5, 5.0, "test", score))
    return pd.DataFrame(rows, columns=["model", "dataset", "stage", "epochs", "split", "score"])


@pytest.fixture(scope="session")
def scores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CSV file of validation curves and test scores, and one of proxies beside it."""
    folder = tmp_path_factory.mktemp("scores")
    frame = curves()
    frame.to_csv(folder / "curves.csv", index=False)
    proxies = frame[frame["split"] == "test"][["model", "dataset", "score"]]
    proxies = proxies.assign(proxy="leep", score=np.log(proxies["score"]))
    proxies.to_csv(folder / "proxies.csv", index=False)
    return folder


@pytest.fixture
def registry(scores: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of imported results, named by HUBSELECT_REGISTRY."""
    place = tmp_path / "registry.db"
    monkeypatch.setenv("HUBSELECT_REGISTRY", str(place))
    assert run("registry", "import", scores / "curves.csv").code == 0
    assert run("registry", "import", scores / "proxies.csv").code == 0
    assert run("cluster", "--threshold", "0.05").code == 0
    return place
