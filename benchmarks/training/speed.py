"""The staged loop beside a bare torch loop and the Trainer class, on the CPU: same examples, same batches.

All of them train an epoch each in turns, in one process with one torch thread (a worker of hubselect has
one). A ratio is the median over the rounds after the first: of wall clock, and of processor time, which a
busy machine changes less.

    python benchmarks/training/speed.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import quantiles
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
import transformers

from benchmarks.machine import machine
from benchmarks.training.loops import SideBySide, Timing, side_by_side
from benchmarks.training.material import make_case
from hubselect.training.device import prepare_process

CASES = {
    "ViT-nano": (512, 8),
    "ViT-nano 32": (1024, 32),
    "BERT-nano": (256, 8),
    "BERT-tiny": (256, 8),
    "BERT-tiny 32": (512, 32),
}
"""Training examples and batch size by case; the first word is the size. Epochs are short, a second or two,
so that the loops of a round meet the same machine."""


def row(case: str, examples: int, batch: int, found: SideBySide) -> dict[str, Any]:
    """The ratios of one case, wall clock and processor time: above 1, the first way took longer."""
    ours, grouped = found.ours, found.trainer_grouped
    return {
        "case": case.split()[0],
        "parameters": found.parameters,
        "examples": examples,
        "batch": batch,
        "step_ms": 1000 * ours.examples / ours.rate / ours.steps,
        "over_bare": compared(ours, found.bare),
        "stage_over_bare": compared(found.our_stage, found.bare_stage),
        "trainer": compared(found.trainer, ours),
        "trainer_grouped": grouped and compared(grouped, ours),
    }


def compared(one: Timing, other: Timing) -> dict[str, Any]:
    """The median ratio by wall clock with the quartiles over rounds, that of processor time, and that of
    each way's fastest epoch."""
    return {
        "wall": one.times_of(other),
        "quartiles": quantiles(one.ratios(other))[::2],
        "used": one.times_of(other, used=True),
        "fastest": min(one.seconds[1:]) / min(other.seconds[1:]),
    }


def shown(found: dict[str, Any] | None) -> str:
    if found is None:
        return "-"
    low, high = found["quartiles"]
    return f"{found['wall']:.2f} ({low:.2f}-{high:.2f}; {found['used']:.2f}; {found['fastest']:.2f})"


def document(found: dict[str, Any]) -> str:
    host = found["machine"]
    lines = [
        "# The training loop on a CPU",
        "",
        f"Made by `python benchmarks/training/speed.py` on {host['cpu']}, {host['cores']} cores, torch "
        f"{host['torch']}, transformers {host['transformers']}, one torch thread; load average "
        f"{host['load_average'][0]}. {found['epochs'] - 1} rounds, in which each way trains one epoch. Every "
        "cell: the median ratio of a round by wall clock (its quartiles over the rounds; the median by "
        "processor time; the ratio of each way's fastest epochs). The bare loop's batches are made before "
        "its clock starts. A stage adds a validation of 256 examples and, on our side, the saved state. "
        "Grouped: the Trainer with examples of like length together, as ours are.",
        "",
        "| checkpoint | parameters | batch | examples | our step | ours / bare loop | a whole stage / bare "
        "epoch and validation | Trainer / ours | Trainer grouped / ours |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for r in found["rows"]:
        cells = [shown(r[name]) for name in ("over_bare", "stage_over_bare", "trainer", "trainer_grouped")]
        lines.append(
            f"| {r['case']} | {r['parameters']:,} | {r['batch']} | {r['examples']:,} | {r['step_ms']:.1f} ms "
            f"| {' | '.join(cells)} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--epochs", type=int, default=31)
    parser.add_argument("--only", nargs="*", default=list(CASES))
    options = parser.parse_args()
    prepare_process(1)
    transformers.utils.logging.set_verbosity_error()
    torch.manual_seed(0)
    host = machine("torch", "transformers", "accelerate")
    rows = []
    for name in options.only:
        examples, batch = CASES[name]
        with tempfile.TemporaryDirectory() as folder:
            case = make_case(name.split()[0], examples, Path(folder), epochs=options.epochs, batch_size=batch)
            rows.append(row(name, examples, batch, side_by_side(case, Path(folder))))
        print(rows[-1], flush=True)
    found = {"machine": host, "epochs": options.epochs, "rows": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "training_speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "training_speed.md").write_text(document(found), encoding="utf-8")
    print(document(found))


if __name__ == "__main__":
    main()
