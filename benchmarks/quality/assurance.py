"""How sure a selection says it is, against what happened: replayed over really recorded fine-tunings.

    python benchmarks/quality/assurance.py [--recording DIR] [--curves DIR] [--output DIR]

Every dataset is the target in turn, under every recorded seed, as in `policies.py`: what is known comes from
the other datasets alone. A recall and a policy select on the recorded curves; the closing statement gives
the probability that another recalled model is better than the winner by more than the tolerance; the
recorded test scores say whether one was. `--curves` adds other recorded curves (tidy CSV).

Nothing in the statement was fitted to these replays: its errors are those that `knowledge.curve_ends`
measures on the datasets it learns from. Beside it stands the same with every comparison taken for
independent of the others, and a constant forecast that knows how often it happens.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.policies import recall_for
from benchmarks.quality.policy_arms import ARMS, BASELINE, CHOSEN, Arm, Knowledge, Priors
from benchmarks.quality.policy_sources import Source
from benchmarks.quality.replay_report import report
from hubselect.backtest import MemoryJournal
from hubselect.backtest.hiding import by_dataset
from hubselect.executors.replay import ReplayExecutor
from hubselect.knowledge.assurance import assurance
from hubselect.recall.quality import bootstrap_interval
from hubselect.records import Recalled, Run
from hubselect.selection import drive

TOLERANCE = 0.005
BINS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
CHECKED = (
    BASELINE,
    CHOSEN,
    "knowledge gradient, adaptive recall, K 5",
    "knowledge gradient, paper's recall, K 10",
    "fine selection, adaptive recall, K 10",
    "halving, adaptive recall, K 4",
    "train all of adaptive recall, K 3",
)


@dataclass(frozen=True)
class Stated:
    """What one replayed selection said, and whether another recalled model `was` better by more than the
    tolerance. `independent` is the same probability from comparisons that share no error."""

    source: str
    target: str
    seed: int
    arm: str
    probability: float
    independent: float
    was: bool


def statements(source: Source, arms: Sequence[Arm]) -> Iterator[Stated]:
    """Every arm on every dataset and seed; selections of which nothing can be said are left out."""
    table = by_dataset(source.proxies)
    for target in sorted({r.dataset for r in source.runs}):
        rest = [r for r in source.runs if r.dataset != target]
        known = Knowledge(rest, source.steps, target)
        recalls = {how: recall_for(source, table, rest, target, *how) for how in {a.recall for a in arms}}
        for seed in sorted({r.seed for r in source.runs if r.dataset == target}):
            runs = {r.model: r for r in source.runs if r.dataset == target and r.seed == seed}
            for arm in arms:
                found = recalls[arm.recall]
                models = [m for m in found.ranked if m in runs][: arm.k]
                stated = _stated(source, known, arm, models, found.priors.of(models), runs, seed)
                if stated is not None:
                    yield stated


def _stated(
    source: Source,
    known: Knowledge,
    arm: Arm,
    models: Sequence[str],
    priors: Priors,
    runs: Mapping[str, Run],
    seed: int,
) -> Stated | None:
    curves = {m: arm.thinned(r) for m, r in runs.items()}
    epochs = [p.epochs for p in max(curves.values(), key=lambda r: len(r.curve)).curve]
    journal = MemoryJournal(models)
    winner = drive(arm.policy(known, epochs, priors), ReplayExecutor(curves), journal).winner
    recalled = [
        Recalled(m, 0.0, math.nan, None, None, None, None, *priors.scores.get(m, (None, None, None)))
        for m in models
    ]
    test, points = runs[winner].test, journal.history().points
    ends = known.ends(epochs).with_priors(*priors)
    said = assurance(winner, test, points, recalled, ends, TOLERANCE)
    if said.probability is None or test is None:
        return None
    tests = [t for m in models if m != winner and (t := runs[m].test) is not None]
    return Stated(
        source.name,
        known.target,
        seed,
        arm.name,
        said.probability,
        1 - math.prod(1 - r.probability for r in said.rivals),
        any(t > test + TOLERANCE for t in tests),
    )


def run(sources: Iterable[Source]) -> dict[str, Any]:
    arms = [a for a in ARMS if a.name in CHECKED]
    found: list[Stated] = []
    for source in sources:
        print(f"{source.name}: {len(source.runs)} runs", file=sys.stderr, flush=True)
        found += statements(source, arms)
    groups = {name: [s for s in found if s.source == name] for name in dict.fromkeys(s.source for s in found)}
    by_arm = {name: [s for s in found if s.arm == name] for name in CHECKED}
    return {
        "machine": machine("numpy", "scipy", "scikit-learn"),
        "tolerance": TOLERANCE,
        "sources": {name: summary(group) for name, group in {**groups, "all": found}.items()},
        "arms": {name: summary(group) for name, group in by_arm.items() if group},
        "statements": [asdict(s) for s in found],
    }


def summary(stated: Sequence[Stated]) -> dict[str, Any]:
    """Brier scores (mean squared error of a probability), and what happened by what was said."""
    rate = fmean(s.was for s in stated)
    gains: dict[tuple[str, str], list[float]] = {}
    for s in stated:
        gain = (rate - s.was) ** 2 - (s.probability - s.was) ** 2
        gains.setdefault((s.source, s.target), []).append(gain)
    return {
        "statements": len(stated),
        "datasets": len(gains),
        "said": fmean(s.probability for s in stated),
        "was": rate,
        "brier": fmean((s.probability - s.was) ** 2 for s in stated),
        "brier_independent": fmean((s.independent - s.was) ** 2 for s in stated),
        "brier_constant": rate * (1 - rate),
        "gain_interval": bootstrap_interval([fmean(each) for each in gains.values()]),
        "reliability": [row for low, high in pairwise(BINS) if (row := _bin(stated, low, high))],
    }


def _bin(stated: Sequence[Stated], low: float, high: float) -> dict[str, Any] | None:
    inside = [s for s in stated if low <= s.probability < high or s.probability == high == 1]
    if not inside:
        return None
    return {
        "from": low,
        "to": high,
        "statements": len(inside),
        "said": fmean(s.probability for s in inside),
        "was": fmean(s.was for s in inside),
    }


def page(result: Mapping[str, Any]) -> str:
    lines = [
        "# How sure a selection says it is, and what happened",
        "",
        "Made by `python benchmarks/quality/assurance.py`. Said: the mean stated probability that another "
        f"recalled model is better than the winner by more than {result['tolerance']:g}; was: how often one "
        "was, by recorded test scores. Brier: mean squared error of the probability, lower is better; beside "
        "it that of comparisons taken for independent, and of a constant forecast that knows the frequency "
        "of its own row. Gain: constant minus stated, 95 % bootstrap over datasets. Selections on one "
        "dataset are not independent of each other.",
        "",
        "Nothing was fitted to these numbers. A factor on the standard deviations was tried: each source "
        "would have liked another one (0.6 to above 1), so there is none.",
        "",
    ]
    head = "| statements | datasets | said | was | Brier | independent | constant | gain |"
    for title, key in (("source", "sources"), ("recall and policy", "arms")):
        lines += [f"| {title} {head}", f"|---{'|---' * 8}|"]
        lines += [f"| {name} | {_row(row)} |" for name, row in result[key].items()] + [""]
    lines += ["## Reliability, all", "", "| stated | statements | said | was |", "|---|---|---|---|"]
    for row in result["sources"]["all"]["reliability"]:
        stated = f"{row['from']:.0%} to {row['to']:.0%}"
        lines.append(f"| {stated} | {row['statements']} | {row['said']:.1%} | {row['was']:.1%} |")
    return "\n".join([*lines, ""])


def _row(row: Mapping[str, Any]) -> str:
    gain = row["brier_constant"] - row["brier"]
    interval = row["gain_interval"]
    spread = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else ""
    cells = [
        str(row["statements"]),
        str(row["datasets"]),
        f"{row['said']:.1%}",
        f"{row['was']:.1%}",
        f"{row['brier']:.3f}",
        f"{row['brier_independent']:.3f}",
        f"{row['brier_constant']:.3f}",
        f"{gain:.3f}{spread}",
    ]
    return " | ".join(cells)


def main() -> None:
    report(__doc__ or "", "assurance", run, page)


if __name__ == "__main__":
    main()
