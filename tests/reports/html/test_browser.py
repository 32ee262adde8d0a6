"""Pages in a real browser: every chart is drawn, nothing is asked for, nothing sticks out."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import hubselect
from hubselect.registry import Registry
from tests.support import reported
from tests.support.reported import HOSTILE, Size

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None, reason="there is no Chromium on this machine (apt-get install chromium)"
    ),
]

PAGES = ("selection", "large", "hostile", "registry")
DRAWN = """() => [...document.querySelectorAll(".chart")].map((div) => {
    const box = (e) => e.getBoundingClientRect();
    const marks = [...div.querySelectorAll(".scatterlayer .trace, .barlayer .trace, .heatmaplayer image")];
    const names = [...div.querySelectorAll(".ytick text, .xtick text, .legendtext, .colorbar text")];
    const [left, right] = [box(div).left - 1, box(div).right + 1];
    return {
        id: div.id,
        traces: div.data.length,
        drawn: marks.filter((m) => box(m).width + box(m).height > 0).length,
        svg: box(div.querySelector("svg.main-svg")).width,
        width: box(div).width,
        plot: div._fullLayout._size.w,
        tall: div._fullLayout._size.h,
        cut: names.filter((t) => box(t).left < left || box(t).right > right).map((t) => t.textContent),
    };
})"""
WIDTHS = "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small selection, one of forty candidates with long names, a hostile one, and a whole registry."""
    folder = tmp_path_factory.mktemp("pages")
    sizes = {
        "selection": Size(),
        "large": Size(42, 24, 40, "org/" + "a-very-long-name-" * 4 + "{:02d}"),
        "hostile": Size(name=f"{HOSTILE}{{:02d}}"),
    }
    made = {}
    for name, size in sizes.items():
        registry = reported.made(folder / f"{name}.db", size)
        made[name] = hubselect.report(1, html=folder / f"{name}.html", registry=registry)
    made["registry"] = hubselect.report(html=folder / "registry.html", registry=folder / "large.db")
    return made


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield found
        found.close()


PATIENCE = 240_000
"""Milliseconds: a page of 5 MB on a machine that is busy otherwise."""


class Seen:
    """A page that was opened: what it said, and what it asked for."""

    def __init__(self, browser: Any, page: Path, width: int, scheme: str) -> None:
        self.context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, has_touch=width < 500
        )
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(page.as_uri())
        self.drawn(scheme)

    def drawn(self, scheme: str) -> None:
        """Wait until every chart is drawn in these colours."""
        self.page.wait_for_selector(f"html[data-drawn={scheme}]")


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_whole_in_a_browser(name: str, width: int, pages: dict[str, Path], browser: Any) -> None:
    """On a desk and on a phone, light and dark: no error, no request, every trace of every chart, labels
    that are not cut, room for what is drawn, and no scrolling sideways."""
    seen = Seen(browser, pages[name], width, "light")
    try:
        whole(seen, 3 if name == "registry" else 7)
        seen.page.emulate_media(color_scheme="dark")
        seen.drawn("dark")
        whole(seen, 3 if name == "registry" else 7)
        assert seen.said == []
        assert [url for url in seen.asked if not url.startswith(("data:", "blob:"))] == [pages[name].as_uri()]
    finally:
        seen.context.close()


def whole(seen: Seen, charts: int) -> None:
    scroll, client = seen.page.evaluate(WIDTHS)
    assert scroll <= client
    found = seen.page.evaluate(DRAWN)
    assert len(found) == charts
    for chart in found:
        assert chart["drawn"] == chart["traces"] > 0, chart
        assert chart["svg"] == pytest.approx(chart["width"], abs=2), chart
        assert chart["plot"] >= 0.4 * chart["width"], chart
        assert chart["tall"] >= 100, chart
        assert chart["cut"] == [], chart


def test_the_colours_can_be_switched(pages: dict[str, Path], browser: Any) -> None:
    """Against what the system prefers, charts included, and back."""
    seen = Seen(browser, pages["selection"], 1280, "light")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    ink = "() => getComputedStyle(document.querySelector('#curves .ytick text')).fill"
    try:
        before = (seen.page.evaluate(ground), seen.page.evaluate(ink))
        seen.page.click("#toggle")
        seen.drawn("dark")
        dark = (seen.page.evaluate(ground), seen.page.evaluate(ink))
        assert dark[0] != before[0]
        assert dark[1] != before[1]
        seen.page.click("#toggle")
        seen.drawn("light")
        assert (seen.page.evaluate(ground), seen.page.evaluate(ink)) == before
        assert seen.said == []
    finally:
        seen.context.close()


def test_a_cold_registry_is_read_without_a_chart(tmp_path: Path, browser: Any) -> None:
    """Sentences where there is nothing to draw, and no error about it."""
    with Registry.open(tmp_path / "cold.db"):
        pass
    page = hubselect.report(html=tmp_path / "cold.html", registry=tmp_path / "cold.db")
    seen = Seen(browser, page, 390, "dark")
    try:
        assert seen.said == []
        assert seen.page.evaluate(DRAWN) == []
        assert "hubselect benchmark" in seen.page.inner_text("main")
    finally:
        seen.context.close()
