"""Imported by the process that workers are forked from (`starting`), for what it imports."""

from contextlib import suppress

with suppress(Exception):  # whatever is wrong with a library, the worker that needs it says so
    from hubselect.training import features, finetuning, saved

    __all__ = ["features", "finetuning", "saved"]
