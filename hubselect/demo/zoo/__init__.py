"""The zoo: tiny, really pre-trained checkpoints and small real datasets, all without a download.

The checkpoints' weights are committed beside their seeded builder; the datasets are made on the spot from
the interpreter's own installation, so nobody else's text is kept here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubselect.demo.zoo.checkpoints import (
    CHECKPOINTS,
    DEMO_BENCHMARKS,
    DEMO_LATECOMER,
    DEMO_MODELS,
    DEMO_TARGET,
    OWNER,
    Checkpoint,
    demo_repos,
)
from hubselect.demo.zoo.layout import write_hub

if TYPE_CHECKING:
    from hubselect.demo.zoo.pretraining import pretrain

__all__ = [
    "CHECKPOINTS",
    "DEMO_BENCHMARKS",
    "DEMO_LATECOMER",
    "DEMO_MODELS",
    "DEMO_TARGET",
    "OWNER",
    "Checkpoint",
    "demo_repos",
    "pretrain",
    "write_hub",
]


def __getattr__(name: str) -> Any:
    if name == "pretrain":
        from hubselect.demo.zoo.pretraining import pretrain

        return pretrain
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
