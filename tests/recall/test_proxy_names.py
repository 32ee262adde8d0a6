from __future__ import annotations

import pytest

from hubselect.errors import InvalidInput
from hubselect.recall.proxies import PROXIES
from hubselect.recall.proxy_names import full_name, parse


def test_a_name_says_the_proxy_and_perhaps_the_pooling() -> None:
    """`NAME` leaves the pooling open, `NAME@POOLING` does not."""
    assert parse("nleep") == (PROXIES["nleep"], None)
    assert parse("nleep@layers") == (PROXIES["nleep"], "layers")
    assert parse("leep@cls") == (PROXIES["leep"], "cls"), "its stand-in looks at features"


@pytest.mark.parametrize("name", ["luck", "luck@mean", "nleep@", "nleep@max", "@mean", ""])
def test_what_does_not_exist_is_refused(name: str) -> None:
    """Unknown proxies and unknown poolings."""
    with pytest.raises(InvalidInput):
        parse(name)


def test_scores_of_two_poolings_have_two_names() -> None:
    """The default pooling has the plain name, whichever way it was asked for."""
    assert full_name("nleep", "mean") == full_name("nleep@mean", "layers") == "nleep"
    assert full_name("nleep", "layers") == full_name("nleep@layers", "mean") == "nleep@layers"
