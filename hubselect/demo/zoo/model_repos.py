"""Writes the zoo's checkpoints as repositories of the Hub look: weights, configuration, tokenizer, card."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from hubselect.demo.zoo.cards import card_text
from hubselect.demo.zoo.checkpoints import OWNER, Checkpoint
from hubselect.demo.zoo.pretraining import WEIGHTS, Record

_SIDE, _MEAN, _STD, _MAX_LENGTH = 16, 0.5, 0.3, 64
_TWO_SEGMENTS = ("bert", "albert")


def write_model(checkpoint: Checkpoint, record: Record, folder: Path, weights: Path = WEIGHTS) -> None:
    """Fills an empty `folder` from the checkpoint's committed files below `weights`."""
    kept = weights / checkpoint.name
    shutil.copyfile(kept / "config.json", folder / "config.json")
    if "safetensors" in checkpoint.formats:
        shutil.copyfile(kept / "model.safetensors", folder / "model.safetensors")
    if "bin" in checkpoint.formats:
        _write_bin(kept / "model.safetensors", folder / "pytorch_model.bin")
    if checkpoint.tokenizer:
        _write_tokenizer(checkpoint, weights / "tokenizers" / f"{checkpoint.tokenizer}.json", folder)
    else:
        _write_json(folder / "preprocessor_config.json", _processor())
    (folder / "README.md").write_text(_card(checkpoint, record), encoding="utf-8")


def _write_bin(safetensors: Path, path: Path) -> None:
    """The same weights in the older format, as many repositories still carry them."""
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(safetensors), path)


def _write_tokenizer(checkpoint: Checkpoint, source: Path, folder: Path) -> None:
    tokenizer = json.loads(source.read_text(encoding="utf-8"))
    if checkpoint.architecture not in _TWO_SEGMENTS:
        _one_segment(tokenizer["post_processor"])
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False), encoding="utf-8")
    inputs = ["input_ids", "attention_mask"]
    if checkpoint.architecture in _TWO_SEGMENTS:
        inputs.insert(1, "token_type_ids")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": _MAX_LENGTH,
        "model_input_names": inputs,
        "padding_side": "right",
        "truncation_side": "right",
        "pad_token": "[PAD]",
        "unk_token": "[UNK]",
        "cls_token": "[CLS]",
        "sep_token": "[SEP]",
        "mask_token": "[MASK]",
        "bos_token": "[CLS]",
        "eos_token": "[SEP]",
        "clean_up_tokenization_spaces": False,
    }
    _write_json(folder / "tokenizer_config.json", config)


def _one_segment(template: dict[str, Any]) -> None:
    """RoBERTa and DistilBERT know one segment only: the second text gets type 0 too."""
    for piece in template["pair"]:
        for part in piece.values():
            part["type_id"] = 0


def _processor() -> dict[str, Any]:
    return {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": _SIDE, "width": _SIDE},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [_MEAN] * 3,
        "image_std": [_STD] * 3,
    }


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _card(checkpoint: Checkpoint, record: Record) -> str:
    text = checkpoint.task == "text-classification"
    if checkpoint.masked:
        pipeline = "fill-mask"
    elif checkpoint.headless:
        pipeline = "image-feature-extraction"
    else:
        pipeline = checkpoint.task
    data: dict[str, Any] = {
        "license": "apache-2.0",
        "library_name": "transformers",
        "pipeline_tag": pipeline,
        "tags": ["hubselect-zoo", checkpoint.architecture, checkpoint.source],
    }
    if text:
        data["language"] = ["en"]
    if checkpoint.parent:
        data["base_model"] = f"{OWNER}/{checkpoint.parent}"
    return card_text(checkpoint.name, data, _prose(checkpoint, record))


def _prose(checkpoint: Checkpoint, record: Record) -> str:
    task = "masked-language modelling" if checkpoint.masked else "classification"
    start = f"Continued from `{checkpoint.parent}`" if checkpoint.parent else "Trained from scratch"
    reached = (
        f"held-out loss {record['masked_loss']} nats per masked token"
        if "masked_loss" in record
        else f"held-out accuracy {record['accuracy']}"
    )
    return (
        f"A tiny {checkpoint.architecture} of {record['parameters']:,} parameters. {start} by {task} on the "
        f"zoo's `{checkpoint.source}` source, {record['steps']} steps: {reached}."
    )
