"""The check of stated probabilities, on a small generated zoo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.quality.assurance import Stated, page, statements, summary
from benchmarks.quality.policy_arms import ARMS
from benchmarks.quality.policy_sources import Source
from hubselect.records import CurvePoint, Run

ARM = next(a for a in ARMS if a.name == "train all of adaptive recall, K 3")


@pytest.fixture(scope="module")
def source() -> Source:
    chance, runs = np.random.default_rng(0), []
    for d in range(5):
        for m in range(6):
            end = 0.4 + 0.04 * d + 0.01 * m + float(chance.normal(0, 0.02))
            points = tuple(
                CurvePoint(f"m{m}", n, float(n), end - 0.2 * 0.5**n + float(chance.normal(0, 0.01)))
                for n in (1, 2, 3)
            )
            runs.append(Run(f"m{m}", f"d{d}", "r", "done", curve=points, test=end))
    return Source("made", "text-classification", tuple(runs), ())


def test_a_targets_test_scores_decide_what_was_and_not_what_is_said(source: Source) -> None:
    """One statement per target; with the target's test scores turned around the probability stays."""
    found = {s.target: s for s in statements(source, [ARM])}
    assert set(found) == {f"d{d}" for d in range(5)}
    assert all(0 <= s.probability <= s.independent + 1e-9 <= 1 + 1e-9 for s in found.values())
    turned = replace(
        source,
        runs=tuple(
            replace(r, test=1 - r.test) if r.dataset == "d0" and r.test is not None else r
            for r in source.runs
        ),
    )
    (again,) = [s for s in statements(turned, [ARM]) if s.target == "d0"]
    assert again.probability == pytest.approx(found["d0"].probability)


def test_scores_and_bins_are_counted_by_hand() -> None:
    """Said .1, .3, .3, .9; was no, no, yes, yes. Brier (.01 + .09 + .49 + .01) / 4; constant .25."""
    said = [(0.1, False), (0.3, False), (0.3, True), (0.9, True)]
    stated = [Stated("s", f"d{i}", 0, "a", p, p, was) for i, (p, was) in enumerate(said)]
    found = summary(stated)
    assert found["brier"] == pytest.approx(0.15)
    assert found["brier_constant"] == 0.25
    assert [(r["from"], r["statements"], r["was"]) for r in found["reliability"]] == [
        (0.1, 1, 0.0),
        (0.2, 2, 0.5),
        (0.8, 1, 1.0),
    ]
    text = page({"tolerance": 0.005, "sources": {"all": found}, "arms": {"a": found}})
    assert "| 20% to 40% | 2 | 30.0% | 50.0% |" in text
