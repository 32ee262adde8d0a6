"""Sound files as waveforms: any format that libsndfile reads, one channel, at the rate a model wants."""

from __future__ import annotations

import io
from math import gcd
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hubselect.errors import InvalidInput

Waveform = NDArray[np.float32]


def decoded(file: bytes) -> tuple[Waveform, int]:
    """The waveform float32 [samples] of a file, its channels averaged, and its rate in Hz."""
    soundfile: Any = _soundfile()
    samples, rate = soundfile.read(io.BytesIO(file), dtype="float32", always_2d=True)
    return np.ascontiguousarray(samples.mean(axis=1, dtype=np.float32)), int(rate)


def resampled(wave: Waveform, rate: int, wanted: int) -> Waveform:
    """The waveform at another rate, by a polyphase filter against aliasing."""
    if rate == wanted:
        return wave
    from scipy.signal import resample_poly

    divisor = gcd(rate, wanted)
    made: Waveform = resample_poly(wave, wanted // divisor, rate // divisor).astype(np.float32)
    return made


def _soundfile() -> Any:
    try:
        import soundfile
    except (ImportError, OSError) as error:  # its library is missing beside it
        raise InvalidInput(
            "sound is read by the soundfile library, which is not installed", "pip install 'hubselect[audio]'"
        ) from error
    return soundfile
