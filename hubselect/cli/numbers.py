"""Numbers from people: finite, and not larger than anything they can be for."""

from __future__ import annotations

import math
from typing import Any

import click

MOST = 2**53
"""Beyond this a JSON document no longer holds every whole number."""


class Whole(click.IntRange):
    """A whole number from `least` to `most`."""

    def __init__(self, least: int, most: int = MOST) -> None:
        super().__init__(least)
        self._most = most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        number: int = super().convert(value, param, ctx)
        if number > self._most:
            self.fail(f"{str(number)[:20]} is too large, the most is {self._most}", param, ctx)
        return number


class Finite(click.FloatRange):
    """A number in a range; neither infinite nor NaN, which no range excludes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{number} is not a finite number; write one such as 0.5", param, ctx)
        return number
