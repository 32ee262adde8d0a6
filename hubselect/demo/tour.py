"""The main job from an empty registry to a fine-tuned winner, on the mini hub. Everything is computed.

    datasets and checkpoints -> performance matrix -> clusters -> one more model -> a selection
    for a dataset that the registry has never seen

The tour calls the API as the command line does, and says which command each step is.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.demo.server import MiniHub
from hubselect.demo.zoo import DEMO_BENCHMARKS, DEMO_LATECOMER, DEMO_MODELS, DEMO_TARGET, OWNER
from hubselect.errors import SelectionFailed
from hubselect.records import Clustering, Selection, Task
from hubselect.reports import documents, text
from hubselect.reports.numbers import duration, size
from hubselect.selection.costs import brute_force_epochs, successive_halving_epochs

if TYPE_CHECKING:
    from rich.console import Console

    from hubselect.api.progress import Listener

THRESHOLD = 0.035
TASK: Task = "text-classification"  # the default half of the zoo
# pairs whose column names do not tell that they belong together: --text-column twice
COLUMNS = {"indent-steps": ("line", "next_line"), "parameter-types": ("name", "description")}


@dataclass(frozen=True)
class Baselines:
    """What selecting among all known models would cost without hubselect: counted, not run."""

    models: int
    brute_force_epochs: int
    successive_halving_epochs: int
    bytes_of_all_weights: int


@dataclass(frozen=True)
class Tour:
    """What the tour found. `weights_fetched` is the hub's own log of what `select` downloaded;
    `rescored` is the test score of the saved winner, loaded again from the disk."""

    workdir: Path
    before: tuple[Clustering, ...]
    after: tuple[Clustering, ...]
    selection: Selection
    baselines: Baselines
    weights_fetched: dict[str, dict[str, int]]
    rescored: float
    seconds: float


def run(workdir: Path, console: Console, listener: Listener, *, task: Task = TASK, k: int = 5) -> Tour:
    """Run the tour in `workdir`, which keeps the hub, the caches, the registry and the winner.

    A tour that was stopped goes on where it was. `console` gets what people read.
    """
    started = time.monotonic()
    workdir = workdir.absolute()
    with _hub(workdir, console, task) as hub:
        before, after = _grow(workdir, console, listener, task)
        hub.reset()  # from here on its log is that of `select` alone
        selection = _select(workdir, hub, console, task, k)
        fetched = hub.weights_fetched()
        rescored = _rescore(workdir, selection)
        tour = Tour(
            workdir,
            before,
            after,
            selection,
            _baselines(workdir, task, selection),
            fetched,
            rescored,
            time.monotonic() - started,
        )
    _conclude(tour, console)
    return tour


def document(tour: Tour) -> dict[str, Any]:
    """The tour as one JSON document."""
    return {
        "workdir": str(tour.workdir),
        "clusters_before": documents.clusterings_document(tour.before),
        "clusters_after": documents.clusterings_document(tour.after),
        "selection": documents.selection_document(tour.selection),
        "baselines": vars(tour.baselines),
        "weights_fetched": tour.weights_fetched,
        "rescored": tour.rescored,
        "seconds": tour.seconds,
    }


@contextmanager
def _hub(workdir: Path, console: Console, task: Task) -> Iterator[MiniHub]:
    from rich.progress import Progress

    from hubselect.demo.zoo import demo_repos, write_hub

    console.rule("1. A small Hub on this machine")
    with Progress(console=console, transient=True) as progress:
        write_hub(workdir / "hub", only=demo_repos(task), progress=progress)
    with MiniHub(workdir / "hub", log_file=workdir / "hub-requests.jsonl") as hub:
        os.environ.update(hub.environment(workdir / "hf-home"))  # before any Hub client is imported
        console.print(
            f"serving {workdir / 'hub'} at {hub.url}: real checkpoints, real HTTP, nothing from outside"
        )
        yield hub


def _grow(
    workdir: Path, console: Console, listener: Listener, task: Task
) -> tuple[tuple[Clustering, ...], tuple[Clustering, ...]]:
    """The offline half: fill the matrix, cluster, add one more model."""
    from hubselect.api.benchmarks.benchmarking import benchmark
    from hubselect.api.clusters.clustering import cluster
    from hubselect.api.growing import add_dataset, add_model
    from hubselect.registry import Registry

    registry = workdir / "registry.db"
    suite, models, latecomer = _ids(DEMO_BENCHMARKS[task]), _ids(DEMO_MODELS[task]), _id(DEMO_LATECOMER[task])
    with Registry.open(registry) as store:
        known = {m.id for m in store.models(task)}
        console.rule("2. Teach the registry benchmarks and checkpoints")
        _command(console, "add-dataset", suite[0], "...")
        for name in suite:
            add_dataset(name, registry=store, text_columns=_columns(name))
        console.print(text.datasets(store.datasets(task, role="benchmark")))
        _command(console, "add-model", models[0], "... --no-benchmark")
        add_model([m for m in models if m not in known], registry=store, benchmark=False)
        console.print(text.models(store.models(task)))

        console.rule("3. Fine-tune every checkpoint on every benchmark")
        _command(console, "benchmark")
        benchmark(registry=store, models=models, listener=listener)
        frame = store.matrix(task)
        console.print(text.matrix(list(frame.index), list(frame.columns), frame.to_numpy().tolist()))

        console.rule("4. Cluster models that fine-tune alike")
        _command(console, "cluster", f"--threshold {THRESHOLD}")
        before = cluster(registry=store, task=task, threshold=THRESHOLD)
        _print(console, text.clusterings(before))

        console.rule("5. One more checkpoint appears")
        _command(console, "add-model", latecomer)
        added = add_model(latecomer, registry=store, listener=listener)
        _print(console, text.added(added))
        after = tuple(c for c in store.clusterings() if c.task == task)
        _print(console, text.clusterings(after))
    return before, after


def _select(workdir: Path, hub: MiniHub, console: Console, task: Task, k: int) -> Selection:
    """The real command in a process of its own, with an empty cache: as on another machine."""
    from hubselect.registry import Registry

    target = _id(DEMO_TARGET[task])
    columns = [word for column in _columns(target) for word in ("--text-column", column)]
    words = ["select", target, *columns, "-k", str(k)]
    places = ["--registry", str(workdir / "registry.db"), "--output", str(workdir / "winner")]
    console.rule("6. Select for a dataset the registry has never seen, on a machine with an empty cache")
    _command(console, *words)
    environment = {**os.environ, **hub.environment(workdir / "hf-home-of-another-machine")}
    done = subprocess.run(
        [sys.executable, "-m", "hubselect", *words, *places, "--json"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SelectionFailed(
            "the selection of the demo failed", "mend what the line above says, or run `hubselect doctor`"
        )
    with Registry.open(workdir / "registry.db") as store:
        found = store.selection(json.loads(done.stdout)["selection_id"])
    _print(console, text.selection(found))
    return found


def _rescore(workdir: Path, selection: Selection) -> float:
    """Load the saved winner in a fresh process and score the test split again."""
    from hubselect.executors.jobs import rescore
    from hubselect.executors.pool import Call, Chain, WorkerPool
    from hubselect.registry import Registry

    with Registry.open(workdir / "registry.db") as store:
        arguments = (
            Path(selection.path or ""),
            store.dataset(selection.dataset),
            store.recipe(selection.recipe),
        )
    chain: Chain = (call for call in [Call(rescore, arguments)])
    with WorkerPool(1) as pool:
        for _, result in pool.run({"winner": chain}):
            if isinstance(result, Exception):
                raise result
            return float(result)
    raise RuntimeError("the saved winner was not scored")


def _baselines(workdir: Path, task: Task, selection: Selection) -> Baselines:
    from hubselect.registry import Registry

    with Registry.open(workdir / "registry.db") as store:
        models = store.models(task)
        epochs = store.recipe(selection.recipe).epochs
    return Baselines(
        len(models),
        brute_force_epochs(len(models), epochs),
        successive_halving_epochs(len(models), epochs),
        sum(m.weights_bytes or 0 for m in models),
    )


def _conclude(tour: Tour, console: Console) -> None:
    base, cost = tour.baselines, tour.selection.cost
    fetched = sum(sum(files.values()) for files in tour.weights_fetched.values())
    console.rule("7. What it cost")
    console.print(
        f"this selection        {cost.epochs:6.2f} epochs, {duration(cost.seconds)}, "
        f"{size(cost.bytes_downloaded)} downloaded"
    )
    console.print(
        f"successive halving    {base.successive_halving_epochs:6.2f} epochs over all {base.models} models, "
        f"{size(base.bytes_of_all_weights)} of weights (counted, not run)"
    )
    console.print(
        f"brute force           {base.brute_force_epochs:6.2f} epochs over all {base.models} models, "
        f"{size(base.bytes_of_all_weights)} of weights (counted, not run)"
    )
    console.print(f"the hub sent {size(fetched)} of weights for it, of these models only:")
    for repo, files in sorted(tour.weights_fetched.items()):
        console.print(f"  {repo}: " + ", ".join(f"{f} {size(n)}" for f, n in sorted(files.items())))
    console.print(
        f"winner {tour.selection.model_id} saved in {tour.selection.path}: "
        f"test {tour.selection.test_score:.4f}, loaded from there and scored again {tour.rescored:.4f}"
    )
    console.print(f"the whole tour took {duration(tour.seconds)}; everything is in {tour.workdir}")


def _id(name: str) -> str:
    return f"{OWNER}/{name}"


def _columns(repo_id: str) -> tuple[str, ...]:
    return COLUMNS.get(repo_id.removeprefix(f"{OWNER}/"), ())


def _ids(names: tuple[str, ...]) -> list[str]:
    return [_id(name) for name in names]


def _command(console: Console, *words: str) -> None:
    console.print(f"[bold]$ hubselect {' '.join(words)}[/bold]")


def _print(console: Console, parts: list[text.Part]) -> None:
    for part in parts:
        console.print(part)
