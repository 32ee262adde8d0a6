"""The page's part on thresholds, single cases and another learning rate: Tables IV, VII and Appendix A."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.paper.published import TABLE_IV, TABLE_VII, THRESHOLDS
from benchmarks.paper.wording import NAMES, agreement, number, points, spread, table

Zoos = Mapping[str, Mapping[str, Any]]


def section(zoos: Zoos) -> list[str]:
    return [*table_iv(zoos), *table_vii(zoos), *appendix(zoos)]


def table_iv(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        for i, threshold in enumerate(THRESHOLDS):
            ours = zoo["IV"][f"{threshold:g}"]
            printed = "; ".join(
                f"{name} {values[i][0]:g}, {values[i][1]}" for name, values in TABLE_IV[kind].items()
            )
            cells = [printed, f"{spread(ours['accuracy'], 3)}, {spread(ours['epochs'])}"]
            rows.append([NAMES[kind], f"{threshold:.0%}", *cells])
    costs = {kind: [zoo["IV"][f"{t:g}"]["epochs"]["mean"] for t in THRESHOLDS] for kind, zoo in zoos.items()}
    ends = {
        kind: [zoo["IV"][f"{t:g}"]["accuracy"]["mean"] for t in (THRESHOLDS[0], THRESHOLDS[-1])]
        for kind, zoo in zoos.items()
    }
    claims = {
        "a higher threshold costs epochs": {
            kind: c == sorted(c) and c[-1] > c[0] for kind, c in costs.items()
        },
        "a higher threshold loses no accuracy (10 % against 0 %)": {
            kind: round(e[1], 3) >= round(e[0], 3) for kind, e in ends.items()
        },
    }
    return [
        "### Table IV: filtering thresholds",
        "",
        "Accuracy and epochs of fine selection among 10 models; ours are means over all targets.",
        "",
        *table(["zoo", "threshold", "paper", "here"], rows),
        *agreement(claims, "The differences in accuracy are those of single targets."),
    ]


def table_vii(zoos: Zoos) -> list[str]:
    rows = [
        [f"paper: {name}", c.model, f"{c.accuracy:.3f}", str(c.place), f"{c.mean:.3f}", "-", "-"]
        for name, c in TABLE_VII.items()
    ]
    cases: dict[str, Sequence[Mapping[str, Any]]] = {kind: zoo["VII"] for kind, zoo in zoos.items()}
    for kind, found in cases.items():
        several = len({c["seed"] for c in found}) > 1
        for c in found:
            seed = f", seed {c['seed']}" if several else ""
            cells = [c["model"], number(c["accuracy"], 3), str(c["place"]), number(c["mean recalled"], 3)]
            cells += [number(c["mean pool"], 3), f"{number(c['best'], 3)} {c['best model']}"]
            rows.append([f"{NAMES[kind]}: {c['dataset']}{seed}", *cells])
    claims = {
        "the selected model is above the mean of the recalled": {
            kind: all(c["accuracy"] > c["mean recalled"] for c in found) for kind, found in cases.items()
        },
        "the selected model is above the mean of all models": {
            kind: all(c["accuracy"] > c["mean pool"] for c in found) for kind, found in cases.items()
        },
    }
    header = ["target", "selected", "accuracy", "place in the recall (from 0)", "mean of the recalled"]
    header += ["mean of the pool", "best of the pool"]
    return [
        "### Table VII: case study",
        "",
        "Ours are the two targets of each zoo whose ranking of models agrees least with the other datasets' "
        "(mean rank correlation): the hardest for knowledge from elsewhere.",
        "",
        *table(header, rows),
        "The paper's selected models stand at places 0, 1, 5 and 9 of 10, as good as anywhere in the recall.",
        "",
        *agreement(
            claims, "On targets chosen for disagreeing with the others the recall's order means least."
        ),
    ]


def appendix(zoos: Zoos) -> list[str]:
    rows: list[list[str]] = []
    cheap: dict[str, bool] = {}
    near: dict[str, bool] = {}
    for kind, zoo in zoos.items():
        found = zoo["appendix A"]
        if not found:
            continue
        for label, row in found.items():
            cells = [number(row["epochs"]), number(row["accuracy"], 3)]
            cells += [number(row[best], 3) for best in ("best recalled", "best")]
            rows.append([NAMES[kind], label, *cells, points(row["regret"], 2), ", ".join(row["selected"])])
        usual, third = found.values()
        cheap[kind] = abs(usual["epochs"] - third["epochs"]) <= 2
        near[kind] = third["best recalled"] - third["accuracy"] <= 0.01
    if not rows:
        return []
    header = ["zoo", "rate", "epochs", "accuracy", "best recalled", "best", "regret, points", "selected"]
    return [
        "### Appendix A: another learning rate",
        "",
        "The paper trains MNLI with 1e-5 in place of 3e-5 and finds the selection as good and as cheap. Here "
        "all models of the pool were trained once more on the datasets of Fig. 8 with a third of the rate; "
        "what the other datasets taught is as before, and so is who is recalled.",
        "",
        *table(header, rows),
        *agreement(
            {
                "the cost is within 2 epochs of the usual one": cheap,
                "the pick is within a point of the best of those recalled": near,
            },
            "It is one dataset of each zoo: one model more or less decides.",
        ),
    ]
