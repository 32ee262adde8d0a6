"""How a user wants models to be recalled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hubselect.api.recall.candidates import Filters
from hubselect.errors import InvalidInput
from hubselect.recall.features import DEFAULT_POOLING
from hubselect.recall.methods import METHODS
from hubselect.recall.methods import method as method_named
from hubselect.recall.proxy_names import full_name
from hubselect.recall.scope import SCOPES, Scope

AUTO = "auto"
SCOPE: Scope = "adaptive"
"""Whose proxies are computed unless it is said."""

TOLERANCE = 0.005
"""Regret below the noise of fine-tuning twice (about 0.006) is a tie."""

K = int | Literal["auto"] | None


@dataclass(frozen=True)
class RecallOptions:
    """`method` "auto" is what wins the backtest on the registry at hand. `proxies` are those the method
    uses (none: its own), computed for the models in `scope`, `top` of them at most (None: as many as
    `recall.scope.default_top` says) unless it is representatives or all; weights of at most
    `max_download` bytes are fetched for it. `tolerance` is the mean regret accepted when the number of
    models is left to the backtest."""

    method: str = AUTO
    proxies: tuple[str, ...] = ()
    scope: Scope = SCOPE
    top: int | None = None
    filters: Filters = field(default_factory=Filters)
    max_download: int | None = None
    tolerance: float = TOLERANCE

    def document(self) -> dict[str, Any]:
        """As JSON values, to tell two requests apart."""
        document = asdict(self)
        if self.filters.max_disk is None:  # asked for before there was such a limit: the same request
            del document["filters"]["max_disk"]
        return document


def recall_options(
    *,
    method: str = AUTO,
    proxy: str | None = None,
    proxies: Sequence[str] = (),
    scope: Scope = SCOPE,
    top: int | None = None,
    candidates: Iterable[str] = (),
    exclude: Iterable[str] = (),
    authors: Iterable[str] = (),
    licenses: Iterable[str] = (),
    max_params: int | None = None,
    max_download: int | None = None,
    max_disk: int | None = None,
    tolerance: float = TOLERANCE,
) -> RecallOptions:
    """Checked options, from what `coarse_recall` and `select` are given. `proxy` is the same as one of
    `proxies`.

    Raises `InvalidInput` for unknown names and values out of range.
    """
    asked = (proxy, *proxies) if proxy is not None else proxies
    names = tuple(dict.fromkeys(full_name(name, DEFAULT_POOLING) for name in asked))
    if method != AUTO:
        if method not in METHODS:
            raise InvalidInput(
                f"there is no recall method {method!r}", f"choose auto or one of {', '.join(METHODS)}"
            )
        method_named(method, names)
    if scope not in SCOPES:
        raise InvalidInput(f"{scope!r} says not whom to score", f"choose one of {', '.join(SCOPES)}")
    if top is not None and top < 1:
        raise InvalidInput(f"--top must be at least 1, not {top}")
    if max_download is not None and max_download < 0:
        raise InvalidInput(f"--max-download must not be negative: {max_download}")
    if max_disk is not None and max_disk < 0:
        raise InvalidInput(f"--max-disk must not be negative: {max_disk}")
    if not 0 <= tolerance <= 1:
        raise InvalidInput(f"--tolerance is a regret between 0 and 1, not {tolerance}")
    filters = Filters.of(candidates, exclude, authors, licenses, max_params, max_disk)
    return RecallOptions(method, names, scope, top, filters, max_download, tolerance)


def checked_k(k: K) -> K:
    """Raises `InvalidInput` for what is neither a number from 1, nor "auto", nor None (all)."""
    if k is None or k == AUTO or (isinstance(k, int) and k >= 1):
        return k
    raise InvalidInput(f"-k must be at least 1 or auto, not {k}")
