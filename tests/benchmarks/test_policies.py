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
from benchmarks.quality.sizes import drawn, zoo
from benchmarks.quality.sizes import page as sizes_page
from benchmarks.quality.sizes import selections as sizes_replayed

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


def test_zoos_are_drawn_without_repeating_a_checkpoint_where_there_are_enough(source: Source) -> None:
    """Six checkpoints in each of two zoos; further ones are the same under another seed, which is marked."""
    again = tuple(replace(r, seed=1) for r in source.runs)
    first = replace(source, name="recorded-text", runs=(*source.runs, *again))
    second = replace(source, name="second-zoo-text")
    for size, distinct in ((4, True), (12, True), (18, False)):
        chosen = drawn([first, second], size, 0)
        assert chosen is not None
        members, told = chosen
        assert (len({m.name for m in members}), told) == (size, distinct)
    assert drawn([first, second], 19, 0) is None
    assert drawn([first, second], 4, 0) == drawn([first, second], 4, 0) != drawn([first, second], 4, 1)


def test_selections_in_a_smaller_zoo_know_its_members_only(source: Source) -> None:
    sources = [replace(source, name="recorded-text"), replace(source, name="second-zoo-text")]
    chosen = drawn(sources, 5, 0)
    assert chosen is not None
    members = chosen[0]
    made = zoo(members, frozenset({"d0", "d1", "d2", "d3"}))
    names = {m.name for m in members}
    assert {r.model for r in made.runs} == {p.model for p in made.proxies} == names
    assert {r.dataset for r in made.runs} == {"d0", "d1", "d2", "d3"}
    assert all(p.model == r.model for r in made.runs for p in r.curve)
    (row,) = sizes_replayed(sources, [5], 2)
    assert (row["models"], row["replays"], row["distinct"]) == (5, 10, True)
    assert row["brute_force"]["measured"] == pytest.approx(5 * 2 / row["epochs"]["measured"])
    assert "| 5 | 10 |" in sizes_page({"draws": 2, "groups": {"text": [row]}})
