"""Keeps transformers and datasets silent while they work for us, and lets them speak again after.

Their progress bars and warnings ("some weights were newly initialised ...") describe what
hubselect does on purpose; printed, they would only bury hubselect's own messages.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

# A thread that asks a third-party service to convert .bin weights must never start, and forked
# tokenizer threads only fight with the training threads.
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import datasets
import transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and everything below errors of transformers and datasets."""
    logging = transformers.utils.logging
    levels = (logging.get_verbosity(), datasets.logging.get_verbosity())
    bars = (logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled())
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logging.set_verbosity(levels[0])
        datasets.logging.set_verbosity(levels[1])
        if bars[0]:
            logging.enable_progress_bar()
        if not bars[1]:
            datasets.enable_progress_bars()
