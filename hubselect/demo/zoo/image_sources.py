"""Pictures that need no download: handwritten digits, photos, glyphs, gratings, shapes and noise.

Every function draws one 16x16 picture from a seeded `random.Random`. Grey pictures are float arrays
[16, 16] in 0..1, coloured ones [16, 16, 3]. Digits are divided by writer and photos by side into a *source*
half for pre-training and a *target* half for the hub's datasets.
"""

from __future__ import annotations

import functools
import io
import math
import random
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from sklearn.datasets import load_digits, load_sample_image

Half = Literal["source", "target"]
Picture = NDArray[np.float64]

SIDE = 16
_CANVAS = 64  # glyphs and shapes are drawn large, then reduced
_SOURCE_DIGITS = (
    700  # scikit-learn's digits are ordered by writer: the first 700 share no writer with the rest
)


@functools.cache
def digits(half: Half) -> tuple[Picture, NDArray[np.int64]]:
    """Scikit-learn's handwritten digits: pictures [n, 16, 16] and classes [n]."""
    bunch = load_digits()
    enlarged = [
        np.asarray(
            Image.fromarray((a * 255 / 16).astype("uint8")).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
        )
        for a in bunch.images
    ]
    chosen = slice(None, _SOURCE_DIGITS) if half == "source" else slice(_SOURCE_DIGITS, None)
    return np.stack(enlarged)[chosen] / 255.0, bunch.target[chosen].astype(np.int64)


@functools.cache
def _photo(name: str) -> NDArray[np.uint8]:
    return np.asarray(load_sample_image(name), dtype=np.uint8)


PHOTOS = ("china.jpg", "flower.jpg")


def photo_patch(photo: int, half: Half, chance: random.Random, side: int = 32) -> NDArray[np.uint8]:
    """A square patch [side, side, 3] from the left (source) or right (target) half of a photo."""
    pixels = _photo(PHOTOS[photo])
    height, width = pixels.shape[:2]
    low, high = (0, width // 2 - side) if half == "source" else (width // 2, width - side)
    top, left = chance.randrange(height - side), chance.randrange(low, high)
    return pixels[top : top + side, left : left + side]


def reduce(pixels: NDArray[np.uint8]) -> Picture:
    small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small.convert("RGB")) / 255.0


def corrupted(pixels: NDArray[np.uint8], kind: int, chance: random.Random) -> Picture:
    """0 untouched, 1 blurred, 2 noisy, 3 compressed, 4 pixelated."""
    image = Image.fromarray(pixels)
    if kind == 1:
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(1.2, 3.0)))
    elif kind == 2:
        noise = _normal(pixels.shape, chance) * chance.uniform(15, 45)
        image = Image.fromarray(np.clip(pixels + noise, 0, 255).astype(np.uint8))
    elif kind == 3:
        packed = io.BytesIO()
        image.resize((SIDE, SIDE), Image.Resampling.BOX).save(packed, "JPEG", quality=chance.randint(5, 20))
        image = Image.open(packed)
    elif kind == 4:
        cells = chance.choice([5, 6, 7])
        image = image.resize((cells, cells), Image.Resampling.BOX).resize((32, 32), Image.Resampling.NEAREST)
    return reduce(np.asarray(image.convert("RGB"), dtype=np.uint8))


@functools.cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def glyph(character: str, chance: random.Random) -> Picture:
    """A character of Pillow's font: moved, rotated, sheared, of varying size and weight."""
    image = Image.new("L", (_CANVAS, _CANVAS), 0)
    center = (32 + chance.randint(-6, 6), 32 + chance.randint(-6, 6))
    ImageDraw.Draw(image).text(
        center,
        character,
        fill=255,
        font=_font(chance.randint(26, 40)),
        anchor="mm",
        stroke_width=chance.choice([0, 0, 1, 2]),
    )
    image = image.rotate(chance.uniform(-20, 20), Image.Resampling.BICUBIC)
    shear = (1, chance.uniform(-0.25, 0.25), 0, chance.uniform(-0.15, 0.15), 1, 0)
    image = image.transform((_CANVAS, _CANVAS), Image.Transform.AFFINE, shear, Image.Resampling.BICUBIC)
    return _grey(image)


def shape(kind: int, chance: random.Random) -> Picture:
    """0 disc, 1 square, 2 triangle, 3 cross, 4 ring: anywhere, in any direction."""
    image = Image.new("L", (_CANVAS, _CANVAS), 0)
    draw = ImageDraw.Draw(image)
    x, y, r = chance.randint(22, 42), chance.randint(22, 42), chance.randint(11, 20)
    box = (x - r, y - r, x + r, y + r)
    if kind == 0:
        draw.ellipse(box, fill=255)
    elif kind == 1:
        draw.rectangle(box, fill=255)
    elif kind == 2:
        draw.regular_polygon((x, y, r + 3), 3, fill=255)
    elif kind == 3:
        draw.rectangle((x - r, y - r // 3, x + r, y + r // 3), fill=255)
        draw.rectangle((x - r // 3, y - r, x + r // 3, y + r), fill=255)
    else:
        draw.ellipse(box, outline=255, width=5)
    return _grey(image.rotate(chance.uniform(0, 360), Image.Resampling.BICUBIC))


def discs(count: int, chance: random.Random) -> Picture:
    """So many small discs that touch neither each other nor the border."""
    image = Image.new("L", (_CANVAS, _CANVAS), 0)
    draw = ImageDraw.Draw(image)
    placed: list[tuple[int, int, int]] = []
    while len(placed) < count:
        x, y, r = chance.randint(9, 54), chance.randint(9, 54), chance.randint(5, 8)
        if all(math.hypot(x - a, y - b) > r + s + 4 for a, b, s in placed):
            placed.append((x, y, r))
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
    return _grey(image)


def lit_from(direction: float, picture: Picture, chance: random.Random) -> Picture:
    """A coloured picture made brighter towards `direction` (radians, jittered) and darker away from it."""
    rows, columns = (np.mgrid[0:SIDE, 0:SIDE] + 0.5) / SIDE * 2 - 1
    angle = direction + chance.uniform(-0.2, 0.2)
    ramp = columns * math.cos(angle) + rows * math.sin(angle)
    return np.asarray(np.clip(picture + chance.uniform(0.05, 0.2) * ramp[..., None], 0, 1))


def grating(direction: float, frequency: float, chance: random.Random) -> Picture:
    """A sine wave of `frequency` periods along `direction` (radians), both jittered, of any phase."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    angle = direction + chance.uniform(-0.2, 0.2)
    wave = 2 * math.pi * frequency * chance.uniform(0.85, 1.15)
    along = columns * math.cos(angle) + rows * math.sin(angle)
    return np.asarray(0.5 + 0.5 * np.sin(wave * along + chance.uniform(0, 2 * math.pi)))


def noise(chance: random.Random) -> Picture:
    """Uniform noise [16, 16, 3]."""
    return np.random.RandomState(chance.randrange(10**9)).rand(SIDE, SIDE, 3)


def colored(grey: Picture, chance: random.Random, strength: float = 0.0) -> Picture:
    """A grey picture between two random colours, with Gaussian noise of that standard deviation."""
    dark = np.array([chance.random() * 0.5 for _ in range(3)])
    light = np.array([chance.random() * 0.5 + 0.5 for _ in range(3)])
    picture = dark * (1 - grey[..., None]) + light * grey[..., None]
    return np.clip(picture + strength * _normal(picture.shape, chance), 0, 1)


def rgb(grey: Picture) -> Picture:
    return np.repeat(grey[..., None], 3, axis=-1)


def _grey(image: Image.Image) -> Picture:
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)) / 255.0


def _normal(shape: tuple[int, ...], chance: random.Random) -> Picture:
    return np.random.RandomState(chance.randrange(10**9)).randn(*shape)
