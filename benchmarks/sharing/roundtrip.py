"""How long two registries take to share everything they know through the Hub, and that nothing is lost.

    python benchmarks/sharing/roundtrip.py [--models 20000] [--output benchmarks/results]

Registry one holds MODELS x 24 scores and a curve of 5 points for each model; registry two the second
half of the models, some more, and other values in every 97th shared cell. Both push to and pull
from one dataset repository on the mini hub with the real client, each step in a process of its own:
seconds, peak memory of that process, bytes in the repository. In the end both registries are compared
with what they should hold by counts and by a checksum over every score and point.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine

ROOT = Path(__file__).parents[2]
REPO = "minihub/shared-registry"
DATASETS = 24
STEPS = (
    ("push one", "into an empty repository"),
    ("pull two", "half of it is there, some of that different"),
    ("push two", "its new models"),
    ("pull one", "those new models"),
    ("pull one again", "nothing new"),
    ("push one again", "nothing new"),
)


def step(what: str, place: Path) -> dict[str, Any]:
    """One push or pull in this process, measured."""
    from hubselect.api.sharing import pull, push
    from hubselect.registry import Registry

    before = peak_mb()
    with Registry.open(place, create=False) as registry:
        started, cpu = time.perf_counter(), time.process_time()
        if what == "push":
            done = push(REPO, registry=registry)
            merged, changed = done.exported.merged, done.changed
        else:
            pulled = pull(REPO, registry=registry)
            merged, changed = pulled.merged, pulled.merged.changed
        seconds = time.perf_counter() - started
    return {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "peak_mb": peak_mb(),
        "peak_mb_of_imports": before,
        "changed": changed,
        "models": merged.models,
        "runs": merged.runs,
        "points": merged.points,
        "unchanged": merged.unchanged,
        "conflicts": len(merged.conflicts),
    }


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def in_process(*arguments: str) -> Any:
    done = subprocess.run(
        [sys.executable, __file__, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(done.stdout)


def run(models: int, told: Callable[[str], None]) -> dict[str, Any]:
    """Everything, on temporary files."""
    from contents import Size, after_meeting, checksum, checksum_of, conflicts

    from hubselect.demo.server import MiniHub

    size = Size(models, DATASETS, models)
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        for who in ("one", "two"):
            told(f"registry {who}")
            in_process("--fill", who, "--models", str(models), "--place", str(folder / f"{who}.db"))
        steps: dict[str, Any] = {}
        with MiniHub(folder / "hub") as hub:
            os.environ.update(hub.environment(folder / "hf"), HF_TOKEN="hf_benchmark")
            tree = folder / "hub" / "datasets" / REPO
            for label, _ in STEPS:
                told(label)
                what, who = label.split()[:2]
                there = contents(tree)
                steps[label] = in_process("--step", what, "--place", str(folder / f"{who}.db"))
                now = contents(tree)
                sent = sum(s for p, (s, at) in now.items() if there.get(p) != (s, at))
                steps[label]["repository_bytes"] = sum(s for s, _ in now.values())
                steps[label]["bytes_of_new_files"] = sent
        told("comparing")
        held = {who: checksum_of(folder / f"{who}.db") for who in ("one", "two")}
        wanted = {who: checksum(*after_meeting(size, who)) for who in ("one", "two")}
        sizes = {who: (folder / f"{who}.db").stat().st_size for who in ("one", "two")}
    return {
        "machine": machine("huggingface_hub", "pandas", "pyarrow") | {"sqlite": sqlite3.sqlite_version},
        "models": models,
        "datasets": DATASETS,
        "conflicting_runs": conflicts(size),
        "steps": steps,
        "held": held,
        "wanted": wanted,
        "nothing_lost": held == wanted
        and steps["pull two"]["conflicts"] == conflicts(size)
        and not steps["pull one again"]["changed"]
        and not steps["push one again"]["changed"],
        "database_bytes": sizes,
    }


def contents(tree: Path) -> dict[str, tuple[int, int]]:
    files = (p for p in tree.rglob("*") if p.is_file() and not p.name.startswith("."))
    return {str(p.relative_to(tree)): (p.stat().st_size, p.stat().st_mtime_ns) for p in files}


def page(result: dict[str, Any]) -> str:
    host, steps = result["machine"], result["steps"]
    one, two = result["held"]["one"], result["held"]["two"]
    verdict = "equal what they should hold" if result["nothing_lost"] else "DIFFER from what they should hold"
    lines = [
        "# Sharing a registry through the Hub",
        "",
        f"{host['cpu']}, {host['cores']} cores, load {host['load_average'][0]} (shared); Python "
        f"{host['python']}, SQLite {host['sqlite']}, huggingface_hub {host['huggingface_hub']}, pandas "
        f"{host['pandas']}, pyarrow {host['pyarrow']}. Made by `python benchmarks/sharing/roundtrip.py`.",
        "",
        f"Registry one: {result['models']:,} models x {result['datasets']} scores and "
        f"{result['models'] * 5:,} curve points. Registry two: half of those models and a tenth more, with "
        f"{result['conflicting_runs']:,} runs that say something else. Mini hub on the same machine.",
        "",
        "| step | what | seconds | CPU seconds | peak MB | new runs | new points | conflicts | MB changed |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for label, words in STEPS:
        s = steps[label]
        lines.append(
            f"| {label} | {words} | {s['seconds']:.1f} | {s['cpu_seconds']:.1f} | {s['peak_mb']:,} "
            f"| {s['runs']:,} | {s['points']:,} | {s['conflicts']:,} | {s['bytes_of_new_files'] / 1e6:.1f} |"
        )
    mb = {who: round(n / 1e6) for who, n in result["database_bytes"].items()}
    lines += [
        "",
        f"In the end one holds {one['scores']:,} scores and {one['points']:,} points, two {two['scores']:,} "
        f"and {two['points']:,}: counts and the checksum over every value {verdict}. The databases have "
        f"{mb['one']} and {mb['two']} MB, the repository "
        f"{steps['push two']['repository_bytes'] / 1e6:.1f} MB. Peak memory is that of the process, of "
        f"which Python and its libraries take about {steps['push one']['peak_mb_of_imports']} MB.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=20_000)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--step", choices=["push", "pull"], help=argparse.SUPPRESS)
    parser.add_argument("--fill", choices=["one", "two"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        print(json.dumps(step(options.step, options.place)))
        return
    if options.fill:
        from contents import Size, fill

        fill(options.place, options.fill, Size(options.models, DATASETS, options.models))
        print("{}")
        return
    result = run(options.models, lambda text: print(text, file=sys.stderr, flush=True))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "sharing.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.output / "sharing.md").write_text(page(result))
    print(page(result))
    if not result["nothing_lost"]:
        raise SystemExit("something was lost")


if __name__ == "__main__":
    main()
