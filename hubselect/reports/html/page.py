"""The page itself: one file with its style, its script and its data, that asks nobody for anything.

Its content security policy forbids every request, and every script but the two whose hashes it names.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from hubselect.errors import without_secrets
from hubselect.reports.html.figures import THEMES, Chart, document, graph_objects, javascript
from hubselect.reports.html.markup import Html, data_block, element, escaped, joined, paragraph


@dataclass(frozen=True)
class Section:
    """A part of the page under a heading. What cannot be drawn is a sentence that says why."""

    id: str
    title: str
    body: Sequence[Chart | Html | str]
    about: str = ""


def needed() -> None:
    """Raises `InvalidInput` when plotly is not installed."""
    graph_objects()


def page(title: str, subtitle: str, sections: Sequence[Section], version: str) -> str:
    """The whole document."""
    charts = [part for section in sections for part in section.body if isinstance(part, Chart)]
    drawing = {"themes": THEMES, "charts": [document(chart) for chart in charts]}
    scripts = [_script(javascript()), _script(_asset("page.js"))] if charts else [_script(_asset("page.js"))]
    head = joined(
        (
            Html('<meta charset="utf-8">'),
            Html('<meta name="viewport" content="width=device-width, initial-scale=1">'),
            Html(f'<meta http-equiv="Content-Security-Policy" content="{_policy(scripts)}">'),
            Html('<meta name="color-scheme" content="light dark">'),
            Html('<link rel="icon" href="data:,">'),
            element("title", title),
            element("style", Html(_asset("page.css"))),
        )
    )
    body = joined(
        (
            _header(title, subtitle, sections),
            element("main", *map(_section, sections)),
            element(
                "footer", f"made by hubselect {version}, drawn by plotly; this page asks for nothing online"
            ),
            data_block("drawing", drawing),
        )
    )
    told = without_secrets(body)  # a page is sent around
    inner = f"<head>{head}</head>\n<body>{told}{joined(scripts)}</body>"
    return f'<!DOCTYPE html>\n<html lang="en">\n{inner}\n</html>\n'


def _header(title: str, subtitle: str, sections: Sequence[Section]) -> Html:
    links = joined(element("a", s.title, href=f"#{s.id}") for s in sections)
    toggle = element("button", "Dark", type="button", id="toggle", aria_label="switch between light and dark")
    top = element("div", element("h1", title), toggle, class_="top")
    return element("header", top, paragraph(subtitle, class_="quiet"), element("nav", links))


def _section(section: Section) -> Html:
    about = [paragraph(section.about, class_="quiet")] if section.about else []
    return element("section", element("h2", section.title), *about, *map(_part, section.body), id=section.id)


def _part(part: Chart | Html | str) -> Html:
    if isinstance(part, Chart):
        height = f"min-height: {int(part.layout['height'])}px"
        return element("div", id=part.id, class_="chart", role="img", aria_label=part.label, style=height)
    return part if isinstance(part, Html) else paragraph(part, class_="absent")


def _script(text: str) -> Html:
    """Newlines as the browser will read them, or the hash would be another."""
    return Html(f"<script>{_newlines(text)}</script>")


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _policy(scripts: Sequence[Html]) -> Html:
    hashes = [
        base64.b64encode(
            hashlib.sha256(s.removeprefix("<script>").removesuffix("</script>").encode()).digest()
        ).decode()
        for s in scripts
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return escaped(
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _asset(file: str) -> str:
    return _newlines(resources.files(__package__).joinpath("assets", file).read_text(encoding="utf-8"))
