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

import argparse
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.held_out import HELD_OUT
from benchmarks.quality.load import HELD_OUT_RECORDING, RECORDING, SECOND_ZOO, recorded_registry
from benchmarks.quality.policy_arms import ARMS, Arm, Knowledge
from benchmarks.quality.policy_results import MEASURED, Replay, page, summaries
from benchmarks.quality.policy_sources import Source, of_folder, of_registry
from hubselect.backtest import MemoryJournal
from hubselect.backtest.hiding import Table, by_dataset, hidden_target, with_proxies
from hubselect.executors.replay import ReplayExecutor
from hubselect.knowledge.matrix import PerformanceMatrix
from hubselect.recall.methods import method
from hubselect.recall.prediction import predictions
from hubselect.records import Run
from hubselect.registry import Registry
from hubselect.selection import drive

RESULTS = Path(__file__).parents[1] / "results"


@dataclass(frozen=True)
class Recalled:
    """The ranking of one recall for one target, for how many models proxies were computed, and priors."""

    ranked: tuple[str, ...]
    proxied: int
    priors: dict[str, tuple[float, float, float]]


def replays(source: Source, arms: Sequence[Arm]) -> Iterator[Replay]:
    """Every arm on every dataset and seed of a source."""
    table = by_dataset(source.proxies)
    for target in sorted(source.targets or {r.dataset for r in source.runs}):
        rest = [r for r in source.runs if r.dataset != target]
        knowledge = Knowledge(rest, source.steps, target)
        recalls = {how: _recall(source, table, rest, target, *how) for how in {a.recall for a in arms}}
        for seed in sorted({r.seed for r in source.runs if r.dataset == target}):
            runs = {r.model: r for r in source.runs if r.dataset == target and r.seed == seed}
            last = max(runs.values(), key=lambda r: (r.curve[-1].val, r.model)).model  # brute force's pick
            for arm in arms:
                yield _replay(source, arm, knowledge, recalls[arm.recall], runs, seed, last)


def _recall(
    source: Source, table: Table, rest: Sequence[Run], target: str, name: str, scope: str, top: int
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
    found = predictions(evidence, how.proxies)
    priors = {m: (p.value, p.low, p.high) for m, p in found.items()}
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
    policy = arm.policy(knowledge, epochs, {m: p for m, p in recalled.priors.items() if m in candidates})
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


def _recorded(stack: ExitStack, recording: Path) -> Iterator[Source]:
    """What the policy was chosen on, then what it was tried on when it was fixed, if that is recorded."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    yield from of_registry("recorded", stack.enter_context(recorded_registry(folder / "zoo.db", recording)))
    if HELD_OUT_RECORDING.exists():
        store = stack.enter_context(recorded_registry(folder / "held-out.db", recording))
        store.import_registry(HELD_OUT_RECORDING / "registry", source="snapshot:held-out")
        yield from of_registry("held-out", store, HELD_OUT)
    if SECOND_ZOO.exists():
        store = stack.enter_context(recorded_registry(folder / "second.db", SECOND_ZOO))
        yield from of_registry("second-zoo", store)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: the one kept here")
    parser.add_argument("--registry", type=Path, help="a registry in place of the recording")
    parser.add_argument("--curves", type=Path, help="a folder of other recorded curves, tidy CSV")
    parser.add_argument("--leave-out", action="append", default=[], help="a dataset of --curves (repeat)")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    with ExitStack() as stack:
        sources: list[Source] = []
        if options.curves:
            sources += of_folder("other", options.curves, frozenset(options.leave_out))
        if options.registry:
            sources += of_registry("recorded", stack.enter_context(Registry.open(options.registry)))
        elif options.recording.exists():
            sources += _recorded(stack, options.recording)
        if not sources:
            parser.error(
                "there is no recording; make one with benchmarks/quality/record.py, or give --curves"
            )
        result = run(sources)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "policies.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.output / "policies.md").write_text(page(result), encoding="utf-8")
    print(page(result))


if __name__ == "__main__":
    main()
