"""Keeps transformers and datasets silent while they work for us, and lets them speak again after.

Their progress bars and warnings ("some weights were newly initialised ...") describe what
hubselect does on purpose; printed, they would only bury hubselect's own messages.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# A thread that asks a third-party service to convert .bin weights must never start. Tokenizers may use
# all cores: texts are tokenised once, before training, and no process is forked from one that has done so.
os.environ["DISABLE_SAFETENSORS_CONVERSION"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

import datasets
import transformers


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress bars and what transformers, datasets and the Hub client log."""
    hub = logging.getLogger("huggingface_hub")
    chatter = transformers.utils.logging
    levels = (chatter.get_verbosity(), datasets.logging.get_verbosity(), hub.level)
    bars = (chatter.is_progress_bar_enabled(), datasets.are_progress_bars_disabled())
    chatter.set_verbosity_error()
    chatter.disable_progress_bar()
    hub.setLevel(logging.ERROR)
    datasets.logging.set_verbosity(logging.CRITICAL)  # its errors are raised too, and mapped
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", "Not enough free disk space"
            )  # what follows is an error, mapped
            yield
    finally:
        chatter.set_verbosity(levels[0])
        datasets.logging.set_verbosity(levels[1])
        hub.setLevel(levels[2])
        if bars[0]:
            chatter.enable_progress_bar()
        if not bars[1]:
            datasets.enable_progress_bars()
