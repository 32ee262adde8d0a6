"""`paper.md`: the paper's numbers beside ours, table by table, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.paper import page_cases, page_clusters, page_selections
from benchmarks.paper.published import RECALLED_FOR_BEST
from benchmarks.paper.sources import SHOWN, short
from benchmarks.paper.trend_quality import SHUFFLES
from benchmarks.paper.wording import NAMES, agreement, number, points, spread, table

Zoos = Mapping[str, Mapping[str, Any]]


def page(result: Mapping[str, Any], figures: Path) -> str:
    """The whole page; `figures` is the folder beside it that the figures were written to."""
    zoos: Zoos = result["zoos"]
    return "\n".join(
        [
            "# The paper's tables and figures on the recorded zoo",
            "",
            *_introduction(result),
            *_in_short(zoos),
            *page_selections.section(zoos),
            *page_cases.section(zoos),
            *page_clusters.section(zoos),
            *_figures(zoos, figures),
            *_left_out(zoos),
        ]
    )


def _introduction(result: Mapping[str, Any]) -> list[str]:
    told = "; ".join(
        f"{NAMES[kind]}: {zoo['models']} checkpoints x {zoo['datasets']} datasets, {zoo['epochs']} epochs, "
        f"{_seeds(zoo['seeds'])}"
        for kind, zoo in result["zoos"].items()
    )
    machine = result["machine"]
    versions = ", ".join(f"{k} {v}" for k, v in machine.items() if k not in ("cpu", "cores"))
    return [
        "Made by `python benchmarks/paper/reproduce.py`, which trains nothing: it replays what "
        f"`benchmarks/quality/record.py` recorded ({told}). Text stands beside the paper's NLP, images "
        "beside its CV (40 models x 24 datasets, 30 x 10, targets of their own).",
        "",
        "What differs from the paper: the checkpoints are tiny and really pre-trained on small sources, so "
        "most are specialists; the pools are smaller; every dataset is the target in turn, with everything "
        "known from the others alone; scores are means over the recorded seeds where a matrix is needed, and "
        "from two seeds on a figure stands with its range over single ones. What agrees *in kind* is decided "
        "by the numbers, sentence by sentence. The settings are the paper's: LEEP (from features where a "
        "checkpoint has no head of its own), average linkage, top-k 5, K = 10, threshold 0, four trend "
        "groups, one decision an epoch.",
        "",
        f"Computed with {versions}.",
        "",
    ]


def _seeds(seeds: list[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _in_short(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        epochs, bf, sh = page_selections.speed_ups(kind)
        rows.append([NAMES[kind], "paper", f"{epochs:.1f}", f"{bf:.2f}x", f"{sh:.2f}x", "-"])
        for label in ("10", "share"):
            arm = zoo["VI"]["arms"][label]
            ratios = [f"{spread(arm[base], 2)}x" for base in ("vs bf", "vs sh")]
            cells = [spread(arm["epochs"]), *ratios, spread(arm["regret"], 2, 100)]
            rows.append([NAMES[kind], f"K = {arm['k']} of {zoo['models']}", *cells])
    return [
        "## In short",
        "",
        "Two phases end to end (Table VI), recall counted as 0.5 epoch per model with a proxy:",
        "",
        *table(["zoo", "", "epochs", "against brute force", "against halving", "regret, points"], rows),
        "The product's own recall and policy on the same recording: `policies.md`.",
        "",
    ]


def _figures(zoos: Zoos, folder: Path) -> list[str]:
    shown = {kind: short(name) for kind, name in SHOWN.items()}
    captions = {
        1: "test accuracy of all models, best first, on every dataset "
        f"({' and '.join(shown.values())} in colour).",
        3: "validation of the 10 recalled models while they are fine-tuned, test at the end (first seed).",
        8: "the same with a third of the learning rate.",
        4: "the model with the highest mean on every dataset, coloured by its four convergence trends "
        "after the first epoch.",
        5: "mean accuracy of the first K recalled models, above that of K random ones.",
        6: "what the first validation tells about every model's end.",
        7: "what halving and fine selection select (first seed).",
    }
    lines = ["## Figures", ""]
    for number_, caption in captions.items():
        name = f"figure_{number_}.png"
        if not (folder / name).exists():
            continue
        lines += [f"### Figure {number_}", "", f"![Figure {number_}]({folder.name}/{name})", ""]
        lines += [f"{caption[0].upper()}{caption[1:]}", ""]
        if number_ == 5:
            lines += _figure_5(zoos)
        if number_ == 6:
            lines += _figure_6(zoos)
        if number_ == 7:
            lines += _figure_7(zoos)
    return lines


def _figure_5(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        data = zoo["figure 5"]
        for k, gain in data["at"].items():
            shares = [f"{points(data[key][k], 0)} %" for key in ("above random", "best within")]
            rows.append([NAMES[kind], k, spread(gain, 1, 100), *shares])
    found = {kind: zoo["figure 5"] for kind, zoo in zoos.items()}
    needed = ", ".join(f"{name} {k}" for name, k in RECALLED_FOR_BEST.items())
    claims = {
        "recalled models are better than random ones on average, K = 10": {
            kind: f["at"]["10"]["mean"] > 0 for kind, f in found.items()
        },
        "recalled models are better than random ones on every target, K = 10": {
            kind: f["above random"]["10"] == 1.0 for kind, f in found.items()
        },
        "a smaller K has the higher average": {
            kind: f["at"]["5"]["mean"] > f["at"]["15"]["mean"] for kind, f in found.items()
        },
        "the best model is among 10 on most targets": {
            kind: f["best within"]["10"] > 0.5 for kind, f in found.items()
        },
    }
    header = ["zoo", "K", "above random, points", "targets above random", "best model among the K"]
    return [
        *table(header, rows),
        "In the paper recall is above random on all eight targets, and the best model is among the first 5 "
        f"on five of them ({needed} on the others).",
        "",
        *agreement(
            claims,
            "The zoo's checkpoints are specialists of single domains: a high mean elsewhere says less about "
            "a target than it does of the paper's general encoders.",
        ),
    ]


def _figure_6(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        mean = zoo["figure 6"]["mean"]
        rows.append(
            [
                NAMES[kind],
                f"{number(mean['silhouette'], 2)} / {number(mean['random'], 2)}",
                f"{number(mean['silhouette by test'], 2)} / {number(mean['random by test'], 2)}",
                f"{points(mean['error'], 0)} % / {points(mean['error of the mean'], 0)} %",
                f"{points(zoo['figure 6']['better predicted'], 0)} %",
            ]
        )
    claims = {
        "groups by the first validation are better than random ones, for every model": {
            kind: zoo["figure 6"]["better grouped"] == 1.0 for kind, zoo in zoos.items()
        },
        "the matched trend predicts better than the mean, for most models": {
            kind: zoo["figure 6"]["better predicted"] > 0.5 for kind, zoo in zoos.items()
        },
    }
    header = ["zoo", "silhouette by validation: trends / random", "by final test scores: trends / random"]
    header += ["relative error of the test score: trend / mean", "models better predicted by the trend"]
    return [
        *table(header, rows),
        f"Random groups have the same sizes and are drawn {SHUFFLES} times. The paper prints no numbers.",
        "",
        *agreement(claims, "With few datasets a trend is often a single one, whose end is no forecast."),
    ]


def _figure_7(zoos: Zoos) -> list[str]:
    rows, near = [], {}
    for kind, zoo in zoos.items():
        shares = {(p, s): zoo["V"][s][p]["within a point"] for s in ("10", "pool") for p in ("sh", "fs")}
        near[kind] = shares
        rows.append([NAMES[kind], *(f"{points(share, 0)} %" for share in shares.values())])
    claims = {
        "fine selection picks a model within a point of the best of the 10, on most targets": {
            kind: shares["fs", "10"] > 0.5 for kind, shares in near.items()
        },
        "fine selection does so at least as often as halving": {
            kind: shares["fs", "10"] >= shares["sh", "10"] for kind, shares in near.items()
        },
    }
    return [
        "How often the pick is within a point of the best test score among the models it was picked from:",
        "",
        *table(["zoo", "halving, 10", "fine selection, 10", "halving, pool", "fine selection, pool"], rows),
        *agreement(claims, "See Table V: predictions by trend drop some winners after the first epoch."),
    ]


def _left_out(zoos: Zoos) -> list[str]:
    lines = [
        "## Not here",
        "",
        "Figures 2 and 9 and Tables VIII and IX show no measurement: a diagram, a card, lists of names.",
    ]
    missing = [NAMES[kind] for kind, zoo in zoos.items() if not zoo["appendix A"]]
    if missing:
        lines.append(
            f"Fig. 8 and Appendix A ({' and '.join(missing)}) need a recording with another learning rate: "
            "`python benchmarks/paper/record_rate.py`."
        )
    return [*lines, ""]
