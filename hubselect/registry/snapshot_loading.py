"""A registry's own content as `Tables`: everything to merge with, or only what may leave."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.registry.rows import IMPORTED
from hubselect.registry.snapshot_tables import RUN_KEY, TABLES, Row, Tables, frame
from hubselect.registry.tables import (
    CurvePointRow,
    DatasetRow,
    HubResultRow,
    ModelRow,
    ProxyScoreRow,
    RecipeRow,
    RunRow,
)

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 500
_FEW = 5_000  # models asked for by name
_PART = 20_000

# Absolute and relative paths, tokens and passwords: nothing that holds one leaves this machine.
_PRIVATE = re.compile(
    r"(?:^|[\s:='\"(])(?:/|~|\.{1,2}/|[A-Za-z]:[\\/])|\\|^\.{1,2}$|file:|hf_[A-Za-z0-9]{20,}|://[^/]*@"
)


def is_private(name: str) -> bool:
    """Whether a name looks like a path of this machine, a token or an address with a password."""
    return _PRIVATE.search(name) is not None


def held(session: Session, incoming: Tables) -> Tables:
    """What the registry holds that `incoming` may meet: also unfinished runs and targets."""
    names = [m["id"] for m in incoming.models]
    models = names if len(names) <= _FEW else None  # else all rows, in one query
    return Tables(
        models=_rows(session, "models", ModelRow, ModelRow.repo_id, names),
        datasets=_rows(session, "datasets", DatasetRow, None),
        recipes=_recipes(session),
        runs=_runs(session, models=models),
        curve_points=_points(session, models),
        proxy_scores=_proxies(session, models),
        hub_results=_claims(session, models),
    )


def shareable(session: Session) -> tuple[Tables, int]:
    """What may leave: benchmark results, what they were measured on and with; and how many rows of
    local names were left out.

    Failed and running runs, runs of selections, target datasets and everything known about them,
    models that were only seen in a listing, and reasons (they quote local errors) stay here.
    """
    found = Tables(
        models=_rows(session, "models", ModelRow, None),
        datasets=_rows(session, "datasets", DatasetRow, None, role="benchmark"),
        recipes=_recipes(session),
        runs=_runs(session, statuses=("done", "stopped")),
        curve_points=_points(session),
        proxy_scores=_proxies(session),
        hub_results=_claims(session),
    )
    return _without_private(found)


def _without_private(found: Tables) -> tuple[Tables, int]:
    models = [_public(m) for m in found.models if not is_private(m["id"])]
    datasets = [d for d in found.datasets if not is_private(d["id"])]
    recipes = [r for r in found.recipes if not is_private(r["name"].removeprefix(IMPORTED))]
    benchmark = {_name(d) for d in found.datasets}
    known = {
        "model": {m["id"] for m in models},
        "dataset": {_name(d) for d in datasets},
        "recipe": {r["digest"] for r in recipes},
    }
    on_benchmarks = found.runs[found.runs["dataset"].isin(benchmark)]
    runs = _among(on_benchmarks, known)
    withheld = len(found.models) - len(models) + len(found.datasets) - len(datasets)
    withheld += len(on_benchmarks) - len(runs)
    used = set(runs["recipe"])
    points = found.curve_points.merge(runs[RUN_KEY], on=RUN_KEY)
    proxies = _among(found.proxy_scores, known)
    for rows in (runs, proxies):
        _replace(rows, "source", _public_source)
        _replace(rows, "submitted", _public_date)
    claims = found.hub_results[found.hub_results["model"].isin(known["model"])]
    results = set(runs["model"]) | set(proxies["model"])
    return Tables(
        models=[m for m in models if not m["indexed_only"] or m["id"] in results],
        datasets=datasets,
        recipes=[r for r in recipes if r["digest"] in used],
        runs=runs,
        curve_points=points,
        proxy_scores=proxies,
        hub_results=claims[~claims["dataset"].map(is_private).astype(bool)],
    ), withheld


def _among(rows: pd.DataFrame, known: dict[str, set[str]]) -> pd.DataFrame:
    keep = rows["model"].isin(known["model"]) & rows["dataset"].isin(known["dataset"])
    if "recipe" in rows:
        keep &= rows["recipe"].isin(known["recipe"])
    return rows[keep].reset_index(drop=True)


def _public(model: Row) -> Row:
    base = model["base_model"]
    return {**model, "base_model": None if base and is_private(base) else base}


def _replace(rows: pd.DataFrame, column: str, public: Callable[[str], str | None]) -> None:
    """Few texts are different, however many rows there are."""
    texts = {text: public(text) for text in rows[column].dropna().unique()}
    changed = {text: new for text, new in texts.items() if new != text}
    for text, new in changed.items():
        rows.loc[rows[column] == text, column] = new


def _public_date(said: str) -> str | None:
    return None if is_private(said) else said


def _public_source(source: str) -> str:
    bare = source.removeprefix(IMPORTED)
    return "imported" if is_private(bare) else source


def _name(dataset: Row) -> str:
    return f"{dataset['id']}:{dataset['config']}" if dataset["config"] else str(dataset["id"])


def _rows(
    session: Session, table: str, rows: Any, key: Any, names: Iterable[str] = (), **wanted: str
) -> list[Row]:
    """Rows of a table; with `key` only those of the given names."""
    columns = list(TABLES[table])
    query = sa.select(*(getattr(rows, "repo_id" if c == "id" else c) for c in columns)).filter_by(**wanted)
    queries = [query] if key is None else [query.where(col(key).in_(b)) for b in _batches(names)]
    if table == "models" and key is None:
        queries = [query.where(_has_results())]
    return [dict(zip(columns, row, strict=True)) for q in queries for row in session.execute(q)]


def _has_results() -> Any:
    of_model = col(ModelRow.id)
    return (
        ~col(ModelRow.indexed_only)
        | of_model.in_(sa.select(col(RunRow.model_id)))
        | of_model.in_(sa.select(col(ProxyScoreRow.model_id)))
    )


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(names)
    for start in range(0, len(ordered), _BATCH):
        yield ordered[start : start + _BATCH]


def _recipes(session: Session) -> list[Row]:
    columns = ("digest", "task", "name", "origin", "content")
    query = sa.select(*(getattr(RecipeRow, c) for c in columns))
    return [dict(zip(columns, row, strict=True)) for row in session.execute(query)]


def _joined(query: Any, rows: Any) -> Any:
    return (
        query.select_from(rows)
        .join(ModelRow, col(ModelRow.id) == rows.model_id)
        .join(DatasetRow, col(DatasetRow.id) == rows.dataset_id)
    )


def _key() -> tuple[Any, ...]:
    return col(ModelRow.repo_id), col(DatasetRow.name), col(RunRow.recipe_digest), col(RunRow.seed)


def _read(session: Session, table: str, query: Any, models: list[str] | None) -> pd.DataFrame:
    """The rows of a query, of the named models alone when some are named; in parts."""
    queries = [query]
    if models is not None:
        queries = [query.where(col(ModelRow.repo_id).in_(batch)) for batch in _batches(models)]
    options = {"yield_per": _PART}
    rows = (row for q in queries for row in session.execute(q.execution_options(**options)))
    return frame(table, rows)


def _runs(session: Session, statuses: tuple[str, ...] = (), models: list[str] | None = None) -> pd.DataFrame:
    run = RunRow
    query = sa.select(
        *_key(), col(run.status), col(run.test), col(run.seconds), col(run.source), col(run.submitted),
        col(run.model_revision), col(run.dataset_revision),
    ).where(col(run.selection_id).is_(None))  # fmt: skip
    if statuses:
        query = query.where(col(run.status).in_(statuses))
    return _read(session, "runs", _joined(query, run), models)


def _points(session: Session, models: list[str] | None = None) -> pd.DataFrame:
    point = CurvePointRow
    query = sa.select(*_key(), col(point.stage), col(point.epochs), col(point.val), col(point.seconds))
    query = _joined(query.where(col(RunRow.selection_id).is_(None)), RunRow)
    query = query.join(point, col(point.run_id) == col(RunRow.id))
    return _read(session, "curve_points", query, models)


def _proxies(session: Session, models: list[str] | None = None) -> pd.DataFrame:
    row = ProxyScoreRow
    query = sa.select(
        col(ModelRow.repo_id), col(DatasetRow.name), col(row.proxy), col(row.score), col(row.origin),
        col(row.source), col(row.submitted), col(row.model_revision), col(row.dataset_revision),
    )  # fmt: skip
    return _read(session, "proxy_scores", _joined(query, row), models)


def _claims(session: Session, models: list[str] | None = None) -> pd.DataFrame:
    row = HubResultRow
    query = sa.select(
        col(row.repo_id), col(row.revision), col(row.dataset), col(row.config), col(row.split),
        col(row.metric), col(row.value),
    )  # fmt: skip
    query = query.join(ModelRow, col(ModelRow.id) == col(row.model_id))
    return _read(session, "hub_results", query, models)
