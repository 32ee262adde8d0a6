"""What the charts hold, from records alone; plotly checks every property."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import resources
from typing import Any

import numpy as np
import pytest

from hubselect.api.reporting.landscape import Landscape, landscape
from hubselect.records import Cost, CurvePoint, Explanation, Recalled, Run, Verdict
from hubselect.registry import Registry
from hubselect.reports.html.clusters import Marked, dendrogram, leaves
from hubselect.reports.html.costs import costs
from hubselect.reports.html.curves import Ends, validation_curves
from hubselect.reports.html.figures import document
from hubselect.reports.html.heatmap import SCALE, matrix
from hubselect.reports.html.maps import cluster_map
from hubselect.reports.html.predictions import predicted_and_reached, ranking
from tests.support.reported import TASK


def run(model: str, *vals: float) -> Run:
    curve = tuple(CurvePoint(model, i, float(i), v) for i, v in enumerate(vals, start=1))
    return Run(model, "d", "r", "running", curve=curve)


RUNS = {r.model: r for r in (run("o/a", 0.5, 0.7), run("o/b", 0.6), run("o/c", -0.4), run("o/none"))}
VERDICTS = (
    Verdict(1, 1.0, "o/a", 0.5, 0.6, True, "best"),
    Verdict(1, 1.0, "o/b", 0.6, 0.5, False, "behind <o/a>"),
    Verdict(1, 1.0, "o/c", None, None, False, "failed: NaN"),
    Verdict(0, 0.0, "o/d", None, None, False, "not started"),
    Verdict(2, 2.0, "o/a", 0.7, 0.7, True, "the only one left"),
)
RECALLED = (
    Recalled("o/a", 0.5, 0.6, -0.3, 1, None, "head", 0.7, 0.6, 0.8),
    Recalled("o/b", -0.2, float("nan"), None, None, None, None, 0.5, 0.4, 0.6),
    Recalled("o/c", -0.3, 0.1, None, None),
)
TOLD = Explanation("w", 0.005, None, None, None, "?", (), (), 7.4, 9, 3, 15.0, 45.0, 26.0)


def by_name(chart: Any) -> dict[str, dict[str, Any]]:
    return {t.get("name", ""): t for t in document(chart)["data"]}


def test_a_curve_ends_where_its_model_left_and_says_why() -> None:
    """A star for the winner, a cross for who left, a thin one for who failed; reasons are escaped."""
    chart = validation_curves(RUNS, Ends.of(VERDICTS, "o/a"), "accuracy")
    traces = by_name(chart)
    assert set(traces) == {"a", "b", "c"}  # a model without a point has no curve
    assert traces["a"]["y"] == [0.5, 0.7]
    assert [traces[n]["marker"]["symbol"][-1] for n in "abc"] == ["star", "x", "x-thin-open"]
    assert "left: behind &lt;o/a&gt;" in traces["b"]["hovertext"][-1]
    assert document(chart)["data"][-1]["name"] == "a"  # drawn above the others


def test_many_candidates_share_one_entry_of_the_legend() -> None:
    """Forty are drawn; eight have names and colours, the others one entry together."""
    runs = {r.model: r for r in (run(f"o/m{i:02d}", 0.5 + i / 100) for i in range(40))}
    found = document(validation_curves(runs, Ends.of((), None), "accuracy"))["data"]
    assert len(found) == 40
    assert sum(t.get("showlegend", True) for t in found) == 9
    assert [t["name"] for t in found].count("32 more") == 32


def test_nothing_trained_or_recalled_makes_no_chart() -> None:
    assert validation_curves({"o/none": RUNS["o/none"]}, Ends.of((), None), "accuracy") is None
    assert predicted_and_reached((), {}, None, None, "accuracy", 5) is None
    assert predicted_and_reached(RECALLED[2:], RUNS, "o/c", 0.1, "accuracy", 5) is None
    assert ranking((), None) is None
    assert costs(Cost(1.0), None) is None


def test_predictions_stand_beside_what_was_reached() -> None:
    """Intervals as recorded; who trained to the end, who left early, and the winner's test score apart."""
    traces = by_name(predicted_and_reached(RECALLED, RUNS, "o/a", 0.72, "accuracy", 2))
    expected = traces["predicted test score, 90 % interval"]
    assert expected["x"] == [0.7, 0.5]
    assert expected["error_x"]["array"] == pytest.approx([0.1, 0.1])
    assert expected["error_x"]["arrayminus"] == pytest.approx([0.1, 0.1])
    assert traces["validation score, fully trained"]["x"] == [0.7]
    assert traces["last validation score, left early"]["x"] == [0.6]
    assert traces["test score of the winner"]["x"] == [0.72]


def test_an_interval_beside_its_prediction_is_drawn_on_one_side() -> None:
    """Bounds never stretch the wrong way, and a missing one is no error bar."""
    odd = (Recalled("o/a", 0.5, 0.6, None, None, predicted=0.7, low=0.75, high=None),)
    bars = by_name(predicted_and_reached(odd, {}, None, None, "accuracy", 2))
    error = bars["predicted test score, 90 % interval"]["error_x"]
    assert (error["array"], error["arrayminus"]) == ([0.0], [0.0])


def test_recall_scores_may_be_negative() -> None:
    """Values as they are, the best at the top."""
    found = document(ranking(RECALLED, "o/a"))
    assert found["data"][0]["x"] == [0.5, -0.2, -0.3]
    assert found["layout"]["yaxis"]["range"] == [2.5, -0.5]
    assert found["layout"]["yaxis"]["ticktext"] == ["a", "b", "c"]


def test_costs_stand_beside_their_alternatives() -> None:
    traces = by_name(costs(Cost(7.0, 0.4), TOLD))
    assert traces["training"]["x"] == [7.0]
    assert traces["recall, in epochs of training"]["x"] == [0.4]
    assert traces["counted, not run"]["x"] == [15.0, 26.0, 45.0]
    assert "6.1 times" in traces[""]["text"][-1]


@pytest.fixture
def here(store: Registry) -> Landscape:
    found = landscape(store, TASK)
    assert found is not None
    return found


def test_the_map_holds_every_model_once(here: Landscape) -> None:
    """In the colour of its cluster, with the winner and the recalled ones marked."""
    marked = Marked(here.models[:3], here.models[0])
    traces = by_name(cluster_map(here, marked))
    special = {"recalled", "winner"}
    assert sum(len(t["x"]) for n, t in traces.items() if n not in special) == len(here.models)
    assert len(traces["winner"]["x"]) == 1
    assert len(traces["recalled"]["x"]) == 2
    assert here.clustering is not None
    several = [c for c in here.clustering.clusters if c.size > 1]
    assert several
    assert {f"cluster {c.id}, {c.size} models" for c in several} <= set(traces)


def test_no_two_branches_of_the_dendrogram_cross(here: Landscape) -> None:
    """Members of a branch are neighbours, every merge has its bracket, at its height."""
    order = leaves(here)
    assert sorted(order) == list(range(len(here.models)))
    n, place = len(here.models), {leaf: row for row, leaf in enumerate(order)}
    below = {i: [i] for i in range(n)}
    for step, (a, b, *_) in enumerate(here.merges):
        below[n + step] = below[int(a)] + below[int(b)]
        rows = sorted(place[leaf] for leaf in below[n + step])
        assert rows == list(range(rows[0], rows[-1] + 1))
    found = document(dendrogram(here, Marked()))["data"]
    heights = sorted(t["x"][i] for t in found for i in range(1, len(t["x"]), 5))
    assert heights == pytest.approx(sorted(row[2] for row in here.merges))


def test_the_matrix_leaves_gaps_and_follows_the_dendrogram(here: Landscape) -> None:
    """A missing cell is nothing, never 0; rows and labels belong together; every score can be read."""
    found = document(matrix(here, Marked(here.models[:1])))
    trace, order = found["data"][0], leaves(here)
    cells = [v for row in trace["z"] for v in row]
    assert None in cells
    assert 0 not in cells
    for row, said, printed, model in zip(trace["z"], trace["hovertext"], trace["text"], order, strict=True):
        scores = here.scores[model]
        expected = [None if v != v else v - mean for v, mean in zip(scores, here.means, strict=True)]
        assert row == pytest.approx(expected)
        for text, short, v in zip(said, printed, scores, strict=True):
            assert v != v or (f"test {v:.4f}" in text and short == f"{v:.2f}")
            assert v == v or short == ""
    top = found["layout"]["yaxis"]["ticktext"][order.index(0)]
    assert here.models[0].rpartition("/")[2] in top
    assert "\N{BLACK CIRCLE}" in top


def test_an_easy_dataset_drowns_nothing(here: Landscape) -> None:
    """Scores that are all 0.2 higher on one dataset change no colour and no range."""
    easier = replace(
        here,
        scores=tuple((row[0] + 0.2, *row[1:]) for row in here.scores),
        means=(here.means[0] + 0.2, *here.means[1:]),
    )
    one, other = document(matrix(here, Marked())), document(matrix(easier, Marked()))
    for before, after in zip(one["data"][0]["z"], other["data"][0]["z"], strict=True):
        assert after == pytest.approx(before)
    assert other["layout"]["coloraxis"]["cmax"] == pytest.approx(one["layout"]["coloraxis"]["cmax"])


def test_the_mean_has_the_middle_colour_and_a_failure_not_all_of_them(here: Landscape) -> None:
    """The range is the same both ways; a score far outside it takes the last colour, and that is said."""
    assert list(here.means) == pytest.approx(np.nanmean(np.array(here.scores), axis=0).tolist())
    even = document(matrix(here, Marked()))["layout"]["coloraxis"]
    failed = replace(here, scores=((here.means[0] - 0.9, *here.scores[0][1:]), *here.scores[1:]))
    for axis in (even, document(matrix(failed, Marked()))["layout"]["coloraxis"]):
        assert axis["cmin"] == -axis["cmax"] < 0
        assert axis["cmax"] < 0.5
        assert axis["colorbar"]["tickvals"] == [axis["cmin"], 0, axis["cmax"]]
        assert axis["colorbar"]["ticktext"][0].startswith("≤ ")
        assert "minus the dataset's mean" in axis["colorbar"]["title"]["text"]


def test_one_score_of_each_dataset_is_its_mean(here: Landscape) -> None:
    """A registry with one result still has a range of colours."""
    one = replace(
        here, models=here.models[:1], scores=here.scores[:1], means=here.scores[0], merges=(), total=1
    )
    found = document(matrix(one, Marked()))
    assert {v for v in found["data"][0]["z"][0] if v is not None} == {0.0}
    assert (found["layout"]["coloraxis"]["cmin"], found["layout"]["coloraxis"]["cmax"]) == (-1, 1)


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_every_colour_of_a_cell_is_seen_on_light_and_on_dark() -> None:
    """No score looks like a gap, and both ends are told from the middle without seeing hues."""
    style = resources.files("hubselect.reports.html").joinpath("assets", "page.css").read_text("utf-8")
    grounds = set(re.findall(r"--card: (#[0-9a-f]{6})", style))
    assert len(grounds) == 2
    for _, colour in SCALE:
        assert min(contrast(colour, ground) for ground in grounds) > 2
    assert min(contrast(SCALE[2][1], SCALE[i][1]) for i in (0, -1)) > 2


def test_of_many_models_the_wanted_are_drawn_first(store: Registry) -> None:
    """Then representatives, then the best by mean; and it is known how many there are."""
    whole = landscape(store, TASK)
    assert whole is not None
    last = whole.models[-1]
    few = landscape(store, TASK, [last], most=4)
    assert few is not None
    assert len(few.models) == 4
    assert last in few.models
    assert few.total == len(whole.models)
    assert few.clustering is not None
    heads = {c.representative for c in few.clustering.clusters}
    assert set(few.models) - {last} <= heads or heads <= set(few.models)
