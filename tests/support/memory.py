"""Memory that runs out above a number of examples, for classifiers of one width: a global forward hook of
torch asks the real allocator for more than there is, which answers as it does when memory is full.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
_LIMITS = "TEST_MOST_EXAMPLES"
_MORE_THAN_THERE_IS = 1 << 50


@contextmanager
def most_examples(limits: Mapping[int, int]) -> Iterator[Counter[int]]:
    """Classifiers of a width (hidden size) in `limits` have memory for so many examples at once. Yields how
    often memory ran out, by batch size."""
    failures: Counter[int] = Counter()
    handle = _hooked(limits, failures)
    try:
        yield failures
    finally:
        handle.remove()


def _hooked(limits: Mapping[int, int], failures: Counter[int]) -> Any:
    import torch

    def hook(module: Any, args: Any, kwargs: Any, output: Any) -> None:
        if not type(module).__name__.endswith("ForSequenceClassification"):
            return
        size = len(kwargs["input_ids"])
        if size > limits.get(module.config.hidden_size, size):
            failures[size] += 1
            torch.empty(_MORE_THAN_THERE_IS, dtype=torch.uint8)

    return torch.nn.modules.module.register_module_forward_hook(hook, with_kwargs=True)


def in_workers(monkeypatch: pytest.MonkeyPatch, folder: Path, limits: Mapping[int, int]) -> None:
    """The same in worker processes that start from now on."""
    (folder / "sitecustomize.py").write_text("from tests.support.memory import begin\nbegin()\n")
    path = os.pathsep.join(filter(None, [str(folder), str(ROOT), os.environ.get("PYTHONPATH")]))
    monkeypatch.setenv("PYTHONPATH", path)
    monkeypatch.setenv(_LIMITS, json.dumps(limits))


def begin() -> None:
    if any("spawn_main" in word for word in sys.orig_argv):
        _hooked({int(width): most for width, most in json.loads(os.environ[_LIMITS]).items()}, Counter())
