"""Figures 1, 3, 4, 5, 6, 7 and 8 as PNG files: the text zoo on the left, images on the right."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image

from benchmarks.paper.replays import Replays, Setup
from benchmarks.paper.sources import SHOWN, Zoo, short
from hubselect.knowledge.trend_book import TrendBook
from hubselect.records import Run

TITLES = {"text": "text", "image": "images"}
COLOURS = (
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9",
    "#e69f00", "#000000", "#7f3c8d", "#a65628", "#999999",
)  # fmt: skip
GREY = "#bbbbbb"
_DPI, _PALETTE = 100, 64

Drawing = Callable[[Axes, Replays], None]


def draw_all(
    replays: Sequence[Replays], slower: Mapping[str, Sequence[Run]], data: Mapping[str, Any], place: Path
) -> list[Path]:
    """Writes every figure to `place`; Fig. 8 only for the zoos that have runs with the lower rate."""
    place.mkdir(parents=True, exist_ok=True)
    kinds = {r.zoo.kind: r for r in replays}
    wide = {
        1: (_figure_1, 3.2),
        3: (_figure_3, 5.0),
        4: (_figure_4, 3.8),
        5: (lambda axes, r: _figure_5(axes, r.zoo.kind, data[r.zoo.kind]["figure 5"]), 3.4),
        7: (_figure_7, 4.8),
    }
    paths = [
        _save(_panels(replays, draw, height), place / f"figure_{number}.png")
        for number, (draw, height) in wide.items()
    ]
    paths.append(_save(figure_6({k: data[k]["figure 6"]["models"] for k in kinds}), place / "figure_6.png"))
    recorded = [r for kind, r in kinds.items() if slower.get(kind)]
    if recorded:
        figure = _panels(recorded, lambda axes, r: _curves(axes, r, slower[r.zoo.kind]), 5.0)
        paths.append(_save(figure, place / "figure_8.png"))
    return sorted(paths)


def _panels(replays: Sequence[Replays], draw: Drawing, height: float) -> Figure:
    figure, axes = plt.subplots(1, len(replays), figsize=(9.5, height), squeeze=False, layout="constrained")
    for each, own in zip(axes[0], replays, strict=True):
        draw(each, own)
    return figure


def _save(figure: Figure, path: Path) -> Path:
    """Written with few colours: a quarter of the bytes, and no difference to the eye."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=_DPI, format="png")
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB").quantize(_PALETTE, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    return path


def _figure_1(axes: Axes, replays: Replays) -> None:
    """Every dataset's scores, best model first: few models are good at a given one."""
    matrix, shown = replays.zoo.matrix, SHOWN[replays.zoo.kind]
    places = range(1, replays.zoo.pool + 1)
    for j, dataset in enumerate(matrix.datasets):
        ordered = sorted(matrix.scores[:, j].tolist(), reverse=True)
        if dataset != shown:
            label = "the other datasets" if j == (matrix.datasets[0] == shown) else None
            axes.plot(places, ordered, color=GREY, linewidth=0.8, label=label)
        else:
            axes.plot(
                places, ordered, color=COLOURS[0], marker="o", markersize=3, zorder=3, label=short(shown)
            )
    _labels(axes, replays.zoo, "models, best first", "test accuracy")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8, loc="lower left")


def _figure_3(axes: Axes, replays: Replays) -> None:
    _curves(axes, replays, replays.zoo.runs)


def _curves(axes: Axes, replays: Replays, runs: Sequence[Run]) -> None:
    """Validation scores of the recalled models on the shown dataset, and test scores at the end."""
    target = SHOWN[replays.zoo.kind]
    seed = min(r.seed for r in runs)
    of = {r.model: r for r in runs if r.dataset == target and r.seed == seed}
    recalled = next(
        r for r in replays.of(Setup("fine-selection")) if r.target.dataset == target
    ).target.recalled
    for model, colour in zip(recalled, COLOURS, strict=False):
        run = of.get(model)
        if run is None or run.test is None:
            continue
        label = f"{short(model)}: {run.test:.3f}"
        axes.plot(
            [p.epochs for p in run.curve],
            [p.val for p in run.curve],
            color=colour,
            linewidth=1.2,
            label=label,
        )
        axes.plot(
            [replays.zoo.epochs + 0.25], [run.test], color=colour, marker="D", markersize=5, linestyle="none"
        )
    _labels(axes, replays.zoo, "epochs of fine-tuning; diamonds: test", "validation accuracy")
    axes.set_title(f"{TITLES[replays.zoo.kind]}: {short(target)}", fontsize=10)
    axes.legend(
        fontsize=7,
        ncols=2,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        title="model: test",
        title_fontsize=7,
    )


def _figure_4(axes: Axes, replays: Replays) -> None:
    """One model on every dataset, coloured by the trend that the first epoch's validation puts it in."""
    zoo = replays.zoo
    model = max(sorted(zoo.models), key=zoo.matrix.mean)
    book = TrendBook.from_runs(zoo.runs)
    epochs = sorted(book.curves[model])
    for number, trend in enumerate(book.trends(model, 1.0)):
        for place, dataset in enumerate(trend.datasets):
            points = {e: c for e in epochs for c in book.curves[model][e] if c[0] == dataset}
            label = _trend(number, len(trend.datasets)) if place == 0 else None
            vals = [points[e][1] for e in epochs]
            axes.plot(epochs, vals, color=COLOURS[number], linewidth=1.1, label=label)
            end = [zoo.epochs + 0.25], [points[epochs[-1]][2]]
            axes.plot(*end, color=COLOURS[number], marker="D", markersize=4, linestyle="none")
    _labels(axes, zoo, "epochs of fine-tuning; diamonds: test", "validation accuracy")
    axes.set_title(f"{TITLES[zoo.kind]}: {short(model)} on {len(zoo.matrix.datasets)} datasets", fontsize=10)
    axes.axvline(1.0, color="black", linewidth=0.6, linestyle=":")
    axes.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.19))


def _trend(number: int, size: int) -> str:
    return f"trend {number + 1}: {size} dataset{'s' if size > 1 else ''}"


def _figure_5(axes: Axes, kind: str, data: Mapping[str, Any]) -> None:
    """How much better the first K recalled models are than K random ones, target by target and on average."""
    gains = [[100 * (v - row["random"]) for v in row["recalled"]] for row in data["targets"].values()]
    places = range(1, len(gains[0]) + 1)
    for number, gain in enumerate(gains):
        axes.plot(places, gain, color=GREY, linewidth=0.8, label="single targets" if number == 0 else None)
    mean = [sum(values) / len(values) for values in zip(*gains, strict=True)]
    axes.plot(places, mean, color=COLOURS[0], marker="o", markersize=3, label="mean over targets")
    axes.axhline(0.0, color=COLOURS[1], linewidth=1.0, linestyle="--", label="random recall")
    axes.set_title(TITLES[kind], fontsize=10)
    axes.set_xlabel("recalled models K", fontsize=9)
    axes.set_ylabel("mean accuracy above random\n(points)", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(fontsize=8)


def figure_6(models: Mapping[str, Mapping[str, Mapping[str, float | None]]]) -> Figure:
    """Per model: silhouettes above, relative errors of the predicted test score below."""
    widths = [len(rows) for rows in models.values()]
    figure, axes = plt.subplots(
        2,
        len(models),
        figsize=(11, 6.4),
        squeeze=False,
        layout="constrained",
        width_ratios=widths,
        sharex="col",
    )
    above = (("silhouette", "groups by validation", COLOURS[0]), ("random", "random groups", COLOURS[4]))
    below = (
        ("error", "matched trend", COLOURS[1]),
        ("error of the mean", "mean of the other datasets", COLOURS[5]),
    )
    for column, (kind, rows) in enumerate(models.items()):
        for row, series, name in ((0, above, "silhouette"), (1, below, "relative error of the test score")):
            own = axes[row][column]
            for key, label, colour in series:
                own.plot(
                    range(len(rows)),
                    [r[key] for r in rows.values()],
                    "o",
                    color=colour,
                    markersize=4,
                    label=label,
                )
            own.tick_params(labelsize=7)
            own.grid(axis="x", linewidth=0.3)
            if column == 0:
                own.set_ylabel(name, fontsize=9)
                own.legend(fontsize=7, ncols=2, loc="center" if row == 0 else "upper left")
        axes[0][column].axhline(0.0, color="black", linewidth=0.6)
        axes[0][column].set_title(TITLES[kind], fontsize=10)
        axes[1][column].set_xticks(range(len(rows)), list(rows), rotation=90, fontsize=7)
        axes[1][column].set_ylim(0.0, 1.25 * axes[1][column].get_ylim()[1])
    return figure


def _figure_7(axes: Axes, replays: Replays) -> None:
    """What halving and fine selection pick among 10 models and among all, between the 10's best and worst."""
    zoo, seed = replays.zoo, replays.zoo.seeds[0]
    picks = (
        ("successive-halving", 10, "halving, 10", COLOURS[5], "s"),
        ("fine-selection", 10, "fine selection, 10", COLOURS[0], "o"),
        ("successive-halving", None, f"halving, {zoo.pool}", COLOURS[1], "x"),
        ("fine-selection", None, f"fine selection, {zoo.pool}", COLOURS[6], "+"),
    )
    names = zoo.matrix.datasets
    rows = {d: len(names) - i for i, d in enumerate(names)}
    for each in (r for r in replays.of(Setup("fine-selection")) if r.seed == seed):
        among, place = each.recalled_tests, rows[each.target.dataset]
        label = "worst to best of the 10" if place == 1 else None
        axes.plot(
            [min(among), max(among)],
            [place, place],
            color=GREY,
            linewidth=9,
            solid_capstyle="butt",
            label=label,
        )
    for number, (policy, k, label, colour, marker) in enumerate(picks):
        found = [r for r in replays.of(Setup(policy, k)) if r.seed == seed]
        where = [rows[r.target.dataset] + 0.3 - 0.2 * number for r in found]  # one above the other
        size = 42 if marker in "x+" else 22
        axes.scatter(
            [r.target.test_score for r in found],
            where,
            s=size,
            c=colour,
            marker=marker,
            label=label,
            zorder=3,
        )
    axes.set_yticks(list(rows.values()), [short(d) for d in rows], fontsize=7)
    _labels(axes, zoo, "test accuracy of the selected model", "")
    axes.grid(axis="y", linewidth=0.3)
    axes.legend(fontsize=7, ncols=2, loc="upper center", bbox_to_anchor=(0.4, -0.13))


def _labels(axes: Axes, zoo: Zoo, x: str, y: str) -> None:
    axes.set_title(TITLES[zoo.kind], fontsize=10)
    axes.set_xlabel(x, fontsize=9)
    axes.set_ylabel(y, fontsize=9)
    axes.tick_params(labelsize=8)
