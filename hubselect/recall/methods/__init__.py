"""Recall methods by name. `METHODS` is everything `--method` can choose."""

from __future__ import annotations

from collections.abc import Sequence

from hubselect.errors import InvalidInput
from hubselect.recall.methods.base import Evidence, Method
from hubselect.recall.methods.baselines import Mean, Random, SingleProxy, Size
from hubselect.recall.methods.fused import Fused
from hubselect.recall.methods.paper import Paper

METHODS = ("paper", "fused", "rank-average", "mean", "size", "random")
"""Names, in the order in which a tie between them is decided."""

PAPER_PROXY = "leep"

FUSED_PROXIES = ("linear", "linear@cls", "linear@layers", "knn", "logme@cls")
"""What `fused` looks at unless it is told otherwise."""


def method(name: str, proxies: Sequence[str] = ()) -> Method:
    """The method of that name with the proxies it is to use (none: its own choice).

    Raises `InvalidInput` for an unknown name, and for several proxies where one is used.
    """
    if name == "paper":
        if len(proxies) > 1:
            raise InvalidInput("the paper's recall uses one proxy", "give one --proxy, or --method fused")
        return Paper(*proxies or (PAPER_PROXY,))
    if name in ("fused", "rank-average"):
        return Fused(tuple(proxies) or FUSED_PROXIES, learned=name == "fused")
    baselines: dict[str, Method] = {m.name: m for m in (Mean(), Size(), Random())}
    if name in baselines:
        return baselines[name]
    raise InvalidInput(f"there is no recall method {name!r}", f"choose one of {', '.join(METHODS)}")


__all__ = ["FUSED_PROXIES", "METHODS", "PAPER_PROXY", "Evidence", "Method", "SingleProxy", "method"]
