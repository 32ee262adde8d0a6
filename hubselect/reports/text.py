"""What people read in a terminal: tables and a few sentences, from records."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from hubselect.records import Clustering, Dataset, Model, Placement, Recalled, Run, Selection, Verdict
from hubselect.reports import placing
from hubselect.reports.closing import closing
from hubselect.reports.clusters_after import changed_clusters
from hubselect.reports.numbers import counted, duration, score, size
from hubselect.reports.tables import Part as Part
from hubselect.reports.tables import add_row as _row
from hubselect.reports.tables import new_table as _table

if TYPE_CHECKING:
    from hubselect.api.benchmarks.benchmarking import BenchmarkReport
    from hubselect.api.growing import Added
    from hubselect.api.importing import Imported
    from hubselect.api.recall.recalling import Recall
    from hubselect.registry import SelectionSummary
    from hubselect.registry.checks import Problem


def models(
    found: Sequence[Model], total: int | None = None, placements: Mapping[str, Placement] | None = None
) -> Table:
    """`total` is how many there are when `found` is only the first of them. `placements` are marked."""
    placed = placements or {}
    listed = any(m.downloads for m in found)
    extra = ("downloads", "licence") if listed else ()
    last = ("place",) if any(m.id in placed for m in found) else ()
    table = _table(
        f"{len(found):,} of {counted(total, 'model')}"
        if total and total > len(found)
        else counted(len(found), "model"),
        "model",
        "architecture",
        "parameters",
        "weights",
        "head",
        *extra,
        *last,
        right=("parameters", "weights", "downloads"),
    )
    for m in found:
        place = (placing.mark(placed.get(m.id)),) if last else ()
        if m.revision is None:
            _row(table, m.id, "known by name only", *(("",) * (3 + len(extra)) if last else ()), *place)
            continue
        parameters = f"{m.parameters:,}" if m.parameters else "?"
        weights = size(m.weights_bytes) if m.weights_bytes else "?"
        head = f"{len(m.labels)} classes" if m.has_head else "?" if m.indexed_only else "none"
        more = (f"{m.downloads:,}" if m.downloads is not None else "?", m.license or "?") if listed else ()
        _row(table, m.id, m.architecture or "?", parameters, weights, head, *more, *place)
    return table


def datasets(found: Sequence[Dataset]) -> Table:
    table = _table(counted(len(found), "dataset"), "dataset", "role", "inputs", "label", "classes", "splits")
    for d in found:
        inputs = " + ".join(d.text_columns) or d.image_column or d.audio_column or "?"
        inputs += f" -> {', '.join(d.choice_columns)}" if d.choice_columns else ""
        splits = ", ".join(f"{name} {rows:,}" if rows else name for name, rows in d.splits.items())
        classes = "numbers" if d.problem_type == "regression" else len(d.label_names) or "?"
        _row(table, d.name, d.role, inputs, d.label_column or "?", classes, splits or "?")
    return table


def clusterings(
    found: Sequence[Clustering], placements: Sequence[Sequence[Placement]] | None = None
) -> list[Part]:
    """`placements` of each clustering stand below it, marked as provisional."""
    parts: list[Part] = []
    for c, beside in zip(found, placements or [()] * len(found), strict=True):
        cut = "" if c.threshold is None else f", cut at distance {c.threshold:.4g}"
        table = _table(
            f"Clusters of {c.task} models ({c.method}{cut}, top-k {c.top_k})",
            "id",
            "size",
            "representative",
            "other members",
            right=("id", "size"),
        )
        for each in sorted(c.clusters, key=lambda x: (-x.size, x.id)):
            others = ", ".join(m for m in each.members if m != each.representative)
            _row(table, each.id, each.size, each.representative, others)
        several = sum(x.size > 1 for x in c.clusters)
        quality = f"silhouette {score(c.silhouette)} (the paper's variant {score(c.silhouette_paper)})"
        parts += [
            table,
            f"{counted(len(c.clusters), 'cluster')}, {several} with more than one model; {quality}",
        ]
        parts += placing.provisional(beside)
    return parts


def curves(found: Sequence[Run]) -> Table:
    table = _table(
        counted(len(found), "run"),
        "model",
        "dataset",
        "status",
        "validation by epoch",
        "test",
        right=("test",),
    )
    for r in found:
        points = "  ".join(f"{p.epochs:g}: {p.val:.3f}" for p in r.curve)
        _row(table, r.model, r.dataset, r.status, points or (r.reason or ""), score(r.test))
    return table


def _without_owner(names: Sequence[str]) -> list[str]:
    """Names without the owner, where they are still told apart: column heads have little room."""
    short = [name.rpartition("/")[2] for name in names]
    return short if len(set(short)) == len(short) else list(names)


def matrix(names: Sequence[str], suite: Sequence[str], rows: Sequence[Sequence[float]]) -> Part:
    if not names:
        return (
            "There are no test scores yet. `hubselect benchmark` fine-tunes the models of the registry on "
            "its benchmark datasets, `hubselect registry import FILE` takes scores that somebody measured."
        )
    heads = _without_owner(suite)
    table = _table("Performance matrix (test scores)", "model", *heads, "mean", right=(*heads, "mean"))
    for name, row in zip(names, rows, strict=True):
        known = [v for v in row if not math.isnan(v)]
        mean = sum(known) / len(known) if known else None
        _row(table, name, *("" if math.isnan(v) else f"{v:.3f}" for v in row), score(mean))
    return table


def benchmark(report: BenchmarkReport) -> list[Part]:
    table = _table(
        "Cells filled now", "model", "dataset", "status", "test", "time", "reason", right=("test", "time")
    )
    for c in report.cells:
        _row(table, c.model, c.dataset, c.status, score(c.test), duration(c.seconds), c.reason)
    done = len(report.cells) - len(report.failed)
    summary = f"{counted(done, 'cell')} filled, {len(report.failed)} failed, {report.known} known before"
    return [*([table] if report.cells else []), summary, *changed_clusters(report.clusters)]


def added(result: Added) -> list[Part]:
    parts: list[Part] = [models(result.models, placements={p.model: p for p in result.placed})]
    if result.benchmark.cells:
        parts += benchmark(result.benchmark)
    for before, after in zip(result.before, result.after, strict=True):
        parts += [f"Clusters: {len(before.clusters)} before, {len(after.clusters)} now"]
        for m in result.models:
            home = after.of(m.id)
            if home is not None:
                others = [x for x in home.members if x != m.id]
                where = f"joins {', '.join(others)}" if others else "stands alone"
                parts.append(
                    escape(f"  {m.id} {where} (cluster {home.id}, representative {home.representative})")
                )
    return parts


def ranking(title: str, recalled: Sequence[Recalled]) -> Table:
    foreseen = any(r.predicted is not None for r in recalled)
    numbers = ("", "recall score", "mean benchmark", "proxy", "cluster")
    more = ("predicted test", "90 % interval") if foreseen else ()
    columns = ("", "model", "recall score", "mean benchmark", "proxy", "from", "cluster", *more)
    table = _table(title, *columns, right=(*numbers, *more))
    for place, r in enumerate(recalled, start=1):
        interval = () if r.low is None or r.high is None else (f"{r.low:.3f} to {r.high:.3f}",)
        _row(
            table,
            place,
            r.model,
            f"{r.recall_score:.4f}",
            "-" if math.isnan(r.prior) else score(r.prior),
            score(r.proxy_score),
            _origin(r),
            r.cluster,
            *((score(r.predicted), *interval) if foreseen else ()),
        )
    return table


def _origin(r: Recalled) -> str:
    if r.proxy_score is not None:
        who = r.model if r.representative is None else r.representative
        return f"{who}, {r.proxy_origin}"
    return "propagated (Eq. 4)" if r.proxy_origin == "propagated" else ""


def recall(found: Recall) -> list[Part]:
    by = f"{found.method}, {found.proxy}" if found.proxies else found.method
    table = ranking(f"Recalled for {found.dataset} by {by}", found.recalled)
    cost = f"cost: {found.epochs:.2f} epochs, {size(found.bytes_downloaded)} downloaded"
    return [table, *(escape(f"note: {n}") for n in found.notes), cost]


def history(verdicts: Sequence[Verdict]) -> Table:
    table = _table(
        "Fine selection",
        "stage",
        "epochs",
        "model",
        "val",
        "predicted",
        "",
        "why",
        right=("stage", "epochs", "val", "predicted"),
    )
    for v in verdicts:
        _row(
            table,
            v.stage,
            f"{v.epochs:g}",
            v.model,
            score(v.val),
            score(v.predicted),
            "goes on" if v.kept else "leaves",
            v.reason,
        )
    return table


def selection(found: Selection) -> list[Part]:
    cost, by = found.cost, f" by {found.proxy}" if found.proxy else ""
    return [
        ranking(f"Recalled for {found.dataset}{by}", found.recalled),
        history(found.history),
        f"[bold]Winner: {escape(found.model_id)}[/bold]  "
        f"validation {score(found.val_score)}, test {score(found.test_score)} ({found.metric})",
        f"cost: {cost.epochs:.2f} epochs "
        f"({cost.training_epochs:g} training, {cost.recall_epochs:.2f} recall), "
        f"{duration(cost.seconds)}, {size(cost.bytes_downloaded)} downloaded",
        *closing(found),
        *(escape(f"warning: {line}") for line in found.warnings),
        escape(f"saved in {found.path}"),
        *([escape(f"published at {found.published}")] if found.published else []),
    ]


def selections(found: Sequence[SelectionSummary]) -> Table:
    table = _table(
        counted(len(found), "selection"),
        "id",
        "dataset",
        "status",
        "model",
        "val",
        "test",
        "policy",
        "started",
        right=("id", "val", "test"),
    )
    for s in found:
        _row(table, s.id, s.dataset, s.status, s.model, score(s.val), score(s.test), s.policy, s.created_at)
    return table


def imported(done: Imported) -> list[Part]:
    report = done.report
    new = (
        f"{counted(report.models, 'model')}, {counted(report.datasets, 'dataset')}, "
        f"{counted(report.runs, 'run')}, {counted(report.points, 'curve point')} "
        f"and {counted(report.proxies, 'proxy score')} are new"
    )
    known = f"{new}; {report.unchanged} scores were known"
    return [known, *(f"recipe {r}" for r in report.recipes), *changed_clusters(done.clusters)]


def exported(written: Sequence[Path]) -> list[Part]:
    return [escape(f"wrote {p}") for p in written]


def checked(problems: Sequence[Problem]) -> list[Part]:
    if not problems:
        return ["the registry is consistent"]
    table = _table(counted(len(problems), "problem"), "what", "where", "repair")
    for p in problems:
        _row(table, p.what, p.where, p.repair)
    return [table]
