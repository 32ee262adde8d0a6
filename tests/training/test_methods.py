"""LoRA and probing: what learns, what stays, what is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification

from hubselect.errors import UnsupportedModel
from hubselect.records import METHODS, Dataset, Method, Model, Recipe
from hubselect.training.finetuning import FineTuning
from hubselect.training.saved import evaluate_saved
from hubselect.training.schedule import learning_rate_for

TEXT, IMAGE = "text-classification", "image-classification"
FEW: tuple[Method, ...] = ("lora", "probe")


def of_text(
    bert: Path, sentences: Dataset, method: Method, state: Path | None = None, epochs: int = 2
) -> FineTuning:
    recipe = Recipe(TEXT, epochs=epochs, batch_size=8, max_length=32, method=method)
    return FineTuning(bert, Model("some/bert", TEXT), sentences, recipe, state_dir=state)


def weights(training: FineTuning) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in training._network.named_parameters()}


def moved(training: FineTuning) -> set[str]:
    before = weights(training)
    training.advance()
    return {name for name, tensor in weights(training).items() if not torch.equal(tensor, before[name])}


def test_a_probe_trains_the_head_and_nothing_else(bert: Path, sentences: Dataset) -> None:
    """A checkpoint without a pooler gets one that learns, too: what is made up is no knowledge."""
    changed = moved(of_text(bert, sentences, "probe"))
    assert {"classifier.weight", "classifier.bias"} <= changed
    assert all(name.startswith(("classifier", "bert.pooler")) for name in changed)


def test_lora_trains_updates_of_every_linear_layer_and_the_head(bert: Path, sentences: Dataset) -> None:
    training = of_text(bert, sentences, "lora")
    names = {name for name, _ in training._network.named_parameters()}
    changed = moved(training)
    assert all(".lora_" in n or n.startswith(("classifier", "bert.pooler")) for n in changed)
    assert {n for n in names if ".lora_B" in n} <= changed
    assert "classifier.weight" in changed


@pytest.mark.parametrize("method", FEW)
def test_a_resumed_training_is_bit_identical(
    method: Method, bert: Path, sentences: Dataset, tmp_path: Path
) -> None:
    whole = of_text(bert, sentences, method)
    curve = [whole.advance().val for _ in range(2)]
    of_text(bert, sentences, method, tmp_path / "state").advance()
    again = of_text(bert, sentences, method, tmp_path / "state")
    assert again.stage == 1
    again.advance()
    assert [p.val for p in again.points] == curve
    assert all(torch.equal(tensor, weights(again)[name]) for name, tensor in weights(whole).items())


@pytest.mark.parametrize("method", FEW)
def test_the_state_holds_what_learns_only(
    method: Method, bert: Path, sentences: Dataset, tmp_path: Path
) -> None:
    sizes = {}
    for each in ("full", method):
        of_text(bert, sentences, each, tmp_path / each).advance()
        sizes[each] = (tmp_path / each / "state.pt").stat().st_size
    assert sizes[method] < sizes["full"] / 2


@pytest.mark.parametrize("method", FEW)
def test_what_is_saved_is_a_plain_checkpoint_that_scores_the_same(
    method: Method, bert: Path, sentences: Dataset, tmp_path: Path
) -> None:
    training = of_text(bert, sentences, method, epochs=1)
    training.advance()
    training.export(tmp_path / "winner")
    AutoModelForSequenceClassification.from_pretrained(tmp_path / "winner")
    assert not list((tmp_path / "winner").glob("adapter*"))
    assert evaluate_saved(tmp_path / "winner", sentences, training.recipe) == pytest.approx(training.test())


def test_images_too(vit: Path, pictures: Dataset, tmp_path: Path) -> None:
    for method in FEW:
        recipe = Recipe(IMAGE, epochs=1, batch_size=8, method=method)
        training = FineTuning(vit, Model("some/vit", IMAGE), pictures, recipe)
        training.advance()
        training.export(tmp_path / method)
        AutoModelForImageClassification.from_pretrained(tmp_path / method)
        assert evaluate_saved(tmp_path / method, pictures, recipe) == pytest.approx(training.test())


def test_a_frozen_body_is_the_same_in_every_stage(bert: Path, sentences: Dataset) -> None:
    """No dropout and no statistics of batches in it: a probe sees the features that evaluation sees."""
    training = of_text(bert, sentences, "probe")
    training._adapted.train()
    assert not training._network.bert.encoder.training
    assert training._network.training


def test_a_network_without_linear_layers_is_told(bert: Path) -> None:
    from hubselect.training.methods import adapt

    network = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 1), torch.nn.Linear(4, 2))
    with pytest.raises(UnsupportedModel, match="some/resnet has no linear layers"):
        adapt(network, "lora", (), "some/resnet", 0)


def test_recipes_of_other_methods_are_other_recipes() -> None:
    """And the usual method changes no digest: registries made before there was a choice stay as they are."""
    recipes = [Recipe(TEXT, method=method) for method in METHODS]
    assert len({r.digest for r in recipes}) == 3
    assert recipes[0].digest == "25bfd4493191c190"
    assert Recipe(**recipes[0].content) == recipes[0]
    assert Recipe(**recipes[1].content) == recipes[1]


def test_few_parameters_learn_faster() -> None:
    rates = [learning_rate_for(Recipe(TEXT, method=method), 110_000_000) for method in METHODS]
    assert rates == pytest.approx([3e-5, 3e-4, 1e-3])
    assert learning_rate_for(Recipe(TEXT, method="lora", learning_rate=0.1), 1000) == 0.1
