"""The performance matrix in colours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hubselect.reports.html.clusters import Marked, decorated, leaves
from hubselect.reports.html.figures import Chart, names_axis
from hubselect.reports.html.names import NARROW, WIDE, hover, labels
from hubselect.reports.numbers import score

if TYPE_CHECKING:
    from hubselect.api.reporting.landscape import Landscape


def matrix(here: Landscape, marked: Marked, key: str = "") -> Chart | None:
    """Rows in the order of the dendrogram. None without a cell."""
    if not here.models or not here.datasets:
        return None
    order = leaves(here)
    rows = [here.scores[i] for i in order]
    names = [here.models[i] for i in order]
    trace = {
        "type": "heatmap",
        "x": list(range(len(here.datasets))),
        "y": list(range(len(names))),
        "z": [[None if math.isnan(v) else v for v in row] for row in rows],
        "coloraxis": "coloraxis",
        "xgap": 1,
        "ygap": 1,
        "hoverongaps": False,
        "hoverinfo": "text",
        "hovertext": [
            [hover(m, d, f"test {score(v)}") for d, v in zip(here.datasets, row, strict=True)]
            for m, row in zip(names, rows, strict=True)
        ],
    }
    height = 18 * max(len(names), 3) + 240
    return Chart(
        f"matrix{key}",
        f"Test scores of {len(names)} models on {len(here.datasets)} benchmark datasets",
        [trace],
        {
            "height": height,
            "coloraxis": {
                "colorscale": "Viridis",
                "colorbar": {
                    "orientation": "h",
                    "thickness": 10,
                    "y": 1,
                    "yanchor": "bottom",
                    "title": {"text": "test score", "side": "top"},
                },
            },
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
        },
        wide={
            "yaxis.ticktext": decorated(here, order, marked, WIDE),
            "xaxis.ticktext": labels(here.datasets, 26),
            "xaxis.tickangle": -55,
        },
    )
