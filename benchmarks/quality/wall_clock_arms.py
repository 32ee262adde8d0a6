"""The arms of `wall_clock.py`: what each asks of `select`, and one really run and measured."""

from __future__ import annotations

import os
import resource
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.errors import InvalidInput

if TYPE_CHECKING:
    from benchmarks.quality.zoo_hub import Target
    from hubselect.demo.server import MiniHub
    from hubselect.records import Selection
    from hubselect.registry import Registry

OURS = "ours"
_NUMBERS = {"k": int, "top": int, "tolerance": float}
_WORDS = ("policy", "recall", "proxy", "scope")


@dataclass(frozen=True)
class Arm:
    """`options` go to `select`. With `everyone` all models are its candidates, by name and without a
    proxy. With `by_epoch` its registry holds whole epochs only, so that it validates and decides once an
    epoch, as in the paper; without, as often as the recording did."""

    name: str
    about: str
    options: Mapping[str, Any] = field(default_factory=dict)
    everyone: bool = False
    by_epoch: bool = False

    def asked(self, models: Sequence[str]) -> dict[str, Any]:
        """Keyword arguments of `select`; `models` are all of the task."""
        if not self.everyone:
            return dict(self.options)
        return {"recall": "mean", "k": len(models), "candidates": tuple(models), **self.options}


_PAPER = {"policy": "fine-selection", "recall": "paper", "proxy": "leep", "k": 10}
_HALVING = {"policy": "successive-halving"}
_BRUTE = {"policy": "brute-force"}
BRUTE_FORCE = "brute force"
ARMS = (
    Arm(OURS, "`select` with its defaults"),
    Arm("paper", "the paper's two phases, K 10, a decision at every stage", _PAPER),
    Arm("paper, by epoch", "the paper's two phases, K 10, as in the paper", _PAPER, by_epoch=True),
    Arm("halving", "all models, halved at every stage", _HALVING, everyone=True),
    Arm("halving, by epoch", "all models, halved after every epoch", _HALVING, everyone=True, by_epoch=True),
    Arm(BRUTE_FORCE, "all models to the end", _BRUTE, everyone=True),
    Arm(
        "brute force, by epoch",
        "all models to the end, validated once an epoch",
        _BRUTE,
        everyone=True,
        by_epoch=True,
    ),
)


def arms_for(names: Sequence[str], ours: str) -> tuple[Arm, ...]:
    """The named arms (all by default) in their order; `ours` is what `ours_options` reads.

    Raises `InvalidInput` for a name that is not among them.
    """
    unknown = [name for name in names if name not in {a.name for a in ARMS}]
    if unknown:
        raise InvalidInput(
            f"there is no arm {unknown[0]!r}", f"choose among {'; '.join(a.name for a in ARMS)}"
        )
    given = ours_options(ours)
    about = f"`select` with {ours}" if given else ARMS[0].about
    return tuple(
        Arm(OURS, about, given) if a.name == OURS else a for a in ARMS if not names or a.name in names
    )


def ours_options(text: str) -> dict[str, Any]:
    """`policy=knowledge-gradient,k=3` as keyword arguments of `select`; raises `InvalidInput`."""
    found: dict[str, Any] = {}
    for part in filter(None, (p.strip() for p in text.split(","))):
        name, _, value = part.partition("=")
        if name not in (*_NUMBERS, *_WORDS) or not value:
            raise InvalidInput(
                f"--ours does not know {part!r}", f"write NAME=VALUE with {', '.join((*_NUMBERS, *_WORDS))}"
            )
        if name in _NUMBERS and value != "auto":
            try:
                found[name] = _NUMBERS[name](value)
            except ValueError:
                raise InvalidInput(f"{name} is a number, not {value!r}", "as in --ours k=3") from None
        else:
            found[name] = value
    return found


@dataclass(frozen=True)
class Measured:
    """One selection, really run.

    `seconds` are by the clock, `processor_seconds` of this process, the mini hub in it and the workers
    together, `stage_seconds` those of the trainings alone, added up over workers. `bytes_downloaded` is
    what the product says, `bytes_served` what the mini hub sent (dataset and metadata included).
    `trained` models were fine-tuned, for `proxied` a proxy was computed.
    """

    target: str
    arm: str
    method: str
    policy: str
    k: int
    stages_per_epoch: int
    epochs_of_training: int
    trained: int
    proxied: int
    seconds: float
    processor_seconds: float
    stage_seconds: float
    training_epochs: float
    recall_epochs: float
    bytes_downloaded: int
    bytes_served: int
    winner: str
    val: float
    test: float
    load_before: tuple[float, float, float]
    load_after: tuple[float, float, float]
    failed: tuple[str, ...] = ()

    @property
    def epochs(self) -> float:
        return self.training_epochs + self.recall_epochs


@dataclass(frozen=True)
class Bench:
    """Where selections run: the hub, the folder of its clients' caches, and one place for registries."""

    hub: MiniHub
    hf_home: Path
    place: Path
    workers: int
    epochs: int | None = None

    def measure(self, arm: Arm, target: Target, knowledge: Path, models: Sequence[str]) -> Measured:
        """Run `select` on a copy of the registry `knowledge`, with nothing in the Hub's cache."""
        registry = self._cleared(knowledge)
        load, spent = _load(), _processor_seconds()
        started = time.perf_counter()
        found = self.select(registry, target, arm.asked(models))
        seconds = time.perf_counter() - started
        spent = _processor_seconds() - spent
        return self._measured(arm, target, registry, found, (seconds, spent), load)

    def warm_up(self, target: Target, knowledge: Path, model: str) -> None:
        """One small selection that is not measured: this process imports what it needs, and the files of
        the libraries that workers load are in memory."""
        once = {"candidates": (model,), "k": 1, "epochs": 1}
        self.select(self._cleared(knowledge), target, once)

    def select(self, registry: Path, target: Target, asked: Mapping[str, Any]) -> Selection:
        from hubselect import select

        epochs = {} if self.epochs is None else {"epochs": self.epochs}
        return select(
            f"{_owner()}/{target.repo.name}",
            registry=registry,
            config=target.config,
            text_columns=target.text_columns,
            label_column=target.repo.label_column,
            workers=self.workers,
            output=registry.with_name("winner"),
            **{**epochs, **asked},
        )

    def _cleared(self, knowledge: Path) -> Path:
        """A copy of the registry; nothing of other selections is left on the disk or in the hub's journal."""
        for folder in (self.place, self.hf_home):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        self.hub.reset()
        return Path(shutil.copy(knowledge, self.place / "registry.db"))

    def _measured(
        self,
        arm: Arm,
        target: Target,
        registry: Path,
        found: Selection,
        spent: tuple[float, float],
        load: tuple[float, float, float],
    ) -> Measured:
        from hubselect.registry import Registry

        served = sum(r.bytes_sent for r in self.hub.requests)
        with Registry.open(registry, create=False) as store:
            request = store.selection_record(found.id).request
            recipe = store.recipe(found.recipe)
            runs = store.runs(selection=found.id)
            return Measured(
                target=target.name,
                arm=arm.name,
                method=str(request.options.get("method", "")),
                policy=found.policy,
                k=request.k,
                stages_per_epoch=recipe.stages_per_epoch,
                epochs_of_training=recipe.epochs,
                trained=sum(bool(r.curve) for r in runs),
                proxied=_proxied(store, target.name),
                seconds=spent[0],
                processor_seconds=spent[1],
                stage_seconds=sum(p.seconds for r in runs for p in r.curve),
                training_epochs=found.cost.training_epochs,
                recall_epochs=found.cost.recall_epochs,
                bytes_downloaded=found.cost.bytes_downloaded,
                bytes_served=served,
                winner=found.model_id,
                val=found.val_score,
                test=found.test_score if found.test_score is not None else float("nan"),
                load_before=load,
                load_after=_load(),
                failed=tuple(f"{r.model}: {r.reason}" for r in runs if r.status == "failed"),
            )


def _proxied(store: Registry, target: str) -> int:
    return len({p.model for p in store.proxy_scores(dataset=target)})


def _owner() -> str:
    from hubselect.demo.zoo import OWNER

    return OWNER


def _load() -> tuple[float, float, float]:
    one, five, fifteen = os.getloadavg()
    return round(one, 2), round(five, 2), round(fifteen, 2)


def _processor_seconds() -> float:
    """Of this process and of its children that have ended; a selection's workers end with it."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)
