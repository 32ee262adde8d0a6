"""What training is timed on: checkpoints of known sizes with random weights, texts and images made here.

The texts are passages of the standard library's sources, so they differ in length as texts do; the
images are drawn. Only time and losses matter here, so nobody has pre-trained anything.
"""

from __future__ import annotations

import io
import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
import transformers
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from hubselect.records import Dataset, Model, Recipe, Task

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 30_522  # BERT's
PACKAGES = ("asyncio", "email", "json", "unittest", "xml", "http")
KINDS = 4  # of images


@dataclass(frozen=True)
class Size:
    """Width, layers and heads, of the demo zoo (nano) or as published; images have a side and patches."""

    task: Task
    width: int
    layers: int
    heads: int
    side: int = 0
    patch: int = 0


SIZES = {
    "BERT-nano": Size("text-classification", 64, 2, 2),
    "BERT-tiny": Size("text-classification", 128, 2, 2),
    "BERT-mini": Size("text-classification", 256, 4, 4),
    "BERT-base": Size("text-classification", 768, 12, 12),
    "ViT-nano": Size("image-classification", 48, 2, 3, side=16, patch=4),
    "ViT-micro": Size("image-classification", 64, 4, 4, side=32, patch=4),
    "ViT-small": Size("image-classification", 384, 12, 6, side=224, patch=16),
    "ViT-base": Size("image-classification", 768, 12, 12, side=224, patch=16),
}


@dataclass(frozen=True)
class Case:
    """A checkpoint on disk, a dataset on disk, and the recipe they are trained under."""

    name: str
    size: Size
    checkpoint: Path
    model: Model
    dataset: Dataset
    recipe: Recipe


def make_case(name: str, examples: int, folder: Path, *, dropout: float = 0.1, **recipe: Any) -> Case:
    """Checkpoint `name` of `SIZES` and a dataset with so many training examples, written below `folder`."""
    size = SIZES[name]
    if size.task == "text-classification":
        dataset = _texts(folder / f"texts-{examples}", examples)
        checkpoint = _bert(name, size, dropout, folder)
    else:
        dataset = _images(folder / f"images-{size.side}-{examples}", examples, size.side)
        checkpoint = _vit(name, size, dropout, folder)
    settings = {"epochs": 1, "max_eval_samples": 256} | recipe
    return Case(name, size, checkpoint, Model(name, size.task), dataset, Recipe(size.task, **settings))


def operations_per_token(case: Case, parameters: int, tokens: float) -> float:
    """Floating-point operations of a forward and a backward pass per token: 6 for every parameter a token
    goes through, and 12 * layers * width * tokens for attention (as Megatron and PaLM count)."""
    embeddings = VOCABULARY * case.size.width if case.size.task == "text-classification" else 0
    return 6 * (parameters - embeddings) + 12 * case.size.layers * case.size.width * tokens


def _common(size: Size, dropout: float) -> dict[str, Any]:
    return {
        "hidden_size": size.width,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "intermediate_size": 4 * size.width,
        "hidden_dropout_prob": dropout,
        "attention_probs_dropout_prob": dropout,
    }


def _bert(name: str, size: Size, dropout: float, folder: Path) -> Path:
    path = folder / f"{name}-{dropout}"
    config = transformers.BertConfig(vocab_size=VOCABULARY, pad_token_id=0, **_common(size, dropout))
    torch.manual_seed(0)
    transformers.BertForSequenceClassification(config).save_pretrained(path)
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=8_000, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator((text for text, _ in _passages()), trainer)
    ends = [("[CLS]", SPECIALS.index("[CLS]")), ("[SEP]", SPECIALS.index("[SEP]"))]
    pair = "[CLS] $A [SEP] $B:1 [SEP]:1"
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=pair, special_tokens=ends
    )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, model_max_length=512, **names
    ).save_pretrained(path)
    return path


def _vit(name: str, size: Size, dropout: float, folder: Path) -> Path:
    path = folder / f"{name}-{dropout}"
    config = transformers.ViTConfig(image_size=size.side, patch_size=size.patch, **_common(size, dropout))
    torch.manual_seed(0)
    transformers.ViTForImageClassification(config).save_pretrained(path)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "size": {"height": size.side, "width": size.side},
        "do_resize": True,
        "do_rescale": True,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (path / "preprocessor_config.json").write_text(json.dumps(processor), encoding="utf-8")
    return path


def _passages() -> list[tuple[str, int]]:
    """Passages of 10 to 120 words, and the number of the package each is from."""
    made: list[tuple[str, int]] = []
    chance = np.random.default_rng(0)
    for number, package in enumerate(PACKAGES):
        for file in sorted((Path(sysconfig.get_path("stdlib")) / package).glob("*.py")):
            words = file.read_text(encoding="utf-8").split()
            while words:
                count = int(chance.integers(10, 120))
                made.append((" ".join(words[:count]), number))
                words = words[count:]
    return made


def _texts(folder: Path, examples: int) -> Dataset:
    found = _passages()
    order = np.random.default_rng(1).permutation(len(found))
    held, training = order[:512], np.resize(order[512:], examples)
    parts = {"train": training, "validation": held[:256], "test": held[256:]}
    for split, rows in parts.items():
        texts, labels = zip(*(found[i] for i in rows.tolist()), strict=True)
        _write(folder, split, pa.table({"text": list(texts), "label": list(labels)}))
    return Dataset(str(folder), "text-classification", text_columns=("text",), label_column="label")


def _images(folder: Path, examples: int, side: int) -> Dataset:
    """Stripes in one of four directions under noise, as JPEG."""
    for split, count, seed in (("train", examples, 0), ("validation", 256, 1), ("test", 256, 2)):
        chance = np.random.default_rng(seed)
        labels = chance.integers(0, KINDS, count)
        rows = [{"bytes": _stripes(int(label), side, chance), "path": None} for label in labels]
        _write(folder, split, pa.table({"image": rows, "label": labels}))
    return Dataset(str(folder), "image-classification", image_column="image", label_column="label")


def _stripes(kind: int, side: int, chance: np.random.Generator) -> bytes:
    across, down = np.meshgrid(np.arange(side), np.arange(side))
    angle = np.pi * kind / KINDS
    wave = np.sin((across * np.cos(angle) + down * np.sin(angle)) * 12 / side + chance.uniform(0, 6))
    pixels = 128 + 60 * wave[..., None] + chance.normal(0, 30, (side, side, 3))
    packed = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(packed, "JPEG")
    return packed.getvalue()


def _write(folder: Path, split: str, table: pa.Table) -> None:
    (folder / "data").mkdir(parents=True, exist_ok=True)
    pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
