"""Whole selections, really run: `select` beside real halving and real brute force, by the clock.

    python benchmarks/quality/wall_clock.py [--target NAME]... [--model NAME]... [--arm NAME]...
        [--workers N] [--epochs N] [--ours policy=...,k=...] [--output benchmarks/results]

Every target is hidden first: its registry is the recording without any result, proxy score or mention of
it, and nothing is in the Hub's cache. Then every arm fine-tunes for it, one after the other, with the same
number of workers: the product, the paper's two phases, successive halving and brute force over all models.
The arms of every second target run in the opposite order.

What is measured is kept in `--workdir`: whatever ends the program, the same command goes on with the arm
that was being run. `--fresh` measures everything again, in one run.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import hubselect
from benchmarks.machine import machine
from benchmarks.quality.hidden import (
    Recorded,
    once_an_epoch,
    only_models,
    recorded_on,
    registry_of,
    without_dataset,
)
from benchmarks.quality.restartable import restartable
from benchmarks.quality.wall_clock_arms import ARMS, Arm, Bench, Measured, arms_for
from benchmarks.quality.wall_clock_results import page, results
from benchmarks.quality.zoo_hub import Part, Target, check_names, part_of, served
from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.records import TASKS, Task

if TYPE_CHECKING:
    from hubselect.registry.snapshot_tables import Tables

RECORDING = Path(__file__).parent / "recording"
RESULTS = Path(__file__).parents[1] / "results"
WORKDIR = Path(__file__).parents[2] / "build" / "wall-clock"
TARGETS = ("parameter-types", "missing-words", "lowercase-letters")
"""A small text, a large text, images."""


class Kept:
    """What was measured, arm by arm, in a file; each under everything that decides it."""

    def __init__(self, path: Path, run: str, *, fresh: bool) -> None:
        self._path, self._run, self._fresh = path, run, fresh
        self._entries: list[dict[str, Any]] = []
        if path.exists():
            self._entries = json.loads(path.read_text(encoding="utf-8"))

    def get(self, settings: dict[str, Any]) -> tuple[Measured, str] | None:
        """The measurement under these settings and the run of the program it is from."""
        for entry in self._entries:
            if entry["settings"] == settings and (entry["run"] == self._run or not self._fresh):
                return Measured(**entry["measured"]), entry["run"]
        return None

    def put(self, settings: dict[str, Any], measured: Measured) -> None:
        entry = {"settings": settings, "measured": asdict(measured), "run": self._run}
        self._entries = [e for e in self._entries if e["settings"] != settings] + [entry]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_suffix(".partial")
        draft.write_text(json.dumps(self._entries, indent=1) + "\n", encoding="utf-8")
        os.replace(draft, self._path)


class Comparison:
    """All arms on all targets, as far as they are not kept."""

    def __init__(self, options: argparse.Namespace, parts: Sequence[Part], tables: Tables) -> None:
        self._options = options
        self._tables = tables
        self._work = [(part, target) for part in parts for target in part.targets]
        order = {name: n for n, name in enumerate(options.target or TARGETS)}
        self._work.sort(key=lambda each: order[each[1].name.partition("/")[2]])
        self._arms = arms_for(options.arm, options.ours)
        self._run = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._kept = Kept(options.workdir / "arms.json", self._run, fresh=options.fresh)
        manifest = (options.recording / "registry" / "manifest.json").read_bytes()
        self._recording = hashlib.sha256(manifest).hexdigest()[:16]
        self._code = _code()
        self._made: set[Path] = set()

    def run(self, bench: Bench) -> Iterator[dict[str, Any]]:
        """One document per target."""
        warm: set[Task] = set()
        for number, (part, target) in enumerate(self._work):
            recorded = recorded_on(self._tables, target.name, part.models)
            _check_revisions(target, part, recorded)
            found: dict[str, tuple[Measured, str]] = {}
            order = self._arms if number % 2 == 0 else self._arms[::-1]
            for arm in order:
                settings = self._settings(arm, part, target)
                kept = self._kept.get(settings)
                if kept is None:
                    knowledge = self._knowledge(part, target, arm)
                    if part.task not in warm:
                        print("warming up: one small selection that is not measured", flush=True)
                        bench.warm_up(target, knowledge, part.models[0])
                        warm.add(part.task)
                    kept = bench.measure(arm, target, knowledge, part.models), self._run
                    self._check_code()
                    self._kept.put(settings, kept[0])
                found[arm.name] = kept
                _tell(*kept, again=kept[1] != self._run)
            yield _document(target, part, recorded, [found[a.name] for a in self._arms], order)

    def _settings(self, arm: Arm, part: Part, target: Target) -> dict[str, Any]:
        asked = {"options": dict(arm.options), "everyone": arm.everyone, "by_epoch": arm.by_epoch}
        return {
            "target": target.name,
            "arm": arm.name,
            **asked,
            "models": list(part.models),
            "epochs": self._options.epochs,
            "workers": self._options.workers,
            "recording": self._recording,
            "code": self._code,
        }

    def _knowledge(self, part: Part, target: Target, arm: Arm) -> Path:
        """The registry that knows the part's models and nothing of the target."""
        name = f"{target.name.partition('/')[2].replace(':', '-')}{'-by-epoch' if arm.by_epoch else ''}.db"
        place: Path = self._options.workdir / "knowledge" / name
        if place not in self._made:
            place.parent.mkdir(parents=True, exist_ok=True)
            tables = without_dataset(only_models(self._tables, part.models), target.name)
            registry_of(once_an_epoch(tables) if arm.by_epoch else tables, place, part.task)
            self._made.add(place)
        return place

    def _check_code(self) -> None:
        if _code() != self._code:
            raise InvalidInput("the product's code was edited while it was measured", "start again")

    @property
    def arms(self) -> tuple[Arm, ...]:
        return self._arms

    @property
    def name(self) -> str:
        return self._run


def _code() -> str:
    """The product's code, as far as it decides what a selection does and takes."""
    package, digest = Path(hubselect.__file__).parent, hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.relative_to(package).parts[0] not in ("cli", "demo", "reports"):
            digest.update(str(path.relative_to(package)).encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _check_revisions(target: Target, part: Part, recorded: Recorded) -> None:
    """What is served must be what was recorded; asking also makes the hub ready to answer at once."""
    from hubselect.hub import index_dataset, index_model

    if set(recorded.tests) != set(part.models):
        raise KnowledgeMissing(
            f"{target.name} is recorded for {len(recorded.tests)} of {len(part.models)} models",
            "finish the recording with benchmarks/quality/record.py, or choose another --target",
        )
    found = index_dataset(
        target.name.partition(":")[0],
        config=target.config,
        text_columns=target.text_columns,
        label_column=target.repo.label_column,
    )
    moved = [m for m in part.models if index_model(m).revision != recorded.model_revisions[m]]
    if recorded.dataset_revisions != {found.revision}:
        moved.insert(0, target.name)
    if moved:
        raise InvalidInput(
            f"{moved[0]} is not what was recorded: other packages, or other weights, made it",
            "install the versions in recording/provenance.json, or record again",
        )


def _tell(measured: Measured, run: str, *, again: bool) -> None:
    m = measured
    print(
        f"{m.target}, {m.arm}: {m.seconds:.1f} s, {m.epochs:.2f} epochs, {m.winner} "
        f"val {m.val:.4f} test {m.test:.4f}{f' (measured in the run of {run})' if again else ''}",
        flush=True,
    )


def _document(
    target: Target,
    part: Part,
    recorded: Recorded,
    found: Sequence[tuple[Measured, str]],
    order: Sequence[Arm],
) -> dict[str, Any]:
    return {
        "target": target.name,
        "task": part.task,
        "rows": target.rows,
        "models": len(part.models),
        "recorded_tests": recorded.tests,
        "recorded_seeds": list(recorded.seeds),
        "order": [a.name for a in order],
        "arms": {m.arm: {**asdict(m), "epochs": m.epochs, "run": run} for m, run in found},
    }


def parts_of(targets: Sequence[str], models: Sequence[str]) -> list[Part]:
    """By task; raises `UnknownEntry` for names the zoo does not have, `InvalidInput` without models."""
    check_names(models, targets)
    tasks: tuple[Task, ...] = TASKS
    parts = [part for task in tasks if (part := part_of(task, models, targets)).targets]
    for part in parts:
        if not part.models:
            raise InvalidInput(f"no --model is for {part.task}", "name models for every target's task")
    return parts


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").partition("\n")[0],
        epilog="A part (--model, --arm, --epochs) needs an --output of its own.",
    )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    names = "; ".join(a.name for a in ARMS)
    add = parser.add_argument
    add("--target", action="append", default=[], metavar="NAME[:CONFIG]", help=f"default: {TARGETS}")
    add("--model", action="append", default=[], metavar="NAME", help="only this one (repeat; default: all)")
    add("--arm", action="append", default=[], metavar="NAME", help=f"only this one (repeat): {names}")
    add("--ours", default="", metavar="NAME=VALUE,...", help="options of select in place of its defaults")
    add("--workers", type=int, default=cores, help="processes of every arm (default: one per core)")
    add("--epochs", type=int, help="of a full training (default: the recording's)")
    add("--fresh", action="store_true", help="measure again what is kept")
    add("--recording", type=Path, default=RECORDING, help="default: the recording kept here")
    add("--workdir", type=Path, default=WORKDIR, help="of hub, caches, registries and what is kept")
    add("--output", type=Path, default=RESULTS, help="default: benchmarks/results")
    options = parser.parse_args()
    if (options.model or options.arm or options.epochs) and options.output == RESULTS:
        parser.error("a part goes to an --output of its own")
    options.workdir = options.workdir.absolute()
    return options


def work(options: argparse.Namespace) -> int:
    parts = parts_of(options.target or TARGETS, options.model)
    arms_for(options.arm, options.ours)
    with served(options.workdir, parts) as hub:
        from hubselect.registry.snapshot_reading import read_snapshot

        tables = read_snapshot(options.recording / "registry", "the recording")
        comparison = Comparison(options, parts, tables)
        home, place = options.workdir / "hf-home", options.workdir / "selection"
        bench = Bench(hub, home, place, options.workers, options.epochs)
        about = machine("torch", "transformers", "numpy", "scikit-learn")
        found = list(comparison.run(bench))
        about["load_average_after"] = [round(x, 1) for x in os.getloadavg()]
    result = results(
        found,
        comparison.arms,
        about,
        workers=options.workers,
        run=comparison.name,
        epochs=options.epochs,
    )
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "wall_clock.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.output / "wall_clock.md").write_text(page(result), encoding="utf-8")
    print(page(result))
    return 0


def main() -> int:
    options = arguments()
    return restartable(lambda: work(options))


if __name__ == "__main__":
    sys.exit(main())
