"""What recall expected of its models beside what they reached, and how it ranked them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hubselect.records import Recalled, Run
from hubselect.reports.html.figures import (
    ACCENT,
    PALETTE,
    QUIET,
    Chart,
    Trace,
    legend_below,
    names_axis,
    rows_height,
    score_axis,
)
from hubselect.reports.html.names import NARROW, WIDE, hover, labels
from hubselect.reports.numbers import counted, score


def predicted_and_reached(
    recalled: Sequence[Recalled],
    runs: Mapping[str, Run],
    winner: str | None,
    test: float | None,
    metric: str,
    epochs: float,
) -> Chart | None:
    """`epochs` are those of a full training. None where recall predicted nothing."""
    found = [r for r in recalled if r.predicted is not None]
    if not found:
        return None
    places = {r.model: place for place, r in enumerate(found)}
    ends = [(r.model, runs[r.model].curve[-1]) for r in found if r.model in runs and runs[r.model].curve]
    whole = [(m, p.val) for m, p in ends if p.epochs >= epochs - 1e-9]
    early = [(m, p.val) for m, p in ends if p.epochs < epochs - 1e-9]
    traces = [
        _expected(found),
        _points(early, places, "last validation score, left early", "circle-open", QUIET),
        _points(whole, places, "validation score, fully trained", "circle", PALETTE[1]),
        _points(
            [(winner, test)] if winner in places else [], places, "test score of the winner", "star", ACCENT
        ),
    ]
    names = [r.model for r in found]
    height = rows_height(len(found), 24, 150)
    return Chart(
        "predictions",
        f"Predicted and reached {metric} of {len(found)} recalled models",
        [t for t in traces if t["x"]],
        {
            "height": height,
            "showlegend": True,
            "legend": legend_below(),
            "xaxis": score_axis(metric),
            "yaxis": names_axis(labels(names), showgrid=True),
        },
        narrow={"yaxis.ticktext": labels(names, NARROW), "legend.font.size": 11, "height": height + 60},
        wide={"yaxis.ticktext": labels(names, WIDE)},
    )


def _expected(found: Sequence[Recalled]) -> Trace:
    high = [(r.predicted if r.high is None else r.high) or 0.0 for r in found]
    low = [(r.predicted if r.low is None else r.low) or 0.0 for r in found]
    values = [r.predicted or 0.0 for r in found]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "predicted test score, 90 % interval",
        "x": values,
        "y": list(range(len(found))),
        "marker": {"symbol": "diamond", "size": 8, "color": PALETTE[0], "line": {"width": 0}},
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [max(0.0, h - v) for h, v in zip(high, values, strict=True)],
            "arrayminus": [max(0.0, v - at) for at, v in zip(low, values, strict=True)],
            "color": PALETTE[0],
            "thickness": 1.5,
            "width": 4,
        },
        "hoverinfo": "text",
        "hovertext": [
            hover(r.model, f"predicted {score(r.predicted)}, {score(r.low)} to {score(r.high)}")
            for r in found
        ],
    }


def _points(
    reached: Sequence[tuple[str | None, float | None]],
    places: Mapping[str, int],
    title: str,
    symbol: str,
    colour: str,
) -> Trace:
    known = [(model, value) for model, value in reached if model is not None and value is not None]
    return {
        "type": "scatter",
        "mode": "markers",
        "name": title,
        "x": [value for _, value in known],
        "y": [places[model] for model, _ in known],
        "marker": {
            "symbol": symbol,
            "size": 14 if symbol == "star" else 9,
            "color": colour,
            "line": {"width": 2 if symbol.endswith("open") else 0},
        },
        "hoverinfo": "text",
        "hovertext": [hover(model, f"{title}: {score(value)}") for model, value in known],
    }


def ranking(recalled: Sequence[Recalled], winner: str | None) -> Chart | None:
    """Recall scores, the best first. None before anything was recalled."""
    if not recalled:
        return None
    names = [r.model for r in recalled]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [r.recall_score for r in recalled],
        "y": list(range(len(recalled))),
        "marker": {"color": [ACCENT if r.model == winner else PALETTE[0] for r in recalled]},
        "hoverinfo": "text",
        "hovertext": [
            hover(
                r.model,
                f"recall score {score(r.recall_score)}",
                None if r.prior != r.prior else f"mean of its benchmarks {score(r.prior)}",
                None if r.proxy_score is None else f"proxy score {score(r.proxy_score)} ({r.proxy_origin})",
            )
            for r in recalled
        ],
    }
    return Chart(
        "ranking",
        f"Recall scores of {counted(len(recalled), 'model')}",
        [trace],
        {
            "height": rows_height(len(recalled), 22, 70),
            "bargap": 0.3,
            "xaxis": score_axis("recall score", zeroline=True),
            "yaxis": names_axis(labels(names)),
        },
        narrow={"yaxis.ticktext": labels(names, NARROW)},
        wide={"yaxis.ticktext": labels(names, WIDE)},
    )
