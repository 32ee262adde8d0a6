"""Image classification: every image in RGB through the checkpoint's own processor, once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.device import bytes_kept_on, choose_device, decoding_threads
from hubselect.training.examples import Examples
from hubselect.training.quiet import quiet
from hubselect.training.sampling import IntArray
from hubselect.training.tasks.base import PREPARED, Prepared
from hubselect.training.tasks.resident import ResidentImages

import transformers  # isort: skip  (after quiet, which sets the environment)

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 64  # images in one call of a processor
_IN_MEMORY_BYTES = 1 << 30


@dataclass(frozen=True)
class PreparedImages:
    """Pixels float32 [n, channels, height, width] of all images."""

    pixels: torch.Tensor
    lengths: IntArray

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes

    def on(self, device: torch.device) -> Prepared:
        if self.nbytes > bytes_kept_on(device):
            return self
        return ResidentImages(self.pixels.to(device), self.lengths)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """pixel_values float32 [batch, channels, height, width]."""
        return {"pixel_values": self.pixels[torch.from_numpy(rows)]}


@dataclass(frozen=True)
class ImagesOnDemand:
    """For sets too large for memory: every batch is decoded and processed when it is needed."""

    images: Sequence[Any]
    adapter: ImageAdapter
    lengths: IntArray
    nbytes: int = 0

    def on(self, device: torch.device) -> Prepared:
        return self

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """pixel_values float32 [batch, channels, height, width]."""

        def made(some: IntArray) -> torch.Tensor:
            return self.adapter.pixels([self.images[int(row)] for row in some])

        parts = np.array_split(rows, min(decoding_threads(), len(rows)))
        return {"pixel_values": torch.cat(_beside(made, parts))}


class ImageAdapter:
    """Resizes and normalises the way the checkpoint's own image processor does (PIL, no torchvision)."""

    def __init__(self, checkpoint: Path, config: Any, in_memory_bytes: int | None = None) -> None:
        try:
            with quiet():
                self.processor = transformers.AutoImageProcessor.from_pretrained(
                    str(checkpoint), trust_remote_code=False, local_files_only=True, backend="pil"
                )
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            raise CheckpointBroken(
                f"the image processor of {checkpoint.name} cannot be loaded: {text}"
            ) from error
        self._name = checkpoint.name
        if in_memory_bytes is None:
            in_memory_bytes = max(_IN_MEMORY_BYTES, bytes_kept_on(choose_device()))
        self._in_memory_bytes = in_memory_bytes
        settings = json.dumps(self.processor.to_dict(), sort_keys=True, default=str)
        self._family = hashlib.sha256(settings.encode()).hexdigest()

    def prepare(self, examples: Examples) -> Prepared:
        """Process every image, or take what a checkpoint with the same processor has made before.

        Raises `UnsupportedModel` when the processor gives images of different sizes.
        """
        return PREPARED.get(("image", self._family, examples.fingerprint), lambda: self._process(examples))

    def _process(self, examples: Examples) -> Prepared:
        lengths = np.ones(len(examples), dtype=np.int64)
        with quiet():
            first = self.pixels([examples.images[0]])
        if first.nbytes * len(examples) > self._in_memory_bytes:
            return ImagesOnDemand(examples.images, self, lengths)
        pixels = torch.empty((len(examples), *first.shape[1:]), dtype=torch.float32)

        def fill(start: int) -> None:
            made = self.pixels(list(examples.images[start : start + _CHUNK]))
            if made.shape[1:] != first.shape[1:]:
                raise self._uneven()
            pixels[start : start + len(made)] = made

        _beside(fill, range(0, len(examples), _CHUNK))
        return PreparedImages(pixels, lengths)

    def pixels(self, images: list[Any]) -> torch.Tensor:
        """Model inputs float32 [n, channels, height, width] of some images."""
        made = self.processor(images=[_rgb(image) for image in images], return_tensors=None)["pixel_values"]
        arrays = [np.asarray(array, dtype=np.float32) for array in made]
        if len({array.shape for array in arrays}) > 1:
            raise self._uneven()
        return torch.from_numpy(np.stack(arrays))

    def _uneven(self) -> UnsupportedModel:
        return UnsupportedModel(f"the image processor of {self._name} gives images of different sizes")

    def configure(self, config: Any) -> None:
        """Image models need nothing from their processor."""

    def export(self, output: Path) -> None:
        self.processor.save_pretrained(str(output))


def _beside(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """What `work` returns for every item, in order; in threads where the training leaves cores free."""
    threads = min(decoding_threads(), len(items))
    with quiet():  # here and not in the threads: it is a setting of the whole process
        if threads <= 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, items))


def _rgb(image: Any) -> Image.Image:
    picture = image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image))
    return picture if picture.mode == "RGB" else picture.convert("RGB")
