"""Tiny checkpoints and datasets in local folders, made once per test process."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hubselect.records import Dataset, Model, Recipe
from hubselect.training.device import prepare_process
from tests.support.repos import (
    IMAGE_LABELS,
    TEXT_LABELS,
    write_image_dataset,
    write_image_model,
    write_text_dataset,
    write_text_model,
)


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    prepare_process(threads=1)


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workshop")


@pytest.fixture(scope="session")
def bert(workshop: Path) -> Path:
    """A BERT classifier with a head of two classes and dropout of 0.1."""
    return write_text_model(workshop, "someone/bert")


@pytest.fixture(scope="session")
def vit(workshop: Path) -> Path:
    return write_image_model(workshop, "someone/vit")


@pytest.fixture(scope="session")
def sentences(workshop: Path) -> Dataset:
    """Two classes of sentences, all three splits labelled: 128, 64, 64 rows."""
    folder = write_text_dataset(workshop, "someone/sentences", sizes=(128, 64, 64))
    return Dataset(str(folder), "text-classification", text_columns=("text",), label_column="label")


@pytest.fixture(scope="session")
def pictures(workshop: Path) -> Dataset:
    """Three classes of 16x16 images in an image folder: 48, 24, 24 rows."""
    folder = write_image_dataset(workshop, "someone/pictures")
    return Dataset(str(folder), "image-classification", image_column="image", label_column="label")


@pytest.fixture(scope="session")
def text_model() -> Model:
    return Model("someone/bert", "text-classification", revision="1" * 40, labels=TEXT_LABELS)


@pytest.fixture(scope="session")
def image_model() -> Model:
    return Model("someone/vit", "image-classification", revision="2" * 40, labels=IMAGE_LABELS)


@pytest.fixture
def text_recipe() -> Recipe:
    return Recipe("text-classification", epochs=2, batch_size=16, learning_rate=3e-3)


@pytest.fixture
def image_recipe() -> Recipe:
    return Recipe("image-classification", epochs=2, batch_size=8)


def weights_of(network: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def same_weights(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)
