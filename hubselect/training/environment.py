"""What a training runs with: versions of the libraries and the name of the device."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from hubselect import __version__
from hubselect.records import Environment
from hubselect.training.device import device_name

_LIBRARIES = ("torch", "transformers", "datasets", "tokenizers", "huggingface_hub", "numpy")


@cache
def environment(method: str) -> Environment:
    """What this process trains with under a recipe's method; it stays the same as long as the process."""
    libraries = (*_LIBRARIES, "peft") if method == "lora" else _LIBRARIES
    known = {name: _version(name) for name in libraries}
    installed = {name: found for name, found in known.items() if found is not None}
    versions = {"hubselect": __version__, **installed, "Python": platform.python_version()}
    return Environment(device_name(), versions)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
