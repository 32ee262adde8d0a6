"""The staged loop beside a bare torch loop and the Trainer class, on the CPU: same examples, same batches.

Ratios are of medians over epochs after the first, in one process with one torch thread (a worker of
hubselect has one): of wall clock, and of processor time, which a busy machine changes less.

    python benchmarks/training/speed.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
import transformers

from benchmarks.machine import machine
from benchmarks.training.loops import SideBySide, side_by_side
from benchmarks.training.material import make_case
from hubselect.training.device import prepare_process

CASES = {
    "ViT-nano": (2048, 8),
    "ViT-nano 32": (2048, 32),
    "BERT-nano": (2048, 8),
    "BERT-tiny": (2048, 8),
    "BERT-tiny 32": (2048, 32),
    "BERT-mini": (1024, 32),
    "ViT-micro": (2048, 32),
}
"""Training examples and batch size by case; the first word is the size."""


def row(case: str, examples: int, batch: int, found: SideBySide) -> dict[str, Any]:
    """The ratios of one case: above 1, the other way took longer."""
    ours = found.ours
    return {
        "case": case.split()[0],
        "parameters": found.parameters,
        "examples": examples,
        "batch": batch,
        "step_ms": 1000 * ours.examples / ours.rate / ours.steps,
        "over_bare": ours.times_of(found.bare) - 1,
        "over_bare_used": ours.times_of(found.bare, used=True) - 1,
        "stage_over_bare_used": found.our_stage.times_of(found.bare_stage, used=True) - 1,
        "trainer": found.trainer.times_of(ours),
        "trainer_used": found.trainer.times_of(ours, used=True),
        "grouped_used": found.trainer_grouped and found.trainer_grouped.times_of(ours, used=True),
        "timings": {name: asdict(getattr(found, name)) for name in ("ours", "bare", "trainer")},
    }


def document(found: dict[str, Any]) -> str:
    host = found["machine"]
    lines = [
        "# The training loop on a CPU",
        "",
        f"Made by `python benchmarks/training/speed.py` on {host['cpu']}, {host['cores']} cores, torch "
        f"{host['torch']}, transformers {host['transformers']}, one torch thread; load average "
        f"{host['load_average'][0]}. Ratios of medians over {found['epochs'] - 1} epochs, by processor time "
        "(wall clock in brackets). The bare loop's batches are made before its clock starts. A stage adds a "
        "validation, and on our side the saved state. Grouped: the Trainer with examples of like length "
        "together, as ours are.",
        "",
        "| checkpoint | parameters | batch | our step | over the bare loop | a whole stage over bare epoch "
        "and validation | Trainer / ours | Trainer grouped / ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in found["rows"]:
        grouped = "-" if r["grouped_used"] is None else f"{r['grouped_used']:.2f}"
        lines.append(
            f"| {r['case']} | {r['parameters']:,} | {r['batch']} | {r['step_ms']:.1f} ms "
            f"| {100 * r['over_bare_used']:+.1f} % ({100 * r['over_bare']:+.1f} %) "
            f"| {100 * r['stage_over_bare_used']:+.1f} % "
            f"| {r['trainer_used']:.2f} ({r['trainer']:.2f}) | {grouped} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--epochs", type=int, default=6)
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
        print({k: v for k, v in rows[-1].items() if k != "timings"}, flush=True)
    found = {"machine": host, "epochs": options.epochs, "rows": rows}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "training_speed.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "training_speed.md").write_text(document(found), encoding="utf-8")
    print(document(found))


if __name__ == "__main__":
    main()
