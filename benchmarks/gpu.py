"""Training on a CUDA device: is it right, how fast is it, and do several trainings share a card.

* losses and validation curves beside the same training on the CPU, in full precision and in bf16;
* examples a second of our loop, of a bare torch loop and of the Trainer class, and the share of the card's
  own matrix product rate, measured first;
* one to eight worker processes with small checkpoints on one card;
* the memory of a training beside what `executors.devices` expects of it.

Checkpoints have published sizes and random weights. Exits with 1 where there is no CUDA device.

    python benchmarks/gpu.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import transformers

from benchmarks.gpu_results import document
from benchmarks.machine import machine
from benchmarks.training.loops import Bare, Timing, ours, side_by_side
from benchmarks.training.material import Case, make_case, operations_per_token
from hubselect.executors.jobs import TrainingJob
from hubselect.executors.local import advance_to
from hubselect.executors.pool import WorkerPool
from hubselect.training.data import load_splits
from hubselect.training.device import prepare_process
from hubselect.training.loading import load_config
from hubselect.training.tasks import adapter_for

CURVES = {"BERT-mini": 2048, "ViT-micro": 1024}
SPEEDS = {"BERT-base": 4096, "ViT-base": 2048, "BERT-mini": 8192, "ViT-small": 2048, "BERT-tiny": 8192}
COMPILED = ("BERT-tiny",)  # compiling the others takes minutes
SHARED = {"BERT-mini": (8192, (1, 2, 4, 8)), "BERT-base": (2048, (1, 2, 4))}
PARTS = ("curves", "sharing", "speeds")
SIDE = 8192  # of the matrices whose product shows what the card can do


def matmul_rate() -> float:
    """Operations a second of bf16 matrix products of random numbers."""
    a, b = (torch.randn(SIDE, SIDE, device="cuda", dtype=torch.bfloat16) for _ in range(2))
    times = []
    for _ in range(20):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        a @ b
        end.record()
        torch.cuda.synchronize()
        times.append(start.elapsed_time(end) / 1000)
    return 2 * SIDE**3 / median(times[5:])


def curves(folder: Path) -> Iterator[dict[str, Any]]:
    """Mean losses and validation accuracies of every eighth of an epoch: on the CPU, and on the card in full
    precision and in bf16. Without dropout, which draws other numbers on every device."""
    for name, examples in CURVES.items():
        case = make_case(
            name, examples, folder, dropout=0.0, epochs=3, stages_per_epoch=8, max_eval_samples=128
        )
        found = {"cpu": curve(case, cuda=False), "fp32": curve(case, bf16=False), "bf16": curve(case)}
        yield {"checkpoint": name, **found, "again": curve(case)}


def curve(case: Case, *, cuda: bool = True, bf16: bool = True) -> dict[str, list[float]]:
    """One training, start to end, on another device or in another precision than the product would choose."""
    asked = torch.cuda.is_available, torch.cuda.is_bf16_supported
    try:
        torch.set_num_threads(1 if cuda else os.cpu_count() or 1)
        if not cuda:
            torch.cuda.is_available = lambda: False  # type: ignore[assignment]
        if not bf16:
            torch.cuda.is_bf16_supported = lambda *args, **more: False  # type: ignore[assignment]
        training = ours(case)
        points = [training.advance().val for _ in range(case.recipe.stages)]
    finally:
        torch.cuda.is_available, torch.cuda.is_bf16_supported = asked
        torch.set_num_threads(1)
    return {"losses": training.losses, "val": points}


def speeds(folder: Path, rate: float, names: list[str]) -> Iterator[dict[str, Any]]:
    """Examples a second by all ways of training, and the memory ours takes."""
    for name in names:
        case = make_case(name, SPEEDS[name], folder, epochs=4)
        memory = peak(case)
        found = side_by_side(case, folder)
        compiled = with_compilation(case) if name in COMPILED else None
        tokens = mean_tokens(case)
        operations = operations_per_token(case, found.parameters, tokens) * tokens
        rates = {
            "ours": found.ours.rate,
            "ours_compiled": compiled and compiled[0].rate,
            "bare": found.bare.rate,
            "bare_compiled": compiled and compiled[1].rate,
            "trainer": found.trainer.rate,
            "trainer_grouped": found.trainer_grouped and found.trainer_grouped.rate,
        }
        yield {
            "checkpoint": name,
            "parameters": found.parameters,
            "tokens": tokens,
            "rates": rates,
            "share": found.ours.rate * operations / rate,
            "share_compiled": compiled and compiled[0].rate * operations / rate,
            "stage_seconds": median(found.our_stage.seconds[1:]),
            "epoch_seconds": median(found.ours.seconds[1:]),
            "bare_stage_seconds": median(found.bare_stage.seconds[1:]),
            "peak_bytes": memory,
            "weights_bytes": weights_bytes(case),
        }


def with_compilation(case: Case) -> tuple[Timing, Timing]:
    """Our loop and the bare one with `torch.compile`; the first epoch, which compiles, does not count."""
    os.environ["HUBSELECT_COMPILE"] = "1"
    try:
        one, other = ours(case), Bare(case)
    finally:
        del os.environ["HUBSELECT_COMPILE"]
    other.network.compile(dynamic=True)
    for _ in range(case.recipe.epochs):
        one.advance()
        other.advance()
    torch.compiler.reset()
    return one.timing, other.timing


def peak(case: Case) -> int:
    """Bytes that the card held at most while one stage trained."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    training = ours(replace(case, recipe=case.recipe.with_(max_train_samples=512)))
    training.advance()
    return torch.cuda.max_memory_reserved()


def weights_bytes(case: Case) -> int:
    return sum(file.stat().st_size for file in case.checkpoint.glob("*.safetensors"))


def mean_tokens(case: Case) -> float:
    """Tokens of a training example, padding not counted; patches and the class token of an image."""
    if case.size.task == "image-classification":
        return (case.size.side // case.size.patch) ** 2 + 1
    adapter = adapter_for(case.checkpoint, load_config(case.checkpoint), case.recipe)
    return float(adapter.prepare(load_splits(case.dataset, case.recipe).train).lengths.mean())


def sharing(folder: Path) -> Iterator[dict[str, Any]]:
    """Examples a second of several worker processes on one card together."""
    for name, (examples, counts) in SHARED.items():
        case = make_case(name, examples, folder, epochs=3)
        for count in counts:
            yield {"checkpoint": name, "workers": count, "rate": together(case, count, folder)}


def together(case: Case, workers: int, folder: Path) -> float:
    """All workers load and train a stage; then the clock starts, and they train another."""
    jobs = {
        str(i): TrainingJob(
            case.checkpoint, case.model, case.dataset, case.recipe, folder / f"states-{workers}-{i}", seed=i
        )
        for i in range(workers)
    }

    with WorkerPool(workers) as pool:
        for stage in (1, 2, 3):
            started = time.perf_counter()
            for _, result in pool.run({key: advance_to(job, stage) for key, job in jobs.items()}):
                if isinstance(result, Exception):
                    raise result
            seconds = time.perf_counter() - started
    return workers * len(load_splits(case.dataset, case.recipe).train) / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--parts", nargs="*", default=list(PARTS), choices=PARTS, help="The others are kept.")
    parser.add_argument(
        "--only", nargs="*", default=list(SPEEDS), help="Checkpoints whose speed is measured."
    )
    options = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("there is no CUDA device on this machine: nothing was measured")
    prepare_process(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    host = machine("torch", "transformers", "accelerate") | {"card": torch.cuda.get_device_name()}
    rate = matmul_rate()
    options.out.mkdir(parents=True, exist_ok=True)
    kept = options.out / "gpu.json"
    found: dict[str, Any] = {"curves": [], "sharing": [], "speeds": []}
    if kept.exists():
        found |= json.loads(kept.read_text(encoding="utf-8"))
        if found["machine"]["card"] != host["card"]:
            sys.exit(f"{kept} holds results of another card: remove it or name another folder with --out")
    found |= {"machine": host, "matmul_rate": rate}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = {
            "curves": lambda: curves(folder),
            "sharing": lambda: sharing(folder),
            "speeds": lambda: speeds(folder, rate, options.only),
        }
        for part in options.parts:
            found[part] = []
            for row in rows[part]():
                print(row if part != "curves" else row["checkpoint"], flush=True)
                found[part].append(row)
                kept.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (options.out / "gpu.md").write_text(document(found), encoding="utf-8")
    print(document(found))


if __name__ == "__main__":
    main()
