"""Small learnable data sets, the same for the same seed.

Text: neutral words around a few words that only one class uses. Images: a colour and a stripe
direction per class, under noise. A bag of words or of pixels tells the classes apart, so a tiny
model learns them within an epoch or two.
"""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPLITS = ("train", "validation", "test")
# fmt: off
NEUTRAL = (
    "the", "a", "this", "that", "movie", "book", "day", "story", "people", "house", "we", "they",
    "it", "was", "is", "has", "very", "quite", "with", "about",
)
# fmt: on
# Class i uses the words of row i; more classes than rows is an error.
CLASS_WORDS = (
    ("dull", "awful", "boring", "weak", "broken", "sad"),
    ("great", "lovely", "bright", "strong", "brilliant", "happy"),
    ("market", "price", "bank", "trade", "money", "stock"),
    ("goal", "team", "match", "player", "league", "score"),
    ("river", "forest", "mountain", "rain", "animal", "tree"),
    ("code", "compiler", "network", "server", "memory", "kernel"),
)
WORDS = (*NEUTRAL, *(word for row in CLASS_WORDS for word in row))


@dataclass(frozen=True)
class Split:
    """Input columns (all of one length) and the class index of every row."""

    columns: dict[str, list[Any]]
    labels: list[int]


def text_splits(
    sizes: tuple[int, int, int], classes: int, *, pairs: bool = False, seed: int = 0
) -> dict[str, Split]:
    """Train, validation and test of `sizes` rows: column `text`, or `sentence1` and `sentence2`."""
    rng = random.Random(seed)
    return {name: _text_split(rng, size, classes, pairs) for name, size in zip(SPLITS, sizes, strict=True)}


def sentence(rng: random.Random, label: int, *, signal: int = 2, length: int = 7) -> str:
    """`length` neutral words with `signal` words of the class among them."""
    words = rng.choices(NEUTRAL, k=length) + rng.choices(CLASS_WORDS[label], k=signal)
    rng.shuffle(words)
    return " ".join(words)


def image_splits(
    sizes: tuple[int, int, int], classes: int, *, side: int = 16, seed: int = 0
) -> dict[str, Split]:
    """Train, validation and test of `sizes` rows: column `image`, uint8 arrays [side, side, 3]."""
    rng = np.random.default_rng(seed)
    splits = {}
    for name, size in zip(SPLITS, sizes, strict=True):
        labels = _balanced(size, classes)
        splits[name] = Split({"image": [_image(rng, label, side) for label in labels]}, labels)
    return splits


def png(image: NDArray[np.uint8]) -> bytes:
    """The image as a PNG file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(image).save(stream, format="PNG")
    return stream.getvalue()


def _text_split(rng: random.Random, size: int, classes: int, pairs: bool) -> Split:
    if classes > len(CLASS_WORDS):
        raise ValueError(f"there are words for {len(CLASS_WORDS)} classes only")
    labels = _balanced(size, classes)
    rng.shuffle(labels)
    texts = [sentence(rng, label) for label in labels]
    if not pairs:
        return Split({"text": texts}, labels)
    return Split({"sentence1": [sentence(rng, 0, signal=0) for _ in labels], "sentence2": texts}, labels)


def _image(rng: np.random.Generator, label: int, side: int) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[0:side, 0:side]
    angle = np.pi * label / 5
    stripes = np.sin(0.9 * (np.cos(angle) * rows + np.sin(angle) * columns) + rng.uniform(0, 6))
    image = rng.normal(110, 25, size=(side, side, 3)) + 25 * stripes[..., None]
    image[..., label % 3] += 60
    clipped: NDArray[np.uint8] = np.clip(image, 0, 255).astype(np.uint8)
    return clipped


def _balanced(size: int, classes: int) -> list[int]:
    return [row % classes for row in range(size)]
