"""The hub tree that the zoo writes, read by the real transformers and datasets libraries."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from hubselect.demo import zoo
from hubselect.demo.zoo.checkpoints import CHECKPOINTS, Checkpoint, checkpoint, with_parents
from hubselect.demo.zoo.dataset_repos import DATASET_REPOS
from hubselect.demo.zoo.image_sets import IMAGE_SETS
from hubselect.demo.zoo.pretraining import WEIGHTS, read_manifest
from hubselect.demo.zoo.text_sets import TEXT_SETS
from hubselect.errors import InvalidInput, UnknownEntry

pytestmark = pytest.mark.slow  # a whole zoo is written first

TEXT = [c for c in CHECKPOINTS if c.task == "text-classification"]
IMAGE = [c for c in CHECKPOINTS if c.task == "image-classification"]


@pytest.fixture(scope="session")
def zoo_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hub")
    zoo.write_hub(root)
    return root


def model_folder(zoo_root: Path, spec: Checkpoint) -> Path:
    return zoo_root / "models" / spec.repo_id


def written_names(root: Path) -> list[str]:
    """All repositories below `root`."""
    return sorted(p.name for kind in ("models", "datasets") for p in (root / kind / zoo.OWNER).iterdir())


def load(folder: Path) -> Any:
    """The network as its configuration names it, and what was missing or left over."""
    import torch
    import transformers

    config = json.loads((folder / "config.json").read_text())
    kind = getattr(transformers, config["architectures"][0])
    return kind.from_pretrained(folder, output_loading_info=True, dtype=torch.float32)


def test_the_zoo_is_as_large_and_varied_as_it_has_to_be() -> None:
    assert len(TEXT) >= 24
    assert len(IMAGE) >= 16
    for task, wanted in (("text-classification", 12), ("image-classification", 8)):
        assert sum(len(r.sets) for r in DATASET_REPOS if r.task == task) >= wanted
    assert {c.architecture for c in TEXT} == {"bert", "roberta", "distilbert", "albert"}
    assert {c.architecture for c in IMAGE} == {"vit", "deit", "beit", "convnext", "resnet"}
    assert sum(c.has_classes for c in TEXT) >= 5
    assert sum(c.masked for c in TEXT) >= 5
    assert sum(c.parent is not None for c in CHECKPOINTS) >= 8


def test_there_are_small_targets_and_ones_with_thousands_of_examples() -> None:
    for sets in (TEXT_SETS, IMAGE_SETS):
        sizes = [s.sizes["train"] for s in sets]
        assert min(sizes) <= 640
        assert max(sizes) >= 8_000


def test_the_committed_weights_are_small() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.rglob("*") if f.is_file()) <= 12_000_000


def test_the_manifest_describes_the_committed_weights() -> None:
    import hashlib

    manifest = read_manifest()
    assert list(manifest["checkpoints"]) == [c.name for c in CHECKPOINTS]
    assert {"python", "torch", "transformers"} <= set(manifest["built_with"])
    for name, record in manifest["checkpoints"].items():
        content = (WEIGHTS / name / "model.safetensors").read_bytes()
        assert hashlib.sha256(content).hexdigest() == record["sha256"]
        assert {"parameters", "cpu_seconds", "steps"} <= set(record)


def test_good_checkpoints_learned_their_source_and_the_poor_ones_nothing() -> None:
    records = read_manifest()["checkpoints"]
    assert records["vit-glyphs"]["accuracy"] > 0.5
    assert records["bert-docs"]["masked_loss"] < 5 < records["bert-untrained"]["masked_loss"]
    assert records["roberta-noise"]["masked_loss"] > 7
    assert records["distilbert-shuffled"]["accuracy"] < 0.3
    assert records["vit-noise"]["accuracy"] < 0.3


@pytest.mark.parametrize("spec", TEXT, ids=lambda c: c.name)
def test_text_repositories_load_and_read_pairs(zoo_root: Path, spec: Checkpoint) -> None:
    import torch
    from transformers import AutoTokenizer

    folder = model_folder(zoo_root, spec)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.model_max_length == 64
    assert (tokenizer.pad_token_id, tokenizer.cls_token_id, tokenizer.sep_token_id) == (0, 2, 3)
    inputs = tokenizer(["one", "a longer text"], ["and another", "text"], padding=True, return_tensors="pt")
    assert (inputs["input_ids"][:, 0] == 2).all()
    assert (inputs["input_ids"][1] == 3).sum() == 2
    if spec.architecture in ("bert", "albert"):
        assert inputs["token_type_ids"].max() == 1
    else:
        assert "token_type_ids" not in inputs
    model, info = load(folder)
    assert not info["missing_keys"]
    assert not info["mismatched_keys"]
    assert model.dtype == torch.float32
    logits = model(**inputs).logits
    width = model.config.vocab_size if spec.masked else model.config.num_labels
    assert logits.shape[-1] == width
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize("spec", IMAGE, ids=lambda c: c.name)
def test_image_repositories_load_and_read_pictures(zoo_root: Path, spec: Checkpoint) -> None:
    import numpy as np
    import torch
    from PIL import Image
    from transformers import AutoImageProcessor

    folder = model_folder(zoo_root, spec)
    processor = AutoImageProcessor.from_pretrained(folder)
    picture = Image.fromarray(np.full((20, 24, 3), 128, dtype=np.uint8))
    inputs = processor(picture, return_tensors="pt")
    assert inputs["pixel_values"].shape == (1, 3, 16, 16)
    assert inputs["pixel_values"].mean().item() == pytest.approx((128 / 255 - 0.5) / 0.3, abs=1e-3)
    model, info = load(folder)
    assert all("pooler" in key for key in info["missing_keys"])  # a headless ViT never had one
    assert spec.headless or not info["missing_keys"]
    output = model(**inputs)
    assert torch.isfinite(output.logits if spec.has_classes else output.last_hidden_state).all()


@pytest.mark.parametrize("spec", CHECKPOINTS, ids=lambda c: c.name)
def test_heads_name_their_classes_and_headless_ones_have_none(zoo_root: Path, spec: Checkpoint) -> None:
    config = json.loads((model_folder(zoo_root, spec) / "config.json").read_text())
    if spec.has_classes:
        assert config["architectures"][0].endswith(("ForSequenceClassification", "ForImageClassification"))
        assert len(config["id2label"]) >= 2
        assert not any(label.startswith("LABEL_") for label in config["id2label"].values())
    else:
        assert "id2label" not in config
        assert config["architectures"][0].endswith(("ForMaskedLM", "Model"))


@pytest.mark.parametrize("spec", [c for c in CHECKPOINTS if "bin" in c.formats], ids=lambda c: c.name)
def test_both_weight_formats_hold_the_same_numbers(zoo_root: Path, spec: Checkpoint) -> None:
    import torch
    from safetensors.torch import load_file

    pickled = torch.load(model_folder(zoo_root, spec) / "pytorch_model.bin", weights_only=True)
    kept = load_file(WEIGHTS / spec.name / "model.safetensors")
    assert pickled.keys() == kept.keys()
    assert all(torch.equal(pickled[name], kept[name]) for name in kept)
    assert (model_folder(zoo_root, spec) / "model.safetensors").exists() == ("safetensors" in spec.formats)


def test_cards_name_license_task_and_parent(zoo_root: Path) -> None:
    from huggingface_hub import ModelCard

    for spec in CHECKPOINTS:
        data = ModelCard.load(model_folder(zoo_root, spec) / "README.md").data
        assert data.license == "apache-2.0"
        assert data.pipeline_tag
        assert data.base_model == (f"hubselect-zoo/{spec.parent}" if spec.parent else None)


@pytest.fixture
def load_dataset(tmp_path: Path, zoo_root: Path) -> Any:
    import datasets

    def load(name: str, config: str | None = None) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return datasets.load_dataset(
                str(zoo_root / "datasets/hubselect-zoo" / name), config, cache_dir=str(tmp_path)
            )

    return load


@pytest.mark.parametrize("repo", DATASET_REPOS, ids=lambda r: r.name)
def test_datasets_load_with_their_labels(repo, load_dataset) -> None:
    from datasets import ClassLabel

    for config in repo.sets:
        splits = load_dataset(repo.name, None if config == "default" else config)
        assert "train" in splits
        feature = splits["train"].features[repo.label_column]
        assert isinstance(feature, ClassLabel) == (repo.layout != "csv")
        assert len(set(splits["train"][repo.label_column])) >= 2
        if repo.task == "image-classification":
            assert splits["train"][0]["image"].size == (16, 16)


def test_there_are_all_kinds_of_layouts_and_splits(load_dataset) -> None:
    assert {r.layout for r in DATASET_REPOS} == {"parquet", "csv", "folder"}
    hidden = load_dataset("doc-sections")
    assert set(hidden["test"]["label"]) == {-1}
    assert -1 not in hidden["validation"]["label"]
    assert set(load_dataset("object-kinds")) == {"train", "validation"}
    assert set(load_dataset("unicode-names")) == {"train", "test"}
    assert isinstance(load_dataset("unicode-names")["train"]["category"][0], str)
    assert isinstance(load_dataset("indent-steps")["train"]["label"][0], int)
    assert load_dataset("shapes")["train"].features["label"].names == sorted(
        ["disc", "square", "triangle", "cross", "ring"]
    )


def test_the_demo_uses_what_the_zoo_has_and_keeps_its_target_apart() -> None:
    repos = {r.name: r for r in DATASET_REPOS}
    for task, models in zoo.DEMO_MODELS.items():
        assert len(models) >= 9
        for name in (*models, zoo.DEMO_LATECOMER[task]):
            assert checkpoint(name).task == task
        assert zoo.DEMO_LATECOMER[task] not in models
        assert checkpoint(zoo.DEMO_LATECOMER[task]).parent in models
        assert {repos[name].task for name in (*zoo.DEMO_BENCHMARKS[task], zoo.DEMO_TARGET[task])} == {task}
        assert zoo.DEMO_TARGET[task] not in zoo.DEMO_BENCHMARKS[task]


def test_writing_in_another_process_gives_the_same_bytes(zoo_root: Path, tmp_path: Path) -> None:
    """Whatever the seed of Python's own hashes, for some of every kind; and without any client of the Hub:
    those read their address when they are imported, and the zoo is written before it is known."""
    wanted = ["object-kinds", "package-docs", "digits", "shapes", "bert-docs", "albert-docs", "vit-noise"]
    code = (
        "import sys; from pathlib import Path; from hubselect.demo.zoo import write_hub;"
        f"write_hub(Path({str(tmp_path)!r}), only={wanted!r});"
        "print({'huggingface_hub', 'transformers', 'datasets'} & set(sys.modules))"
    )
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"
    assert written_names(tmp_path) == sorted(wanted)
    for path in (p for p in tmp_path.rglob("*") if p.is_file() and ".zoo" not in p.parts):
        assert path.read_bytes() == (zoo_root / path.relative_to(tmp_path)).read_bytes(), path


def test_complete_repositories_are_kept_and_missing_or_stale_ones_made_again(tmp_path: Path) -> None:
    names = ("digits", "shapes", "gratings")
    zoo.write_hub(tmp_path, only=names)
    folders = [tmp_path / "datasets/hubselect-zoo" / name for name in names]
    before = [f.stat().st_ino for f in folders]
    shutil.rmtree(folders[0])
    (tmp_path / ".zoo/datasets/hubselect-zoo/gratings.stamp").write_text("of other packages")
    zoo.write_hub(tmp_path, only=names)
    assert (folders[0] / "README.md").exists()
    assert folders[1].stat().st_ino == before[1]
    assert folders[2].stat().st_ino != before[2]
    assert not list((tmp_path / ".zoo").glob("partial-*"))


def test_the_demo_needs_a_part_of_the_zoo_and_only_that_is_written(tmp_path: Path) -> None:
    wanted = zoo.demo_repos("image-classification")
    assert len(set(wanted)) == len(wanted) < len(IMAGE) + 8
    zoo.write_hub(tmp_path, only=wanted)
    assert written_names(tmp_path) == sorted(wanted)


def test_only_the_wanted_task_is_written(tmp_path: Path) -> None:
    zoo.write_hub(tmp_path, text=False, only=("digits", "object-kinds", "vit-noise", "bert-docs"))
    assert written_names(tmp_path) == ["digits", "vit-noise"]


def test_a_zoo_of_other_weights_is_written_from_them(tmp_path: Path) -> None:
    zoo.pretrain(["vit-noise"], tmp_path / "weights", seed=1, effort=0.01)
    zoo.write_hub(tmp_path / "hub", only=["vit-noise"], weights=tmp_path / "weights")
    written = tmp_path / "hub/models" / zoo.OWNER / "vit-noise" / "model.safetensors"
    assert written.read_bytes() == (tmp_path / "weights/vit-noise/model.safetensors").read_bytes()
    assert written.read_bytes() != (WEIGHTS / "vit-noise/model.safetensors").read_bytes()
    with pytest.raises(InvalidInput, match="weights of vit-glyphs are missing"):
        zoo.write_hub(tmp_path / "hub", only=["vit-glyphs"], weights=tmp_path / "weights")


def test_a_root_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidInput, match="cannot be written"):
        zoo.write_hub(tmp_path / "file" / "hub", text=False)


def test_parents_come_before_their_children() -> None:
    assert [c.name for c in with_parents(["bert-docs-packages"])] == ["bert-docs", "bert-docs-packages"]
    with pytest.raises(UnknownEntry, match="no-such"):
        with_parents(["no-such"])
