"""Means, intervals and the page of `policies.py`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.quality.policy_arms import BASELINE, CHOSEN
from hubselect.backtest import PROXY_EPOCHS
from hubselect.recall.quality import bootstrap_interval
from hubselect.recall.scope import TOP
from hubselect.selection import PRICE
from hubselect.selection.costs import successive_halving_epochs

SIZES = (10, 20, 40, 80)

MEASURED = 1 / 12
"""Epochs that a forward pass for the proxies costs where the size of the training data is not known: as
measured with 160 of 640 examples."""


@dataclass(frozen=True)
class Replay:
    """One selection. `regret` is to the best test score of all models, `behind_brute_force` to that of the
    model with the best last validation score; `training` are epochs of all candidates together, `per_pass`
    those that one forward pass costs as the product counts it: a third of the share of examples. `bounded`
    recall scores no more models in a larger zoo."""

    source: str
    target: str
    seed: int
    arm: str
    models: int
    full: float
    training: float
    proxied: int
    per_pass: float
    bounded: bool
    winner: str
    regret: float
    behind_brute_force: float

    @property
    def measured(self) -> float:
        return self.training + self.per_pass * self.proxied

    @property
    def paper(self) -> float:
        return self.training + PROXY_EPOCHS * self.proxied


def summaries(replays: Sequence[Replay]) -> dict[str, Any]:
    """Per group of sources and arm, and the paired differences of the chosen arm to the baseline."""
    groups = {s: [r for r in replays if r.source == s] for s in dict.fromkeys(r.source for r in replays)}
    if len(groups) > 1:
        groups["all"] = list(replays)
    return {
        "chosen": CHOSEN,
        "baseline": BASELINE,
        "groups": {name: _group(found) for name, found in groups.items()},
        "replays": [asdict(r) for r in replays if r.arm in (CHOSEN, BASELINE)],
    }


def _group(replays: Sequence[Replay]) -> dict[str, Any]:
    arms = {name: [r for r in replays if r.arm == name] for name in dict.fromkeys(r.arm for r in replays)}
    return {
        "targets": len({(r.source, r.target) for r in replays}),
        "replays": len(arms[CHOSEN]),
        "arms": {name: _summary(found) for name, found in arms.items()},
        "difference_to_baseline": {
            name: _difference(found, arms[BASELINE]) for name, found in arms.items() if name != BASELINE
        },
    }


def _summary(found: Sequence[Replay]) -> dict[str, Any]:
    behind = [r.behind_brute_force for r in found]
    models, full = fmean(r.models for r in found), found[0].full
    training = fmean(r.training for r in found)
    return {
        "training_epochs": training,
        "epochs_paper": fmean(r.paper for r in found),
        "epochs_measured": fmean(r.measured for r in found),
        "proxied": fmean(r.proxied for r in found),
        "regret": fmean(r.regret for r in found),
        "regret_interval": _interval(found, "regret"),
        "behind_brute_force": fmean(behind),
        "behind_interval": _interval(found, "behind_brute_force"),
        "behind_95th_percentile": float(np.quantile(behind, 0.95)),
        "behind_worst": max(behind),
        "speedup_brute_force": models * full / fmean(r.measured for r in found),
        "by_models": {str(n): _against(n, training, full, found) for n in SIZES},
    }


def _against(models: int, training: float, full: float, found: Sequence[Replay]) -> dict[str, Any]:
    """Cost and ratios with a zoo of `models`: training stays what it is, recall grows with the zoo unless
    the number of its proxies is bounded."""
    proxied = fmean(min(models, r.proxied if r.bounded else models * r.proxied / r.models) for r in found)
    halving = successive_halving_epochs(models, round(full))
    per_pass = fmean(r.per_pass for r in found)
    costs = {"measured": training + per_pass * proxied, "paper": training + PROXY_EPOCHS * proxied}
    return {
        how: {"epochs": epochs, "brute_force": models * full / epochs, "halving": halving / epochs}
        for how, epochs in costs.items()
    }


def _interval(found: Sequence[Replay], name: str) -> tuple[float, float] | None:
    """95 % over datasets: the seeds of one are averaged first."""
    return bootstrap_interval(_by_target((r, getattr(r, name)) for r in found))


def _by_target(values: Iterable[tuple[Replay, float]]) -> list[float]:
    table: dict[tuple[str, str], list[float]] = {}
    for replay, value in values:
        table.setdefault((replay.source, replay.target), []).append(value)
    return [fmean(each) for each in table.values()]


def _difference(found: Sequence[Replay], baseline: Sequence[Replay]) -> dict[str, Any]:
    """Regret of the arm minus the baseline's on the same target and seed: below 0 is for the arm."""
    gains = [(a, a.regret - b.regret) for a, b in zip(found, baseline, strict=True)]
    cost = fmean(r.measured for r in found) / fmean(r.measured for r in baseline)
    paper = fmean(r.paper for r in found) / fmean(r.paper for r in baseline)
    return {
        "regret": fmean(g for _, g in gains),
        "interval": bootstrap_interval(_by_target(gains)),
        "cost_ratio_measured": cost,
        "cost_ratio_paper": paper,
    }


def page(result: Mapping[str, Any]) -> str:
    lines = [
        "# Policies replayed on recorded fine-tunings",
        "",
        "Made by `python benchmarks/quality/policies.py`. Leave-one-dataset-out over all recorded seeds; "
        "scores in points (0.01 of the metric). Regret: to the best test score of all models. Behind: to "
        "brute force, which trains all models and takes the best by validation; below 0 is better than it. "
        "Epochs: those of all candidates together plus recall, counted as in the paper (0.5 for each model "
        "with a proxy) and as the product counts it (a third of the share of the training examples that "
        f"were looked at; 1/{1 / MEASURED:.0f} for the `other` curves). Intervals: 95 % bootstrap "
        "over datasets.",
        "",
        f"`knowledge-gradient` is the product's policy; what was chosen is *{result['chosen']}*: at most "
        f"{TOP} proxies (a third of the models where that is less), a price of {PRICE:g}, and who starts is "
        "decided by what recall expects. The policy was designed on the `other` curves and on "
        "`recorded-text`; recall, price and K were chosen on the `recorded` groups under seed 0. The groups "
        "`held-out` (datasets) and `second-zoo` (the checkpoints pre-trained with another seed) were "
        "replayed for the first time when everything was fixed; a group that is missing is not recorded.",
        "",
    ]
    for name, group in result["groups"].items():
        lines += [
            f"## {name}: {group['targets']} targets, {group['replays']} replays",
            "",
            *_table(group),
            "",
        ]
        lines += ["What was chosen, by the size of the zoo (recall grows with it):", "", *_sizes(group), ""]
    return "\n".join(lines)


def _table(group: Mapping[str, Any]) -> list[str]:
    lines = [
        "| recall and policy | training | with recall: paper / measured | regret | behind brute force "
        "| 95th / worst | against the paper's two phases: regret, cost paper / measured "
        "| 40 models, measured: epochs, brute force, halving |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, a in group["arms"].items():
        other = group["difference_to_baseline"].get(name)
        against = "-"
        if other:
            costs = f"{other['cost_ratio_paper']:.0%} / {other['cost_ratio_measured']:.0%}"
            against = f"{points_text(other['regret'], other['interval'])}, {costs}"
        forty = a["by_models"]["40"]["measured"]
        cells = [
            f"{a['training_epochs']:.1f}",
            f"{a['epochs_paper']:.1f} / {a['epochs_measured']:.1f}",
            points_text(a["regret"], a["regret_interval"]),
            points_text(a["behind_brute_force"], a["behind_interval"]),
            f"{100 * a['behind_95th_percentile']:.2f} / {100 * a['behind_worst']:.2f}",
            against,
            f"{forty['epochs']:.1f}, {forty['brute_force']:.1f}x, {forty['halving']:.1f}x",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _sizes(group: Mapping[str, Any]) -> list[str]:
    lines = [
        "| models | epochs, measured | brute force | halving | epochs, paper | brute force | halving |",
        "|---|---|---|---|---|---|---|",
    ]
    for models, costs in group["arms"][CHOSEN]["by_models"].items():
        cells = [
            cell
            for how in ("measured", "paper")
            for cell in (
                f"{costs[how]['epochs']:.1f}",
                f"{costs[how]['brute_force']:.1f}x",
                f"{costs[how]['halving']:.1f}x",
            )
        ]
        lines.append(f"| {models} | {' | '.join(cells)} |")
    return lines


def points_text(value: float, interval: Sequence[float] | None) -> str:
    spread = f" [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]" if interval else ""
    return f"{100 * value:.2f}{spread}"
