"""Nothing that comes from outside becomes markup."""

from __future__ import annotations

import html
import json

from hypothesis import given
from hypothesis import strategies as st

from hubselect.reports.html.markup import Html, data_block, element, escaped, name, pairs, table
from tests.reports.html.conftest import Read


@given(st.text())
def test_text_comes_back_as_the_same_text(text: str) -> None:
    """Whatever it holds, as a child and as an attribute, there is one element and no other."""
    read = Read(element("p", text, title=text))
    assert [tag for tag, _ in read.elements] == ["p"]
    assert read.elements[0][1]["title"] == text
    assert html.unescape(escaped(text)) == text


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)
    | st.dictionaries(st.text(), st.text())
)
def test_data_comes_back_and_cannot_end_its_element(value: object) -> None:
    block = data_block("x", value)
    inner = block.removeprefix('<script type="application/json" id="x">').removesuffix("</script>")
    assert not set("<>&\u2028\u2029") & set(inner)
    assert json.loads(inner) == value


def test_markup_is_kept_and_everything_else_is_escaped() -> None:
    """In tables and lists too; None is an empty cell."""
    bad = "<b>&"
    assert escaped(Html("<i>x</i>")) == "<i>x</i>"
    cells = table(["a", bad], [(bad, None), (name(bad), 1)], numbers=["a"])
    assert "<b>" not in cells
    assert cells.count("&lt;b&gt;&amp;") == 3
    assert "<td></td>" in cells
    assert "<b>" not in pairs([(bad, bad)])
