"""Charts as plotly figures: what they have in common, and the way into the page.

Charts are described as plain dictionaries and checked by plotly, which draws them in the browser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubselect.errors import InvalidInput

Trace = dict[str, Any]

ACCENT = "#e8590c"
"""The winner; legible on light and on dark, as all of these are."""
QUIET = "#8b929c"
PALETTE = (
    "#4c8ed9", "#3fa35a", "#b07cc6", "#2ba8a8", "#c9a227", "#d9688c", "#7d86e0", "#8c6d46", "#7a9a2e",
)  # fmt: skip
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "pentagon", "hexagon", "star-triangle-up")


@dataclass(frozen=True)
class Chart:
    """One chart. `label` says to those who cannot see it what it shows; `narrow` are properties of the
    layout, by their path, that differ on a screen as small as a phone's, and `wide` those elsewhere."""

    id: str
    label: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    narrow: Mapping[str, Any] = field(default_factory=dict)
    wide: Mapping[str, Any] = field(default_factory=dict)


def graph_objects() -> Any:
    """plotly's figures. Raises `InvalidInput` when it is not installed."""
    try:
        import plotly.graph_objects
    except ImportError as error:
        raise InvalidInput(
            "an HTML report needs plotly, which is not installed", "run `pip install 'hubselect[report]'`"
        ) from error
    return plotly.graph_objects


def javascript() -> str:
    """The whole of plotly.js, to stand in the page."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def document(chart: Chart) -> dict[str, Any]:
    """The chart as JSON values; plotly raises `ValueError` for what it does not know."""
    base = {
        "template": "none",
        "autosize": True,
        "margin": {"l": 16, "r": 16, "t": 16, "b": 16},
        "hovermode": "closest",
        "hoverlabel": {"align": "left"},
        "showlegend": False,
    }
    figure = graph_objects().Figure(data=list(chart.traces), layout={**base, **chart.layout})
    found = json.loads(figure.to_json())
    return {
        "id": chart.id,
        "data": found["data"],
        "layout": found["layout"],
        "narrow": dict(chart.narrow),
        "wide": dict(chart.wide),
    }


def names_axis(wide: Sequence[str], **more: Any) -> dict[str, Any]:
    """A vertical axis of names, the first at the top; name i is at i."""
    n = len(wide)
    return {
        "tickmode": "array",
        "tickvals": list(range(n)),
        "ticktext": list(wide),
        "range": [n - 0.5, -0.5],
        "automargin": True,
        "showgrid": False,
        "zeroline": False,
        "ticks": "",
        **more,
    }


def score_axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": title}, "automargin": True, "zeroline": False, **more}


def legend_below(**more: Any) -> dict[str, Any]:
    """At the bottom of the figure, from the left; the chart makes room for it."""
    place = {"x": 0, "xanchor": "left", "y": 0, "yanchor": "bottom", "yref": "container"}
    return {"orientation": "h", "traceorder": "normal", **place, **more}


def rows_height(n: int, each: int = 22, around: int = 110) -> int:
    """Pixels that n rows of names need."""
    return around + each * max(n, 2)


def _theme(ink: str, soft: str, line: str, raised: str) -> dict[str, Any]:
    axis = {"gridcolor": line, "linecolor": soft, "zerolinecolor": soft, "tickcolor": soft}
    return {
        "layout": {
            "font": {"family": "system-ui, sans-serif", "size": 12, "color": ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "hoverlabel": {"bgcolor": raised, "bordercolor": soft, "font": {"color": ink, "size": 12}},
            "xaxis": axis,
            "yaxis": axis,
        }
    }


THEMES = {
    "light": _theme("#1f2328", "#9aa2ac", "#e4e7eb", "#ffffff"),
    "dark": _theme("#e3e8ee", "#6b7480", "#2c333c", "#1c222a"),
}
"""Templates of the layout; charts themselves know no background."""
