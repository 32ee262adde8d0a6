"""Backtests as JSON documents and for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from hubselect.reports.numbers import score, size
from hubselect.reports.tables import Part, add_row, new_table

if TYPE_CHECKING:
    from hubselect.api.backtesting import BacktestReport
    from hubselect.backtest import Backtest, RecallBacktest, Target
    from hubselect.backtest.recalls import Means, Measured

SHOWN_AT = (1, 3, 5, 10)
_WEIGHING = ("fused", "rank-average")


def backtest_document(report: BacktestReport) -> dict[str, Any]:
    """One entry per target with what was replayed of it; means over targets on top.

    Keys of whole selections are null when there were none to replay.
    """
    selections, settings = report.selections, report.settings
    replayed = {t.dataset: _target(t) for t in selections.targets} if selections else {}
    recalled = {t.dataset: t for t in report.recall.targets}
    targets = [
        {
            "dataset": name,
            **replayed.get(name, {}),
            "recall": {m: _measured(v) for m, v in recalled[name].methods.items()}
            if name in recalled
            else {},
        }
        for name in sorted(replayed.keys() | recalled.keys())
    ]
    return {
        "k": settings.k,
        "policy": settings.policy,
        "proxy": "+".join(settings.recall.proxies),
        "method": settings.method,
        "task": settings.task,
        "targets": targets,
        "skipped": {**report.recall.skipped, **(selections.skipped if selections else {})},
        "without_selections": report.without_selections,
        "mean_regret": selections.mean_regret if selections else None,
        "speedup_vs_brute_force": selections.speedup_vs_brute_force if selections else None,
        "speedup_vs_successive_halving": selections.speedup_vs_successive_halving if selections else None,
        "notes": list(report.notes),
        "recall_mean": {m: _means(v) for m, v in report.recall.means.items()},
    }


def _target(target: Target) -> dict[str, Any]:
    return {
        "selected": target.selected,
        "test_score": target.test_score,
        "best": target.best,
        "best_model": target.best_model,
        "regret": target.regret,
        "epochs": target.epochs,
        "epochs_brute_force": target.epochs_brute_force,
        "epochs_successive_halving": target.epochs_successive_halving,
        "recalled": list(target.recalled),
        "proxied": target.proxies,
    }


def _measured(measured: Measured) -> dict[str, Any]:
    return {
        "regret_at": {str(k): measured.at(k) for k in SHOWN_AT},
        "spearman": measured.spearman,
        "forward_passes": measured.passes,
        "bytes_downloaded": measured.bytes,
    }


def _means(means: Means) -> dict[str, Any]:
    return {
        "regret_at": {str(k): value for k, value in means.regret.items()},
        "regret_interval": {str(k): _pair(pair) for k, pair in means.intervals.items()},
        "spearman": means.spearman,
        "spearman_interval": _pair(means.spearman_interval),
        "forward_passes": means.passes,
        "bytes_downloaded": means.bytes,
    }


def _pair(interval: tuple[float, float] | None) -> list[float] | None:
    return list(interval) if interval is not None else None


def backtest_text(report: BacktestReport) -> list[Part]:
    parts = _recall(report.recall)
    if report.selections is not None:
        parts += _selections(report.selections)
    elif report.without_selections:
        parts.append(f"no whole selection was replayed: {report.without_selections}")
    skipped: Mapping[str, str] = {
        **report.recall.skipped,
        **(report.selections.skipped if report.selections else {}),
    }
    said = [f"skipped {d}: {why}" for d, why in skipped.items()] + [f"note: {n}" for n in report.notes]
    return [*parts, *map(escape, said)]


def _recall(recall: RecallBacktest) -> list[Part]:
    """Methods over all targets: mean regret (95 % bootstrap interval), rank correlation, cost. Those that
    weigh proxies and had none rank as the mean does, and would seem measured: they are named only."""
    blind = [name for name, m in recall.means.items() if not m.passes and name.startswith(_WEIGHING)]
    regrets = [f"regret at {k}" for k in SHOWN_AT]
    others = ["Spearman", "passes", "download"]
    table = new_table(
        f"Recall, means over {len(recall.targets)} targets ({recall.settings.task})",
        "method",
        *regrets,
        *others,
        right=[*regrets, *others],
    )
    for name, means in recall.means.items():
        if name in blind:
            continue
        add_row(
            table,
            name,
            *(_with_interval(means, k) for k in SHOWN_AT),
            "-" if means.spearman is None else f"{means.spearman:.3f}",
            f"{means.passes:.0f}",
            "?" if means.bytes is None else size(round(means.bytes)),
        )
    missing = f"not shown, as proxy scores are missing: {', '.join(blind)}"
    return [table, missing] if blind else [table]


def _with_interval(means: Means, k: int) -> str:
    interval = means.intervals[k]
    spread = f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval is not None and k == 1 else ""
    return f"{means.regret[k]:.4f}{spread}"


def _selections(found: Backtest) -> Sequence[Part]:
    s = found.settings
    numbers = ("test", "best", "regret", "epochs", "brute force", "halving")
    recall = f"{s.method}, {'+'.join(s.recall.proxies)}" if s.recall.proxies else s.method
    table = new_table(
        f"Backtest of {s.policy}, {recall}, k = {s.k} ({s.task})",
        "target",
        "selected",
        *numbers,
        right=numbers,
    )
    for t in found.targets:
        add_row(
            table,
            t.dataset,
            t.selected,
            score(t.test_score),
            score(t.best),
            score(t.regret),
            f"{t.epochs:g}",
            f"{t.epochs_brute_force:g}",
            f"{t.epochs_successive_halving:g}",
        )
    summary = (
        f"mean regret {found.mean_regret:.4f}; "
        f"{found.speedup_vs_brute_force:.1f}x fewer epochs than brute force over all models, "
        f"{found.speedup_vs_successive_halving:.1f}x fewer than successive halving"
    )
    return [table, summary]
