"""Proxies of other distributions: really installed ones, in a folder on the path."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect.errors import InvalidInput
from hubselect.recall import proxies
from hubselect.recall.proxies.leep import PROXY as LEEP
from hubselect.recall.proxies.nleep import PROXY as NLEEP
from hubselect.recall.proxies.plugins import Catalogue

WORKING = """
import numpy as np
from hubselect.recall.proxies import Proxy

def spread(inputs, labels, /, *, target="classification", seed=0):
    return float(np.std(inputs))

PROXY = Proxy("spread", "features", "min-max", spread, "how far features spread", targets=("regression",))
"""


class Site:
    """A folder like site-packages, into which distributions are installed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def install(self, distribution: str, code: str, **points: str) -> None:
        """A distribution with one module of the same name, and its entry points in our group."""
        info = self.folder / f"{distribution}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
        lines = [f"{name.replace('_', '-')} = {value}" for name, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[hubselect.proxies]", *lines, ""]))
        (self.folder / f"{distribution}.py").write_text(code)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)
    yield Site(tmp_path)
    for path in tmp_path.glob("*.py"):
        if path.stem not in before:
            sys.modules.pop(path.stem, None)


def catalogue() -> Catalogue:
    return Catalogue([LEEP, NLEEP])


def test_an_installed_distribution_adds_its_proxy(site: Site) -> None:
    site.install("spreads", WORKING, spread="spreads:PROXY")
    found = catalogue()
    assert list(found) == ["leep", "nleep", "spread"]
    assert len(found) == 3
    assert "spread" in found
    assert found.source("spread") == "spreads"
    assert found.source("leep") == "hubselect"
    assert found.faults() == []
    assert found["spread"].score([[1.0], [3.0]], [0.5, 1.5], target="regression") == 1.0
    with pytest.raises(InvalidInput, match="does not score classification"):
        found["spread"].score([[1.0], [3.0]], [0, 1])


def test_the_code_of_a_plug_in_runs_only_when_it_is_asked_for(site: Site) -> None:
    site.install("ticking", "raise RuntimeError('boom')", tick="ticking:PROXY")
    found = catalogue()
    assert found["leep"] is LEEP
    assert "nleep" in found
    assert found.fault("leep") is None


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise RuntimeError('two\\nlines')", "cannot be loaded: RuntimeError: two lines"),
        ("import a_module_that_is_not_there", "cannot be loaded: ModuleNotFoundError: No module named"),
        ("def broken(:", "cannot be loaded: SyntaxError"),
        ("OTHER = 1", "cannot be loaded: AttributeError"),
        ("PROXY = 'spread'", "is no hubselect Proxy but str"),
        (WORKING.replace('"spread"', '"spreader"'), "calls itself spreader"),
        (WORKING.replace('"features"', '"pixels"'), "declares 'pixels' instead of head or features"),
        (WORKING.replace('"min-max"', '"rank"'), "declares 'rank' instead of exp or min-max"),
        (WORKING.replace('("regression",)', '("ranking",)'), "declares 'ranking' instead of classification"),
        (WORKING.replace('("regression",)', "()"), "declares 'nothing' instead of classification"),
    ],
)
def test_a_broken_plug_in_is_one_clear_line_and_leaves_the_others_be(
    site: Site, monkeypatch: pytest.MonkeyPatch, code: str, reason: str
) -> None:
    site.install("spreads", code, spread="spreads:PROXY")
    site.install("fine", WORKING.replace('"spread"', '"other"'), other="fine:PROXY")
    monkeypatch.setattr(proxies, "PROXIES", found := catalogue())
    assert list(found) == ["leep", "nleep", "other"]
    assert "spread" not in found
    with pytest.raises(KeyError):
        found["spread"]
    (fault,) = found.faults()
    assert fault.name == "spread"
    assert fault.distribution == "spreads"
    assert fault.reason.startswith(f"the proxy spread of spreads {reason}")
    assert "\n" not in fault.reason
    with pytest.raises(InvalidInput) as refusal:
        proxies.proxy("spread")
    assert refusal.value.message == fault.reason
    assert "spreads" in (refusal.value.hint or "")
    assert proxies.proxy("other") is found["other"]


def test_built_in_names_are_never_given_away(site: Site) -> None:
    site.install("greedy", WORKING.replace('"spread"', '"leep"'), leep="greedy:PROXY")
    found = catalogue()
    assert found["leep"] is LEEP
    assert list(found) == ["leep", "nleep"]
    assert found.fault("leep") is None  # whoever asks for leep gets it
    assert [f.reason for f in found.faults()] == ["the proxy leep of greedy has the name of a built-in one"]


def test_a_name_that_two_distributions_offer_belongs_to_neither(site: Site) -> None:
    site.install("ones", WORKING, spread="ones:PROXY")
    site.install("others", WORKING, spread="others:PROXY")
    found = catalogue()
    assert list(found) == ["leep", "nleep"]
    assert [f.reason for f in found.faults()] == [
        "the proxy spread is offered more than once: by ones and others"
    ]


def test_a_name_that_a_command_line_cannot_hold_is_refused(site: Site) -> None:
    site.install("spreads", WORKING, **{"spread@cls": "spreads:PROXY"})
    assert ["not named by letters" in f.reason for f in catalogue().faults()] == [True]


def test_a_plug_in_that_gives_no_number_is_stopped_there(site: Site) -> None:
    site.install("spreads", WORKING.replace("np.std(inputs)", "np.nan"), spread="spreads:PROXY")
    with pytest.raises(InvalidInput, match="the proxy spread gave nan"):
        catalogue()["spread"].score([[1.0]], [1.0], target="regression")


def test_a_plug_in_that_fails_is_one_clear_line(site: Site) -> None:
    """Whatever a stranger's function raises, it is that proxy that could not score."""
    site.install("spreads", WORKING.replace("np.std(inputs)", "1 / 0"), spread="spreads:PROXY")
    with pytest.raises(InvalidInput, match="the proxy spread failed: ZeroDivisionError"):
        catalogue()["spread"].score([[1.0]], [1.0], target="regression")
