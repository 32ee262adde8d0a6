"""The zoo's pictures: what is drawn, and the datasets made of it."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hubselect.demo.zoo import image_sources
from hubselect.demo.zoo.image_sets import IMAGE_SETS, IMAGE_SOURCES, build_splits, source_pictures


@pytest.mark.slow
@pytest.mark.parametrize("spec", IMAGE_SETS, ids=lambda s: s.name)
def test_every_image_set_has_the_wished_pictures_of_all_classes(spec) -> None:
    splits = build_splits(spec)
    for split, size in spec.sizes.items():
        assert splits[split].pixels.shape == (size, 16, 16, 3)
        assert set(splits[split].labels.tolist()) == set(range(len(spec.classes)))


def test_drawing_twice_gives_the_same_pictures() -> None:
    spec = next(s for s in IMAGE_SETS if s.name == "digits-colored")
    first, second = build_splits(spec), build_splits(spec)
    assert all(np.array_equal(first[k].pixels, second[k].pixels) for k in first)


def test_no_digit_is_drawn_on_for_two_splits() -> None:
    spec = next(s for s in IMAGE_SETS if s.name == "digits")
    splits = build_splits(spec)
    ink = {k: {tuple(np.sort(p.ravel())) for p in v.pixels} for k, v in splits.items()}
    assert not ink["train"] & ink["test"]
    assert not ink["train"] & ink["validation"]


def test_source_and_target_digits_are_different_ones() -> None:
    source, target = (image_sources.digits(half)[0] for half in ("source", "target"))
    assert len(source) + len(target) == 1797
    assert not {p.tobytes() for p in source} & {p.tobytes() for p in target}


def test_source_patches_come_from_the_left_half_of_a_photo() -> None:
    photo = image_sources._photo(image_sources.PHOTOS[0])
    chance = random.Random(0)
    for half, columns in (("source", slice(None, 320)), ("target", slice(320, None))):
        patch = image_sources.photo_patch(0, half, chance)
        windows = np.lib.stride_tricks.sliding_window_view(photo[:, columns], patch.shape)
        assert (windows == patch).all(axis=(3, 4, 5)).any()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_discs_are_as_many_as_asked_and_apart(count: int) -> None:
    from scipy.ndimage import label

    chance = random.Random(count)
    assert {label(image_sources.discs(count, chance) > 0.65)[1] for _ in range(50)} == {count}


@pytest.mark.parametrize("turns", range(4))
def test_a_picture_is_brightest_where_it_is_lit_from(turns: int) -> None:
    grey = np.full((16, 16, 3), 0.5)
    lit = image_sources.lit_from(turns * np.pi / 2, grey, random.Random(0)).mean(axis=-1)
    right, below = lit[:, 8:].mean() - lit[:, :8].mean(), lit[8:].mean() - lit[:8].mean()
    assert int(np.argmax([right, below, -right, -below])) == turns
    assert lit.mean() == pytest.approx(0.5)


@pytest.mark.parametrize("name", IMAGE_SOURCES)
def test_every_source_draws_all_its_classes(name: str) -> None:
    pictures = source_pictures(name, 120)
    assert pictures.pixels.shape == (120, 16, 16, 3)
    assert set(pictures.labels.tolist()) == set(range(len(IMAGE_SOURCES[name][0])))
    assert pictures.pixels.std() > 10
