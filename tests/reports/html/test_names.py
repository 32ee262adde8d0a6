"""Labels of charts: short, told apart, and never markup."""

from __future__ import annotations

import html

from hypothesis import given
from hypothesis import strategies as st

from hubselect.reports.html.names import hover, labels, shortened


@given(st.text(), st.integers(3, 50))
def test_a_short_name_keeps_both_ends(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    if len(text) <= width:
        assert short == text
    else:
        head, tail = short.split("\N{HORIZONTAL ELLIPSIS}", 1) if text.count("…") == 0 else ("", "")
        assert text.startswith(head)
        assert text.endswith(tail)


def test_owners_are_left_out_where_names_stay_apart() -> None:
    assert labels(["a/x", "b/y"]) == ["x", "y"]
    assert labels(["a/x", "b/x"]) == ["a/x", "b/x"]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_plotly_gets_no_markup_but_ours(lines: list[str]) -> None:
    """The first line is bold, lines are broken, and nothing else is read as markup."""
    ours = hover(*lines).replace("<br>", "").replace("<b>", "").replace("</b>", "")
    assert "<" not in ours
    assert ">" not in ours
    assert all("<" not in label for label in labels(lines))


def test_a_hostile_name_is_shown_letter_by_letter() -> None:
    bad = '<a href="javascript:alert(1)">x</a>'
    assert html.unescape(labels([bad], 60)[0]) == bad.rpartition("/")[2]
    assert "<a" not in hover(bad)
