"""A map of the models: the nearer, the more alike their scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubselect.reports.html.clusters import Marked, drawn_members, styles
from hubselect.reports.html.figures import ACCENT, PALETTE, QUIET, Chart, Trace, legend_below
from hubselect.reports.html.names import NARROW, hover, labels
from hubselect.reports.numbers import counted

if TYPE_CHECKING:
    from hubselect.api.reporting.landscape import Landscape

LEGEND = 12
"""Clusters that a legend names."""

WIDTH, LETTER, LINE = 1000.0, 6.4, 14.0
"""Pixels of a wide map, a letter and a line: enough to see which labels would meet."""


def cluster_map(here: Landscape, marked: Marked, key: str = "") -> Chart | None:
    """None where there are fewer than three models: two are always on a line."""
    if len(here.models) < 3:
        return None
    style, members = styles(here), drawn_members(here)
    place = {m: i for i, m in enumerate(here.models)}
    alone = [m for m in here.models if here.homes.get(m) not in style]
    traces = [
        _models(here, [m for m in alone if m in place], "alone", (QUIET, "circle"), place, shown=True)
        if here.clustering
        else _models(here, alone, "models", (PALETTE[0], "circle"), place, shown=False)
    ]
    traces += [
        _models(
            here,
            members[c],
            f"cluster {c}, {counted(len(members[c]), 'model')}",
            look,
            place,
            shown=i < LEGEND,
        )
        for i, (c, look) in enumerate(style.items())
    ]
    traces += _rings(here, marked, place)
    traces, slope = [t for t in traces if t["x"]], _slope(here)
    return Chart(
        f"map{key}",
        f"Map of {counted(len(here.models), 'model')}: near ones reach similar scores on the benchmarks",
        traces,
        {
            "height": round(90 + WIDTH * 1.1 * slope),
            "showlegend": len(traces) > 1,
            "legend": legend_below(itemsizing="constant"),
            "xaxis": _blank(),
            "yaxis": {**_blank(), "scaleanchor": "x", "constrain": "domain"},
            "annotations": _names(here, marked, slope),
        },
        narrow={
            "height": round(70 + max(180, 380 * slope) + 21 * min(LEGEND + 3, len(traces))),
            "legend.font.size": 11,
            "annotations": [],
        },
    )


def _slope(here: Landscape) -> float:
    """How high the map is for its width, within bounds."""
    x, y = ([p[axis] for p in here.positions] for axis in (0, 1))
    wide = max(x) - min(x)
    return min(0.6, max(0.25, (max(y) - min(y)) / wide)) if wide > 0 else 0.25


def _names(here: Landscape, marked: Marked, slope: float) -> list[dict[str, Any]]:
    """Labels of the models that matter most, beside their points, as far as there is room; all others
    tell theirs under the pointer."""
    heads = {c.representative for c in here.clustering.clusters} if here.clustering else set()
    place = {m: i for i, m in enumerate(here.models)}
    first = [m for m in (marked.winner, *marked.recalled) if m in place]
    shown = labels(here.models, NARROW + 7)
    spans = [max(p[axis] for p in here.positions) - min(p[axis] for p in here.positions) for axis in (0, 1)]
    scale = min(WIDTH / (spans[0] or 1.0), WIDTH * slope / (spans[1] or 1.0))
    at = [(x * scale, y * scale) for x, y in here.positions]
    taken: list[Box] = [(*at[place[str(m)]], 9.0, 9.0) for m in first]
    found = []
    for model in dict.fromkeys((*map(str, first), *(m for m in here.models if m in heads), *here.models)):
        i = place[model]
        half = LETTER * len(shown[i]) / 2
        for right, up in ((0.0, 17.0), (0.0, -17.0), (half + 14, 0.0), (-half - 14, 0.0)):
            box = (at[i][0] + right, at[i][1] + up, half, LINE / 2)
            if not any(_meet(box, other) for other in taken):
                taken.append(box)
                look = {"text": shown[i], "font": {"size": 11}, "showarrow": False}
                where = {"x": here.positions[i][0], "y": here.positions[i][1], "xshift": right, "yshift": up}
                found.append({**where, **look})
                break
    return found


Box = tuple[float, float, float, float]
"""Middle, half of the width and of the height, in pixels."""


def _meet(one: Box, other: Box) -> bool:
    return abs(one[0] - other[0]) < one[2] + other[2] and abs(one[1] - other[1]) < one[3] + other[3]


def _blank() -> dict[str, object]:
    return {"showticklabels": False, "showgrid": False, "zeroline": False, "ticks": "", "showline": False}


def _models(
    here: Landscape,
    models: Sequence[str],
    title: str,
    look: tuple[str, str],
    place: Mapping[str, int],
    *,
    shown: bool,
) -> Trace:
    colour, symbol = look
    heads = {c.representative for c in here.clustering.clusters} if here.clustering else set()
    return {
        "type": "scatter",
        "mode": "markers",
        "name": title,
        "showlegend": shown,
        "x": [here.positions[place[m]][0] for m in models],
        "y": [here.positions[place[m]][1] for m in models],
        "marker": {
            "color": colour,
            "symbol": symbol,
            "size": [12 if m in heads and len(models) > 1 else 8 for m in models],
            "opacity": 0.85,
            "line": {"width": 0},
        },
        "hoverinfo": "text",
        "hovertext": [
            hover(m, title, "its representative" if m in heads and len(models) > 1 else None) for m in models
        ],
    }


def _rings(here: Landscape, marked: Marked, place: Mapping[str, int]) -> list[Trace]:
    """Around recalled models; a star on the winner."""
    recalled = [m for m in marked.recalled if m in place and m != marked.winner]
    won = [marked.winner] if marked.winner in place else []
    looks = (
        ("recalled", recalled, {"symbol": "circle-open", "size": 18, "line": {"width": 2}}),
        ("winner", won, {"symbol": "star", "size": 17, "line": {"width": 0}}),
    )
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": title,
            "x": [here.positions[place[str(m)]][0] for m in models],
            "y": [here.positions[place[str(m)]][1] for m in models],
            "marker": {"color": ACCENT, "opacity": 1, **look},
            "hoverinfo": "text" if title == "winner" else "skip",
            "hovertext": [hover(m, title) for m in models],
        }
        for title, models, look in looks
    ]
