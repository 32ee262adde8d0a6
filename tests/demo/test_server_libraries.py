"""The mini hub as transformers and datasets see it, with the repositories of tests.support."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support.repos import (
    TEXT_LABELS,
    break_weights,
    write_image_dataset,
    write_image_model,
    write_script_dataset,
    write_text_dataset,
    write_text_model,
)

datasets = pytest.importorskip("datasets")
transformers = pytest.importorskip("transformers")

UniqueId = Callable[[str], str]


@pytest.fixture(autouse=True)
def _no_dataset_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mini hub has no dataset viewer beside it."""
    monkeypatch.setattr(datasets.config, "USE_PARQUET_EXPORT", False)


@pytest.mark.parametrize("architecture", ["bert", "distilbert", "electra"])
def test_a_text_checkpoint_loads_and_classifies(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, architecture: str
) -> None:
    repo_id = unique_id("text")
    write_text_model(hub_root, repo_id, architecture=architecture, labels=("a", "b", "c"))  # type: ignore[arg-type]
    assert transformers.AutoConfig.from_pretrained(repo_id).model_type == architecture
    tokenizer = transformers.AutoTokenizer.from_pretrained(repo_id)
    model, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
        repo_id, output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert not loading["mismatched_keys"]
    assert model.config.id2label == {0: "a", 1: "b", 2: "c"}
    batch = tokenizer(["a great movie", "unheard-of wörds!"], padding=True, return_tensors="pt")
    assert model(**batch).logits.shape == (2, 3)
    assert list(hub.weights_fetched()[repo_id]) == ["model.safetensors"]


def test_a_checkpoint_without_head_gets_a_new_one(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("masked")
    write_text_model(hub_root, repo_id, head=False)
    assert transformers.AutoConfig.from_pretrained(repo_id).architectures == ["BertForMaskedLM"]
    _, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
        repo_id, num_labels=2, output_loading_info=True
    )
    assert any(key.startswith("classifier") for key in loading["missing_keys"])


def test_a_checkpoint_in_the_old_format_only_loads(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("old")
    write_text_model(hub_root, repo_id, weights=("bin",))
    transformers.AutoModelForSequenceClassification.from_pretrained(repo_id)
    assert list(hub.weights_fetched()[repo_id]) == ["pytorch_model.bin"]


def test_broken_weights_do_not_load(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("broken")
    break_weights(write_text_model(hub_root, repo_id))
    with pytest.raises(Exception, match=r"header|Unable to load|deserializ"):
        transformers.AutoModelForSequenceClassification.from_pretrained(repo_id)


def test_the_same_seed_gives_the_same_checkpoint(tmp_path: Path) -> None:
    folders = [write_text_model(tmp_path, f"o/m{n}", seed=seed) for n, seed in enumerate((1, 1, 2))]
    weights = [(folder / "model.safetensors").read_bytes() for folder in folders]
    assert weights[0] == weights[1] != weights[2]


def test_an_image_checkpoint_loads_and_classifies(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    model_id, data_id = unique_id("vit"), unique_id("colours")
    write_image_model(hub_root, model_id)
    write_image_dataset(hub_root, data_id, layout="parquet")
    images = datasets.load_dataset(data_id, split="train[:4]")["image"]
    processor = transformers.AutoImageProcessor.from_pretrained(model_id)
    model = transformers.AutoModelForImageClassification.from_pretrained(model_id)
    assert model(**processor(list(images), return_tensors="pt")).logits.shape == (4, 3)
    bare = write_image_model(hub_root, unique_id("bare"), head=False)
    assert transformers.AutoConfig.from_pretrained(bare).architectures == ["ViTModel"]


def test_parquet_has_its_features_and_a_hidden_test(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo_id = unique_id("pairs")
    write_text_dataset(hub_root, repo_id, pairs=True, test="minus-one", validation=False)
    data = datasets.load_dataset(repo_id)
    assert set(data) == {"train", "test"}
    assert data["train"].column_names == ["sentence1", "sentence2", "label"]
    assert data["train"].features["label"].names == list(TEXT_LABELS)
    assert set(data["test"]["label"]) == {-1}


def test_the_card_describes_the_features_before_any_data(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo_id = unique_id("described")
    write_text_dataset(hub_root, repo_id)
    info = datasets.load_dataset_builder(repo_id).info
    assert info.features["label"].names == list(TEXT_LABELS)
    assert info.splits["train"].num_examples == 64
    assert not [r for r in hub.requests if r.method == "GET" and (r.file or "").endswith(".parquet")]


@pytest.mark.parametrize(
    ("label_as", "kind"), [("index", "int64"), ("name", "large_string"), ("score", "float64")]
)
def test_csv_labels_come_as_plain_values(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, label_as: str, kind: str
) -> None:
    repo_id = unique_id("csv")
    write_text_dataset(hub_root, repo_id, layout="csv", label_as=label_as, test="none")  # type: ignore[arg-type]
    data = datasets.load_dataset(repo_id)
    assert set(data) == {"train", "validation"}
    assert data["train"].features["label"].dtype == kind


def test_a_dataset_without_labels(hub: MiniHub, hub_root: Path, unique_id: UniqueId) -> None:
    repo_id = unique_id("unlabelled")
    write_text_dataset(hub_root, repo_id, label_as="none")
    assert datasets.load_dataset(repo_id)["train"].column_names == ["text"]


def test_image_folders_take_the_labels_from_the_folders(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo_id = unique_id("folders")
    write_image_dataset(hub_root, repo_id, sizes=(6, 3, 3))
    data = datasets.load_dataset(repo_id)
    assert data["train"].features["label"].names == ["blue", "green", "red"]
    assert (data["train"].num_rows, data["test"][0]["image"].size) == (6, (16, 16))


def test_a_script_dataset_loads_from_its_parquet_copy_only(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId
) -> None:
    repo_id = unique_id("script")
    write_script_dataset(hub_root, repo_id)
    with pytest.raises(RuntimeError, match="scripts are no longer supported"):
        datasets.load_dataset(repo_id)
    data = datasets.load_dataset(repo_id, revision="refs/convert/parquet")
    assert data["train"].features["label"].names == list(TEXT_LABELS)
