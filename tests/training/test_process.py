from __future__ import annotations

import logging
import os

import datasets
import torch
import transformers

from hubselect.training.device import choose_device, prepare_process
from hubselect.training.quiet import quiet


def test_quiet_gives_back_what_it_found() -> None:
    """Verbosity and progress bars of the libraries are as before afterwards, also after an error."""
    transformers.logging.set_verbosity_warning()
    before = transformers.logging.get_verbosity(), datasets.logging.get_verbosity()
    bars = transformers.utils.logging.is_progress_bar_enabled(), datasets.are_progress_bars_disabled()
    try:
        with quiet():
            assert transformers.logging.get_verbosity() == logging.ERROR
            assert datasets.are_progress_bars_disabled()
            raise KeyError
    except KeyError:
        pass
    assert (transformers.logging.get_verbosity(), datasets.logging.get_verbosity()) == before
    assert (
        transformers.utils.logging.is_progress_bar_enabled(),
        datasets.are_progress_bars_disabled(),
    ) == bars


def test_no_weights_are_ever_sent_for_conversion() -> None:
    """The training room turns the background conversion of weights off."""
    assert os.environ["DISABLE_SAFETENSORS_CONVERSION"] == "1"


def test_a_worker_has_the_threads_it_is_given() -> None:
    """One torch thread per worker unless told otherwise."""
    prepare_process()
    assert torch.get_num_threads() == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_the_device_is_one_that_works() -> None:
    """Whatever device is chosen can hold a tensor."""
    assert torch.ones(1, device=choose_device()).item() == 1
