"""Configurations of the zoo's tiny networks.

Transformers of this size learn little from the usual `initializer_range` of 0.02: 0.06 suits the text
models, 0.1 the vision transformers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transformers import (
    AlbertConfig,
    BeitConfig,
    BertConfig,
    ConvNextConfig,
    DeiTConfig,
    DistilBertConfig,
    PreTrainedConfig,
    ResNetConfig,
    RobertaConfig,
    ViTConfig,
)

from hubselect.demo.zoo.checkpoints import Checkpoint
from hubselect.demo.zoo.image_sources import SIDE
from hubselect.demo.zoo.tokenizers import END_ID, MAX_LENGTH, PAD_ID, START_ID

_CLASSIFIERS = {
    "bert": "BertForSequenceClassification",
    "roberta": "RobertaForSequenceClassification",
    "distilbert": "DistilBertForSequenceClassification",
    "albert": "AlbertForSequenceClassification",
    "vit": "ViTForImageClassification",
    "deit": "DeiTForImageClassification",
    "beit": "BeitForImageClassification",
    "convnext": "ConvNextForImageClassification",
    "resnet": "ResNetForImageClassification",
}


def configuration(
    checkpoint: Checkpoint, vocabulary: int = 0, classes: Sequence[str] = ()
) -> PreTrainedConfig:
    """`vocabulary` is the tokenizer's size (text), `classes` the names of the head's classes."""
    common: dict[str, Any] = {}
    if classes:
        common["id2label"] = dict(enumerate(classes))
        common["label2id"] = {name: i for i, name in enumerate(classes)}
        # DeiT cannot be built from a configuration that does not name its class.
        common["architectures"] = [_CLASSIFIERS[checkpoint.architecture]]
    if checkpoint.task == "image-classification":
        return _image_configuration(checkpoint, common)
    common |= {
        "vocab_size": vocabulary,
        "initializer_range": 0.06,
        "pad_token_id": PAD_ID,
        "bos_token_id": START_ID,
        "eos_token_id": END_ID,
    }
    return _text_configuration(checkpoint, common)


def _text_configuration(checkpoint: Checkpoint, common: dict[str, Any]) -> PreTrainedConfig:
    width, depth, heads = checkpoint.hidden, checkpoint.layers, checkpoint.hidden // 16
    positions = MAX_LENGTH + 2
    if checkpoint.architecture == "distilbert":
        return DistilBertConfig(
            dim=width,
            n_layers=depth,
            n_heads=heads,
            hidden_dim=2 * width,
            max_position_embeddings=positions,
            dropout=0.05,
            attention_dropout=0.0,
            seq_classif_dropout=0.05,
            **common,
        )
    common |= {
        "hidden_size": width,
        "num_hidden_layers": depth,
        "num_attention_heads": heads,
        "intermediate_size": 2 * width,
        "max_position_embeddings": positions,
        "hidden_dropout_prob": 0.05,
        "attention_probs_dropout_prob": 0.0,
    }
    if checkpoint.architecture == "roberta":
        return RobertaConfig(type_vocab_size=1, **common)
    if checkpoint.architecture == "albert":
        return AlbertConfig(embedding_size=32, classifier_dropout_prob=0.05, **common)
    return BertConfig(**common)


def _image_configuration(checkpoint: Checkpoint, common: dict[str, Any]) -> PreTrainedConfig:
    width, kind = checkpoint.hidden, checkpoint.architecture
    common |= {"num_channels": 3}
    if kind == "resnet":
        return ResNetConfig(
            embedding_size=16,
            hidden_sizes=[16, 32, 64],
            depths=[1, 1, 1],
            layer_type="basic",
            downsample_in_first_stage=False,
            **common,
        )
    common |= {"initializer_range": 0.1}
    if kind == "convnext":
        return ConvNextConfig(
            patch_size=2,
            num_stages=3,
            hidden_sizes=[16, 32, 64],
            depths=[1, 1, 1],
            drop_path_rate=0.0,
            **common,
        )
    common |= {
        "image_size": SIDE,
        "patch_size": 4,
        "hidden_size": width,
        "num_hidden_layers": checkpoint.layers,
        "num_attention_heads": 4,
        "intermediate_size": 2 * width,
        "hidden_dropout_prob": 0.0,
        "attention_probs_dropout_prob": 0.0,
    }
    if kind == "beit":
        positions = {"use_relative_position_bias": True, "use_absolute_position_embeddings": False}
        return BeitConfig(drop_path_rate=0.0, **positions, **common)
    return DeiTConfig(**common) if kind == "deit" else ViTConfig(**common)
