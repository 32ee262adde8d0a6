"""Which recall method, and how many models: decided by a backtest on the registry at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hubselect.api.knowing import Knowledge
from hubselect.api.recall_options import AUTO, K, RecallOptions
from hubselect.backtest import RecallBacktest, RecallSettings, backtest_recall
from hubselect.backtest.recalls import CHOOSE_BY
from hubselect.backtest.trials import choosable, fused_name
from hubselect.errors import KnowledgeMissing
from hubselect.recall.methods import PAPER_PROXY, Method
from hubselect.recall.methods import method as method_named
from hubselect.recall.scope import Scope
from hubselect.records import Model

DEFAULT_K = 10
_MOST_MODELS = 1_000  # for a backtest before every recall: a second or two
_FEWEST_DATASETS = 3  # with recorded proxies, below which a comparison says nothing


@dataclass(frozen=True)
class Choice:
    """The method, whose proxies it gets, the number of models (None: all), and why."""

    method: Method
    scope: Scope
    k: int | None
    reasons: tuple[str, ...] = ()


class Chooser:
    """Decides what was left open, with one backtest at most."""

    def __init__(self, known: Knowledge, options: RecallOptions, models: tuple[Model, ...]) -> None:
        self._known = known
        self._options = options
        self._models = models

    def choose(self, k: K) -> Choice:
        options, reasons = self._options, []
        scope: Scope = "all" if options.filters.candidates else options.scope
        name, why = self._method(scope)
        if why:
            reasons.append(why)
        if self._known.cold and scope == "representatives":
            scope = "top"
        if k == "auto":
            k, why = self._k(name, scope)
            reasons.append(why)
        method = method_named(name, options.proxies if name in ("paper", "fused", "rank-average") else ())
        return Choice(method, scope, k, tuple(reasons))

    def _method(self, scope: Scope) -> tuple[str, str]:
        options, known = self._options, self._known
        if options.method != AUTO:
            return options.method, ""
        if known.cold:
            return "fused", (
                f"no {known.recipe.task} results are known: models are ranked by their proxy scores alone, "
                "and nothing is known about those that were not scored; `hubselect benchmark` changes that"
            )
        if options.filters.candidates:
            return "fused", ""
        if options.proxies:
            return ("paper" if len(options.proxies) == 1 else "fused"), ""
        found = self._backtest
        if isinstance(found, str):
            return "paper", f"the paper's recall is used: {found}"
        best = found.best(choosable(scope)) or "paper"
        regret = {n: sum(m.regret[k] for k in CHOOSE_BY) / len(CHOOSE_BY) for n, m in found.means.items()}
        others = ", ".join(f"{n} {regret[n]:.4f}" for n in choosable(scope) if n != best and n in regret)
        at = "/".join(map(str, CHOOSE_BY))
        return best.removesuffix(f"-{scope}"), (
            f"{best} has the lowest regret at {at} in the backtest over {len(found.targets)} datasets "
            f"({regret[best]:.4f}; {others})"
        )

    def _k(self, name: str, scope: Scope) -> tuple[int, str]:
        found = self._backtest
        if isinstance(found, str):
            return DEFAULT_K, f"{DEFAULT_K} models are recalled: {found}"
        trial = fused_name(scope) if name == "fused" else name
        k, regret = found.smallest_k(trial, self._options.tolerance)
        return k, (
            f"{k} model{'s are' if k > 1 else ' is'} recalled: in the backtest over {len(found.targets)} "
            f"datasets the best of so many lies {regret:.4f} below the best of all "
            f"(tolerance {self._options.tolerance:g})"
        )

    @cached_property
    def _backtest(self) -> RecallBacktest | str:
        """The backtest, or why there is none."""
        known, options = self._known, self._options
        scored = {p.dataset for p in known.proxies}
        if known.cold or len(known.matrix.models) < 2:
            return "there are no results to hold out"
        if len(scored) < _FEWEST_DATASETS:
            return "too few proxy scores on benchmark datasets are recorded to compare (`hubselect score`)"
        if len(known.matrix.models) > _MOST_MODELS:
            return f"more than {_MOST_MODELS:,} models are too many to compare methods on every time"
        clustering = known.clustering
        settings = RecallSettings(
            known.recipe.task,
            options.proxies[0] if options.proxies else PAPER_PROXY,
            options.proxies if len(options.proxies) > 1 else (),
            options.top,
            clustering.threshold,
            clustering.top_k,
        )
        parameters = {m.id: m.parameters for m in self._models if m.parameters is not None}
        try:
            return backtest_recall(known.matrix, known.proxies, settings, parameters=parameters)
        except KnowledgeMissing as error:
            return error.message
