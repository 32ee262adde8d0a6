"""Validation curves: how far every candidate went, and where it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hubselect.records import Run, Verdict
from hubselect.reports.html.figures import ACCENT, PALETTE, QUIET, Chart, Trace, legend_below, score_axis
from hubselect.reports.html.names import NARROW, hover, labels
from hubselect.reports.numbers import score

NAMED = 8
"""Candidates with a colour of their own; more cannot be told apart."""


@dataclass(frozen=True)
class Ends:
    """The last that was decided of a candidate."""

    verdicts: Mapping[str, Verdict]
    winner: str | None

    @classmethod
    def of(cls, verdicts: Sequence[Verdict], winner: str | None) -> Ends:
        last: dict[str, Verdict] = {}
        for v in verdicts:
            last[v.model] = v
        return cls(last, winner)

    def what(self, model: str) -> str:
        """What became of a candidate, in a word."""
        v = self.verdicts.get(model)
        if model == self.winner:
            return "won"
        if v is None or v.kept:
            return "trains on" if self.winner is None else "trained to the end"
        return "failed" if v.reason.startswith("failed") else "left" if v.stage else "never started"

    def why(self, model: str) -> str | None:
        v = self.verdicts.get(model)
        return None if v is None else v.reason


def ordered(runs: Mapping[str, Run], winner: str | None) -> list[Run]:
    """Runs with a curve: the winner, then who came furthest, then the highest."""
    drawn = [r for r in runs.values() if r.curve]
    return sorted(drawn, key=lambda r: (r.model != winner, -r.curve[-1].stage, -r.curve[-1].val, r.model))


def validation_curves(runs: Mapping[str, Run], ends: Ends, metric: str) -> Chart | None:
    """None when nothing was trained yet."""
    found = ordered(runs, ends.winner)
    if not found:
        return None
    shown = labels([r.model for r in found], NARROW + 9)
    traces = [
        _line(place, run, label, ends) for place, (run, label) in enumerate(zip(found, shown, strict=True))
    ]
    others = len(found) - NAMED
    for place, trace in enumerate(traces[NAMED:]):
        trace |= {"name": f"{others} more", "legendgroup": "more", "showlegend": place == 0}
    last = max(r.curve[-1].epochs for r in found)
    ticks = {"dtick": 1} if last <= 12 else {}
    return Chart(
        "curves",
        f"Validation {metric} of {len(found)} candidates by epochs of fine-tuning",
        traces[::-1],  # the winner is drawn last, above the others
        {
            "height": 460,
            "showlegend": True,
            "legend": legend_below(traceorder="reversed"),
            "xaxis": {
                "title": {"text": "epochs of fine-tuning"},
                "range": [0, last * 1.06],
                "zeroline": False,
                "automargin": True,
                **ticks,
            },
            "yaxis": score_axis(f"validation {metric}"),
        },
        narrow={"height": 460 + 20 * min(len(found), NAMED + 1), "legend.font.size": 11},
    )


def _line(place: int, run: Run, label: str, ends: Ends) -> Trace:
    won, named = run.model == ends.winner, place < NAMED
    colour = ACCENT if won else PALETTE[place % len(PALETTE)] if named else QUIET
    marks = ["circle"] * (len(run.curve) - 1) + [_mark(ends.what(run.model))]
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "name": label,
        "x": [p.epochs for p in run.curve],
        "y": [p.val for p in run.curve],
        "line": {"color": colour, "width": 3 if won else 1.5},
        "marker": {
            "color": colour,
            "opacity": 1,
            "symbol": marks,
            "size": [6] * (len(marks) - 1) + [13 if won else 9],
            "line": {"width": [2 if mark.endswith("open") else 0 for mark in marks]},
        },
        "opacity": 1 if named else 0.55,
        "hoverinfo": "text",
        "hovertext": [
            hover(
                run.model,
                f"{p.epochs:g} epochs: validation {score(p.val)}",
                _said(run.model, ends) if p is run.curve[-1] else None,
            )
            for p in run.curve
        ],
    }


def _mark(what: str) -> str:
    return {"won": "star", "left": "x", "failed": "x-thin-open"}.get(what, "circle")


def _said(model: str, ends: Ends) -> str:
    why = ends.why(model)
    return ends.what(model) + (f": {why}" if why else "")
