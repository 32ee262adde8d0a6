from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.loading import load_config, load_for_task, load_original
from tests.support.repos import break_weights, write_text_model
from tests.training.conftest import same_weights, weights_of

TASK: Any = "text-classification"


def load(folder: Path, labels: tuple[str, ...] = ("no", "yes"), seed: int = 0) -> Any:
    return load_for_task(folder, load_config(folder), TASK, labels, seed).network


def changed(folder: Path, target: Path, **config: Any) -> Path:
    copy = Path(shutil.copytree(folder, target / "copy"))
    known = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps({**known, **config}))
    return copy


def test_the_output_layer_is_always_fresh_and_seeded(bert: Path) -> None:
    """With the same number of labels too, only the output layer differs from the checkpoint."""
    stored = load_file(bert / "model.safetensors")
    model = load(bert)
    fresh = {name for name, tensor in weights_of(model).items() if not torch.equal(tensor, stored[name])}
    assert fresh - {"classifier.bias"} == {"classifier.weight"}  # zero is every bias's first value
    assert same_weights(weights_of(model), weights_of(load(bert)))
    assert not torch.equal(model.classifier.weight, load(bert, seed=1).classifier.weight)


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c", "d", "e")])
def test_labels_and_problem_type_are_the_datasets(bert: Path, labels: tuple[str, ...]) -> None:
    """The config names the dataset's classes, and the logits have as many columns."""
    model = load(bert, labels)
    assert model.config.id2label == dict(enumerate(labels))
    assert model.config.label2id == {name: i for i, name in enumerate(labels)}
    assert model.config.problem_type == "single_label_classification"
    assert model(input_ids=torch.tensor([[2, 3]])).logits.shape == (1, len(labels))


def test_as_many_labels_as_hidden_units_confuse_nobody(tmp_path: Path) -> None:
    """The output layer is found by its dependence on the labels, not by its size."""
    folder = write_text_model(tmp_path, "o/m", architecture="distilbert", hidden_size=32)
    stored = load_file(folder / "model.safetensors")
    model = load(folder, tuple(f"class {i}" for i in range(32)))
    kept = weights_of(model)
    assert torch.equal(kept["pre_classifier.weight"], stored["pre_classifier.weight"])
    assert kept["classifier.weight"].shape == (32, 32)


def test_what_a_headless_checkpoint_lacks_is_seeded(tmp_path: Path) -> None:
    """A masked-language model has no pooler: loading it twice makes the same one up."""
    folder = write_text_model(tmp_path, "o/m", head=False)
    assert same_weights(weights_of(load(folder)), weights_of(load(folder)))


def test_half_precision_trains_in_full_precision(bert: Path, tmp_path: Path) -> None:
    """A checkpoint stored in fp16 is loaded in fp32."""
    copy = changed(bert, tmp_path, dtype="float16")
    weights = {name: tensor.half() for name, tensor in load_file(copy / "model.safetensors").items()}
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert {parameter.dtype for parameter in load(copy).parameters()} == {torch.float32}


def test_weights_in_the_old_format_load(tmp_path: Path) -> None:
    """A repository with pytorch_model.bin alone is loaded."""
    folder = write_text_model(tmp_path, "o/m", weights=("bin",))
    assert load(folder).config.num_labels == 2


class _Attack:
    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("attacked"),))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_pickles_in_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .bin file that is a program is not run."""
    monkeypatch.chdir(tmp_path)
    folder = write_text_model(tmp_path, "o/m", weights=("bin",))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": _Attack()}))
    with pytest.raises(CheckpointBroken):
        load(folder)
    assert not (tmp_path / "attacked").exists()


def test_a_config_cannot_ask_for_a_kernel_of_the_hub(bert: Path, tmp_path: Path) -> None:
    """An attention kernel named in config.json is not fetched."""
    model = load(
        changed(bert, tmp_path, _attn_implementation="evil/kernel", attn_implementation="evil/kernel")
    )
    assert model.config._attn_implementation in ("sdpa", "eager")


def test_the_original_head_is_complete_only_when_stored(bert: Path, tmp_path: Path) -> None:
    """A stored head is complete; a head that would have to be made up is not."""
    assert load_original(bert, load_config(bert)).complete
    headless = write_text_model(tmp_path, "o/m", head=False)
    assert type(load_original(headless, load_config(headless)).model).__name__ == "BertForMaskedLM"
    pretender = changed(headless, tmp_path, architectures=["BertForSequenceClassification"])
    assert not load_original(pretender, load_config(pretender)).complete


def test_an_architecture_must_be_a_model(bert: Path, tmp_path: Path) -> None:
    """A config that names something else of transformers gets the bare model."""
    copy = changed(bert, tmp_path, architectures=["pipeline"])
    assert isinstance(load_original(copy, load_config(copy)).model, transformers.BertModel)


def _truncate(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _bad_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _other_shapes(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 99}))


def _other_names(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    renamed = {f"something.{i}": tensor for i, tensor in enumerate(weights.values())}
    save_file(renamed, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    "damage",
    [_truncate, break_weights, _no_weights, _bad_json, _no_config, _other_shapes, _other_names],
    ids=lambda function: function.__name__.strip("_"),
)
def test_a_broken_checkpoint_gives_one_clear_line(bert: Path, tmp_path: Path, damage: Any) -> None:
    """Damaged, missing and foreign files are CheckpointBroken or UnsupportedModel, in one line."""
    copy = changed(bert, tmp_path)
    damage(copy)
    with pytest.raises((CheckpointBroken, UnsupportedModel)) as raised:
        load(copy)
    assert "\n" not in str(raised.value)
    assert "copy" in str(raised.value)


@pytest.mark.parametrize("changes", [{"model_type": "no-such-thing"}, {"model_type": "vit"}])
def test_an_architecture_that_cannot_do_the_task_is_unsupported(
    bert: Path, tmp_path: Path, changes: dict[str, Any]
) -> None:
    """Unknown model types and models of another modality are UnsupportedModel."""
    with pytest.raises(UnsupportedModel):
        load(changed(bert, tmp_path, **changes))
