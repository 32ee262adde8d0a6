"""A budget around any policy: as many models train on as it pays for, and always one to the end.

After every barrier the policy inside decides, and the budget has the last word: of the models that
are to go on, in the policy's order of merit, those do that it still pays for, up to the next barrier and one
of them from there to the end. What one full training needs is so reserved from the first epoch on. At
the start the candidates enter in recall order under the same rule; a model that fails before the first
barrier leaves its place to the next.

Epochs are counted exactly, those of recall included. Seconds are those that recall took and those of
training on `workers` workers, without the downloads of checkpoints: a round of n trainings takes their sum
divided by the workers, plus the longest one's share of the rest (Graham 1969: no schedule that leaves no
worker idle takes longer). They come from the recorded curve points, before there are any from an
estimate; there is no clock in it, so that a resumed selection decides the same. Where something turns
out slower than it was expected, the seconds may be overrun by what the last model still needs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from hubselect.errors import InvalidInput, SelectionFailed
from hubselect.records import CurvePoint, Verdict
from hubselect.selection.rounds import StagedPolicy, not_started
from hubselect.selection.stages import Finished, History, Stage

_EXACT = 1e-9


@dataclass(frozen=True)
class Budget:
    """What a whole selection may cost; None: whatever it takes."""

    epochs: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("epochs", self.epochs), ("seconds", self.seconds)):
            if value is not None and not value > 0:
                raise InvalidInput(f"a budget of {value:g} {name} pays for nothing", f"raise --budget-{name}")

    @property
    def set(self) -> bool:
        return self.epochs is not None or self.seconds is not None

    def __str__(self) -> str:
        parts = [
            f"{value:g} {name}"
            for name, value in (("epochs", self.epochs), ("seconds", self.seconds))
            if value is not None
        ]
        return " and ".join(parts) or "no limit"


@dataclass(frozen=True)
class Costs:
    """What training costs, as known when it begins.

    `epochs` [stages] are those done after each stage. `pace` are the seconds an epoch of a model is
    expected to take; a model that is not listed takes as long as the slowest listed. `recall_epochs` and
    `recall_seconds` are spent already.
    """

    epochs: tuple[float, ...]
    pace: Mapping[str, float] = field(default_factory=dict)
    workers: int = 1
    recall_epochs: float = 0.0
    recall_seconds: float = 0.0

    def at(self, stage: int) -> float:
        """The epochs done after `stage`; 0 before the first."""
        return self.epochs[stage - 1] if stage > 0 else 0.0

    def expected(self, model: str) -> float:
        """Seconds per epoch before anything of the model is recorded."""
        return self.pace.get(model, max(self.pace.values(), default=0.0))

    def together(self, seconds: Sequence[float]) -> float:
        """How long trainings of so many seconds take on all workers, at most."""
        return sum(seconds) / self.workers + max(seconds, default=0.0) * (1 - 1 / self.workers)

    def spent(
        self, history: History, verdicts: Sequence[Verdict], whole: Collection[str] = ()
    ) -> tuple[float, float]:
        """Epochs and seconds, recall included, until the last of `verdicts`, whatever was trained later;
        models in `whole` are counted with all that they trained."""
        until: dict[str, int] = {}
        epochs: dict[str, float] = {}
        rounds: dict[int, list[float]] = {}
        alone = 0.0
        for v in verdicts:
            points = history.points.get(v.model, ())
            took = {p.stage: p.seconds for p in points if until.get(v.model, 0) < p.stage <= v.stage}
            rounds.setdefault(v.stage, []).append(sum(took.values()))
            until[v.model] = v.stage
            epochs[v.model] = max((p.epochs for p in points if p.stage <= v.stage), default=0.0)
        for model in whole:
            later = {p.stage: p for p in history.points.get(model, ()) if p.stage > until.get(model, 0)}
            alone += sum(p.seconds for p in later.values())
            epochs[model] = max((p.epochs for p in later.values()), default=epochs.get(model, 0.0))
        return (
            self.recall_epochs + sum(epochs.values()),
            self.recall_seconds + alone + sum(self.together(each) for each in rounds.values()),
        )


@dataclass(frozen=True)
class Budgeted(StagedPolicy):
    """`policy` within `budget`. Without a limit it decides exactly as `policy` does."""

    policy: StagedPolicy
    budget: Budget
    costs: Costs

    @classmethod
    def around(cls, policy: StagedPolicy, budget: Budget, costs: Costs) -> Budgeted:
        if len(costs.epochs) != policy.stages:
            raise InvalidInput(
                f"{policy.stages} stages end after as many epochs, not {len(costs.epochs)}",
                "give a number per stage",
            )
        return cls(policy.stages, policy, budget, costs)

    def barriers(self) -> Sequence[int]:
        return self.policy.barriers()

    def left_out(self, models: Sequence[str]) -> Mapping[str, str]:
        return self.policy.left_out(models)

    def filter(self, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        return self.policy.filter(points, started)

    def decide(self, history: History, points: Sequence[CurvePoint], started: int) -> list[Verdict]:
        return self.policy.decide(history, points, started)

    def next(self, history: History) -> Stage | Finished:
        if not self.budget.set:
            return super().next(history)
        entered = self._entered(history)
        step = super().next(replace(history, candidates=entered))
        if not step.verdicts:
            return step  # the first barrier is not reached: who fails until then makes room
        reason = f"not started: the budget of {self.budget} pays for no more"
        out = [not_started(m, reason) for m in history.candidates if m not in entered]
        return replace(step, verdicts=(*out, *step.verdicts))

    def limit(
        self, history: History, decisions: Sequence[Verdict], verdicts: Sequence[Verdict]
    ) -> Sequence[Verdict]:
        stage, kept = decisions[0].stage, [v for v in decisions if v.kept]
        if not self.budget.set or stage >= self.stages:
            return decisions
        spent = self.costs.spent(history, [*verdicts, *decisions])
        pace = {v.model: self._pace(history, v.model, stage) for v in kept}
        go = self._affordable([v.model for v in kept], pace, stage, *spent) or [kept[0].model]
        why = f"the budget of {self.budget} pays for {len(go)}"
        return [
            replace(v, kept=False, reason=f"{why}; it would have gone on: {v.reason}")
            if v.kept and v.model not in go
            else v
            for v in decisions
        ]

    def revive(self, history: History, verdicts: Sequence[Verdict]) -> str:
        out = [v for v in verdicts if not v.kept and v.model not in history.failed and v.val is not None]
        if self.budget.set and not out:
            raise SelectionFailed(
                f"every candidate that the budget of {self.budget} paid for failed",
                "raise it, or recall others",
            )
        model = super().revive(history, verdicts)
        last = next(v for v in reversed(verdicts) if v.model == model)
        pace = {model: self._pace(history, model, last.stage)}
        # who was back in before and failed has no verdict that tells how far it came
        spent = self.costs.spent(history, verdicts, history.failed)
        if self.budget.set and not self._affordable([model], pace, last.stage, *spent):
            raise SelectionFailed(
                f"every model that went on failed, and the budget of {self.budget} does not pay for another",
                "raise it, or recall others",
            )
        return model

    def _entered(self, history: History) -> tuple[str, ...]:
        """Who starts: in recall order as many as are paid for; who has started stays."""
        first, costs = self.barriers()[0], self.costs
        entered: list[str] = []
        chosen: list[str] = []
        epochs, seconds = costs.recall_epochs, costs.recall_seconds
        pace = {m: costs.expected(m) for m in history.candidates}
        for model in history.candidates:
            points = history.points.get(model, ())
            if history.failed_by(model, first):
                entered.append(model)
                epochs += points[-1].epochs if points else 0.0
                seconds += sum(p.seconds for p in points)
        for model in history.candidates:
            if model in entered:
                continue
            enough = len(self._affordable([*chosen, model], pace, 0, epochs, seconds)) > len(chosen)
            if enough or history.points.get(model):
                chosen.append(model)
        if not chosen:
            waiting = [m for m in history.candidates if m not in entered]
            if not _within(epochs + costs.epochs[-1], self.budget.epochs):
                if not entered:
                    raise SelectionFailed(
                        f"the budget of {self.budget} does not pay for one full training after recall, which "
                        f"took {costs.recall_epochs:.2f} epochs",
                        "raise it, or recall with fewer proxies",
                    )
            else:
                chosen = waiting[:1]  # only time is short: one model is trained whatever it takes
        both = {*chosen, *entered}
        return tuple(m for m in history.candidates if m in both)

    def _affordable(
        self, models: Sequence[str], pace: Mapping[str, float], stage: int, epochs: float, seconds: float
    ) -> list[str]:
        """Of `models`, which stand at `stage`, those that can go on to the next barrier so that any one of
        them can go from there to the end; who does not fit beside the better ones is passed over."""
        costs = self.costs
        then = next(b for b in self.barriers() if b > stage)
        ahead, rest = costs.at(then) - costs.at(stage), costs.at(self.stages) - costs.at(then)
        chosen: list[str] = []
        for model in models:
            group = [*chosen, model]
            in_epochs = epochs + len(group) * ahead + rest
            in_seconds = (
                seconds
                + costs.together([pace[m] * ahead for m in group])
                + max(pace[m] for m in group) * rest
            )
            if _within(in_epochs, self.budget.epochs) and _within(in_seconds, self.budget.seconds):
                chosen = group
        return chosen

    def _pace(self, history: History, model: str, stage: int) -> float:
        """Seconds per epoch as recorded until `stage`; expected where nothing was timed."""
        points = [p for p in history.points.get(model, ()) if p.stage <= stage]
        took = sum({p.stage: p.seconds for p in points}.values())
        done = self.costs.at(max((p.stage for p in points), default=0))
        return took / done if took > 0 else self.costs.expected(model)


def _within(cost: float, limit: float | None) -> bool:
    return limit is None or cost <= limit + _EXACT
