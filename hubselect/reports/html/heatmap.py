"""The performance matrix in colours.

Colours are differences to each dataset's mean: on raw scores, easy datasets would all be of one colour and
hard ones of another, and nothing would be seen of the models.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hubselect.reports.html.clusters import Marked, decorated, leaves
from hubselect.reports.html.figures import Chart, names_axis
from hubselect.reports.html.names import NARROW, WIDE, hover, labels
from hubselect.reports.numbers import counted, score

if TYPE_CHECKING:
    from hubselect.api.reporting.landscape import Landscape

SCALE = ((0.0, "#a8480c"), (0.25, "#c98a5e"), (0.5, "#a3a9b1"), (0.75, "#5b97d3"), (1.0, "#0f5fb4"))
"""From far below the mean to far above it; every colour is seen on light and on dark."""
_COLOURED = 0.95  # of the cells lie within the colours' range: a single failure would take it all
_TITLE = "test score minus the dataset's mean"
_PRINTED = 8  # datasets: of more, cells are too narrow for their scores


def matrix(here: Landscape, marked: Marked, key: str = "") -> Chart | None:
    """Rows in the order of the dendrogram. None without a cell."""
    if not here.models or not here.datasets:
        return None
    order = leaves(here)
    rows = [here.scores[i] for i in order]
    names = [here.models[i] for i in order]
    above = [[v - mean for v, mean in zip(row, here.means, strict=True)] for row in rows]
    trace: dict[str, Any] = {
        "type": "heatmap",
        "x": list(range(len(here.datasets))),
        "y": list(range(len(names))),
        "z": [[None if math.isnan(v) else v for v in row] for row in above],
        "coloraxis": "coloraxis",
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hoverinfo": "text",
        "hovertext": [
            [hover(m, *cell) for cell in zip(here.datasets, *_told(row, here.means), strict=True)]
            for m, row in zip(names, rows, strict=True)
        ],
    }
    if len(here.datasets) <= _PRINTED:
        trace["text"] = [["" if math.isnan(v) else f"{v:.2f}" for v in row] for row in rows]
        trace["texttemplate"] = "%{text}"
    return Chart(
        f"matrix{key}",
        f"Test scores of {counted(len(names), 'model')} on "
        f"{counted(len(here.datasets), 'benchmark dataset')}, coloured by their difference to each "
        "dataset's mean",
        [trace],
        {
            "height": 18 * max(len(names), 3) + 240,
            "coloraxis": _colours(above),
            "xaxis": {
                "tickmode": "array",
                "tickvals": list(range(len(here.datasets))),
                "ticktext": labels(here.datasets, 26),
                "tickangle": -55,
                "automargin": True,
                "showgrid": False,
                "zeroline": False,
                "range": [-0.5, len(here.datasets) - 0.5],
            },
            "yaxis": names_axis(decorated(here, order, marked, WIDE), tickfont={"size": 11}),
        },
        narrow={
            "yaxis.ticktext": decorated(here, order, marked, NARROW),
            "xaxis.ticktext": labels(here.datasets, NARROW),
            "xaxis.tickangle": -90,
            "xaxis.tickfont.size": 10,
            "yaxis.tickfont.size": 10,
            "coloraxis.colorbar.title.text": "minus the dataset's mean",
        },
        wide={
            "yaxis.ticktext": decorated(here, order, marked, WIDE),
            "xaxis.ticktext": labels(here.datasets, 26),
            "xaxis.tickangle": -55,
            "coloraxis.colorbar.title.text": _TITLE,
        },
    )


def _told(row: Sequence[float], means: Sequence[float]) -> tuple[list[str], list[str]]:
    """Of every cell its score, and where that stands."""
    places = [
        f"{abs(v - mean):.4f} {'above' if v >= mean else 'below'} the dataset's mean, {score(mean)}"
        for v, mean in zip(row, means, strict=True)
    ]
    return [f"test {score(v)}" for v in row], places


def _colours(above: Sequence[Sequence[float]]) -> dict[str, Any]:
    """The same way up and down, so that the middle colour is the mean."""
    sizes = sorted(abs(v) for row in above for v in row if not math.isnan(v))
    bound = sizes[math.ceil(_COLOURED * len(sizes)) - 1] or sizes[-1] or 1.0
    more = sizes[-1] > bound
    ends = (f"{'≤ ' if more else ''}{-bound:+.2g}", f"{'≥ ' if more else ''}{bound:+.2g}")
    return {
        "colorscale": [list(stop) for stop in SCALE],
        "cmin": -bound,
        "cmax": bound,
        "colorbar": {
            "orientation": "h",
            "thickness": 10,
            "len": 0.8,  # leaves room for the numbers at its ends
            "y": 1,
            "yanchor": "bottom",
            "title": {"text": _TITLE, "side": "top"},
            "tickmode": "array",
            "tickvals": [-bound, 0, bound],
            "ticktext": [ends[0], "mean", ends[1]],
        },
    }
