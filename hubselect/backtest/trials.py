"""What a recall backtest compares: methods, each with the models whose proxies it has to pay for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubselect.recall.methods import FUSED_PROXIES, METHODS, Method, SingleProxy, method
from hubselect.recall.scope import SCOPES, Scope


@dataclass(frozen=True)
class Trial:
    """A recall method that looks at the proxy scores of the models in `scope`, and of no others."""

    name: str
    method: Method
    scope: Scope = "all"


def fused_name(scope: Scope) -> str:
    """`fused` looks at every model; where it looks at fewer the name says so."""
    return "fused" if scope == "all" else f"fused-{scope}"


def all_trials(
    proxy: str, recorded: Iterable[str], fused: Sequence[str] = (), *, sized: bool = True
) -> list[Trial]:
    """The paper's recall with `proxy`, `fused` in every scope, the baselines, and every proxy alone.

    `recorded` names the proxies that have scores; `fused` uses those of `fused` (default: its own)
    that are recorded, and all recorded ones where it would be left with none. `size` is left out
    where no size is known. A proxy named like a method is listed as `proxy:NAME`.
    """
    named = sorted(set(recorded))
    used = tuple(p for p in (fused or FUSED_PROXIES) if p in named) or tuple(named)
    trials = [Trial("paper", method("paper", (proxy,)), "representatives")]
    trials += [Trial(fused_name(scope), method("fused", used), scope) for scope in reversed(SCOPES)]
    trials.append(Trial("rank-average", method("rank-average", used)))
    trials += [Trial(n, method(n)) for n in ("mean", "size", "random") if sized or n != "size"]
    taken = {t.name for t in trials} | set(METHODS)
    return trials + [Trial(f"proxy:{n}" if n in taken else n, SingleProxy(n)) for n in named]


def choosable(scope: Scope) -> tuple[str, ...]:
    """The trials that can be had when the proxies of the models in `scope` are computed, in the order
    in which a tie between them is decided."""
    ranks = ("rank-average",) if scope == "all" else ()
    return ("paper", fused_name(scope), *ranks, "mean", "size")
