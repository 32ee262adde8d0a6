"""A small laboratory: checkpoints, benchmarks and a target on the mini hub, and a filled registry.

The checkpoints are tiny and not pre-trained: enough for behaviour, not for quality. Families
share an architecture and differ by seed, so that clusters have several members.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.repos import write_text_dataset, write_text_model

OWNER = "lab"
MODELS = tuple(f"{OWNER}/{name}" for name in ("bert-a", "bert-b", "distil-a", "distil-b", "headless"))
BENCHMARKS = tuple(f"{OWNER}/{name}" for name in ("bench-one", "bench-two", "bench-three"))
TARGET = f"{OWNER}/target"
LATECOMER = f"{OWNER}/latecomer"
BROKEN = f"{OWNER}/broken"


@dataclass(frozen=True)
class Lab:
    """Where the hub's tree is and a registry with every cell filled."""

    root: Path
    registry: Path


def make(root: Path, folder: Path) -> Lab:
    """The whole laboratory: repositories below the hub's `root`, the registry in `folder`."""
    write_repositories(root)
    registry = folder / "registry.db"
    fill_registry(registry)
    return Lab(root, registry)


def write_repositories(root: Path) -> None:
    write_text_model(root, MODELS[0], seed=1, weights=("safetensors", "bin"))
    write_text_model(root, MODELS[1], seed=2)
    write_text_model(root, MODELS[2], seed=3, architecture="distilbert")
    write_text_model(root, MODELS[3], seed=4, architecture="distilbert", weights=("bin",))
    write_text_model(root, MODELS[4], seed=5, head=False)
    write_text_model(root, LATECOMER, seed=6)
    for seed, name in enumerate(BENCHMARKS):
        write_text_dataset(root, name, seed=seed, layout="csv" if seed == 1 else "parquet", pairs=seed == 2)
    write_text_dataset(root, TARGET, seed=9)
    write_text_dataset(root, f"{OWNER}/unlabelled", label_as="none")


def fill_registry(path: Path) -> None:
    """Index everything, fill the matrix in two epochs, cluster."""
    from hubselect import add_dataset, add_model, benchmark, cluster
    from hubselect.registry import Registry

    with Registry.open(path) as store:
        for name in BENCHMARKS:
            add_dataset(name, registry=store)
        add_model(MODELS, registry=store, benchmark=False)
        report = benchmark(registry=store, epochs=2, workers=2)
        assert not report.failed, report.failed
        cluster(registry=store, threshold=0.5)
