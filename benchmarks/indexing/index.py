"""How fast listings of the Hub become a registry, and how fast the registry answers then.

    python benchmarks/indexing/index.py [--models 1000000] [--output benchmarks/results]

1. indexing: a server in another process generates the Hub's pages (`generated_hub.py`); the walk reads
   them over HTTP and writes them to SQLite, one committed transaction per page of 1,000;
2. asking again when nothing changed: one page;
3. queries: filtered, ordered, limited queries with varying values over all of them;
4. the same entries stored one at a time (`Registry.add_model`), as the ratio to compare with;
5. the mini hub's listing, real files behind every entry, in pages of 100.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2]))

from benchmarks.machine import machine

ROOT = Path(__file__).parents[2]
TEXT = "text-classification"


@contextmanager
def generated_hub(models: int) -> Iterator[str]:
    """The address of a server of generated pages in a process of its own."""
    script = str(Path(__file__).with_name("generated_hub.py"))
    with subprocess.Popen(
        [sys.executable, script, str(models)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def indexing(place: Path, models: int, told: Callable[[str], None]) -> dict[str, Any]:
    from hubselect.api.indexing import index
    from hubselect.api.progress import Progress

    slowest, last = 0.0, time.perf_counter()

    def listen(event: Progress) -> None:
        nonlocal slowest, last
        now = time.perf_counter()
        slowest, last = max(slowest, now - last), now
        if event.done % 50_000 == 0:
            told(f"{event.done:,} models")

    with generated_hub(models) as address:
        os.environ["HF_ENDPOINT"] = address
        cpu = time.process_time()
        seconds, report = timed(lambda: index(TEXT, registry=place, pipelines=[TEXT], listener=listen))
        cpu = time.process_time() - cpu
        again, second = timed(lambda: index(TEXT, registry=place, pipelines=[TEXT]))
    return {
        "models": report.seen,
        "indexed": report.indexed.new,
        "skipped": sum(report.skipped.values()),
        "claims": report.indexed.claims,
        "pages": report.pages,
        "seconds": round(seconds, 2),
        "models_per_second": round(report.seen / seconds),
        "cpu_seconds": round(cpu, 2),
        "models_per_cpu_second": round(report.seen / cpu),
        "slowest_page_seconds": round(slowest, 3),
        "database_bytes": place.stat().st_size,
        "second_run": {"seconds": round(again, 3), "pages": second.pages, "seen": second.seen},
    }


def one_by_one(place: Path, models: int) -> dict[str, Any]:
    """The same entries, each in a transaction of its own."""
    from generated_hub import entry

    from hubselect.errors import HubselectError
    from hubselect.hub import listed_model
    from hubselect.registry import Registry

    def store() -> None:
        with Registry.open(place) as registry:
            for number in range(models):
                try:
                    registry.add_model(listed_model(entry(number), TEXT).model)
                except HubselectError:
                    continue

    seconds, _ = timed(store)
    return {"models": models, "seconds": round(seconds, 2), "models_per_second": round(models / seconds)}


def questions(dice: random.Random) -> dict[str, dict[str, Any]]:
    """One of each kind of question, with values of its own."""
    low = dice.choice([1, 5, 20, 60]) * 10**6
    return {
        "most downloaded of a task": {"order": "downloads"},
        "licence, most downloaded": {
            "license": dice.choice(["mit", "apache-2.0", "openrail"]), "order": "downloads",
        },
        "parameters in a range, most downloaded": {
            "min_parameters": low, "max_parameters": 3 * low, "order": "downloads",
        },
        "few parameters in a range": {"min_parameters": low, "max_parameters": low + 20_000},
        "at least some downloads, largest first": {
            "min_downloads": dice.choice([1000, 5000, 20000]), "order": "parameters",
        },
        "one author": {"author": f"user-{dice.randrange(1, 50_000)}"},
        "one author, a licence": {"author": f"user-{dice.randrange(1, 500)}", "license": "mit"},
        "licence, size and downloads": {
            "license": "mit", "max_parameters": 10**8, "min_downloads": 100, "order": "downloads",
        },
        "part of a name, most downloaded": {
            "search": dice.choice(["emotion", "deberta", "toxic"]), "order": "downloads",
        },
        "part of few names, most downloaded": {"search": f"-{dice.randrange(10**5)}", "order": "downloads"},
        "newest": {"order": "modified"},
        "newest under a licence": {"license": "cc-by-4.0", "order": "modified"},
    }  # fmt: skip


def querying(place: Path, repeats: int) -> dict[str, Any]:
    from hubselect.registry import Registry

    times: dict[str, list[float]] = {}
    with Registry.open(place) as registry:
        for seed in range(repeats):
            for name, conditions in questions(random.Random(seed)).items():
                seconds, _ = timed(lambda c=conditions: registry.models(TEXT, limit=50, **c))  # type: ignore[misc]
                times.setdefault(name, []).append(1000 * seconds)
    every = [t for each in times.values() for t in each]
    return {
        "limit": 50,
        "queries": len(every),
        "median_ms": round(statistics.median(every), 2),
        "p95_ms": round(statistics.quantiles(every, n=20)[-1], 2),
        "by_question_median_ms": {name: round(statistics.median(t), 2) for name, t in times.items()},
        "by_question_worst_ms": {name: round(max(t), 2) for name, t in times.items()},
    }


def mini_hub(folder: Path, models: int) -> dict[str, Any]:
    from hubselect.api.indexing import index
    from hubselect.demo.server import MiniHub
    from tests.support.listings import write_listed_model

    for number in range(models):
        write_listed_model(folder / "hub", f"someone/model-{number}", downloads=number)
    with MiniHub(folder / "hub", page_size=100) as hub:
        os.environ["HF_ENDPOINT"] = hub.url
        seconds, report = timed(lambda: index(TEXT, registry=folder / "mini.db", pipelines=[TEXT]))
        served = len(hub.requests)
    return {
        "models": report.seen,
        "pages": served,
        "seconds": round(seconds, 2),
        "models_per_second": round(report.seen / seconds),
    }


def page(result: dict[str, Any]) -> str:
    walk, asked, single, mini = (result[k] for k in ("indexing", "querying", "one_by_one", "mini_hub"))
    host = result["machine"]
    ratio = walk["models_per_second"] / single["models_per_second"]
    lines = [
        "# Indexing the Hub",
        "",
        f"{host['cpu']}, {host['cores']} cores, load {host['load_average'][0]} (shared); "
        f"Python {host['python']}, SQLite {host['sqlite']}, huggingface_hub {host['huggingface_hub']}. "
        "Made by `python benchmarks/indexing/index.py`.",
        "",
        "| what | models | models/s | wanted |",
        "|---|---|---|---|",
        "| walk over HTTP into SQLite, a committed transaction per page of 1,000 "
        f"| {walk['models']:,} | {walk['models_per_second']:,} | >= 5,000 |",
        f"| the same, per second of our own CPU time | | {walk['models_per_cpu_second']:,} | |",
        "| the same entries stored one at a time "
        f"| {single['models']:,} | {single['models_per_second']:,} | |",
        f"| ratio | | {ratio:.1f}x | |",
        "| mini hub (it reads the files behind every entry for every page: mostly its time) "
        f"| {mini['models']:,} | {mini['models_per_second']:,} | |",
        "",
        f"{walk['claims']:,} claims of model cards were stored with them, {walk['skipped']:,} entries that "
        f"cannot be fine-tuned were skipped; the slowest page took {walk['slowest_page_seconds']} s; the "
        f"database has {walk['database_bytes'] / 1e6:,.0f} MB. Asking again when nothing changed: "
        f"{walk['second_run']['pages']} page, {walk['second_run']['seconds']} s.",
        "",
        f"Filtered queries over all of them, the first {asked['limit']} models as records: median "
        f"{asked['median_ms']} ms (wanted < 50), 95th percentile {asked['p95_ms']} ms.",
        "",
        "| question | median ms | worst ms |",
        "|---|---|---|",
    ]
    worst = asked["by_question_worst_ms"]
    lines += [f"| {q} | {t:.1f} | {worst[q]:.1f} |" for q, t in asked["by_question_median_ms"].items()]
    return "\n".join(lines) + "\n"


def run(models: int, repeats: int, told: Callable[[str], None]) -> dict[str, Any]:
    """All five measurements on temporary files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ.update(
            HF_HOME=str(folder / "hf"), HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_IMPLICIT_TOKEN="1"
        )
        result: dict[str, Any] = {"machine": machine("huggingface_hub") | {"sqlite": sqlite3.sqlite_version}}
        for part, work in (
            ("indexing", lambda: indexing(folder / "index.db", models, told)),
            ("querying", lambda: querying(folder / "index.db", repeats)),
            ("one_by_one", lambda: one_by_one(folder / "single.db", min(models, 2000))),
            ("mini_hub", lambda: mini_hub(folder, min(models, 500))),
        ):
            told(part)
            result[part] = work()
        return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results")
    options = parser.parse_args()
    result = run(options.models, options.repeats, lambda text: print(text, file=sys.stderr, flush=True))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "indexing.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.output / "indexing.md").write_text(page(result))
    print(page(result))


if __name__ == "__main__":
    main()
