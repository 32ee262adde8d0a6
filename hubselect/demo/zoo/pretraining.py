"""The seeded builder of the committed weights: makes every checkpoint of the zoo from scratch.

One torch thread per process, every random choice seeded by the checkpoint's name: on one machine and one set
of packages the same seed gives the same weights, in whatever order and however many at once they are made.
"""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.progress import Progress

from hubselect.demo.zoo.checkpoints import Checkpoint, with_parents
from hubselect.demo.zoo.corpus import Corpus, read_corpus

WEIGHTS = Path(__file__).parent / "weights"
MANIFEST = "manifest.json"

Record = dict[str, Any]


def pretrain(
    names: Iterable[str] | None = None,
    out: Path = WEIGHTS,
    seed: int = 0,
    *,
    jobs: int = 1,
    effort: float = 1.0,
    progress: Progress | None = None,
) -> dict[str, Record]:
    """Makes the named checkpoints (all by default), replacing those in `out`.

    What named checkpoints continue from is made too unless it is in `out` already, whole and of `seed`.
    `jobs` processes work at once; `effort` scales the number of training steps. Each checkpoint becomes
    `out/NAME/{config.json,model.safetensors}` (half precision), each tokenizer `out/tokenizers/KIND.json`
    (named checkpoints use those that are there), and `out/manifest.json` records how they were made.
    Returns the new records by name. Raises UnknownEntry for a name that the zoo does not have.
    """
    wanted = with_parents(names)
    if names is not None:
        asked = set(names := list(names))
        wanted = [c for c in wanted if c.name in asked or not _is_made(c, out, seed)]
    out.mkdir(parents=True, exist_ok=True)
    bar = progress.add_task("pre-training", total=sum(c.steps for c in wanted)) if progress else None
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_one_thread) as pool:
        kinds = sorted({c.tokenizer for c in wanted if c.tokenizer})
        if names is not None:  # the checkpoints that stay were trained with the tokenizers that are there
            kinds = [kind for kind in kinds if not (out / "tokenizers" / f"{kind}.json").exists()]
        if kinds:
            pool.submit(_make_tokenizers, kinds, out).result()
        records: dict[str, Record] = {}
        for checkpoint, record in _in_order(wanted, pool, out, seed, effort):
            records[checkpoint.name] = record
            _write_manifest(out, {checkpoint.name: record}, seed)  # what is made stays made
            if progress and bar is not None:
                progress.update(bar, advance=checkpoint.steps, description=f"pre-trained {checkpoint.name}")
    return {c.name: records[c.name] for c in wanted}


def _in_order(
    wanted: Sequence[Checkpoint], pool: ProcessPoolExecutor, out: Path, seed: int, effort: float
) -> Iterator[tuple[Checkpoint, Record]]:
    """Every checkpoint as soon as it is made; none starts before its parent is done."""
    waiting = list(wanted)
    running: dict[Future[Record], Checkpoint] = {}
    unmade = {c.name for c in wanted}
    while waiting or running:
        for checkpoint in [c for c in waiting if c.parent not in unmade]:
            waiting.remove(checkpoint)
            running[pool.submit(_make, checkpoint, out, seed, effort)] = checkpoint
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            checkpoint = running.pop(future)
            unmade.remove(checkpoint.name)
            yield checkpoint, future.result()


def _one_thread() -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ["HF_HUB_OFFLINE"] = "1"
    import torch
    import transformers

    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


@functools.cache
def _corpus() -> Corpus:
    return read_corpus("source")


def _make_tokenizers(kinds: Sequence[str], out: Path) -> None:
    from hubselect.demo.zoo.tokenizers import build_tokenizer

    (out / "tokenizers").mkdir(exist_ok=True)
    for kind in kinds:
        build_tokenizer(kind, _corpus()).save(str(out / "tokenizers" / f"{kind}.json"), pretty=False)


def _make(checkpoint: Checkpoint, out: Path, seed: int, effort: float) -> Record:
    import torch

    from hubselect.demo.zoo.optimization import seed_for

    if checkpoint.tokenizer:
        _corpus()  # read once per process: not this checkpoint's time
    started = time.process_time()
    torch.manual_seed(seed_for(checkpoint.name, seed))
    steps = max(2, round(checkpoint.steps * effort))
    parent = out / checkpoint.parent if checkpoint.parent else None
    if checkpoint.tokenizer:
        from tokenizers import Tokenizer

        from hubselect.demo.zoo.text_pretraining import pretrain_text

        tokenizer = Tokenizer.from_file(str(out / "tokenizers" / f"{checkpoint.tokenizer}.json"))
        model, reached = pretrain_text(checkpoint, _corpus(), tokenizer, parent, steps)
    else:
        from hubselect.demo.zoo.image_pretraining import pretrain_image

        model, reached = pretrain_image(checkpoint, parent, steps)
    seconds = time.process_time() - started
    return _save(checkpoint, model, out / checkpoint.name) | {
        "steps": steps,
        **{name: round(value, 4) for name, value in reached.items()},
        "cpu_seconds": round(seconds, 1),
    }


def _save(checkpoint: Checkpoint, model: Any, folder: Path) -> Record:
    """Saves in half precision; the configuration asks for single precision on loading."""
    shutil.rmtree(folder, ignore_errors=True)
    parameters = sum(p.numel() for p in model.parameters())
    model.half().save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config["dtype"] = "float32"
    if not checkpoint.has_classes:
        for key in ("id2label", "label2id"):  # without a head the source's classes mean nothing
            config.pop(key, None)
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")
    weights = (folder / "model.safetensors").read_bytes()
    return {
        "architecture": config["architectures"][0],
        "source": checkpoint.source,
        "parent": checkpoint.parent,
        "parameters": parameters,
        "bytes": len(weights),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }


def read_manifest(weights: Path = WEIGHTS) -> dict[str, Any]:
    """How the checkpoints were made: `built_with`, `seed` and one record each under `checkpoints`."""
    path = weights / MANIFEST
    manifest: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {"checkpoints": {}}
    return manifest


def _is_made(checkpoint: Checkpoint, out: Path, seed: int) -> bool:
    manifest, weights = read_manifest(out), out / checkpoint.name / "model.safetensors"
    record = manifest["checkpoints"].get(checkpoint.name)
    if record is None or manifest["seed"] != seed or not weights.exists():
        return False
    return bool(hashlib.sha256(weights.read_bytes()).hexdigest() == record["sha256"])


def _write_manifest(out: Path, records: dict[str, Record], seed: int) -> None:
    before = read_manifest(out)
    known = (before["checkpoints"] if before.get("seed") == seed else {}) | records
    manifest = {
        "built_with": {"python": platform.python_version()}
        | {package: version(package) for package in ("torch", "transformers", "tokenizers", "numpy")},
        "seed": seed,
        "checkpoints": {c.name: known[c.name] for c in with_parents(None) if c.name in known},
    }
    (out / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
