"""hubselect: which Hub checkpoint to fine-tune on your dataset, and the checkpoint fine-tuned.

The functions below are the commands that work: they ask the Hub, train or decide, and take
`registry=`. What reads results, or takes them in and out of files, is a method of `Registry`. Names
are loaded when first used, so `import hubselect` is instant.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "add_dataset": "hubselect.api.growing",
    "add_model": "hubselect.api.growing",
    "benchmark": "hubselect.api.benchmarks.benchmarking",
    "cluster": "hubselect.api.clusters.clustering",
    "coarse_recall": "hubselect.api.recall.recalling",
    "doctor": "hubselect.api.doctor",
    "index": "hubselect.api.indexing",
    "init": "hubselect.api.initialising",
    "place": "hubselect.api.clusters.placing",
    "plan_selection": "hubselect.api.selection.selecting",
    "publish": "hubselect.api.publishing",
    "pull": "hubselect.api.sharing",
    "push": "hubselect.api.sharing",
    "report": "hubselect.api.reporting.writing",
    "run_backtest": "hubselect.api.backtesting",
    "select": "hubselect.api.selection.selecting",
    "suite": "hubselect.api.benchmarks.suites",
    "HubselectError": "hubselect.errors",
    "Progress": "hubselect.api.progress",
    "Recipe": "hubselect.records",
    "Registry": "hubselect.api.facade",
    "Selection": "hubselect.records",
    "Standings": "hubselect.api.progress",
}

if TYPE_CHECKING:
    from hubselect.api.backtesting import run_backtest
    from hubselect.api.benchmarks.benchmarking import benchmark
    from hubselect.api.benchmarks.suites import suite
    from hubselect.api.clusters.clustering import cluster
    from hubselect.api.clusters.placing import place
    from hubselect.api.doctor import doctor
    from hubselect.api.facade import Registry
    from hubselect.api.growing import add_dataset, add_model
    from hubselect.api.indexing import index
    from hubselect.api.initialising import init
    from hubselect.api.progress import Progress, Standings
    from hubselect.api.publishing import publish
    from hubselect.api.recall.recalling import coarse_recall
    from hubselect.api.reporting.writing import report
    from hubselect.api.selection.selecting import plan_selection, select
    from hubselect.api.sharing import pull, push
    from hubselect.errors import HubselectError
    from hubselect.records import Recipe, Selection

__all__ = [
    "HubselectError",
    "Progress",
    "Recipe",
    "Registry",
    "Selection",
    "Standings",
    "__version__",
    "add_dataset",
    "add_model",
    "benchmark",
    "cluster",
    "coarse_recall",
    "doctor",
    "index",
    "init",
    "place",
    "plan_selection",
    "publish",
    "pull",
    "push",
    "report",
    "run_backtest",
    "select",
    "suite",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hubselect' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
