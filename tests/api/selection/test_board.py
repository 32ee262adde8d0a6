"""Where every candidate of a running selection stands, as a listener hears it."""

from __future__ import annotations

import pytest

from hubselect.api.progress import Progress, Standings
from hubselect.api.selection.board import Board
from hubselect.executors.replay import ReplayExecutor
from hubselect.records import CurvePoint, Failed, Recipe, Run, Verdict
from hubselect.selection import History, Stage

RECIPE = Recipe("text-classification", epochs=3)
NAMES = ("org/a", "org/b", "org/c")


def point(model: str, stage: int, val: float, seconds: float = 2.0) -> CurvePoint:
    return CurvePoint(model, stage, float(stage), val, seconds)


def verdict(model: str, stage: int, *, kept: bool, predicted: float | None = None) -> Verdict:
    return Verdict(stage, float(stage), model, 0.5, predicted, kept, "because")


class Heard:
    """All standings that were told."""

    def __init__(self) -> None:
        self.told: list[Standings] = []

    def __call__(self, event: Progress) -> None:
        assert isinstance(event, Standings)
        self.told.append(event)

    def now(self) -> dict[str, str]:
        return {row.model: row.state for row in self.told[-1].candidates}


def board(heard: Heard, history: History | None = None, verdicts: tuple[Verdict, ...] = ()) -> Board:
    return Board(7, RECIPE, "accuracy", history or History(NAMES), verdicts, heard, workers=2)


def test_candidates_train_leave_fail_and_win() -> None:
    heard = Heard()
    shown = board(heard)
    shown.trains(Stage(1, NAMES))
    assert set(heard.now().values()) == {"trains"}
    shown.happened(point("org/a", 1, 0.7))
    shown.happened(point("org/b", 1, 0.4))
    shown.happened(Failed("org/c", 1, "broken weights"))
    assert heard.now() == {"org/a": "waits", "org/b": "waits", "org/c": "failed"}
    first = (
        verdict("org/a", 1, kept=True, predicted=0.8),
        verdict("org/b", 1, kept=False, predicted=0.5),
        verdict("org/c", 1, kept=False),
    )
    shown.decided(first)
    assert heard.now() == {"org/a": "waits", "org/b": "left", "org/c": "failed"}
    shown.trains(Stage(3, ("org/a",)))
    shown.happened(point("org/a", 2, 0.75))
    assert heard.now()["org/a"] == "trains"  # it goes to stage 3 without a stop
    shown.happened(point("org/a", 3, 0.8))
    shown.ended("org/a", 0.79)
    a, b, c = heard.told[-1].candidates
    assert (a.state, a.stage, a.val, a.predicted, a.judged, a.test) == ("winner", 3, 0.8, 0.8, 1, 0.79)
    assert (b.state, b.stage, b.why) == ("left", 1, "because")
    assert (c.state, c.stage, c.val, c.why) == ("failed", 0, None, "broken weights")


def test_decisions_that_were_told_are_not_told_again() -> None:
    heard = Heard()
    shown = board(heard)
    verdicts = (verdict("org/a", 1, kept=True),)
    shown.decided(verdicts)
    shown.decided(verdicts)
    assert len(heard.told) == 1


def test_a_selection_that_goes_on_shows_what_it_has_reached() -> None:
    heard = Heard()
    history = History(NAMES, {"org/a": (point("org/a", 1, 0.6),)}, {"org/b": Failed("org/b", 1, "no memory")})
    board(heard, history, (verdict("org/a", 1, kept=True, predicted=0.9),)).tell()
    a, b, c = heard.told[-1].candidates
    assert (a.stage, a.predicted, b.state, b.why, c.state) == (1, 0.9, "failed", "no memory", "waits")


def test_the_time_left_is_that_of_who_is_ahead_at_the_pace_so_far() -> None:
    """Two seconds an epoch: two epochs of the leader are left, or what the plan expects, side by side."""
    heard = Heard()
    shown = board(heard)
    shown.tell()
    assert heard.told[-1].seconds_left is None
    shown.happened(point("org/a", 1, 0.7))
    assert heard.told[-1].seconds_left == pytest.approx(4.0)
    planned = Board(7, RECIPE, "accuracy", History(NAMES), (), heard, workers=2, expected_epochs=9.0)
    planned.happened(point("org/a", 1, 0.7))
    assert heard.told[-1].seconds_left == pytest.approx(8.0)


def test_an_executor_that_is_watched_does_the_same() -> None:
    curves = {m: tuple(point(m, s, 0.1 * s) for s in (1, 2, 3)) for m in NAMES}
    runs = {m: Run(m, "org/target", RECIPE.digest, "done", curve=curve) for m, curve in curves.items()}
    heard = Heard()
    stage = Stage(2, NAMES[:2])
    alone = list(ReplayExecutor(runs).run(stage))
    assert list(board(heard).watching(ReplayExecutor(runs)).run(stage)) == alone
    assert heard.now() == {"org/a": "trains", "org/b": "trains", "org/c": "waits"}
