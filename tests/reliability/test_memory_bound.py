"""A dataset larger than what fits into memory: reading it takes no more memory than reading a small one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.memory import ROOT
from tests.support.repos import write_card

ROWS, TIMES, CHARACTERS = 20_000, 8, 2_000
CAP = 500
MEGABYTE = 1 << 20

READ = """
import json, resource, sys, threading
from hubselect.hub import index_dataset
from hubselect.records import Recipe
from hubselect.training.data import load_splits

def own():
    line = next(line for line in open("/proc/self/status") if line.startswith("RssAnon"))
    return int(line.split()[1]) << 10

def watch():
    while not ended.wait(0.005):
        peaks.append(own())

peaks, ended = [own()], threading.Event()
threading.Thread(target=watch, daemon=True).start()
recipe = Recipe("text-classification", max_train_samples=int(sys.argv[2]), max_eval_samples=int(sys.argv[2]))
splits = load_splits(index_dataset(sys.argv[1]), recipe)
ended.set()
sizes = [len(part) for part in (splits.train, splits.validation, splits.test)]
print(json.dumps([sizes, max(peaks)]))
"""
"""The peak of a process's own memory. Pages of the dataset's files that are mapped are not counted: the
system takes them back when it wants."""


def write(folder: Path, rows: int) -> None:
    """Texts of `CHARACTERS` characters, all different, in row groups of a thousand."""
    path = folder / "data" / "train-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    schema = pa.schema([("text", pa.string()), ("label", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, 1000):
            numbers = range(start, start + 1000)
            texts = [f"{n:08d} word of class {n % 2} ".ljust(CHARACTERS, "x") for n in numbers]
            writer.write_table(pa.table([texts, [n % 2 for n in numbers]], schema=schema))
    write_card(folder, {"task_categories": ["text-classification"]})


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel counts RssAnon on Linux only")
def test_the_peak_of_memory_does_not_grow_with_the_dataset(
    hub_root: Path, hub_environment: dict[str, str]
) -> None:
    """Eight times the rows, 280 MB of text more, read by a new process over the mini hub under the same caps:
    the peak stays about the same."""
    peaks = []
    for name, rows in (("small", ROWS), ("large", ROWS * TIMES)):
        write(hub_root / "datasets" / "bulk" / name, rows)
        ran = subprocess.run(
            [sys.executable, "-c", READ, f"bulk/{name}", str(CAP)],
            env={**hub_environment, "PYTHONPATH": str(ROOT)}, check=True, capture_output=True, text=True,
        )  # fmt: skip
        sizes, peak = json.loads(ran.stdout)
        assert sizes == [CAP] * 3
        peaks.append(peak)
    more = ROWS * (TIMES - 1) * CHARACTERS
    megabytes = [round(count / MEGABYTE) for count in (*peaks, more)]
    print("peak of {} MB and of {} MB with {} MB more text".format(*megabytes))
    assert peaks[1] - peaks[0] < more / 2  # pools of memory grow by tens of megabytes as they like
