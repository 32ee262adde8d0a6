"""Sound: every recording at the rate a checkpoint wants, through its own feature extractor, once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.device import bytes_kept_on
from hubselect.training.examples import Examples
from hubselect.training.quiet import quiet
from hubselect.training.sampling import IntArray
from hubselect.training.sound import resampled
from hubselect.training.tasks.base import PREPARED, Prepared

import transformers  # isort: skip  (after quiet, which sets the environment)

_ONES = "attention_mask"


@dataclass(frozen=True)
class PreparedSound:
    """What the model called `name` reads, float32 [n, longest, ...] filled up on the right; `lengths` [n]
    (samples of a waveform, frames of a spectrogram). `masked`: the model wants to know what is filling."""

    name: str
    values: torch.Tensor
    lengths: IntArray
    masked: bool

    @property
    def nbytes(self) -> int:
        return self.values.nbytes

    def on(self, device: torch.device) -> Prepared:
        if device == self.values.device or self.nbytes > bytes_kept_on(device):
            return self
        return PreparedSound(self.name, self.values.to(device), self.lengths, self.masked)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """The inputs [batch, longest of the batch, ...] and perhaps their attention_mask, int64."""
        device, lengths = self.values.device, torch.from_numpy(self.lengths[rows])
        longest = int(lengths.max())
        batch = {self.name: self.values[torch.from_numpy(rows).to(device), :longest]}
        if self.masked:
            batch[_ONES] = (torch.arange(longest) < lengths[:, None]).long().to(device)
        return batch


class AudioAdapter:
    """Resamples, and extracts what the checkpoint's own feature extractor does."""

    def __init__(self, checkpoint: Path, max_seconds: float) -> None:
        try:
            with quiet():
                self.extractor = transformers.AutoFeatureExtractor.from_pretrained(
                    str(checkpoint), trust_remote_code=False, local_files_only=True
                )
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            raise CheckpointBroken(
                f"the feature extractor of {checkpoint.name} cannot be loaded: {text}"
            ) from error
        if not isinstance(getattr(self.extractor, "sampling_rate", None), int):
            raise UnsupportedModel(f"the feature extractor of {checkpoint.name} is none for sound")
        self._name = checkpoint.name
        self._seconds = max_seconds
        settings = json.dumps(self.extractor.to_dict(), sort_keys=True, default=str)
        self._family = hashlib.sha256(settings.encode()).hexdigest()

    def prepare(self, examples: Examples) -> Prepared:
        """Extract every recording, or take what a checkpoint with the same extractor has made before."""
        key = ("audio", self._family, self._seconds, examples.fingerprint)
        return PREPARED.get(key, lambda: self._extract(examples))

    def _extract(self, examples: Examples) -> PreparedSound:
        rate, name = self.extractor.sampling_rate, self.extractor.model_input_names[0]
        made: list[NDArray[np.float32]] = []
        for wave, recorded in examples.recordings:
            wave = resampled(wave[: int(self._seconds * recorded)], recorded, rate)
            with quiet():
                found = self.extractor(wave, sampling_rate=rate, return_tensors="np")[name][0]
            made.append(np.asarray(found, dtype=np.float32))
        if len({values.shape[1:] for values in made}) > 1:
            raise UnsupportedModel(f"the feature extractor of {self._name} gives frames of different sizes")
        lengths = np.array([len(values) for values in made], dtype=np.int64)
        table = np.zeros((len(made), int(lengths.max()), *made[0].shape[1:]), dtype=np.float32)
        for row, values in zip(table, made, strict=True):
            row[: len(values)] = values
        masked = bool(getattr(self.extractor, "return_attention_mask", False))
        return PreparedSound(name, torch.from_numpy(table), lengths, masked)

    def configure(self, config: Any) -> None:
        """Sound models need nothing from their extractor."""

    def export(self, output: Path) -> None:
        self.extractor.save_pretrained(str(output))
