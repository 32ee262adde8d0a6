"""Which recall method, and how many models: decided by a backtest on the registry at hand."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from hubselect.api.knowing import Knowledge
from hubselect.api.recall.options import AUTO, SCOPE, K, RecallOptions
from hubselect.backtest import RecallBacktest, RecallSettings, backtest_recall
from hubselect.backtest.recalls import CHOOSE_BY
from hubselect.backtest.trials import Trial, all_trials, choosable
from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.recall.classes import Classes
from hubselect.recall.methods import PAPER_PROXY, Method
from hubselect.recall.methods import method as method_named
from hubselect.recall.proxy_names import parse
from hubselect.recall.scope import Scope
from hubselect.records import Clustering, Model

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
    """Decides what was left open, with one backtest at most.

    `models` are the candidates, `clustering` the clusters they form, and `classes` the class names of
    heads and datasets.
    """

    def __init__(
        self,
        known: Knowledge,
        options: RecallOptions,
        models: tuple[Model, ...],
        clustering: Clustering,
        classes: Classes,
    ) -> None:
        self._known = known
        self._options = options
        self._models = models
        self._clustering = clustering
        self._classes = classes
        self._measured: tuple[RecallBacktest, str] | None = None  # of the method that won

    def choose(self, k: K, least: int = 1) -> Choice:
        """Where their number is left to the backtest, from `least` to ten models are recalled."""
        scope = self._scope()
        method, why = self._method(scope)
        reasons = [why]
        if method.name == "paper" and self._clustering.clusters:
            if self._options.scope not in ("representatives", SCOPE):
                reasons.append("the paper's recall uses the proxies of representatives and no others")
            scope = "representatives"
        elif method.proxies and scope != self._options.scope and not (self._listed or self._known.cold):
            reasons.append(
                "no cluster of two models is left, so the proxies of the best by mean are computed"
            )
        count, why = self._count(method, scope, least) if k == "auto" else (k, "")
        return Choice(method, scope, count, tuple(r for r in (*reasons, why) if r))

    @property
    def _listed(self) -> bool:
        return bool(self._options.filters.candidates)

    def _scope(self) -> Scope:
        """Whose proxies a method gets that can do with any: a list of one's own is scored as a whole;
        where no cluster has a representative the best by mean are scored, and where nothing is known,
        which leaves nothing to begin with, the largest."""
        if self._listed:
            return "all"
        scope = self._options.scope
        lonely = all(c.size == 1 for c in self._clustering.clusters)
        beside = (scope == "representatives" and lonely) or (scope == "adaptive" and self._known.cold)
        return "top" if beside else scope

    def _method(self, scope: Scope) -> tuple[Method, str]:
        options, known = self._options, self._known
        if options.method != AUTO:
            return self._named(options.method), ""
        if known.cold:
            return self._named("fused"), (
                f"no {known.recipe.task} results are known: models are ranked by their proxy scores, those "
                "that were not scored by their size; `hubselect benchmark` changes that"
            )
        if self._listed:
            return self._named("fused"), ""
        if options.proxies:
            return self._named("paper" if len(options.proxies) == 1 else "fused"), ""
        return self._by_backtest(scope)

    def _named(self, name: str) -> Method:
        return method_named(name, self._options.proxies)

    def _by_backtest(self, scope: Scope) -> tuple[Method, str]:
        names = choosable(scope)
        trials = [
            t
            for t in all_trials(PAPER_PROXY, self._recorded, sized=bool(self._parameters))
            if t.name in names and self._recorded.keys() >= set(t.method.proxies)
        ]
        found = self._backtest(trials) if self._compared else _TOO_FEW
        if isinstance(found, str):
            return self._named("paper"), f"the paper's recall is used: {found}"
        best = found.best(names) or "paper"
        self._measured = found, best
        regret = {n: sum(m.regret[k] for k in CHOOSE_BY) / len(CHOOSE_BY) for n, m in found.means.items()}
        others = ", ".join(f"{n} {regret[n]:.4f}" for n in names if n != best and n in regret)
        at = "/".join(map(str, CHOOSE_BY))
        return next(t.method for t in trials if t.name == best), (
            f"{best} has the lowest regret at {at} in the backtest over {len(found.targets)} datasets "
            f"({regret[best]:.4f}; {others})"
        )

    def _count(self, method: Method, scope: Scope, least: int) -> tuple[int, str]:
        """The fewest models for the tolerance, measured with the very method and scope."""
        if self._measured is not None:
            found, name = self._measured
        else:
            trial = Trial(method.name, method, scope)
            measured = self._backtest([trial]) if self._taught(method) else _TOO_FEW
            if isinstance(measured, str):
                return DEFAULT_K, f"{DEFAULT_K} models are recalled: {measured}"
            found, name = measured, trial.name
        k, regret = found.smallest_k(name, self._options.tolerance, least, DEFAULT_K)
        return k, (
            f"{k} model{'s are' if k > 1 else ' is'} recalled: in the backtest over {len(found.targets)} "
            f"datasets the best of so many lies {regret:.4f} below the best of all "
            f"(tolerance {self._options.tolerance:g})"
        )

    @cached_property
    def _recorded(self) -> dict[str, set[str]]:
        """The benchmark datasets with recorded scores by proxy, of the proxies that can be computed here:
        an imported score of another kind could never be had for a target."""
        found: dict[str, set[str]] = {}
        for score in self._known.proxies:
            found.setdefault(score.proxy, set()).add(score.dataset)
        return {name: datasets for name, datasets in found.items() if _computable(name)}

    @property
    def _compared(self) -> bool:
        """Whether any method with proxies can be measured."""
        return len(set().union(*self._recorded.values())) >= _FEWEST_DATASETS

    def _taught(self, method: Method) -> bool:
        """Whether all proxies of the method can be measured."""
        return all(len(self._recorded.get(p, ())) >= _FEWEST_DATASETS for p in method.proxies)

    @cached_property
    def _parameters(self) -> dict[str, int]:
        return {m.id: m.parameters for m in self._models if m.parameters is not None}

    def _backtest(self, trials: list[Trial]) -> RecallBacktest | str:
        """The backtest, or why there is none."""
        known, clustering = self._known, self._known.clustering
        if known.cold or len(known.matrix.models) < 2:
            return "there are no results to hold out"
        if len(known.matrix.models) > _MOST_MODELS:
            return f"more than {_MOST_MODELS:,} models are too many to compare methods on every time"
        settings = RecallSettings(
            known.recipe.task,
            top=self._options.top,
            threshold=clustering.threshold,
            top_k=clustering.top_k,
        )
        try:
            return backtest_recall(
                known.matrix,
                known.proxies,
                settings,
                parameters=self._parameters,
                classes=self._classes,
                trials=trials,
            )
        except KnowledgeMissing as error:
            return error.message


_TOO_FEW = "too few proxy scores on benchmark datasets are recorded to compare (`hubselect score`)"


def _computable(name: str) -> bool:
    try:
        parse(name)
    except InvalidInput:
        return False
    return True
