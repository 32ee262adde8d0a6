"""The comparison of policies, on a small generated zoo in tidy CSV files."""

from __future__ import annotations

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality.policies import replays
from benchmarks.quality.policy_arms import ARMS, BASELINE, CHOSEN
from benchmarks.quality.policy_results import page, summaries
from benchmarks.quality.policy_sources import Source, of_folder

EPOCHS = [0.25 * n for n in range(1, 9)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder, chance = tmp_path_factory.mktemp("curves"), np.random.default_rng(0)
    for kind in ("text", "image"):
        curves: list[list[object]] = []
        proxies: list[list[object]] = []
        for d in range(5):
            for m in range(6):
                end = 0.4 + 0.04 * d + 0.03 * m + float(chance.normal(0, 0.02))
                name = f"m{m}", f"d{d}"
                for n, epochs in enumerate(EPOCHS, start=1):
                    score = end - 0.2 * 0.5**epochs + float(chance.normal(0, 0.005))
                    curves.append([*name, 0, n, epochs, "val", score])
                curves.append([*name, 0, len(EPOCHS), EPOCHS[-1], "test", end])
                proxies += [[*name, p, end - 1] for p in ("leep", "logme_both", "hscore_both", "ridge_both")]
        _write(folder / f"{kind}_curves.csv.gz", "model dataset seed stage epochs split score", curves)
        _write(folder / f"{kind}_proxies.csv.gz", "model dataset proxy score", proxies)
    text, _ = of_folder("made", folder, frozenset())
    return text


def _write(path: Path, names: str, rows: list[list[object]]) -> None:
    with gzip.open(path, "wt", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names.split())
        writer.writerows(rows)


def test_every_arm_is_replayed_on_every_target(source: Source) -> None:
    """All candidates end with a winner; costs lie between one training and all; the page names them."""
    found = list(replays(source, ARMS))
    assert len(found) == 5 * len(ARMS)
    assert all(2 <= r.training <= 2 * 6 and r.regret >= 0 for r in found)
    text = page({"chosen": CHOSEN, **summaries(found)})
    assert all(f"| {arm.name} |" in text for arm in ARMS)


def test_a_targets_test_scores_never_reach_a_decision(source: Source) -> None:
    """Turned upside down they change the regret, and nobody's winner or cost on that target."""
    arms = [a for a in ARMS if a.name in (CHOSEN, BASELINE)]
    turned = tuple(
        replace(r, test=1 - r.test) if r.dataset == "d0" and r.test is not None else r for r in source.runs
    )
    before = [r for r in replays(source, arms) if r.target == "d0"]
    after = [r for r in replays(replace(source, runs=turned), arms) if r.target == "d0"]
    assert [(r.winner, r.training) for r in before] == [(r.winner, r.training) for r in after]
    assert [r.regret for r in before] != [r.regret for r in after]
