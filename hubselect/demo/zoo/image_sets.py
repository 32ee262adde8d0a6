"""The zoo's image classification datasets: targets for the hub, sources for pre-training."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hubselect.demo.zoo import image_sources as draw
from hubselect.demo.zoo.image_sources import Picture

Pixels = NDArray[np.uint8]
Labels = NDArray[np.int64]
Draw = Callable[[int, random.Random], Picture]


@dataclass(frozen=True)
class ImageSet:
    """A dataset to be drawn.

    `make` draws one coloured picture [16, 16, 3] of a class; sets made of handwritten digits have
    `from_digit` (grey digit, its class, chance -> picture, class of the set) instead.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    sizes: Mapping[str, int]
    make: Draw | None = None
    from_digit: Callable[[Picture, int, random.Random], tuple[Picture, int]] | None = None


@dataclass(frozen=True)
class Pictures:
    """`pixels` [n, 16, 16, 3] 0..255 and `labels` [n]."""

    pixels: Pixels
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


def to_pixels(pictures: list[Picture]) -> Pixels:
    return np.clip(np.rint(np.stack(pictures) * 255), 0, 255).astype(np.uint8)


def draw_pictures(make: Draw, classes: int, count: int, seed: str) -> Pictures:
    """`count` pictures, equally many of each class, in a seeded order."""
    chance = random.Random(f"pictures {seed}")
    labels = [i % classes for i in range(count)]
    chance.shuffle(labels)
    return Pictures(to_pixels([make(label, chance) for label in labels]), np.array(labels, dtype=np.int64))


def build_splits(spec: ImageSet) -> dict[str, Pictures]:
    if spec.make is not None:
        whole = draw_pictures(spec.make, len(spec.classes), sum(spec.sizes.values()), spec.name)
        splits, start = {}, 0
        for split, size in spec.sizes.items():
            rows = slice(start, start + size)
            splits[split] = Pictures(whole.pixels[rows], whole.labels[rows])
            start += size
        return splits
    return _digit_splits(spec)


def _digit_splits(spec: ImageSet) -> dict[str, Pictures]:
    """Digits are few, so each is drawn on several times, but never for two splits."""
    assert spec.from_digit is not None
    grey, classes = draw.digits("target")
    chance = random.Random(f"digits {spec.name}")
    order = list(range(len(grey)))
    chance.shuffle(order)
    total, start = sum(spec.sizes.values()), 0
    splits: dict[str, Pictures] = {}
    for split, size in spec.sizes.items():
        share = order[start : start + size * len(order) // total]
        start += len(share)
        drawn = [spec.from_digit(grey[i], int(classes[i]), chance) for i in _cycle(share, size)]
        labels = np.array([label for _, label in drawn], dtype=np.int64)
        splits[split] = Pictures(to_pixels([picture for picture, _ in drawn]), labels)
    return splits


def _cycle(items: list[int], count: int) -> list[int]:
    return (items * (count // len(items) + 1))[:count]


def _plain_digit(grey: Picture, digit: int, chance: random.Random) -> tuple[Picture, int]:
    moved = np.roll(grey, (chance.randint(-1, 1), chance.randint(-1, 1)), (0, 1))
    return draw.rgb(moved), digit


def _colored_digit(grey: Picture, digit: int, chance: random.Random) -> tuple[Picture, int]:
    inverted = 1 - grey if chance.random() < 0.5 else grey
    return draw.colored(inverted, chance, 0.15), digit


def _rotated_digit(grey: Picture, _: int, chance: random.Random) -> tuple[Picture, int]:
    turns = chance.randrange(4)
    return draw.colored(np.rot90(grey, turns), chance, 0.1), turns


def _letter(kind: int, chance: random.Random) -> Picture:
    return draw.rgb(draw.glyph("ABCDEFGHIJ"[kind], chance))


def _corruption(kind: int, chance: random.Random) -> Picture:
    return draw.corrupted(draw.photo_patch(chance.randrange(2), "target", chance), kind, chance)


def _scene(kind: int, chance: random.Random) -> Picture:
    return draw.reduce(draw.photo_patch(kind, "target", chance))


def _direction(kind: int, chance: random.Random) -> Picture:
    return draw.colored(draw.grating(kind * math.pi / 6, chance.uniform(1.5, 5), chance), chance, 0.35)


def _shape(kind: int, chance: random.Random) -> Picture:
    return draw.colored(draw.shape(kind, chance), chance, 0.15)


def _rotation(kind: int, chance: random.Random) -> Picture:
    return np.rot90(draw.reduce(draw.photo_patch(chance.randrange(2), "target", chance, 64)), kind)


def _lowercase(kind: int, chance: random.Random) -> Picture:
    return draw.colored(draw.glyph(LOWERCASE[kind], chance), chance, 0.08)


def _discs(kind: int, chance: random.Random) -> Picture:
    return draw.colored(draw.discs(kind + 1, chance), chance, 0.15)


def _frequency(kind: int, chance: random.Random) -> Picture:
    wave = draw.grating(chance.uniform(0, math.pi), FREQUENCIES[kind], chance)
    return draw.colored(wave, chance, 0.35)


def _light(kind: int, chance: random.Random) -> Picture:
    patch = draw.reduce(draw.photo_patch(chance.randrange(2), "target", chance))
    return draw.lit_from(kind * math.pi / 3, patch, chance)


LOWERCASE = "abcdefghijklmnopqrstuvwxyz"
QUARTERS = ("0 degrees", "90 degrees", "180 degrees", "270 degrees")
DIGITS = tuple(str(i) for i in range(10))
SHAPES = ("disc", "square", "triangle", "cross", "ring")
CORRUPTIONS = ("none", "blur", "noise", "compression", "pixels")
FREQUENCIES = (1.2, 1.8, 2.7, 4.0, 6.0)  # periods per picture
_WISHED = {"train": 600, "validation": 400, "test": 800}
_LARGE = {"train": 8_000, "validation": 1_000, "test": 2_000}

IMAGE_SETS: tuple[ImageSet, ...] = (
    ImageSet("digits", "Handwritten digits", DIGITS, _WISHED, from_digit=_plain_digit),
    ImageSet("digits-colored", "Noisy coloured digits", DIGITS, _WISHED, from_digit=_colored_digit),
    ImageSet(
        "digits-rotated",
        "How far a digit was turned",
        QUARTERS,
        _WISHED,
        from_digit=_rotated_digit,
    ),
    ImageSet("glyph-letters", "Printed letters A to J", tuple("ABCDEFGHIJ"), _WISHED, _letter),
    ImageSet("photo-corruptions", "What is wrong with a piece of a photo", CORRUPTIONS, _WISHED, _corruption),
    ImageSet(
        "photo-scenes",
        "Which photo a piece is from",
        ("temple", "flower"),
        {"train": 300, "validation": 500},
        _scene,
    ),
    ImageSet(
        "gratings",
        "The direction of a noisy grating",
        tuple(f"{30 * i} degrees" for i in range(6)),
        {"train": 600, "test": 1000},
        _direction,
    ),
    ImageSet("shapes", "Filled shapes on noise", SHAPES, {"train": 400, "test": 400}, _shape),
    ImageSet("photo-rotations", "How far a piece of a photo was turned", QUARTERS, _WISHED, _rotation),
    ImageSet(
        "lowercase-letters", "Printed lower-case letters on noise", tuple(LOWERCASE), _LARGE, _lowercase
    ),
    ImageSet("disc-counts", "How many small discs there are", ("1", "2", "3", "4"), _LARGE, _discs),
    ImageSet(
        "grating-frequencies",
        "The frequency of a noisy grating",
        tuple(f"{f} periods" for f in FREQUENCIES),
        _WISHED,
        _frequency,
    ),
    ImageSet(
        "photo-lights",
        "From where a piece of a photo is lit",
        tuple(f"{60 * i} degrees" for i in range(6)),
        _WISHED,
        _light,
    ),
)


def _source_glyph(kind: int, chance: random.Random) -> Picture:
    grey = draw.glyph("KLMNOPQRSTUVWXYZ23456789"[kind], chance)
    return draw.rgb(grey) if chance.random() < 0.5 else draw.colored(grey, chance, 0.05)


def _source_digit(kind: int, chance: random.Random) -> Picture:
    grey, classes = draw.digits("source")
    digit = grey[chance.choice(np.flatnonzero(classes == kind).tolist())]
    if chance.random() < 0.5:
        return _plain_digit(digit, kind, chance)[0]
    return draw.colored(digit, chance, 0.1)


def _source_rotation(kind: int, chance: random.Random) -> Picture:
    patch = draw.photo_patch(chance.randrange(2), "source", chance, chance.choice([32, 64]))
    return np.rot90(draw.reduce(patch), kind)


def _source_corruption(kind: int, chance: random.Random) -> Picture:
    return draw.corrupted(draw.photo_patch(chance.randrange(2), "source", chance), kind, chance)


def _source_texture(kind: int, chance: random.Random) -> Picture:
    wave = draw.grating((kind % 4) * math.pi / 4 + 0.3, (1.3, 3.6)[kind // 4], chance)
    return draw.colored(wave, chance, 0.2)


def _source_shape(kind: int, chance: random.Random) -> Picture:
    grey = draw.shape(kind, chance)
    return draw.rgb(grey) if chance.random() < 0.3 else draw.colored(grey, chance, 0.1)


def _source_noise(_: int, chance: random.Random) -> Picture:
    return draw.noise(chance)


IMAGE_SOURCES: Mapping[str, tuple[tuple[str, ...], Draw]] = {
    "glyphs": (tuple("KLMNOPQRSTUVWXYZ23456789"), _source_glyph),
    "digits": (DIGITS, _source_digit),
    "rotations": (QUARTERS, _source_rotation),
    "corruptions": (CORRUPTIONS, _source_corruption),
    "textures": (
        tuple(f"{s} {45 * d + 17} degrees" for s in ("coarse", "fine") for d in range(4)),
        _source_texture,
    ),
    "shapes": (SHAPES, _source_shape),
    "noise": (tuple(f"noise {i}" for i in range(6)), _source_noise),
}


def source_pictures(source: str, count: int = 6000) -> Pictures:
    """The labelled pictures a checkpoint is pre-trained on; the first 400 are kept to test it."""
    classes, make = IMAGE_SOURCES[source]
    return draw_pictures(make, len(classes), count, f"source {source}")
