"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

Function = TypeVar("Function", bound=Callable[..., Any])

TASK = click.Choice(["text-classification", "image-classification"])
POLICY = click.Choice(["fine-selection", "successive-halving", "brute-force"])
_UNITS = {
    "": 1,
    "k": 10**3,
    "m": 10**6,
    "g": 10**9,
    "t": 10**12,
    "ki": 2**10,
    "mi": 2**20,
    "gi": 2**30,
    "ti": 2**40,
}


class Size(click.ParamType[int]):
    """A number of bytes: 500000, 800MB, 2GB, 1.5GiB."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?i?)b?", str(value).strip().lower())
        if match is None or match[2] not in _UNITS:
            self.fail(f"{value!r} is not a size; write 800MB or 2GiB", param, ctx)
        return int(float(match[1]) * _UNITS[match[2]])


class Count(click.ParamType[int]):
    """A number of things: 500000, 100k, 66M, 1.5B."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmbg]?)", str(value).strip().lower().replace("_", ""))
        if match is None:
            self.fail(f"{value!r} is not a number; write 100k, 66M or 1.5B", param, ctx)
        return round(float(match[1]) * {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9}[match[2]])


COUNT = Count()


def columns(function: Function) -> Function:
    """Which columns of a dataset hold what, when its metadata does not tell."""
    for option in (
        click.option("--label-column", metavar="L", help="Column with the class."),
        click.option("--image-column", metavar="I", help="Column with the image."),
        click.option(
            "--text-column", "text_columns", metavar="A", multiple=True, help="Text column; twice for pairs."
        ),
        click.option("--config", metavar="C", help="Configuration (subset) of the dataset."),
    ):
        function = option(function)
    return function


def workers(function: Function) -> Function:
    return click.option(
        "--workers", type=click.IntRange(1), help="Worker processes (default: as many as fit)."
    )(function)
