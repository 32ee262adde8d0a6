"""Small repositories for the mini hub, written as the Hub's own tools would write them.

    write_text_model, write_image_model       tiny random checkpoints, tokenizer or processor included
    write_text_dataset, write_image_dataset   small learnable data in the usual layouts
    write_script_dataset                      a loading script, data only at refs/convert/parquet
    write_settings                            gated, private, downloads, other refs ... (.minihub.json)

Every maker takes the hub's root and a repository id, returns the repository's folder, and writes
the same bytes for the same arguments. Data: tests.support.data. Datasets are written without
importing torch, transformers or datasets; models import torch and transformers when called.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml  # type: ignore[import-untyped]

from tests.support.data import image_splits, png, text_splits
from tests.support.parquet import write_parquet
from tests.support.tables import STRING, LabelAs, TestSplit, kept, label_feature, tables, write_tables

SIDE = 16
Weights = Literal["safetensors", "bin"]
TEXT_LABELS = ("negative", "positive")
IMAGE_LABELS = ("red", "green", "blue")


def write_settings(folder: Path, **settings: Any) -> None:
    """Set what the Hub knows beside the files; keys of `hubselect.demo.hub_repos.RepoSettings`."""
    path = folder / ".minihub.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **settings}, indent=2))


def write_card(folder: Path, card: Mapping[str, Any], text: str = "") -> None:
    """README.md with YAML front matter."""
    head = yaml.safe_dump(dict(card), sort_keys=False)
    (folder / "README.md").write_text(f"---\n{head}---\n\n# {folder.name}\n\n{text}\n")


def write_text_model(
    root: Path,
    repo_id: str,
    *,
    labels: Sequence[str] = TEXT_LABELS,
    head: bool = True,
    seed: int = 0,
    architecture: Literal["bert", "distilbert", "electra"] = "bert",
    hidden_size: int = 32,
    layers: int = 2,
    weights: Sequence[Weights] = ("safetensors",),
    card: Mapping[str, Any] | None = None,
) -> Path:
    """A tiny text checkpoint with random weights and a WordPiece tokenizer for the test data.

    `head`: a classification head over `labels`; without it a masked-language-model head.
    `weights`: the formats to write; both give a repository with two copies of the weights.
    """
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForSequenceClassification

    from tests.support.tokenizer import word_piece_tokenizer

    folder = root / "models" / repo_id
    tokenizer = word_piece_tokenizer()
    config = AutoConfig.for_model(
        architecture,
        vocab_size=len(tokenizer),
        max_position_embeddings=128,
        initializer_range=0.06,
        pad_token_id=tokenizer.pad_token_id,
        **_text_sizes(architecture, hidden_size, layers),
        **(_label_maps(labels) if head else {}),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        kind = AutoModelForSequenceClassification if head else AutoModelForMaskedLM
        model = kind.from_config(config)
    _save(model, folder, weights)
    tokenizer.save_pretrained(folder)
    write_card(folder, card if card is not None else {"license": "apache-2.0", "language": "en"})
    return folder


def write_image_model(
    root: Path,
    repo_id: str,
    *,
    labels: Sequence[str] = IMAGE_LABELS,
    head: bool = True,
    seed: int = 0,
    hidden_size: int = 32,
    layers: int = 2,
    weights: Sequence[Weights] = ("safetensors",),
    card: Mapping[str, Any] | None = None,
) -> Path:
    """A tiny ViT for 16x16 RGB images with random weights and an image processor.

    `head`: a classification head over `labels`; without it the bare encoder (`ViTModel`).
    """
    import torch
    from transformers import ViTConfig, ViTForImageClassification, ViTModel

    folder = root / "models" / repo_id
    config = ViTConfig(
        image_size=SIDE,
        patch_size=4,
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=2 * hidden_size,
        initializer_range=0.1,
        **(_label_maps(labels) if head else {}),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = ViTForImageClassification(config) if head else ViTModel(config)
    _save(model, folder, weights)
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True,
        "size": {"height": SIDE, "width": SIDE},
        "resample": 2,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(processor, indent=2))
    write_card(folder, card if card is not None else {"license": "apache-2.0"})
    return folder


def write_text_dataset(
    root: Path,
    repo_id: str,
    *,
    layout: Literal["parquet", "csv"] = "parquet",
    pairs: bool = False,
    labels: Sequence[str] = TEXT_LABELS,
    label_as: LabelAs = "index",
    test: TestSplit = "labelled",
    validation: bool = True,
    sizes: tuple[int, int, int] = (64, 32, 32),
    described: bool = True,
    seed: int = 0,
) -> Path:
    """Sentences (`text`) or pairs (`sentence1`, `sentence2`) whose words tell the class (`label`).

    `layout`: `data/train-00000-of-00001.parquet` with the feature types of `datasets` in its
    schema, or `train.csv`. `label_as`: class index, class name, a float score (regression), or no
    label column at all. `test`: labelled, absent, or with labels of -1. `sizes`: train,
    validation, test rows. `described`: the card repeats features and splits (parquet only, as on
    the Hub).
    """
    splits = kept(text_splits(sizes, len(labels), pairs=pairs, seed=seed), test, validation)
    features: dict[str, Any] = dict.fromkeys(splits["train"].columns, STRING)
    label = label_feature(labels, label_as)
    if label is not None:
        features["label"] = label
    folder = root / "datasets" / repo_id
    contents = tables(splits, labels, label_as, test)
    write_card(folder, write_tables(folder, contents, features, layout, "text-classification", described))
    return folder


def write_image_dataset(
    root: Path,
    repo_id: str,
    *,
    layout: Literal["imagefolder", "parquet"] = "imagefolder",
    labels: Sequence[str] = IMAGE_LABELS,
    test: TestSplit = "labelled",
    validation: bool = True,
    sizes: tuple[int, int, int] = (48, 24, 24),
    described: bool = True,
    seed: int = 0,
) -> Path:
    """16x16 RGB images (`image`) with a colour and a pattern per class (`label`).

    `layout`: `train/<class name>/0000.png`, or parquet with embedded PNG files.
    """
    splits = kept(image_splits(sizes, len(labels), side=SIDE, seed=seed), test, validation)
    folder = root / "datasets" / repo_id
    if layout == "parquet":
        features = {"image": {"_type": "Image"}, "label": label_feature(labels, "index")}
        contents = tables(splits, labels, "index", test)
        write_card(
            folder, write_tables(folder, contents, features, layout, "image-classification", described)
        )
        return folder
    if test == "minus-one":
        raise ValueError("an image folder cannot hold labels of -1")
    for name, split in splits.items():
        for number, (image, label) in enumerate(zip(split.columns["image"], split.labels, strict=True)):
            path = folder / name / labels[label] / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(png(image))
    write_card(folder, {"task_categories": ["image-classification"], "license": "mit"})
    return folder


def write_script_dataset(root: Path, repo_id: str, *, seed: int = 0) -> Path:
    """A dataset that is only a loading script; its parquet copy is at `refs/convert/parquet`.

    The copy has the Hub's layout: `default/train/0000.parquet` and so on.
    """
    folder = root / "datasets" / repo_id
    splits = text_splits((64, 32, 32), len(TEXT_LABELS), seed=seed)
    features = {"text": STRING, "label": label_feature(TEXT_LABELS, "index")}
    for name, split in splits.items():
        path = folder / ".refs" / "parquet" / "default" / name / "0000.parquet"
        write_parquet(path, {**split.columns, "label": split.labels}, features)
    script = '"""A loading script, as datasets used to have."""\n\nimport datasets  # noqa: F401\n'
    (folder / f"{folder.name}.py").write_text(script)
    write_card(folder, {"task_categories": ["text-classification"]})
    write_settings(folder, revisions={"refs/convert/parquet": ".refs/parquet"})
    return folder


def break_weights(folder: Path) -> None:
    """Spoil the weight files of a model: right names and sizes, unreadable content."""
    for pattern in ("*.safetensors", "*.bin"):
        for path in folder.glob(pattern):
            path.write_bytes(b"\xff" * path.stat().st_size)


def _save(model: Any, folder: Path, weights: Sequence[Weights]) -> None:
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    if "bin" in weights:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
    if "safetensors" not in weights:
        (folder / "model.safetensors").unlink()


def _text_sizes(architecture: str, hidden_size: int, layers: int) -> dict[str, int]:
    if architecture == "distilbert":
        return {"dim": hidden_size, "n_layers": layers, "n_heads": 2, "hidden_dim": 2 * hidden_size}
    sizes = {"hidden_size": hidden_size, "num_hidden_layers": layers, "num_attention_heads": 2}
    sizes["intermediate_size"] = 2 * hidden_size
    return sizes | ({"embedding_size": hidden_size} if architecture == "electra" else {})


def _label_maps(labels: Sequence[str]) -> dict[str, Any]:
    return {
        "num_labels": len(labels),
        "id2label": dict(enumerate(labels)),
        "label2id": {name: index for index, name in enumerate(labels)},
    }
