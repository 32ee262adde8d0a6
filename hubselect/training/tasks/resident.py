"""Inputs that live on the accelerator: a batch is an index into them, and nothing travels.

Only sets that are small beside the free memory do (`device.bytes_kept_on`); the batches of larger ones
are made on the CPU and sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from hubselect.training.device import indices
from hubselect.training.sampling import IntArray

_MULTIPLE = 8  # tensor cores work on tiles; and fewer lengths are fewer shapes to compile


@dataclass(frozen=True)
class ResidentText:
    """The inputs of all texts on the device, each int64 [n, longest]; lengths [n] in memory.

    They are int64, as models want them, and the mask is there too: what a batch does not compute costs
    no kernel, and small models wait for nothing but kernels to be launched.
    """

    inputs: Mapping[str, torch.Tensor]
    lengths: IntArray

    @classmethod
    def of(cls, inputs: Mapping[str, torch.Tensor], lengths: IntArray, device: torch.device) -> ResidentText:
        """From what `batch` of all rows gives on the CPU."""
        return cls({name: tensor.to(device) for name, tensor in inputs.items()}, lengths)

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.inputs.values())

    def on(self, device: torch.device) -> ResidentText:
        return self

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """Each input int64 [batch, longest of the batch, rounded up to a multiple of 8]."""
        wide = -(-int(self.lengths[rows].max()) // _MULTIPLE) * _MULTIPLE
        index = indices(rows, self.inputs["input_ids"].device)
        return {name: tensor[:, :wide].index_select(0, index) for name, tensor in self.inputs.items()}


@dataclass(frozen=True)
class ResidentImages:
    """Pixels float32 [n, channels, height, width] on the device."""

    pixels: torch.Tensor
    lengths: IntArray

    @property
    def nbytes(self) -> int:
        return self.pixels.nbytes

    def on(self, device: torch.device) -> ResidentImages:
        return self

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """pixel_values float32 [batch, channels, height, width]."""
        return {"pixel_values": self.pixels.index_select(0, indices(rows, self.pixels.device))}
