"""What a selection cost beside what the alternatives would have cost."""

from __future__ import annotations

from hubselect.records import Cost, Explanation
from hubselect.reports.html.figures import (
    ACCENT,
    PALETTE,
    QUIET,
    Chart,
    Trace,
    legend_below,
    names_axis,
    score_axis,
)
from hubselect.reports.html.names import hover


def costs(cost: Cost, told: Explanation | None) -> Chart | None:
    """Epochs of everything. None where the alternatives were not counted."""
    if told is None:
        return None
    others = [
        (f"all {told.recalled} recalled models", "all recalled", told.epochs_brute_force_recalled),
        (f"successive halving over {told.candidates}", "halving", told.epochs_successive_halving),
        (f"brute force over {told.candidates}", "brute force", told.epochs_brute_force),
    ]
    totals = [cost.epochs, *(epochs for _, _, epochs in others)]
    traces = [
        _bars("training", [cost.training_epochs], 0, ACCENT),
        _bars("recall, in epochs of training", [cost.recall_epochs], 0, PALETTE[4]),
        _bars("counted, not run", [epochs for _, _, epochs in others], 1, QUIET),
        _totals(totals),
    ]
    wide = ["this selection", *(name for name, _, _ in others)]
    narrow = ["this one", *(name for _, name, _ in others)]
    return Chart(
        "costs",
        "Epochs of fine-tuning that the selection took, and that its alternatives would have taken",
        traces,
        {
            "height": 290,
            "barmode": "stack",
            "bargap": 0.35,
            "showlegend": True,
            "legend": legend_below(),
            "xaxis": score_axis("epochs of fine-tuning, all models together", range=[0, max(totals) * 1.28]),
            "yaxis": names_axis(wide),
        },
        narrow={
            "yaxis.ticktext": narrow,
            "xaxis.title.text": "epochs",
            "xaxis.range": [0, max(totals) * 1.9],
        },
        wide={"yaxis.ticktext": wide, "xaxis.range": [0, max(totals) * 1.28]},
    )


def _bars(title: str, epochs: list[float], first: int, colour: str) -> Trace:
    return {
        "type": "bar",
        "orientation": "h",
        "name": title,
        "x": epochs,
        "y": list(range(first, first + len(epochs))),
        "marker": {"color": colour},
        "hoverinfo": "text",
        "hovertext": [hover(f"{e:.2f} epochs", title) for e in epochs],
    }


def _totals(totals: list[float]) -> Trace:
    """How long each bar is, written behind it."""
    own = totals[0]
    times = [f"{total / own:.1f} times as much" if own > 0 else "" for total in totals[1:]]
    said = [f"{total:.4g} epochs" for total in totals]
    return {
        "type": "scatter",
        "mode": "text",
        "x": totals,
        "y": list(range(len(totals))),
        "text": [f" {words}" for words in (said[0], *map("<br> ".join, zip(said[1:], times, strict=True)))],
        "textposition": "middle right",
        "showlegend": False,
        "hoverinfo": "skip",
    }
