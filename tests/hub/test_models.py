"""Indexing a model from its id, over HTTP from the mini hub."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo.server import MiniHub
from hubselect.errors import (
    CheckpointBroken,
    HubUnreachable,
    InvalidInput,
    RepoGated,
    RepoNotFound,
    UnsupportedModel,
)
from hubselect.hub import index_model
from hubselect.hub.models import decide_task, head_labels
from tests.support.repos import write_card, write_image_model, write_settings, write_text_model

UniqueId = Callable[[str], str]


def bare_model(root: Path, repo_id: str, config: dict[str, Any] | None, files: dict[str, bytes]) -> Path:
    """A repository of hand-written files."""
    folder = root / "models" / repo_id
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "config.json").write_text(json.dumps(config))
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def tensors(count: int) -> bytes:
    """A whole safetensors file of `count` parameters."""
    import numpy as np
    from safetensors.numpy import save

    return save({"weight": np.zeros(count, dtype=np.float32)})


BERT = {"architectures": ["BertForSequenceClassification"], "model_type": "bert"}


def test_a_text_classifier_is_indexed_with_its_labels_from_the_header_of_its_weights(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo = unique_id("bert")
    folder = write_text_model(
        hub_root, repo, labels=("sad", "glad"), card={"license": "mit", "base_model": ["x/base"]}
    )
    model = index_model(repo)
    assert (model.id, model.task, model.architecture) == (
        repo,
        "text-classification",
        "BertForSequenceClassification",
    )
    assert model.model_type == "bert"
    assert model.labels == ("sad", "glad")
    assert model.has_head
    assert model.weights_format == "safetensors"
    assert model.weights_files == ("model.safetensors",)
    assert model.weights_bytes == (folder / "model.safetensors").stat().st_size
    assert (model.license, model.base_model) == ("mit", "x/base")
    assert model.revision is not None
    assert len(model.revision) == 40
    assert model.parameters is not None
    assert 4 * model.parameters <= model.weights_bytes < 4 * model.parameters + 20_000
    (files,) = hub.weights_fetched().values()
    assert sum(files.values()) <= 1 << 15 < model.weights_bytes


def test_a_checkpoint_without_a_classification_head_has_no_labels(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_text_model(hub_root, unique_id("mlm"), head=False)
    write_image_model(hub_root, unique_id("vit"), head=False)
    text, image = index_model(unique_id("mlm")), index_model(unique_id("vit"))
    assert (text.task, text.labels, text.has_head) == ("text-classification", (), False)
    assert (image.task, image.labels, image.has_head) == ("image-classification", (), False)


def test_an_image_classifier_is_indexed_with_its_labels(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_image_model(hub_root, unique_id("vit"))
    model = index_model(unique_id("vit"))
    assert (model.task, model.labels) == ("image-classification", ("red", "green", "blue"))


def test_safetensors_are_chosen_when_both_formats_are_there_and_bin_otherwise(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    write_text_model(hub_root, unique_id("both"), weights=("safetensors", "bin"))
    write_text_model(hub_root, unique_id("bin"), weights=("bin",))
    assert index_model(unique_id("both")).weights_files == ("model.safetensors",)
    only = index_model(unique_id("bin"))
    assert (only.weights_format, only.weights_files) == ("bin", ("pytorch_model.bin",))


def test_shards_count_only_with_all_of_them_and_their_index(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    shards = {f"model-0000{i}-of-00002.safetensors": tensors(i) for i in (1, 2)}
    whole = {**shards, "model.safetensors.index.json": b"{}", "model.fp16.safetensors": b"zz"}
    bare_model(hub_root, unique_id("whole"), BERT, whole)
    bare_model(hub_root, unique_id("part"), BERT, {k: v for k, v in whole.items() if "00002-of" not in k})
    model = index_model(unique_id("whole"))
    assert model.weights_files == (*sorted(shards), "model.safetensors.index.json")
    assert model.weights_bytes == sum(map(len, shards.values())) + len(b"{}")
    assert model.parameters == 3
    with pytest.raises(UnsupportedModel, match="no complete weights"):
        index_model(unique_id("part"))


def test_the_digest_changes_with_the_weights_and_not_with_the_readme(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder = bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": tensors(1)})
    first = index_model(unique_id("m"))
    write_card(folder, {"license": "mit"})
    second = index_model(unique_id("m"))
    (folder / "model.safetensors").write_bytes(tensors(2))
    third = index_model(unique_id("m"))
    assert first.revision != second.revision
    assert first.weights_digest == second.weights_digest != third.weights_digest


@pytest.mark.parametrize(
    "content", [b"", b"x", b"\xff" * 4096, tensors(64)[:-16], tensors(64) + b"more"], ids=range(5)
)
def test_weights_that_cannot_be_whole_are_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, content: bytes
) -> None:
    bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": content})
    with pytest.raises(CheckpointBroken, match=r"model\.safetensors of .* is not a usable"):
        index_model(unique_id("m"))


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}, "adapter"),
        ({"model-q4.gguf": b"x"}, "GGUF"),
        ({"model.safetensors": b"x"}, "no config.json"),
    ],
)
def test_repositories_that_are_no_checkpoint_are_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, files: dict[str, bytes], words: str
) -> None:
    bare_model(hub_root, unique_id("m"), None, files)
    with pytest.raises(UnsupportedModel, match=words):
        index_model(unique_id("m"))


def test_weights_of_other_frameworks_only_are_refused(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    bare_model(hub_root, unique_id("tf"), BERT, {"tf_model.h5": b"x", "onnx/model.onnx": b"x"})
    with pytest.raises(UnsupportedModel, match=r"tf_model\.h5"):
        index_model(unique_id("tf"))


def test_custom_code_is_refused_unless_the_architecture_is_native(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    auto_map = {"AutoModel": "modeling_own.OwnModel"}
    weights = {"model.safetensors": tensors(1), "tokenizer.json": b"{}"}
    own = {"architectures": ["OwnModel"], "model_type": "own_kind", "auto_map": auto_map}
    bare_model(hub_root, unique_id("own"), own, weights)
    bare_model(hub_root, unique_id("native"), {**BERT, "auto_map": auto_map}, weights)
    with pytest.raises(UnsupportedModel, match="custom code"):
        index_model(unique_id("own"))
    assert index_model(unique_id("native")).model_type == "bert"


def test_a_config_that_is_not_json_is_a_broken_checkpoint(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    bare_model(hub_root, unique_id("m"), None, {"config.json": b"{nope", "model.safetensors": b"x"})
    with pytest.raises(CheckpointBroken, match=r"config\.json"):
        index_model(unique_id("m"))


def test_a_missing_model_says_to_check_the_spelling(hub: MiniHub, unique_id: UniqueId) -> None:
    with pytest.raises(RepoNotFound, match="check the spelling"):
        index_model(unique_id("nothing"))


def test_a_missing_revision_is_named(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": b"x"})
    with pytest.raises(RepoNotFound, match="no revision v9"):
        index_model(unique_id("m"), revision="v9")


def test_a_gated_model_says_where_to_ask_for_access(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    folder = bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": b"x"})
    write_settings(folder, gated="manual")
    with pytest.raises(RepoGated, match=f"request access at {hub.url}/{unique_id('m')}"):
        index_model(unique_id("m"))


def test_a_private_model_looks_missing(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    folder = bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": b"x"})
    write_settings(folder, private=True)
    with pytest.raises(RepoNotFound, match="log in"):
        index_model(unique_id("m"))


@pytest.mark.parametrize("bad", ["", "a/b/c", "../x", "has space/x", "-x/y", "x--y/z"])
def test_what_is_no_id_is_refused_without_a_request(hub: MiniHub, bad: str) -> None:
    with pytest.raises(InvalidInput, match="owner/name"):
        index_model(bad)
    assert hub.requests == []


@pytest.mark.parametrize(("status", "words"), [(500, "status 500"), (503, "status 503"), (429, "rate")])
def test_a_failing_hub_counts_as_unreachable(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, status: int, words: str
) -> None:
    bare_model(hub_root, unique_id("m"), BERT, {"model.safetensors": b"x"})
    hub.fault(f"/api/models/{unique_id('m')}", status=status, times=None)
    with pytest.raises(HubUnreachable, match=words):
        index_model(unique_id("m"))


@pytest.mark.parametrize(
    ("tag", "architecture", "files", "task"),
    [
        ("text-classification", "BertForSequenceClassification", (), "text-classification"),
        ("sentence-similarity", "BertModel", ("tokenizer.json",), "text-classification"),
        ("feature-extraction", "Dinov2Model", ("preprocessor_config.json",), "image-classification"),
        ("image-feature-extraction", "ViTModel", (), "image-classification"),
        (None, "ViTForMaskedImageModeling", (), "image-classification"),
        (None, "GPT2LMHeadModel", (), "text-classification"),
        (None, "BertModel", ("vocab.txt",), "text-classification"),
        (None, "ConvNextModel", ("preprocessor_config.json",), "image-classification"),
        ("automatic-speech-recognition", "Wav2Vec2ForCTC", (), "audio-classification"),
        ("audio-classification", "Wav2Vec2ForSequenceClassification", (), "audio-classification"),
        (None, "ASTForAudioClassification", (), "audio-classification"),
    ],
)
def test_the_task_is_told_by_head_then_tag_then_name_then_files(
    tag: str | None, architecture: str, files: tuple[str, ...], task: str
) -> None:
    assert decide_task("o/m", tag, {"architectures": [architecture]}, frozenset(files)) == task


@pytest.mark.parametrize(
    ("tag", "files"),
    [
        ("text-to-image", ()),
        (None, ()),
        (None, ("tokenizer.json", "preprocessor_config.json")),
    ],
)
def test_a_model_of_neither_text_nor_images_nor_sound_is_refused(
    tag: str | None, files: tuple[str, ...]
) -> None:
    with pytest.raises(UnsupportedModel, match="o/m"):
        decide_task("o/m", tag, {"architectures": ["OddModel"]}, frozenset(files))


def test_head_labels_follow_the_index_order_of_the_numbers() -> None:
    names = {str(i): f"c{i}" for i in reversed(range(12))}
    assert head_labels({**BERT, "id2label": names}) == tuple(f"c{i}" for i in range(12))


@pytest.mark.parametrize(
    "config",
    [
        {"architectures": ["BertForMaskedLM"], "id2label": {"0": "a", "1": "b"}},
        {**BERT, "id2label": {"0": "score"}},
        {**BERT, "id2label": {"0": "a", "1": "b"}, "problem_type": "regression"},
        {**BERT, "id2label": {"0": "a", "1": "b"}, "problem_type": "multi_label_classification"},
        {**BERT, "id2label": {"0": "a", "2": "b"}},
        {**BERT, "num_labels": 1},
    ],
)
def test_heads_that_do_not_classify_have_no_labels(config: dict[str, Any]) -> None:
    assert head_labels(config) == ()


def test_a_head_with_the_default_two_labels_counts() -> None:
    assert head_labels(BERT) == ("LABEL_0", "LABEL_1")
