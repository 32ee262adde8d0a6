"""Who goes on after a stage: policies replayed leave-one-dataset-out over really recorded fine-tunings.

    python benchmarks/quality/policies.py [--recording DIR | --registry DB] [--curves DIR] [--output DIR]

Every dataset is the target in turn, under every recorded seed: what is known comes from the other datasets
alone, the recall ranks the models as in `hubselect backtest`, and the policy decides on the recorded
curves. Compared with the best test score of all models, and with brute force, which trains all of them
and takes the best by validation. `--curves` adds other recorded curves (tidy CSV).

The policy was designed on `--curves` and on the recorded texts under seed 0; the recorded images were
replayed for the first time when it was fixed. Both stand side by side in the results.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.policy_arms import ARMS, Arm, Knowledge, Priors
from benchmarks.quality.policy_results import MEASURED, Replay, page, summaries
from benchmarks.quality.policy_sources import Source
from benchmarks.quality.replay_report import report
from hubselect.backtest import MemoryJournal
from hubselect.backtest.hiding import Table, by_dataset, hidden_target, with_proxies
from hubselect.executors.replay import ReplayExecutor
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import method
from hubselect.recall.prediction import as_priors, predictions
from hubselect.records import Run
from hubselect.selection import drive


@dataclass(frozen=True)
class Recalled:
    """The ranking of one recall for one target, for how many models proxies were computed, and priors."""

    ranked: tuple[str, ...]
    proxied: int
    priors: Priors


def replays(source: Source, arms: Sequence[Arm]) -> Iterator[Replay]:
    """Every arm on every dataset and seed of a source."""
    table = by_dataset(source.proxies)
    for target in sorted(source.targets or {r.dataset for r in source.runs}):
        rest = [r for r in source.runs if r.dataset != target]
        knowledge = Knowledge(rest, source.steps, target)
        recalls = {how: recall_for(source, table, rest, target, *how) for how in {a.recall for a in arms}}
        for seed in sorted({r.seed for r in source.runs if r.dataset == target}):
            runs = {r.model: r for r in source.runs if r.dataset == target and r.seed == seed}
            last = max(runs.values(), key=lambda r: (r.curve[-1].val, r.model)).model  # brute force's pick
            for arm in arms:
                yield _replay(source, arm, knowledge, recalls[arm.recall], runs, seed, last)


def recall_for(
    source: Source, table: Table, rest: Sequence[Run], target: str, name: str, scope: str, top: int | None
) -> Recalled:
    matrix = PerformanceMatrix.from_runs(rest)
    evidence = hidden_target(
        target,
        matrix,
        matrix.models,
        table,
        task=source.task,
        threshold=None,
        top_k=5,
        classes=source.classes,
    )
    how = method(name)
    evidence = with_proxies(evidence, how, scope, table.get(target, {}), top)  # type: ignore[arg-type]
    ranked = tuple(r.model for r in how.rank(evidence))
    priors = Priors(*as_priors(predictions(evidence, how.proxies)))
    return Recalled(ranked, len(set().union(*evidence.proxies.values())), priors)


def _replay(
    source: Source,
    arm: Arm,
    knowledge: Knowledge,
    recalled: Recalled,
    runs: dict[str, Run],
    seed: int,
    brute_force: str,
) -> Replay:
    at_barriers = {m: arm.thinned(r) for m, r in runs.items()}
    candidates = [m for m in recalled.ranked if m in runs][: arm.k]
    epochs = [p.epochs for p in max(at_barriers.values(), key=lambda r: len(r.curve)).curve]
    journal = MemoryJournal(candidates)
    policy = arm.policy(knowledge, epochs, recalled.priors.of(candidates))
    winner = drive(policy, ReplayExecutor(at_barriers), journal).winner
    tests = {m: r.test for m, r in runs.items() if r.test is not None}
    return Replay(
        source=source.name,
        target=knowledge.target,
        seed=seed,
        arm=arm.name,
        models=len(runs),
        full=epochs[-1],
        training=journal.epochs(),
        proxied=recalled.proxied,
        per_pass=source.passes.get(knowledge.target, MEASURED),
        bounded=arm.recall[1] == "adaptive",
        winner=winner,
        regret=max(tests.values()) - tests[winner],
        behind_brute_force=tests[brute_force] - tests[winner],
    )


def run(sources: Iterable[Source]) -> dict[str, object]:
    found = []
    for source in sources:
        print(f"{source.name}: {len(source.runs)} runs", file=sys.stderr, flush=True)
        found += list(replays(source, ARMS))
    return {"machine": machine("numpy", "scipy", "scikit-learn"), **summaries(found)}


def main() -> None:
    report(__doc__ or "", "policies", run, page)


if __name__ == "__main__":
    main()
