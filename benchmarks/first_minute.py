"""From `pip install` to the first answers, in fresh virtual environments: what a new user waits for.

* the wheel without extras: its installation, the first commands, `doctor`;
* a table of scores (the recorded ones, as somebody's CSV file) to the first ranking for a file of one's own,
  without any training;
* the extras `train` and, on top of it, `demo`; then `hubselect demo` until it names a winner.

pip has no cache and takes the versions of constraints.txt from the index that it is configured for, so those
rows say what unpacking and that index take. The Hub that `doctor` asks is one on this machine.

    python benchmarks/first_minute.py [--output benchmarks/results]
"""

from __future__ import annotations

import argparse
import csv
import inspect
import json
import resource
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.machine import machine
from benchmarks.quality.load import recorded_registry
from hubselect.demo.server import MiniHub
from tests.support.wheels import PIP, ROOT, built_wheel, inherited

TASK = "text-classification"
TARGET_MODULES = ("decimal", "email.message", "pathlib", "threading")
SHOWN = ("pip", "numpy", "pandas", "torch", "transformers", "datasets")


@dataclass(frozen=True)
class Measured:
    """One command. `cpu_seconds` are those of the processes that it waited for, which workers for training
    are not; `answer` is the line of output that was waited for."""

    step: str
    command: str
    seconds: float
    cpu_seconds: float
    code: int
    answer: str = ""


@dataclass
class Newcomer:
    """Somebody with a fresh virtual environment below `folder`, and nothing else of this machine's."""

    folder: Path
    settings: Mapping[str, str]
    done: list[Measured] = field(default_factory=list)

    @property
    def python(self) -> str:
        return str(self.folder / "venv" / "bin" / "python")

    def makes_environment(self) -> None:
        before, started = _cpu(), time.perf_counter()
        venv.EnvBuilder(with_pip=True).create(self.folder / "venv")
        self._note("make an environment", "python -m venv venv", started, before)

    def installs(self, wheel: Path, extra: str, step: str) -> None:
        asked = f"hubselect[{extra}]" if extra else "hubselect"
        what = f"{wheel}[{extra}]" if extra else str(wheel)
        fresh = ("--quiet", "--no-cache-dir", "-c", str(ROOT / "constraints.txt"))
        before, started = _cpu(), time.perf_counter()
        subprocess.run([self.python, *PIP, "install", *fresh, what], check=True)
        self._note(step, f"pip install '{asked}'" if extra else f"pip install {asked}", started, before)

    def runs(self, step: str, *words: str, codes: tuple[int, ...] = (0,), until: str = "") -> None:
        """`hubselect WORDS`; the time counts until a line begins with `until`, or else to its end.

        Raises SystemExit when it ends with none of `codes`, or without that line.
        """
        command = [str(self.folder / "venv" / "bin" / "hubselect"), *words]
        before, started = _cpu(), time.perf_counter()
        answer, reached = "", 0.0
        with (self.folder / "errors.txt").open("w+") as errors:
            process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            assert process.stdout is not None
            for line in process.stdout:
                if until and not answer and line.startswith(until):
                    answer, reached = line.strip(), time.perf_counter() - started
            code = process.wait()
            errors.seek(0)
            told = errors.read()
        if code not in codes or (until and not answer):
            raise SystemExit(f"{' '.join(command)} ended with {code}: {told}")
        self._note(step, " ".join(["hubselect", *words]), started, before, code, answer, reached)

    def installed(self) -> dict[str, Any]:
        """How much lies in the environment, and the versions of what matters."""
        listed = subprocess.run(
            [self.python, *PIP, "list", "--format", "json"], check=True, stdout=subprocess.PIPE, text=True
        )
        versions = {p["name"]: p["version"] for p in json.loads(listed.stdout)}
        size = sum(p.lstat().st_size for p in (self.folder / "venv").rglob("*") if p.is_file())
        return {
            "packages": len(versions),
            "bytes": size,
            "versions": {name: versions[name] for name in SHOWN if name in versions},
        }

    def _environment(self) -> dict[str, str]:
        return {**inherited(), "HOME": str(self.folder), "PYTHONUNBUFFERED": "1", **self.settings}

    def _note(
        self,
        step: str,
        command: str,
        started: float,
        before: float,
        code: int = 0,
        answer: str = "",
        reached: float = 0.0,
    ) -> None:
        seconds = reached or time.perf_counter() - started
        self.done.append(Measured(step, command, round(seconds, 2), round(_cpu() - before, 2), code, answer))
        print(f"{seconds:7.2f} s  {command}", file=sys.stderr, flush=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_scores(place: Path, folder: Path) -> tuple[int, int]:
    """The recorded text scores as a CSV file with columns model, dataset and score; how many of either."""
    with recorded_registry(folder / "recorded.db") as store:
        tests: dict[tuple[str, str], list[float]] = {}
        for run in store.runs(status="done", task=TASK):
            if run.test is not None:
                tests.setdefault((run.model, run.dataset), []).append(run.test)
    with place.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["model", "dataset", "score"])
        rows.writerows([model, dataset, fmean(scores)] for (model, dataset), scores in tests.items())
    return len({m for m, _ in tests}), len({d for _, d in tests})


def write_target(place: Path) -> None:
    """A dataset that nobody has scores for: docstrings of the standard library, and the module of each."""
    with place.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for name in TARGET_MODULES:
            module = __import__(name, fromlist=["*"])
            classes = [c for _, c in inspect.getmembers(module, inspect.isclass)]
            members = {m for c in classes for _, m in inspect.getmembers(c, inspect.isfunction)}
            texts = {" ".join((inspect.getdoc(m) or "").split()) for m in members} - {""}
            rows.writerows([text, name] for text in sorted(texts))


@contextmanager
def newcomer(hub: MiniHub) -> Iterator[Newcomer]:
    with tempfile.TemporaryDirectory(prefix="first-minute-") as name:
        folder = Path(name)
        yield Newcomer(folder, hub.environment(folder / "hf-home"))


def light(hub: MiniHub, wheel: Path) -> dict[str, Any]:
    """The wheel alone: its first commands, and from a table of scores to a ranking."""
    with newcomer(hub) as user:
        models, datasets = write_scores(user.folder / "scores.csv", user.folder)
        write_target(user.folder / "mine.csv")
        user.makes_environment()
        user.installs(wheel, "", "install it without extras")
        user.runs("first command")
        user.runs("the same again")
        user.runs("is everything in place", "doctor", codes=(0, 1))  # torch is missing: a problem
        user.runs("import a table of scores", "registry", "import", "scores.csv")
        user.runs("group models that fine-tune alike", "cluster")
        user.runs("rank them for a file of one's own", "recall", "mine.csv", "--method", "mean", "-k", "5")
        user.runs("is the ranking any good", "backtest", "--recall-only")
        return {
            "models": models,
            "datasets": datasets,
            "steps": [asdict(step) for step in user.done],
            "installed": user.installed(),
        }


def heavy(hub: MiniHub, wheel: Path) -> dict[str, Any]:
    """The extras, and the demo to its winner."""
    with newcomer(hub) as user:
        user.makes_environment()
        user.installs(wheel, "train", "install it with what trains")
        user.runs("is everything in place", "doctor", codes=(0, 1))
        user.installs(wheel, "demo", "install the demo on top")
        user.runs("the demo, to the winner", "demo", until="Winner:")
        return {"steps": [asdict(step) for step in user.done], "installed": user.installed()}


def run() -> dict[str, Any]:
    """Everything, in temporary folders."""
    with tempfile.TemporaryDirectory(prefix="first-minute-hub-") as name:
        folder = Path(name)
        wheel = built_wheel(folder)
        with MiniHub(folder / "hub") as hub:
            found = {"machine": machine(), "wheel_bytes": wheel.stat().st_size}
            return {**found, "light": light(hub, wheel), "heavy": heavy(hub, wheel)}


def seconds_to(part: Mapping[str, Any], step: str) -> float:
    """Seconds of all steps of a part up to the named one, that one included."""
    names = [s["step"] for s in part["steps"]]
    return float(sum(s["seconds"] for s in part["steps"][: names.index(step) + 1]))


def page(found: Mapping[str, Any]) -> str:
    host, one, two = found["machine"], found["light"], found["heavy"]
    versions = ", ".join(f"{name} {v}" for name, v in two["installed"]["versions"].items())
    ranked = seconds_to(one, "rank them for a file of one's own")
    won = seconds_to(two, "the demo, to the winner")
    return "\n".join(
        [
            "# The first minute",
            "",
            f"{host['cpu']}, {host['cores']} cores, load {host['load_average'][0]}; Python {host['python']}, "
            f"{versions}. Made by `python benchmarks/first_minute.py`, once.",
            "",
            "Fresh virtual environments, pip without a cache. Packages come from this machine's own index: "
            "the rows of `pip install` say what resolving, unpacking and compiling take, not your line.",
            "",
            f"* **{ranked:.0f} s** from nothing to a ranking of {one['models']} checkpoints for a file of "
            f"one's own, from a table of their scores on {one['datasets']} datasets: no torch, no training, "
            f"{one['installed']['packages']} packages, {one['installed']['bytes'] / 1e6:,.0f} MB.",
            f"* **{won:.0f} s** from nothing to the demo's winner, 14 checkpoints benchmarked before: "
            f"{two['installed']['packages']} packages, {two['installed']['bytes'] / 1e6:,.0f} MB.",
            "",
            *_table("Without extras", one["steps"]),
            "",
            *_table("With what trains", two["steps"]),
            "",
            "A command that ends with 1 found something missing: `doctor` says that torch is not installed. "
            "CPU seconds are those of the command itself; training workers, which the demo has, are not in "
            "them.",
            "",
        ]
    )


def _table(title: str, steps: list[dict[str, Any]]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield "| step | command | seconds | CPU seconds | ends with |"
    yield "|---|---|---|---|---|"
    for s in steps:
        figures = f"{s['seconds']:.1f} | {s['cpu_seconds']:.1f} | {s['code']}"
        yield f"| {s['step']} | `{s['command']}` | {figures} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    found = run()
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "first_minute.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.output / "first_minute.md").write_text(page(found), encoding="utf-8")
    print(page(found))


if __name__ == "__main__":
    main()
