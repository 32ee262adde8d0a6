"""Brute force: every checkpoint of the zoo really fine-tuned on every dataset of its task, and recorded.

    python benchmarks/quality/record.py [--task text|image] [--seeds 0,1] [--workers N]

The product itself does the work (`hubselect benchmark` on a mini hub): validation four times an epoch, five
epochs, a separate test. Every stage is in the registry at `--workdir` as soon as it is trained: whatever
ends the program, the same command goes on from there. What is finished is then exported to `--output`,
together with what it was made from. `load.py` turns that into a registry again.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.quality.held_out import HELD_OUT
from benchmarks.quality.pace import Pace, cell_cost
from benchmarks.quality.restartable import restartable
from benchmarks.quality.zoo_hub import Part, check_names, part_of, register, served
from hubselect.records import Recipe, Task

if TYPE_CHECKING:
    from hubselect.registry import Registry

RECORDING = Path(__file__).parent / "recording"
WORKDIR = Path(__file__).parents[2] / "build" / "quality"
TASKS: dict[str, Task] = {"text": "text-classification", "image": "image-classification"}
STAGES_PER_EPOCH = 4


def record(store: Registry, parts: list[Part], options: argparse.Namespace) -> int:
    """Fill what is missing, seed by seed; returns how many cells failed."""
    from hubselect import benchmark
    from hubselect.api.benchmarks.missing import missing_cells

    work: list[tuple[Part, int]] = [(part, seed) for seed in options.seeds for part in parts]
    costs: list[float] = []
    for part, seed in work:
        recipe = Recipe(part.task, epochs=options.epochs, stages_per_epoch=STAGES_PER_EPOCH)
        cost = {t.name: cell_cost(t, recipe) for t in part.targets}
        models, suite = [store.model(m) for m in part.models], [store.dataset(d) for d in part.datasets]
        missing = missing_cells(store, models, suite, recipe, seed=seed, retry_failed=options.retry_failed)
        costs += [cost[dataset.name] for _, dataset in missing.cells]
    pace, failed = Pace(costs, lambda line: print(line, flush=True)), 0
    for part, seed in work:
        report = benchmark(
            registry=store,
            models=part.models,
            datasets=part.datasets,
            epochs=options.epochs,
            stages_per_epoch=STAGES_PER_EPOCH,
            seed=0,
            seeds=[seed],
            retry_failed=options.retry_failed,
            workers=options.workers,
            listener=pace,
        )
        failed += len(report.failed)
    return failed


def export(store: Registry, output: Path, weights: Path | None) -> None:
    """The product's own snapshot in `output/registry`, where it comes from in `output/provenance.json`."""
    from benchmarks.quality.provenance import provenance

    done = store.export_registry(output / "registry")
    told = provenance(store, weights)
    (output / "provenance.json").write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    size = sum(path.stat().st_size for path in done.files)
    print(f"{done.rows['runs']} runs, {done.rows['curve_points']} stages, {size / 1e6:.2f} MB in {output}")


def parts_of(options: argparse.Namespace) -> list[Part]:
    check_names(options.model, options.dataset)
    tasks = [TASKS[options.task]] if options.task else list(TASKS.values())
    parts = [part_of(task, options.model, options.dataset) for task in tasks]
    if not options.dataset:
        parts = [replace(p, targets=tuple(t for t in p.targets if t.name not in HELD_OUT)) for p in parts]
    return [part for part in parts if part.models and part.targets]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="A recording of a part (--model, --dataset, --epochs) needs a place of its own.",
    )
    parser.add_argument("--task", choices=list(TASKS), help="default: both")
    parser.add_argument("--seeds", type=_seeds, default=(0, 1), metavar="0,1", help="default: 0,1")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="only this one (repeat)")
    parser.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="NAME[:CONFIG]",
        help="as --model; default: all that are not held out",
    )
    parser.add_argument("--epochs", type=int, default=5, help="default: 5")
    parser.add_argument("--retry-failed", action="store_true", help="repeat cells that failed, too")
    parser.add_argument("--weights", type=Path, help="another zoo: hubselect.demo.zoo pretrain --out")
    parser.add_argument("--workdir", type=Path, default=WORKDIR, help="of hub, registry and caches")
    parser.add_argument("--output", type=Path, default=RECORDING, help="default: the recording kept here")
    parser.add_argument("--niceness", type=int, default=10, help="default: 10")
    options = parser.parse_args()
    part = options.model or options.dataset or options.epochs != 5 or options.weights
    if part and (options.output == RECORDING or options.workdir == WORKDIR):
        parser.error("a part, or another zoo, goes to a --workdir and an --output of its own")
    return options


def _seeds(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def work(options: argparse.Namespace) -> int:
    parts = parts_of(options)
    workdir = options.workdir.absolute()
    with served(workdir, parts, options.weights):
        from hubselect.registry import Registry

        with Registry.open(workdir / "registry.db") as store:
            for part in parts:
                register(store, part)
            failed = record(store, parts, options)
            export(store, options.output, options.weights)
    if failed:
        print(f"{failed} cells failed; --retry-failed tries them again", file=sys.stderr)
    return 1 if failed else 0


def main() -> int:
    options = arguments()
    os.nice(options.niceness)
    return restartable(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
