"""Proxy scores of models on a target: remembered ones, kept passes, and new passes for the rest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hubselect.api.benchmarks.benchmarking import pinned
from hubselect.api.progress import PLAN, Listener, Progress
from hubselect.api.recall.feature_cache import FeatureCache, feature_key
from hubselect.api.targets import is_stored
from hubselect.errors import HubselectError, InvalidInput, StorageFailed
from hubselect.executors.jobs import TrainingJob, features
from hubselect.executors.local import NOT_THE_MODELS_FAULT, PASSING
from hubselect.executors.pool import Call, Chain, Pool
from hubselect.hub import download_model, is_downloaded
from hubselect.recall.features import DEFAULT_POOLING, Features, Pooling
from hubselect.recall.proxies import Target
from hubselect.recall.proxies import proxy as proxy_named
from hubselect.recall.proxy_names import full_name, parse
from hubselect.recall.scope import fitting
from hubselect.records import Dataset, Model, ProxyScore, Recipe
from hubselect.registry import Registry
from hubselect.reports.numbers import counted, size

PROXY_SAMPLES = 512
FORWARD_SHARE = 1 / 3  # a forward pass costs about a third of a training step on the same examples

Scores = dict[str, ProxyScore]  # by model


@dataclass(frozen=True)
class _Wanted:
    """A model, the proxies to compute for it, and the key its pass is kept under (None: not kept)."""

    model: Model
    proxies: tuple[str, ...]
    key: str | None


class Scorer:
    """Gets proxy scores of models on `dataset`; one forward pass of a model serves all its proxies.

    What the registry remembers is taken from there; a pass that was kept costs no inference and
    no download. `pooling` is for names that leave it open, as `nleep` does and `nleep@cls` does not.
    `epochs`, `bytes_downloaded` and `notes` (what could not be scored, and why) add up over all calls.
    """

    def __init__(
        self,
        store: Registry,
        dataset: Dataset,
        recipe: Recipe,
        pool: Pool,
        listener: Listener,
        *,
        pooling: Pooling = DEFAULT_POOLING,
        samples: int = PROXY_SAMPLES,
    ) -> None:
        self._store = store
        self._dataset = dataset
        self._recipe = recipe
        self._pool = pool
        self._listener = listener
        self._pooling = pooling
        self._samples = samples
        self._cache = FeatureCache(store.home / "features")
        self._known: dict[str, Scores] = {}
        self._bound = ""
        self.epochs = 0.0
        self.bytes_downloaded = 0
        self.notes: list[str] = []

    def score(self, models: Sequence[str], proxies: Sequence[str]) -> dict[str, Scores]:
        """Scores by proxy, as asked for, and model; models that could not be scored are left out.

        A score's own `proxy` is the full name (`recall.proxy_names.full_name`). Raises
        `InvalidInput` for unknown proxies before any work, and what is no model's fault (an
        unreachable Hub, an unusable dataset, a full disk).
        """
        names = {asked: full_name(asked, self._pooling) for asked in proxies}
        wanted_models = set(models)
        found = {
            name: {m: s for m, s in self._recorded(name).items() if m in wanted_models}
            for name in names.values()
        }
        missing = {m: tuple(n for n in found if m not in found[n]) for m in dict.fromkeys(models)}
        for model, result, wanted in self._passes({m: n for m, n in missing.items() if n}):
            for name in wanted:
                value = self._value(model, result, name)
                if value is not None:
                    found[name][model] = value
        return {asked: found[name] for asked, name in names.items()}

    def affordable(self, models: Sequence[str], proxies: Sequence[str], limit: int | None) -> tuple[str, ...]:
        """Those of `models`, in their order, whose weights fit into what this scorer has left of `limit`
        bytes; all for None."""
        if limit is None:
            return tuple(models)
        return fitting(models, self.bytes_needed(models, proxies), limit - self.bytes_downloaded)

    def bytes_needed(self, models: Iterable[str], proxies: Sequence[str]) -> dict[str, int]:
        """What scoring each model would fetch at most: the bytes of its weights, 0 where its scores, its
        pass or its checkpoint are here already. Models that the Hub does not give, and those whose
        size it does not tell, are left out, with a note."""
        names = [full_name(asked, self._pooling) for asked in proxies]
        needed: dict[str, int] = {}
        for model in dict.fromkeys(models):
            if all(model in self._recorded(name) for name in names):
                needed[model] = 0
            elif (wanted := self._wanted(model, ())) is not None:
                if is_downloaded(wanted.model) or (wanted.key and self._cache.get(wanted.key)):
                    needed[model] = 0
                elif wanted.model.weights_bytes is not None:
                    needed[model] = wanted.model.weights_bytes
                else:
                    self._note(
                        model,
                        InvalidInput(
                            "nobody tells how large its weights are", "--max-download leaves it out"
                        ),
                    )
        return needed

    def bound(self, candidates: Sequence[Model], most: int) -> None:
        """Before anything is fetched, say also what scoring `most` of the candidates can take, of whom it
        is not known yet who they are."""
        sizes = sorted((m.weights_bytes or 0 for m in candidates if not is_downloaded(m)), reverse=True)
        self._bound = (
            f"at most {most} of {len(candidates):,} models will be scored, each chosen by what the ones "
            f"before showed: {size(sum(sizes[:most]))} of weights at most"
        )

    def _recorded(self, name: str) -> Scores:
        """Scores computed before on the same data; imported ones may stem from other samples."""
        if name not in self._known:
            stored = is_stored(self._store, self._dataset)
            scores = self._store.proxy_scores(dataset=self._dataset.name, proxy=name) if stored else []
            self._known[name] = {s.model: s for s in scores if s.origin != "imported"}
        return self._known[name]

    def _passes(
        self, missing: Mapping[str, tuple[str, ...]]
    ) -> Iterator[tuple[str, Features, tuple[str, ...]]]:
        """(model, its pass, the proxies to compute from it) for every model that can be had."""
        waiting: dict[str, _Wanted] = {}
        done = 0
        for name, proxies in missing.items():
            wanted = self._wanted(name, proxies)
            kept = self._cache.get(wanted.key) if wanted is not None and wanted.key is not None else None
            if wanted is not None and kept is None:
                waiting[name] = wanted
            elif kept is not None:
                done += 1
                self._listener(Progress("recall", done, len(missing), name))
                yield name, kept, proxies
        self._announce([w.model for w in waiting.values()])
        for name, result in self._pool.run(self._calls(waiting)):
            if isinstance(result, NOT_THE_MODELS_FAULT):
                raise result
            done += 1
            self._listener(Progress("recall", done, len(missing), name))
            if isinstance(result, HubselectError):
                self._note(name, result)
                continue
            self.epochs += FORWARD_SHARE * result.samples / max(1, result.train_size)
            self._keep(waiting[name].key, result)
            yield name, result, waiting[name].proxies

    def _wanted(self, name: str, proxies: tuple[str, ...]) -> _Wanted | None:
        """The model at its pinned revision; None, with a note, when the Hub does not give it."""
        try:
            model = pinned(self._store, self._store.model(name))
        except PASSING:
            raise
        except HubselectError as error:
            self._note(name, error)
            return None
        return _Wanted(model, proxies, feature_key(model, self._dataset, self._recipe, self._samples))

    def _announce(self, models: Sequence[Model]) -> None:
        """Say what will be fetched, before anything is."""
        if not models:
            return
        absent, wanted = [m for m in models if not is_downloaded(m)], []
        if absent:
            known = [m.weights_bytes for m in absent if m.weights_bytes is not None]
            unknown = f" and {len(absent) - len(known)} of unknown size" if len(known) < len(absent) else ""
            whose = ", ".join(m.id for m in absent)
            wanted = [f"weights of {counted(len(absent), 'model')}, {size(sum(known))}{unknown} ({whose})"]
        if self._dataset.path is None:  # files of one's own are here already
            wanted.append(self._dataset.name)
        if self._bound:
            self._listener(Progress(PLAN, 0, len(models), self._bound))
            self._bound = ""
        if wanted:
            text = f"to be downloaded at most: {', and '.join(wanted)}"
            self._listener(Progress(PLAN, 0, len(models), text))

    def _calls(self, waiting: Mapping[str, _Wanted]) -> dict[str, Chain]:
        """One pass each."""
        calls: dict[str, Chain] = {}
        for name, wanted in waiting.items():
            try:
                call = Call(features, (self._job(wanted.model), self._samples))
            except PASSING:
                raise
            except HubselectError as error:
                self._note(name, error)
            else:
                calls[name] = _single(call)
        return calls

    def _job(self, model: Model) -> TrainingJob:
        download = download_model(model)
        self.bytes_downloaded += download.bytes_fetched
        state = self._store.home / "work" / "none"
        return TrainingJob(download.path, model, self._dataset, self._recipe, state)

    def _keep(self, key: str | None, result: Features) -> None:
        if key is None:
            return
        try:
            self._cache.put(key, result)
        except StorageFailed as error:  # the answer is as good; the next one will cost as much
            if str(error) not in self.notes:
                self.notes.append(str(error))

    def _value(self, model: str, result: Features, name: str) -> ProxyScore | None:
        """The proxy, or its stand-in for checkpoints that have no trained head of their own."""
        asked, pooling = parse(name)
        chosen = asked
        if chosen.needs == "head" and result.posterior is None and chosen.fallback is not None:
            chosen = proxy_named(chosen.fallback)
        inputs = result.posterior if chosen.needs == "head" else result.pooled(pooling or DEFAULT_POOLING)
        try:
            if inputs is None:
                raise InvalidInput(
                    f"it has no classification head for {asked.name}", "choose another --proxy"
                )
            labels, target = _labels(result, chosen.targets)
            value = chosen.score(inputs, labels, target=target)
        except HubselectError as error:
            self._note(model, error)
            return None
        return ProxyScore(model, self._dataset.name, name, value, chosen.needs)

    def _note(self, model: str, error: HubselectError) -> None:
        text = f"{model} was not scored: {error}"
        if text not in self.notes:
            self.notes.append(text)


def _labels(result: Features, targets: Sequence[Target]) -> tuple[Any, Target]:
    """What a proxy is to predict, and of which kind it is: classes in place of what it cannot score."""
    if result.truth is not None:
        target: Target = "regression" if result.truth.dtype.kind == "f" else "multi-label"
        if target in targets:
            return result.truth, target
    return result.labels, "classification"


def _single(call: Call) -> Chain:
    yield call
