"""Regret, ratios and the page of `wall_clock.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import exp, log
from statistics import fmean
from typing import Any

from benchmarks.quality.wall_clock_arms import BRUTE_FORCE, OURS, Arm
from hubselect.reports.numbers import size

_RATIOS = {
    "wall_clock": "seconds",
    "processor": "processor_seconds",
    "epochs": "epochs",
    "bytes": "bytes_downloaded",
}
"""What is compared, and the figure of an arm it is the ratio of."""


def results(
    targets: Sequence[Mapping[str, Any]],
    arms: Sequence[Arm],
    about: Mapping[str, Any],
    *,
    workers: int,
    run: str,
    epochs: int | None = None,
) -> dict[str, Any]:
    """Everything measured, with the regret of every arm and its ratios to ours.

    A target document has the recorded test scores by model and the figures by arm (`wall_clock._document`).
    `epochs` is the length of a full training where it is not the recording's.
    """
    found = [{**t, "arms": _judged(t)} for t in targets]
    runs = sorted({a["run"] for t in found for a in t["arms"].values()})
    ratios = {t["target"]: _ratios(t["arms"]) for t in found}
    return {
        "machine": dict(about),
        "workers": workers,
        "epochs": epochs,
        "run": run,
        "runs": runs,
        "same_run": runs == [run],
        "arms": {a.name: {"about": a.about, "options": dict(a.options)} for a in arms},
        "targets": found,
        "ratios": ratios,
        "summary": _summary([a.name for a in arms], found, ratios),
    }


def _judged(target: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Each arm's figures with `regret` (recorded mean test scores: best of all models minus the winner's),
    `recorded_test` (the winner's) and `behind_brute_force` (test scores measured here; None without)."""
    tests, arms = target["recorded_tests"], target["arms"]
    brute = arms.get(BRUTE_FORCE) or arms.get(f"{BRUTE_FORCE}, by epoch")
    best = max(tests.values())
    return {
        name: {
            **arm,
            "recorded_test": tests[arm["winner"]],
            "regret": best - tests[arm["winner"]],
            "behind_brute_force": None if brute is None else brute["test"] - arm["test"],
        }
        for name, arm in arms.items()
    }


def _ratios(arms: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """How many times ours every other arm took; empty without ours."""
    ours = arms.get(OURS)
    if ours is None:
        return {}
    return {
        name: {what: arm[figure] / ours[figure] for what, figure in _RATIOS.items() if ours[figure]}
        for name, arm in arms.items()
        if name != OURS
    }


def _summary(
    names: Sequence[str],
    targets: Sequence[Mapping[str, Any]],
    ratios: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> dict[str, Any]:
    """By arm over all targets: sums, mean regret, and the geometric means of its ratios to ours."""
    found: dict[str, Any] = {}
    for name in names:
        arms = [t["arms"][name] for t in targets]
        behind = [a["behind_brute_force"] for a in arms if a["behind_brute_force"] is not None]
        found[name] = {
            "seconds": sum(a["seconds"] for a in arms),
            "epochs": sum(a["epochs"] for a in arms),
            "regret": fmean(a["regret"] for a in arms),
            "behind_brute_force": fmean(behind) if behind else None,
            "ratios": {
                what: exp(fmean(log(r) for r in values))
                for what in _RATIOS
                if len(values := [t[name][what] for t in ratios.values() if what in t.get(name, {})])
                == len(targets)
                and all(values)
            },
        }
    return found


def page(result: Mapping[str, Any]) -> str:
    about = result["machine"]
    versions = ", ".join(f"{n} {about[n]}" for n in ("torch", "transformers") if about.get(n))
    lines = [
        "# Whole selections by the clock",
        "",
        f"Made by `python benchmarks/quality/wall_clock.py` on {about['cpu']}, {about['cores']} cores, "
        f"{versions}; worker processes of every arm: {result['workers']}, of one torch thread each. Load "
        f"average {about['load_average'][0]} before, {about['load_average_after'][0]} after; that of every "
        "arm is in the JSON.",
        "",
        "Nothing is replayed: every arm really downloads and fine-tunes, for a target of which the registry "
        "holds no result and no proxy score, with an empty Hub cache. The Hub is a server on the same "
        "machine, so downloads cost next to no time here. Included for all arms: reading the registry, "
        "recall, downloads, the start of the workers with their imports, training, the test and the saved "
        "winner. Left out for all: what the first selection of a process imports (one small selection "
        "before, not measured, warms that up) and the offline half (benchmark runs, clusters).",
        "",
        _of_runs(result),
        "",
        "Regret: the best recorded test score of all models minus the winner's, each the mean over the "
        "recorded seeds. Brute force knows the test score of its own pick only, so the truth is the "
        "recording's. Behind: brute force's test score measured here minus the arm's. Both in points (0.01 "
        "of the metric). Epochs: training of all candidates, and recall with forward passes counted as the "
        "product counts them. Processor: seconds of all processes, the Hub's included. Busy: the share of "
        "the workers' time that went into training stages; the last models left in a selection cannot keep "
        "all workers busy, brute force can.",
        "",
    ]
    if result["epochs"] is not None:
        lines += [
            f"**A full training is {result['epochs']} epochs here, not as long as in the recording**: the "
            "recorded scores, and regret with them, are those of other trainings.",
            "",
        ]
    lines += [*_arms(result), "", "## Summary: how many times ours", "", *_summary_table(result)]
    for target in result["targets"]:
        lines += ["", *_target(target, result["ratios"][target["target"]], result["workers"])]
    return "\n".join(lines) + "\n"


def _of_runs(result: Mapping[str, Any]) -> str:
    if result["same_run"]:
        return f"All arms were measured in one run of the program, one after the other ({result['run']})."
    runs = ", ".join(result["runs"])
    return (
        "**The arms were not measured in one run of the program**: it was interrupted and continued. Its "
        f"runs began at {runs}; the tables say which arm is from which. `--fresh` measures all in one run."
    )


def _arms(result: Mapping[str, Any]) -> list[str]:
    first = result["targets"][0]["arms"]
    lines = [
        "| arm | what it is | recall | policy | K | stages an epoch |",
        "|---|---|---|---|---|---|",
    ]
    for name, arm in result["arms"].items():
        m = first[name]
        ks = "/".join(dict.fromkeys(str(t["arms"][name]["k"]) for t in result["targets"]))
        methods = "/".join(dict.fromkeys(t["arms"][name]["method"] for t in result["targets"]))
        recall = "none: all models" if m["trained"] and not _recalls(result, name) else methods
        lines.append(
            f"| {name} | {arm['about']} | {recall} | {m['policy']} | {ks} | {m['stages_per_epoch']} |"
        )
    return lines


def _recalls(result: Mapping[str, Any], name: str) -> bool:
    return any(t["arms"][name]["k"] < t["models"] or t["arms"][name]["proxied"] for t in result["targets"])


def _summary_table(result: Mapping[str, Any]) -> list[str]:
    head = "| arm | wall-clock | epochs | processor | bytes | regret | behind brute force |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    for name, s in result["summary"].items():
        times = [_times(s["ratios"].get(what)) for what in ("wall_clock", "epochs", "processor", "bytes")]
        if name == OURS:
            times = [f"{s['seconds']:.0f} s", f"{s['epochs']:.1f}", "", ""]
        lines.append(
            f"| {name} | {' | '.join(times)} | {100 * s['regret']:.2f} | {_points(s['behind_brute_force'])} |"
        )
    count = len(result["targets"])
    return [*lines, "", f"Geometric means of the ratios (targets: {count}); for ours the sums."]


def _target(target: Mapping[str, Any], ratios: Mapping[str, Mapping[str, float]], workers: int) -> list[str]:
    rows = ", ".join(f"{n} {split}" for split, n in target["rows"].items())
    seeds = ", ".join(str(s) for s in target["recorded_seeds"])
    best = max(target["recorded_tests"], key=lambda m: (target["recorded_tests"][m], m))
    lines = [
        f"## {target['target']}",
        "",
        f"{target['task']}, {target['models']} models, {rows} examples. Best by the recorded test scores "
        f"(seeds {seeds}): {_short(best)}, {target['recorded_tests'][best]:.4f}. Order: "
        f"{'; '.join(target['order'])}.",
        "",
        "| arm | wall-clock | epochs (recall) | seconds an epoch | processor | busy | trained / proxied "
        "| downloaded (served) | winner | validation | test (recorded) | regret | behind brute force "
        "| times ours: wall-clock / epochs |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    runs = {a["run"] for a in target["arms"].values()}
    for name, a in target["arms"].items():
        ratio = ratios.get(name, {})
        cells = [
            f"{a['seconds']:.1f} s",
            f"{a['epochs']:.2f} ({a['recall_epochs']:.2f})",
            f"{a['seconds'] / a['epochs']:.2f}",
            f"{a['processor_seconds']:.1f} s",
            f"{a['stage_seconds'] / (a['seconds'] * workers):.0%}",
            f"{a['trained']} / {a['proxied']}",
            f"{size(a['bytes_downloaded'])} ({size(a['bytes_served'])})",
            _short(a["winner"]),
            f"{a['val']:.4f}",
            f"{a['test']:.4f} ({a['recorded_test']:.4f})",
            f"{100 * a['regret']:.2f}",
            _points(a["behind_brute_force"]),
            f"{_times(ratio.get('wall_clock'))} / {_times(ratio.get('epochs'))}",
        ]
        told = f" (run of {a['run']})" if len(runs) > 1 else ""
        failed = f", {len(a['failed'])} failed" if a["failed"] else ""
        lines.append(f"| {name}{told}{failed} | {' | '.join(cells)} |")
    failures = [f"- {name}: {why}" for name, a in target["arms"].items() for why in a["failed"]]
    return [*lines, "", "Trainings that failed:", "", *failures] if failures else lines


def _short(model: str) -> str:
    return model.partition("/")[2] or model


def _times(ratio: float | None) -> str:
    return "-" if ratio is None else f"{ratio:.2f}x"


def _points(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
