"""Inputs kept on a device (here the CPU) give the batches they gave before, padded to tiles."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from hubselect.training.device import bytes_kept_on, indices
from hubselect.training.examples import Examples
from hubselect.training.loading import load_config
from hubselect.training.tasks import ImageAdapter, image
from hubselect.training.tasks.resident import ResidentImages, ResidentText
from hubselect.training.tasks.text_inputs import PreparedText

CPU = torch.device("cpu")


@pytest.fixture
def prepared() -> PreparedText:
    chance = np.random.default_rng(0)
    lengths = chance.integers(1, 30, 40)
    inside = np.arange(30) < lengths[:, None]
    ids = (chance.integers(5, 100, (40, 30)) * inside).astype(np.int32)
    return PreparedText(ids, (chance.integers(0, 2, (40, 30)) * inside).astype(np.int8), lengths)


def test_texts_on_a_device_are_the_same_texts(prepared: PreparedText) -> None:
    resident = ResidentText.of(prepared.batch(np.arange(40)), prepared.lengths, CPU)
    for rows in (np.array([3, 1, 17]), np.arange(40), np.array([5])):
        wanted, found = prepared.batch(rows), resident.batch(rows)
        wide = found["input_ids"].shape[1]
        assert wide % 8 == 0 or wide == int(prepared.lengths.max())
        assert set(found) == set(wanted)
        for name, tensor in wanted.items():
            assert found[name].dtype == tensor.dtype
            assert torch.equal(found[name][:, : tensor.shape[1]], tensor)
            assert not found[name][:, tensor.shape[1] :].any()


def test_images_on_a_device_are_the_same_images() -> None:
    pixels = torch.rand(6, 3, 4, 4)
    resident = ResidentImages(pixels, np.ones(6, dtype=np.int64))
    assert torch.equal(resident.batch(np.array([4, 2]))["pixel_values"], pixels[[4, 2]])


def test_nothing_is_kept_where_it_is_in_memory_anyway(prepared: PreparedText) -> None:
    assert bytes_kept_on(CPU) == 0
    assert prepared.on(CPU) is prepared
    assert indices(np.array([2, 0]), CPU).tolist() == [2, 0]


def test_images_are_the_same_whatever_the_threads(vit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [np.random.default_rng(i).integers(0, 255, (20, 20, 3), np.uint8) for i in range(200)]
    examples = Examples(np.zeros(200, dtype=np.int64), "pictures", images=pictures)
    config = load_config(vit)
    rows = np.arange(200)
    alone = ImageAdapter(vit, config).prepare(examples).batch(rows)["pixel_values"]
    monkeypatch.setattr(image, "decoding_threads", lambda: 4)
    for limit in (None, 1000):  # made once, and made for every batch
        made = ImageAdapter(vit, config, in_memory_bytes=limit)._process(examples)
        assert torch.equal(made.batch(rows)["pixel_values"], alone)
