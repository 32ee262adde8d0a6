"""Who stands where while a selection runs, told to the listener at every change."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from hubselect.api.progress import Candidate, Listener, Standings
from hubselect.records import CurvePoint, Failed, Recipe, Verdict
from hubselect.selection import Executor, History, Stage

_STEP = "fine-tune"


class Board:
    """Begins where `history` and `verdicts` are: a selection that goes on shows what it has reached.

    `expected_epochs` of training by the plan (None: unknown) and `workers` say how long it may still take.
    """

    def __init__(
        self,
        selection: int,
        recipe: Recipe,
        metric: str,
        history: History,
        verdicts: Sequence[Verdict],
        listener: Listener,
        *,
        workers: int = 1,
        expected_epochs: float | None = None,
    ) -> None:
        self._selection, self._recipe, self._metric = selection, recipe, metric
        self._listener = listener
        self._workers, self._expected = workers, expected_epochs
        self._rows = {m: Candidate(m, curve=tuple(history.points.get(m, ()))) for m in history.candidates}
        for verdict in verdicts:
            self._judge(verdict)
        for failed in history.failed.values():
            self._rows[failed.model] = replace(self._rows[failed.model], state="failed", why=failed.reason)
        self._judged = len(verdicts)
        self._asked: dict[str, int] = {}  # the stage that each model was to be brought to

    def tell(self, detail: str = "") -> None:
        """The standings as they are."""
        rows = tuple(self._rows.values())
        done = max((row.stage for row in rows), default=0)
        event = Standings(
            _STEP,
            done,
            self._recipe.stages,
            detail,
            self._selection,
            self._metric,
            rows,
            self._seconds_left(),
        )
        self._listener(event)

    def watching(self, executor: Executor) -> Executor:
        """The same executor; the board knows whom it trains."""
        return _Watched(executor, self)

    def trains(self, stage: Stage) -> None:
        for model in stage.models:
            self._asked[model] = stage.number
            self._rows[model] = replace(self._rows[model], state="trains", why="")
        self.tell(f"stage {stage.number}: {len(stage.models)} in training")

    def happened(self, event: CurvePoint | Failed) -> None:
        row = self._rows[event.model]
        if isinstance(event, Failed):
            self._rows[event.model] = replace(row, state="failed", why=event.reason)
            self.tell(f"{event.model} failed: {event.reason}")
            return
        state = "trains" if event.stage < self._asked.get(event.model, 0) else "waits"
        self._rows[event.model] = replace(row, state=state, curve=(*row.curve, event))
        self.tell(f"{event.model} stage {event.stage}: {event.val:.3f}")

    def decided(self, verdicts: Sequence[Verdict]) -> None:
        """All verdicts so far, as a policy gives them."""
        new = verdicts[self._judged :]
        for verdict in new:
            self._judge(verdict)
        self._judged = len(verdicts)
        if new:
            self.tell()

    def ended(self, winner: str, test: float) -> None:
        """The winner was tested; who is still in beside it goes no further."""
        for model, row in self._rows.items():
            if model == winner:
                self._rows[model] = replace(row, state="winner", test=test)
            elif row.state not in ("left", "failed"):
                self._rows[model] = replace(row, state="left", why="not the winner")
        self.tell(f"{winner}: test {test:.3f}")

    def _judge(self, verdict: Verdict) -> None:
        row = self._rows[verdict.model]
        if row.state == "failed":
            return
        if verdict.predicted is not None:
            row = replace(row, predicted=verdict.predicted, judged=verdict.stage)
        state = "waits" if verdict.kept else "left"
        self._rows[verdict.model] = replace(row, state=state, why=verdict.reason)

    def _seconds_left(self) -> float | None:
        """The plan's remaining epochs side by side, at least the rest of who is ahead, at the pace so far."""
        points = [p for row in self._rows.values() for p in row.curve]
        trained = sum(row.epochs for row in self._rows.values())
        active = [row for row in self._rows.values() if row.state in ("waits", "trains")]
        if not trained or not active:
            return None
        ahead = max(active, key=lambda row: (row.stage, row.predicted or row.val or 0.0))
        own = self._recipe.epochs - ahead.epochs
        planned = max(0.0, (self._expected or 0.0) - trained) / min(self._workers, len(active))
        return sum(p.seconds for p in points) / trained * max(own, planned)


class _Watched:
    def __init__(self, executor: Executor, board: Board) -> None:
        self._executor, self._board = executor, board

    def run(self, stage: Stage) -> Iterator[CurvePoint | Failed]:
        self._board.trains(stage)
        yield from self._executor.run(stage)

    def discard(self, model: str) -> None:
        self._executor.discard(model)
