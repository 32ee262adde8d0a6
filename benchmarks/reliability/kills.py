"""`kill -9` at random moments of five commands, and whether anything was lost, done twice or half done.

    python benchmarks/reliability/kills.py [--kills 200] [--seed 0] [--jobs 1] [--output benchmarks/results]

Real commands over HTTP against the mini hub: `add-model`, `benchmark`, `select`, `registry pull`, and the
migration of an older registry. In a round one registry is worked on by one command, killed again and again
(the driver alone, not its workers) until it ends; a moment counts if the command was still at work. After
every kill `registry check` must find nothing, and what was finished must still be there. A stage of training
records its seconds: one that was finished, in the registry or in a state on disk, must have the same seconds
in the end, or it was trained twice. The outcome of the round must be that of an undisturbed run.

Rounds that ended are kept in `--workdir`: the same command goes on with the next one.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import shutil
import sqlite3
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine
from benchmarks.quality.restartable import restartable
from benchmarks.reliability.kill_works import NAMES, TRAINING, Lost, Work, environment, prepared, require
from hubselect.demo.server import MiniHub
from tests.support import lab
from tests.support.kills import finish, writing

ROOT = Path(__file__).parents[2]
WORKDIR = ROOT / "build" / "kills"
RESULTS = ROOT / "benchmarks" / "results"
A_ROUND = 8
"""The most kills of one round."""

Tell = Callable[[str], None]


def strike(work: Work, number: int, kills: int, folder: Path, hub: MiniHub, seed: int) -> dict[str, Any]:
    """One round: at most `kills` kills, then to the end. What went wrong is in `losses`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    place = Path(shutil.copy(work.before(number), folder))
    env = environment(hub, folder / "home")
    told: dict[str, Any] = {"command": work.name, "round": number, "seed": seed, "kills": [], "losses": []}
    memory: dict[str, Any] = {}
    document, dice = None, random.Random(f"{seed}/{work.name}/{number}")
    try:
        for _ in range(kills):
            life = work.start(place, hub, env)
            work.wait(life, place, hub, dice)
            moment = {"seconds": round(time.monotonic() - life.began, 3), "writing": writing(place)}
            if not life.kill():
                document = life.document()
                life.close()
                break
            life.close()
            told["kills"].append(moment)
            moment["finished"] = round(work.after_kill(place, memory), 3)
            require(work.sound(place), "`registry check` found something after a kill")
            if work.at_once and moment["finished"]:
                break
        if document is None:
            document = finish(place, env, *work.words_for(place))
        work.compare(number, place, document, memory)
        require(finish(place, env, "registry", "check")["ok"], "`registry check` found something in the end")
    except (Lost, AssertionError, sqlite3.Error, OSError) as error:
        told["losses"].append(f"{type(error).__name__}: {error}")
        return told  # with its folder, to be looked at
    shutil.rmtree(folder)
    return told


class Campaign:
    """Rounds of one command until it was killed often enough."""

    def __init__(self, work: Work, root: Path, options: argparse.Namespace, tell: Tell) -> None:
        self._work, self._root, self._options, self._tell = work, root, options, tell
        self._rounds = options.workdir / "rounds"
        self._rounds.mkdir(exist_ok=True)
        self._slug = work.name.replace(" ", "-")
        self._measured = False

    def run(self, pool: ThreadPoolExecutor) -> list[dict[str, Any]]:
        wanted = math.ceil(self._options.kills / len(self._options.command))
        found: list[dict[str, Any]] = []
        while (left := wanted - sum(len(r["kills"]) for r in found)) > 0 and len(found) < 5 * wanted:
            numbers = range(len(found), len(found) + math.ceil(left / A_ROUND))
            if not (self._measured or all(self._kept(n) for n in numbers)):
                pool.submit(self._measure).result()
                self._measured = True
            found += pool.map(self._round, numbers, repeat(min(A_ROUND, left)))
        return found

    def _measure(self) -> None:
        with MiniHub(self._root) as hub:
            self._work.measure(self._options.workdir / "calm" / self._slug, hub)

    def _kept(self, number: int) -> dict[str, Any] | None:
        path = self._path(number)
        told: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return told if told.get("seed") == self._options.seed else None

    def _path(self, number: int) -> Path:
        place: Path = self._rounds / f"{self._slug}-{number:03}.json"
        return place

    def _round(self, number: int, kills: int) -> dict[str, Any]:
        if (kept := self._kept(number)) is not None:
            return kept
        folder, path = self._options.workdir / "struck" / f"{self._slug}-{number:03}", self._path(number)
        with MiniHub(self._root) as hub:  # requests are counted to find moments: nobody else's are among them
            told = strike(self._work, number, kills, folder, hub, self._options.seed)
        draft = path.with_suffix(".partial")
        draft.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
        os.replace(draft, path)
        self._tell(f"{self._work.name}: round {number}, {len(told['kills'])} kills {told['losses'] or ''}")
        return told


def run(options: argparse.Namespace, tell: Tell) -> dict[str, Any]:
    """All commands, `--jobs` at a time."""
    options.workdir.mkdir(parents=True, exist_ok=True)
    root = options.workdir / "hub"
    root.mkdir(exist_ok=True)
    if set(TRAINING) & set(options.command) and not (root / ".complete").exists():
        lab.write_repositories(root)
        (root / ".complete").touch()
    began, cpu = time.perf_counter(), _processor_seconds()
    with MiniHub(root) as hub:
        names = tuple(n for n in NAMES if n in options.command)
        works = prepared(options.workdir / "before", hub, names, tell)

    with ThreadPoolExecutor(len(works)) as each, ThreadPoolExecutor(options.jobs) as pool:
        found = each.map(lambda work: Campaign(work, root, options, tell).run(pool), works)
        rounds = {work.name: done for work, done in zip(works, found, strict=True)}
    return {
        "machine": machine("torch", "transformers", "huggingface_hub") | {"sqlite": sqlite3.sqlite_version},
        "seed": options.seed,
        "jobs": options.jobs,
        "seconds_of_this_run": round(time.perf_counter() - began),
        "processor_seconds_of_this_run": round(_processor_seconds() - cpu),
        "kills": sum(len(r["kills"]) for found in rounds.values() for r in found),
        "losses": [loss for found in rounds.values() for r in found for loss in r["losses"]],
        "commands": {name: summary(found) | {"rounds": found} for name, found in rounds.items()},
    }


def _processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def summary(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Counts over the rounds of one command."""
    kills = [kill for r in rounds for kill in r["kills"]]
    seconds = sorted(k["seconds"] for k in kills)
    shares = [k["finished"] for k in kills if "finished" in k]
    return {
        "killed": len(kills),
        "ended": len(rounds),
        "while_writing": sum(k["writing"] for k in kills),
        "nothing_finished": sum(s <= 0 for s in shares),
        "some_finished": sum(0 < s < 1 for s in shares),
        "all_finished": sum(s >= 1 for s in shares),
        "seconds_median": statistics.median(seconds) if seconds else None,
        "seconds_range": [seconds[0], seconds[-1]] if seconds else None,
        "lost": sum(len(r["losses"]) for r in rounds),
    }


def page(result: dict[str, Any]) -> str:
    host = result["machine"]
    lines = [
        "# Killed at random moments",
        "",
        f"{result['kills']} kills -9 of real commands, {len(result['losses'])} losses. Made by "
        f"`python benchmarks/reliability/kills.py --kills {result['asked']} --seed {result['seed']}` on "
        f"{host['cpu']}, {host['cores']} cores, load {host['load_average'][0]} (shared); Python "
        f"{host['python']}, SQLite {host['sqlite']}, torch {host['torch']}, transformers "
        f"{host['transformers']}, huggingface_hub {host['huggingface_hub']}.",
        "",
        "| command | kills | of them inside a transaction that writes | nothing / part / all of the work "
        "finished | seconds after its start, median (range) | run to the end | lost, repeated or different |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, c in result["commands"].items():
        low, high = c["seconds_range"] or (0.0, 0.0)
        lines.append(
            f"| `{name}` | {c['killed']} | {c['while_writing']} | {c['nothing_finished']} / "
            f"{c['some_finished']} / {c['all_finished']} | {c['seconds_median'] or 0:.1f} "
            f"({low:.1f} to {high:.1f}) | {c['ended']} | {c['lost']} |"
        )
    lines += [
        "",
        "After every kill: `registry check` finds nothing; every stage that was recorded is there with the "
        "seconds it took; a pull is there as a whole or not at all; the schema is the old one or the newest. "
        "At the end of every round: no stage that was recorded, or kept in a state on disk, was trained "
        "again; no training state is left; and the outcome equals that of an undisturbed run, all that "
        "the views tell but row numbers and times: runs, curves, clusters and their history, of a selection "
        "also "
        "recall, verdicts, winner, scores and the bytes of its weights. `migration` opens a registry of "
        "schema 0001 or 0002 that holds 60,000 models and twice as many proxy scores; its kills are aimed "
        "at the time during which it holds the lock of the writer. The other moments are spread over what is "
        "left: before the first new stage or request, soon after one of the next, after the last.",
        "",
    ]
    if result["losses"]:
        lines += ["Lost:", "", *(f"- {loss}" for loss in result["losses"]), ""]
    return "\n".join(lines)


def parsed(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200, help="in all, the same number for every command")
    parser.add_argument("--seed", type=int, default=0, help="chooses the moments")
    parser.add_argument("--jobs", type=int, default=1, help="rounds at the same time")
    parser.add_argument("--command", action="append", choices=NAMES, help="only this one; may be repeated")
    parser.add_argument("--workdir", type=Path, default=WORKDIR)
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args(words)
    options.command = options.command or list(NAMES)
    options.workdir = options.workdir.absolute()
    if set(options.command) != set(NAMES) and options.output.resolve() == RESULTS.resolve():
        parser.error("a part of the commands needs an --output of its own")
    return options


def main(words: Sequence[str] | None = None) -> int:
    options, lock = parsed(words), threading.Lock()

    def tell(text: str) -> None:
        with lock:
            print(text, file=sys.stderr, flush=True)

    result = {"asked": options.kills, **run(options, tell)}
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "reliability_kills.json").write_text(json.dumps(result, indent=1) + "\n")
    (options.output / "reliability_kills.md").write_text(page(result))
    print(page(result))
    return int(bool(result["losses"]))


if __name__ == "__main__":
    sys.exit(restartable(main))
