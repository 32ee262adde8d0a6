"""The second step of the recording: every proxy score of every checkpoint on every recorded dataset.

    python benchmarks/quality/record_proxies.py [--task text|image] [--proxy NAME]... [--workers N]

One forward pass per model and dataset serves all proxies, with each pooling of the features. It works on
the registry that `record.py` filled (the same `--workdir`) and exports it again, scores included; it goes
on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.quality.record import RECORDING, TASKS, WORKDIR, export
from benchmarks.quality.restartable import restartable
from benchmarks.quality.zoo_hub import part_of, served
from hubselect.records import Task

if TYPE_CHECKING:
    from hubselect.registry import Registry


def all_proxies() -> tuple[str, ...]:
    """Every proxy of the product under its full name, for each pooling where there is one."""
    from hubselect.recall.features import POOLINGS
    from hubselect.recall.proxies import PROXIES
    from hubselect.recall.proxy_names import full_name

    return tuple(sorted({full_name(name, pooling) for name in PROXIES for pooling in POOLINGS}))


def score(store: Registry, tasks: list[Task], proxies: tuple[str, ...], workers: int | None) -> None:
    from hubselect.api.progress import Progress
    from hubselect.api.recall.scoring_benchmarks import score_benchmarks

    def tell(event: Progress) -> None:
        print(f"[{event.done}/{event.total}] {event.detail}", flush=True)

    for task in tasks:
        if not store.recipes(task):
            continue
        report = score_benchmarks(registry=store, task=task, proxies=proxies, workers=workers, listener=tell)
        print(f"{task}: {report.new} new scores, {report.known} known before")
        for note in report.notes:
            print(note, file=sys.stderr)


def work(options: argparse.Namespace) -> int:
    tasks = [TASKS[options.task]] if options.task else list(TASKS.values())
    workdir = options.workdir.absolute()
    with served(workdir, [part_of(task) for task in tasks], options.weights):
        from hubselect.registry import Registry

        with Registry.open(workdir / "registry.db", create=False) as store:
            score(store, tasks, tuple(options.proxy) or all_proxies(), options.workers)
            export(store, options.output, options.weights)
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--task", choices=list(TASKS), help="default: both")
    parser.add_argument("--proxy", action="append", default=[], metavar="NAME", help="default: all (repeat)")
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--weights", type=Path, help="as for record.py")
    parser.add_argument("--workdir", type=Path, default=WORKDIR, help="as for record.py")
    parser.add_argument("--output", type=Path, default=RECORDING, help="as for record.py")
    parser.add_argument("--niceness", type=int, default=10, help="default: 10")
    options = parser.parse_args()
    os.nice(options.niceness)
    return restartable(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
