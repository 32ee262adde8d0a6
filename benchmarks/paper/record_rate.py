"""One dataset of each zoo once more, with a third of the learning rate: what Fig. 8 and Appendix A need.

    python benchmarks/paper/record_rate.py [--workdir build/paper] [--output benchmarks/paper/lower_rate]

The paper fine-tunes on MNLI with 1e-5 in place of 3e-5. The size rule gives nearly every checkpoint of the
zoo its highest rate, 2e-3; here all train with 6.7e-4. Everything else is as in the main recording
(`benchmarks/quality/record.py`): every checkpoint of the task, validation four times an epoch, five epochs.
Takes a few minutes; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.paper.sources import LOWER_RATE, SHOWN
from benchmarks.quality.record import STAGES_PER_EPOCH, TASKS
from benchmarks.quality.restartable import restartable
from benchmarks.quality.zoo_hub import part_of, register, served
from hubselect.demo.zoo import OWNER
from hubselect.records import Recipe

RATE = 6.7e-4
WORKDIR = Path(__file__).parents[2] / "build" / "paper"


def work(options: argparse.Namespace) -> int:
    parts = [part_of(TASKS[kind], (), [SHOWN[kind].removeprefix(f"{OWNER}/")]) for kind in TASKS]
    failed = 0
    with served(options.workdir.absolute(), parts):
        from hubselect.api.benchmarks.benchmarking import fill_cells
        from hubselect.api.progress import Progress
        from hubselect.registry import Registry

        def tell(event: Progress) -> None:
            print(f"[{event.done}/{event.total}] {event.detail}", flush=True)

        with Registry.open(options.workdir / "registry.db") as store:
            for part in parts:
                register(store, part)
                recipe = Recipe(part.task, stages_per_epoch=STAGES_PER_EPOCH, learning_rate=RATE)
                models = [store.model(m) for m in part.models]
                suite = [store.dataset(d) for d in part.datasets]
                done = fill_cells(store, models, suite, recipe, workers=options.workers, listener=tell)
                failed += len(done.failed)
            store.export_registry(options.output)
    return 1 if failed else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--workers", type=int, help="processes (default: one per core)")
    parser.add_argument("--workdir", type=Path, default=WORKDIR, help="of hub, registry and caches")
    parser.add_argument("--output", type=Path, default=LOWER_RATE, help="default: the recording kept here")
    parser.add_argument("--niceness", type=int, default=10, help="default: 10")
    options = parser.parse_args()
    os.nice(options.niceness)
    return restartable(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
