"""Models that fine-tune alike: how clusters look, and the tree that they were cut from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubselect.reports.html.figures import (
    ACCENT,
    PALETTE,
    QUIET,
    SYMBOLS,
    Chart,
    Trace,
    names_axis,
    rows_height,
)
from hubselect.reports.html.names import NARROW, WIDE, labels
from hubselect.reports.numbers import counted

if TYPE_CHECKING:
    from hubselect.api.reporting.landscape import Landscape

LEGEND = 12
"""Clusters that a legend names."""


@dataclass(frozen=True)
class Marked:
    """Models that stand out: the recalled ones of a selection, and its winner."""

    recalled: Collection[str] = ()
    winner: str | None = None


def styles(here: Landscape) -> dict[int, tuple[str, str]]:
    """Colour and symbol of every cluster with several drawn members, the largest first."""
    members = drawn_members(here)
    several = sorted((c for c, m in members.items() if len(m) > 1), key=lambda c: (-len(members[c]), c))
    return {
        c: (PALETTE[i % len(PALETTE)], SYMBOLS[i // len(PALETTE) % len(SYMBOLS)])
        for i, c in enumerate(several)
    }


def drawn_members(here: Landscape) -> dict[int, list[str]]:
    members: dict[int, list[str]] = {}
    for model, cluster in here.homes.items():
        members.setdefault(cluster, []).append(model)
    return members


def leaves(here: Landscape) -> list[int]:
    """The drawn models from top to bottom, so that no two branches of the tree cross."""
    n = len(here.models)
    below: dict[int, list[int]] = {i: [i] for i in range(n)}
    for step, (a, b, *_) in enumerate(here.merges):
        below[n + step] = below.pop(int(a)) + below.pop(int(b))
    return [leaf for branch in below.values() for leaf in branch]


def decorated(here: Landscape, order: Sequence[int], marked: Marked, width: int) -> list[str]:
    """Labels of the drawn models in this order: a star for the winner, a dot for recalled ones."""
    names = [here.models[i] for i in order]
    return [
        f"<b>\N{BLACK STAR} {label}</b>"
        if name == marked.winner
        else f"<b>\N{BLACK CIRCLE} {label}</b>"
        if name in marked.recalled
        else label
        for name, label in zip(names, labels(names, width), strict=True)
    ]


def dendrogram(here: Landscape, marked: Marked, key: str = "") -> Chart | None:
    """None where there is nothing to join."""
    if len(here.models) < 2:
        return None
    order = leaves(here)
    highest = max(row[2] for row in here.merges)
    cut = here.clustering.threshold if here.clustering and here.clustering.method == "average" else None
    line = [] if cut is None or cut > highest * 1.05 else [_cut_line(cut)]
    return Chart(
        f"tree{key}",
        f"Dendrogram of {counted(len(here.models), 'model')} by average linkage",
        _branches(here, order),
        {
            "height": rows_height(len(order), 18, 80),
            "shapes": line,
            "xaxis": {
                "title": {"text": "distance: mean of the largest differences (1 - Eq. 1)"},
                "range": [-highest * 0.01, highest * 1.05 or 1],
                "zeroline": False,
                "automargin": True,
            },
            "yaxis": names_axis(decorated(here, order, marked, WIDE), tickfont={"size": 11}),
        },
        narrow={
            "yaxis.ticktext": decorated(here, order, marked, NARROW),
            "xaxis.title.text": "distance (1 - Eq. 1)",
            "xaxis.nticks": 4,
        },
        wide={"yaxis.ticktext": decorated(here, order, marked, WIDE)},
    )


def _cut_line(cut: float) -> dict[str, object]:
    return {
        "type": "line",
        "x0": cut,
        "x1": cut,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"dash": "dot", "color": ACCENT, "width": 1.5},
    }


def _branches(here: Landscape, order: Sequence[int]) -> list[Trace]:
    """A trace for each colour; a branch within one cluster has the cluster's."""
    n, style = len(here.models), styles(here)
    height = {leaf: float(row) for row, leaf in enumerate(order)}
    distance: dict[int, float] = dict.fromkeys(range(n), 0.0)
    home: dict[int, int | None] = {i: here.homes.get(m) for i, m in enumerate(here.models)}
    lines: dict[str, tuple[list[float | None], list[float | None]]] = {}
    for step, (first, second, at, *_) in enumerate(here.merges):
        a, b, new = int(first), int(second), n + step
        home[new] = home[a] if home[a] == home[b] else None
        cluster = home[new]
        colour = QUIET if cluster is None or cluster not in style else style[cluster][0]
        x, y = lines.setdefault(colour, ([], []))
        x += [distance[a], at, at, distance[b], None]
        y += [height[a], height[a], height[b], height[b], None]
        height[new], distance[new] = (height[a] + height[b]) / 2, at
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "y": y,
            "line": {"color": colour, "width": 1.6},
            "hoverinfo": "skip",
        }
        for colour, (x, y) in lines.items()
    ]
