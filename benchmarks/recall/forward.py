"""LEEP of one checkpoint on 2,000 texts: hubselect's pass beside scoring one example at a time.

The loop is what published scoring scripts do: for each text tokenise, run the model, take the softmax,
collect it; then LEEP. Both run in one process, in turns, with the same number of threads; times
are medians over the repeats.

`pass` goes from the texts to the posterior with everything loaded; hubselect's collects the hidden
states in every pooling besides. `whole` goes from the folders to the score: the dataset and
the checkpoint are loaded on both sides.

    python benchmarks/recall/forward.py --out benchmarks/results
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers

from benchmarks.machine import machine
from hubselect.demo.zoo import OWNER, write_hub
from hubselect.recall.proxies.leep import leep
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import Examples, load_splits
from hubselect.training.device import prepare_process
from hubselect.training.features import MOST_ROWS, MOST_TOKENS, bounded_batches, collect, forward_features
from hubselect.training.loading import load_config, load_original
from hubselect.training.tasks import TextAdapter
from hubselect.training.tasks.base import PREPARED

TEXTS = 2000
SOURCE = "package-docs"
ZOO = ("bert-docs-sections", "roberta-mixed-packages", "distilbert-docs-objects", "albert-docs-packages")
# Published sizes of BERT: width, layers, heads. Their weights are random: only the time matters here.
SIZES = {"BERT-mini": (256, 4, 4), "BERT-small": (512, 4, 8), "BERT-base": (768, 12, 12)}
RECIPE = Recipe("text-classification")


def timed(function: Callable[[], Any], into: dict[str, list[float]], name: str) -> Any:
    """The function's result; seconds of wall clock and of processor time are added to `into`."""
    start, used = time.perf_counter(), time.process_time()
    result = function()
    into.setdefault(name, []).append(time.perf_counter() - start)
    into.setdefault(f"{name}_used", []).append(time.process_time() - used)
    return result


def ratio(peer: list[float], ours: list[float]) -> float:
    """The median over turns of how many times as long the peer took."""
    return median(p / o for p, o in zip(peer, ours, strict=True))


def write_texts(hub: Path, folder: Path) -> Dataset:
    """2,000 labelled texts of the zoo as a train split; the rest validates and tests."""
    parts = [
        pq.read_table(hub / "datasets" / OWNER / SOURCE / "data" / f"{name}-00000-of-00001.parquet")
        for name in ("train", "test")
    ]
    rows = pa.concat_tables(parts)
    splits = {"train": rows[:TEXTS], "validation": rows[TEXTS : TEXTS + 200], "test": rows[TEXTS + 200 :]}
    (folder / "data").mkdir(parents=True)
    for name, part in splits.items():
        pq.write_table(part, folder / "data" / f"{name}-00000-of-00001.parquet")
    return Dataset(str(folder), RECIPE.task, text_columns=("text",), label_column="label")


def write_sized(name: str, tokenizer: Path, folder: Path) -> Path:
    """A BERT of a published size with random weights and a zoo checkpoint's tokenizer."""
    width, layers, heads = SIZES[name]
    vocabulary = len(transformers.AutoTokenizer.from_pretrained(tokenizer))
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=vocabulary,
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * width,
        num_labels=6,
        pad_token_id=0,
    )
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    for file in tokenizer.glob("tokenizer*"):
        shutil.copy(file, folder)
    return folder


def one_at_a_time(network: Any, tokenizer: Any, texts: list[str], most: int) -> np.ndarray[Any, Any]:
    """The posterior [n, z], a text a time."""
    posterior = []
    with torch.no_grad():
        for text in texts:
            inputs = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")
            posterior.append(torch.softmax(network(**inputs).logits, dim=-1)[0].numpy())
    return np.stack(posterior)


def peer_whole(folder: Path, dataset: Dataset, most: int) -> float:
    """From the folders to LEEP, a text a time."""
    train = load_splits(dataset, RECIPE).train
    network, tokenizer = loaded(folder)
    return leep(one_at_a_time(network, tokenizer, [t for (t,) in train.texts], most), train.labels)


def loaded(folder: Path) -> tuple[Any, Any]:
    network = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    return network, transformers.AutoTokenizer.from_pretrained(folder)


def our_whole(folder: Path, model: Model, dataset: Dataset) -> float:
    """From the folders to LEEP, nothing kept from before."""
    PREPARED.clear()
    found = forward_features(folder, model, dataset, RECIPE, max_samples=TEXTS)
    assert found.posterior is not None
    return leep(found.posterior, found.labels)


def our_pass(network: Any, adapter: TextAdapter, train: Examples) -> np.ndarray[Any, Any]:
    """From the texts to the posterior (and the hidden states), nothing kept from before."""
    PREPARED.clear()
    prepared = adapter.prepare(train)
    batches = bounded_batches(prepared.lengths, MOST_ROWS, MOST_TOKENS)
    logits, _ = collect(network, prepared, batches, adapter.tokenizer.cls_token_id)
    assert logits is not None
    return torch.softmax(logits.double(), dim=-1).numpy()


def measured(name: str, folder: Path, dataset: Dataset, repeats: int) -> dict[str, Any]:
    """Both ways of scoring one checkpoint, in turns."""
    train = load_splits(dataset, RECIPE).train
    texts = [text for (text,) in train.texts]
    network, tokenizer = loaded(folder)
    config = load_config(folder)
    adapter = TextAdapter(folder, config, RECIPE.max_length)
    adapter.configure(config)
    original = load_original(folder, config).model
    model = Model(name, RECIPE.task, labels=tuple(network.config.id2label.values()))
    one_at_a_time(network, tokenizer, texts[:20], adapter.length)  # both warm
    our_pass(original, adapter, train)
    times: dict[str, list[float]] = {}
    for _ in range(repeats):
        theirs = timed(lambda: one_at_a_time(network, tokenizer, texts, adapter.length), times, "peer_pass")
        ours = timed(lambda: our_pass(original, adapter, train), times, "our_pass")
        their_score = timed(lambda: peer_whole(folder, dataset, adapter.length), times, "peer_whole")
        our_score = timed(lambda: our_whole(folder, model, dataset), times, "our_whole")
    prepared = adapter.prepare(train)
    return {
        "checkpoint": name,
        "parameters": sum(p.numel() for p in network.parameters()),
        "width": getattr(network.config, "hidden_size", None) or network.config.dim,
        "layers": network.config.num_hidden_layers,
        "tokens": float(prepared.lengths.mean()),
        **{key: median(values) for key, values in times.items()},
        "pass_ratio": ratio(times["peer_pass"], times["our_pass"]),
        "pass_ratio_used": ratio(times["peer_pass_used"], times["our_pass_used"]),
        "whole_ratio": ratio(times["peer_whole"], times["our_whole"]),
        "score": our_score,
        "score_difference": abs(our_score - their_score),
        "posterior_difference": float(np.abs(ours - theirs).max()),
        "agrees": abs(our_score - their_score) < 1e-5,
    }


def document(found: dict[str, Any]) -> str:
    host = found["machine"]
    lines = [
        "# One forward pass",
        "",
        f"Made by `python benchmarks/recall/forward.py` on {host['cpu']}, {host['cores']} cores, torch "
        f"{host['torch']}, transformers {host['transformers']}; LEEP on {TEXTS:,} texts, median of "
        f"{found['repeats']} turns (one for random weights). Load average {found['load'][0]:.1f} before, "
        f"{found['load'][1]:.1f} after. Both sides have the same threads; tokenizers may use all cores.",
    ]
    for threads in found["threads"]:
        lines += ["", f"## {threads} torch thread{'s' if threads > 1 else ''}", "", *_table(found, threads)]
    return "\n".join([*lines, ""])


def _table(found: dict[str, Any], threads: int) -> list[str]:
    lines = [
        "| checkpoint | parameters | width x layers | tokens a text | one at a time | hubselect | ratio "
        "| of processor time | from the folders to the score | ratio | difference of the scores |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for r in found["rows"]:
        if r["threads"] == threads:
            lines.append(
                f"| {r['checkpoint']} | {r['parameters']:,} | {r['width']} x {r['layers']} "
                f"| {r['tokens']:.0f} | {r['peer_pass']:.2f} s | {r['our_pass']:.2f} s "
                f"| {r['pass_ratio']:.1f} | {r['pass_ratio_used']:.1f} "
                f"| {r['peer_whole']:.2f} s / {r['our_whole']:.2f} s | {r['whole_ratio']:.1f} "
                f"| {r['score_difference']:.0e} |"
            )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results"))
    parser.add_argument("--hub", type=Path, help="A tree that `python -m hubselect.demo.zoo write` made.")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--threads", type=int, nargs="*", default=[1, os.cpu_count() or 1], help="Of both sides, in turn."
    )
    parser.add_argument(
        "--only", nargs="*", default=[*ZOO, "BERT-mini", "BERT-small"], help="Checkpoints to score."
    )
    options = parser.parse_args()
    prepare_process(1)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    found: dict[str, Any] = {"texts": TEXTS, "threads": list(dict.fromkeys(options.threads)), "rows": []}
    found |= {"machine": machine("torch", "transformers", "tokenizers"), "repeats": options.repeats}
    found["load"] = [os.getloadavg()[0]]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        hub = options.hub or place / "hub"
        if options.hub is None:
            write_hub(hub, images=False)
        dataset = write_texts(hub, place / "texts")
        models = hub / "models" / OWNER
        for checkpoint in options.only:
            sized = checkpoint in SIZES
            folder = (
                write_sized(checkpoint, models / ZOO[0], place / checkpoint) if sized else models / checkpoint
            )
            for threads in found["threads"]:
                torch.set_num_threads(threads)
                row = measured(checkpoint, folder, dataset, 1 if sized else options.repeats)
                found["rows"].append({"threads": threads, **row})
                print(json.dumps(found["rows"][-1]), flush=True)
    assert all(r["agrees"] for r in found["rows"])
    found["load"].append(os.getloadavg()[0])
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "recall_forward.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (options.out / "recall_forward.md").write_text(document(found), encoding="utf-8")
    print(document(found))


if __name__ == "__main__":
    main()
