"""The plan and the closing statement as people read them."""

from __future__ import annotations

from dataclasses import replace

from hubselect.records import Cost, Explanation, Plan, Rival, Selection, Span
from hubselect.reports.closing import closing, estimate_document, plan_line

PLAN = Plan(
    dataset="org/d",
    policy="fine-selection",
    method="paper",
    proxies=("leep",),
    candidates=14,
    k=4,
    scored=("org/a",),
    scored_at_most=1,
    likely=("org/a", "org/b"),
    epochs=Span(5.0, 6.5, 8.0),
    recall_epochs=0.1,
    seconds=12.0,
    seconds_from="recorded trainings of 4 models",
    bytes_expected=2_000_000,
    bytes_at_most=3_000_000,
    unknown_sizes=0,
    disk_bytes=9_000_000,
)
TOLD = Explanation(
    why="the only one left",
    tolerance=0.005,
    margin=0.012,
    second="org/b",
    probability=0.123,
    unknown=None,
    rivals=(Rival("org/b", 2, 0.012, 0.02, 0.123),),
    left_out=("org/c",),
    epochs=7.1,
    candidates=14,
    recalled=4,
    epochs_brute_force_recalled=20,
    epochs_brute_force=70,
    epochs_successive_halving=26,
)
FOUND = Selection(
    1,
    "org/d",
    "org/a",
    "/winner",
    0.8,
    0.81,
    (),
    (),
    Cost(7.0, 0.1, 15.0, 2_500_000),
    plan=PLAN,
    explanation=TOLD,
)


def test_the_closing_statement_says_why_by_how_much_how_sure_and_at_what_cost() -> None:
    """One line each, with the numbers of the records, and what is left out by name."""
    why, margin, sure, against, expected = map(str, closing(FOUND))
    assert why == "why: the only one left"
    assert "0.0120 ahead of org/b, give or take 0.0200" in margin
    assert "12% that another recalled model would have been better by more than 0.005" in sure
    assert sure.endswith("nothing is known of org/c")
    assert all(number in against for number in ("7.10 epochs", " 20", " 70", " 26", "counted, not run"))
    assert "about 6.50 epochs (5.00 to 8.00), it took 7.10" in expected
    assert "12.0 s estimated, it took 15.0 s" in expected
    assert "2.5 MB came" in expected


def test_nothing_is_said_that_is_not_known() -> None:
    """No number where there is none; an older selection has no statement at all."""
    silent = replace(
        TOLD, margin=None, second=None, probability=None, rivals=(), unknown="too few recorded curves"
    )
    _, margin, sure, *_ = map(str, closing(replace(FOUND, explanation=silent)))
    assert margin == "by how much: not known; too few recorded curves"
    assert sure == "how sure: not known; too few recorded curves"
    old = replace(FOUND, plan=None, explanation=None)
    assert closing(old) == []
    assert estimate_document(old) is None
    untimed = replace(PLAN, seconds=None, unknown_sizes=2)
    assert "an unknown time" in plan_line(untimed)
    assert "2 of unknown size" in plan_line(untimed)


def test_extremes_are_not_rounded_to_certainty() -> None:
    """A probability is never shown as 0 % or 100 %."""
    for value, shown in ((0.0001, "below 1 %"), (0.9999, "above 99 %")):
        told = replace(TOLD, probability=value)
        assert shown in str(closing(replace(FOUND, explanation=told))[2])
