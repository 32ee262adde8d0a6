"""What a recording was made of and with: it is written beside every recorded score."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hubselect.demo.zoo.layout import source_versions
from hubselect.demo.zoo.pretraining import MANIFEST, WEIGHTS
from hubselect.registry import Registry

_TRAINED_WITH = ("torch", "transformers", "tokenizers", "datasets", "numpy", "hubselect")


def provenance(store: Registry, weights: Path | None) -> dict[str, Any]:
    """Versions, the zoo's weights, recipes, seeds and sizes of everything finished in `store`."""
    manifest = ((weights or WEIGHTS) / MANIFEST).read_bytes()
    seeds = ",".join(str(seed) for seed in sorted({r.seed for r in store.runs(status="done")}))
    return {
        "command": f"python benchmarks/quality/record.py --seeds {seeds}",
        "datasets_made_from": source_versions(),
        "trained_with": {"python": platform.python_version()} | {p: version(p) for p in _TRAINED_WITH},
        "machine": {
            "system": platform.system(),
            "architecture": platform.machine(),
            "cores": os.cpu_count(),
            "torch_threads": 1,
        },
        "zoo": {
            "pre-training_seed": json.loads(manifest)["seed"],
            "manifest_sha256": hashlib.sha256(manifest).hexdigest(),
        },
        "recordings": [_recording(store, recipe.digest) for recipe in store.recipes()],
    }


def _recording(store: Registry, digest: str) -> dict[str, Any]:
    recipe = store.recipe(digest)
    runs = store.runs(recipe=digest, status="done")
    rows = {d.name: dict(d.splits) for d in store.datasets(recipe.task)}
    return {
        "recipe": {"digest": digest} | asdict(recipe),
        "seeds": sorted({r.seed for r in runs}),
        "models": len({r.model for r in runs}),
        "datasets": {name: rows[name] for name in sorted({r.dataset for r in runs})},
        "runs": len(runs),
        "failed": len(store.runs(recipe=digest, status="failed")),
        "stages": sum(len(r.curve) for r in runs),
        "stage_hours": round(sum(p.seconds for r in runs for p in r.curve) / 3600, 3),
        "proxies": _proxies(store, {r.dataset for r in runs}),
    }


def _proxies(store: Registry, datasets: set[str]) -> Sequence[str]:
    return sorted({s.proxy for s in store.proxy_scores() if s.dataset in datasets})
