"""How the saving grows with the zoo: whole selections replayed in zoos of 10, 20, 40 and 80 checkpoints.

    python benchmarks/quality/sizes.py [--draws 4] [--output DIR]

Not arithmetic: in a smaller zoo there are fewer clusters, fewer recorded curves to learn from, and fewer
good checkpoints to find. Every zoo is drawn at random from the recorded ones, and every dataset is the
target in turn. Up to as many checkpoints as were pre-trained (both pre-training seeds together), a zoo has
different checkpoints only; beyond that, one fine-tuned under another seed stands for one more, which is
marked. Brute force trains all of the zoo, halving begins with all of it.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.policies import replays
from benchmarks.quality.policy_arms import ARMS, BASELINE, CHOSEN
from benchmarks.quality.policy_results import SIZES, Replay, points_text
from benchmarks.quality.policy_sources import Source
from benchmarks.quality.replay_report import report
from hubselect.recall.classes import Classes
from hubselect.recall.quality import bootstrap_interval
from hubselect.selection.costs import successive_halving_epochs

DRAWS = 4
SOURCES = ("recorded", "second-zoo")


@dataclass(frozen=True)
class Checkpoint:
    """One of a zoo: a model of a source, fine-tuned under one seed."""

    source: Source
    model: str
    seed: int

    @property
    def name(self) -> str:
        return f"{self.source.name}/{self.model}@{self.seed}"


def checkpoints(sources: Sequence[Source]) -> tuple[list[Checkpoint], list[Checkpoint]]:
    """Those with results under the first seed of their source, and the same under other seeds."""
    first: list[Checkpoint] = []
    again: list[Checkpoint] = []
    for source in sources:
        seeds = sorted({r.seed for r in source.runs})
        for seed in seeds:
            models = sorted({r.model for r in source.runs if r.seed == seed})
            (first if seed == seeds[0] else again).extend(Checkpoint(source, m, seed) for m in models)
    return first, again


def drawn(sources: Sequence[Source], size: int, draw: int) -> tuple[list[Checkpoint], bool] | None:
    """A zoo of `size` checkpoints and whether all are different; None when so many are not recorded."""
    first, again = checkpoints(sources)
    chance = random.Random(f"{size} {draw}")
    if size <= len(first):
        return chance.sample(first, size), True
    if size <= len(first) + len(again):
        return first + chance.sample(again, size - len(first)), False
    return None


def zoo(members: Sequence[Checkpoint], datasets: frozenset[str]) -> Source:
    """The runs, proxies and class names of the members as those of one zoo."""
    by_source: dict[str, list[Checkpoint]] = {}
    for member in members:
        by_source.setdefault(member.source.name, []).append(member)
    some = members[0].source
    named: dict[str, Any] = {}
    runs, proxies = [], []
    for group in by_source.values():
        source = group[0].source
        names = {(m.model, m.seed): m.name for m in group}
        runs += [
            replace(r, model=name, seed=0, curve=tuple(replace(p, model=name) for p in r.curve))
            for r in source.runs
            if r.dataset in datasets and (name := names.get((r.model, r.seed)))
        ]
        for member in group:
            named[member.name] = source.classes.models.get(member.model, ())
        proxies += [
            replace(p, model=member.name)
            for member in group
            for p in source.proxies
            if p.model == member.model and p.dataset in datasets
        ]
    classes = Classes(named, some.classes.datasets)
    return replace(some, runs=tuple(runs), proxies=tuple(proxies), classes=classes, targets=frozenset())


def selections(sources: Sequence[Source], sizes: Sequence[int], draws: int) -> Iterator[dict[str, Any]]:
    """Summaries by size: the product's default beside the paper's two phases."""
    arms = [a for a in ARMS if a.name in (CHOSEN, BASELINE)]
    common = frozenset.intersection(*(frozenset(r.dataset for r in s.runs) for s in sources))
    for size in sizes:
        found: dict[str, list[Replay]] = {a.name: [] for a in arms}
        distinct = True
        for draw in range(draws):
            chosen = drawn(sources, size, draw)
            if chosen is None:
                break
            members, distinct = chosen
            for replay in replays(zoo(members, common), arms):
                found[replay.arm].append(replay)
        if found[CHOSEN]:
            yield {"models": size, "distinct": distinct, **summary(found)}


def summary(found: Mapping[str, Sequence[Replay]]) -> dict[str, Any]:
    chosen, baseline = found[CHOSEN], found[BASELINE]
    models, full = chosen[0].models, chosen[0].full
    halving = successive_halving_epochs(models, round(full))
    costs = {"measured": fmean(r.measured for r in chosen), "paper": fmean(r.paper for r in chosen)}
    behind: dict[str, list[float]] = {}
    for r in chosen:
        behind.setdefault(r.target, []).append(r.behind_brute_force)
    return {
        "targets": len(behind),
        "replays": len(chosen),
        "epochs": costs,
        "brute_force": {how: models * full / epochs for how, epochs in costs.items()},
        "halving": {how: halving / epochs for how, epochs in costs.items()},
        "of_two_phases": {
            "measured": costs["measured"] / fmean(r.measured for r in baseline),
            "paper": costs["paper"] / fmean(r.paper for r in baseline),
        },
        "behind": fmean(r.behind_brute_force for r in chosen),
        "behind_interval": bootstrap_interval([fmean(each) for each in behind.values()]),
        "two_phases_behind": fmean(r.behind_brute_force for r in baseline),
        "regret": fmean(r.regret for r in chosen),
    }


def run(sources: Sequence[Source], draws: int = DRAWS) -> dict[str, Any]:
    groups: dict[str, Any] = {}
    for kind in ("text", "image"):
        some = [s for s in sources if s.name in {f"{name}-{kind}" for name in SOURCES}]
        if some:
            print(kind, [s.name for s in some], file=sys.stderr, flush=True)
            groups[kind] = list(selections(some, SIZES, draws))
    return {"machine": machine("numpy", "scipy", "scikit-learn"), "draws": draws, "groups": groups}


def page(result: Mapping[str, Any]) -> str:
    lines = [
        "# Zoos of 10, 20, 40 and 80 checkpoints",
        "",
        "Made by `python benchmarks/quality/sizes.py`: whole selections replayed with the product's default "
        f"({CHOSEN}), {result['draws']} zoos of each size drawn at random from the recorded ones, every "
        "dataset hidden in turn. Epochs: training of all candidates plus recall, as the product counts it "
        "/ as in Table VI of the paper (0.5 for each model with a proxy). Behind: points behind brute force "
        "over the same zoo, which takes the best by validation; 95 % bootstrap over datasets. A zoo marked "
        "with * counts checkpoints fine-tuned under another seed as further ones: so many different ones "
        "are not recorded.",
        "",
    ]
    for kind, rows in result["groups"].items():
        lines += [
            f"## {kind}",
            "",
            "| models | replays | epochs | brute force | halving | of the two phases' cost | behind "
            "| the two phases behind |",
            "|---|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            both = [
                f"{row[key]['measured']:{form}} / {row[key]['paper']:{form}}"
                for key, form in (
                    ("epochs", ".1f"),
                    ("brute_force", ".1f"),
                    ("halving", ".1f"),
                    ("of_two_phases", ".0%"),
                )
            ]
            cells = [
                f"{row['models']}{'' if row['distinct'] else '*'}",
                str(row["replays"]),
                *both,
                points_text(row["behind"], row["behind_interval"]),
                points_text(row["two_phases_behind"], None),
            ]
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    report(__doc__ or "", "sizes", run, page)


if __name__ == "__main__":
    main()
