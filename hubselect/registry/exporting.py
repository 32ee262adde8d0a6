"""Results as files that `import_scores` reads back: tidy CSV (also .gz) or Parquet."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.errors import InvalidInput, KnowledgeMissing
from hubselect.registry.base import Connected
from hubselect.registry.entries import of_pinned
from hubselect.registry.tables import (
    CurvePointRow,
    DatasetRow,
    ModelRow,
    ProxyScoreRow,
    RecipeRow,
    RunRow,
)

if TYPE_CHECKING:
    import pandas as pd

What = Literal["scores", "curves", "proxies", "all"]
_SUFFIXES = (".csv", ".csv.gz", ".parquet")
_RUN = ["model", "dataset", "recipe", "task", "seed", "stage", "epochs", "split", "score", "submitted"]
_PROXY = ["model", "dataset", "proxy", "score", "task", "submitted"]


class Exporting(Connected):
    """The part of the registry that hands results out."""

    def export(self, path: str | Path, *, what: What = "scores") -> tuple[Path, ...]:
        """Write results of the pinned revisions to `path`; returns the files written.

        `what`: "scores" (test scores of finished benchmark runs), "curves" (those and the validation
        curves), "proxies", or "all": `path` is then a folder for scores.csv, curves.csv and
        proxies.csv (those that have rows). The suffix chooses the format: .csv, .csv.gz, .parquet.
        `import_scores` reads every one back. Raises `InvalidInput` for another suffix or a place
        that cannot be written, `KnowledgeMissing` when there is nothing to export.
        """
        if what not in ("scores", "curves", "proxies", "all"):
            raise InvalidInput(f"{what!r} cannot be exported", "choose scores, curves, proxies or all")
        target = Path(path).expanduser()
        if what != "all" and not target.name.lower().endswith(_SUFFIXES):
            raise InvalidInput(f"{target.name} has no known suffix", f"use one of {', '.join(_SUFFIXES)}")
        if what == "all" and target.name.lower().endswith(_SUFFIXES):
            raise InvalidInput(f"{target.name} is one file, but all results are several", "name a folder")
        parts = ("scores", "curves", "proxies") if what == "all" else (what,)
        with self._database.read() as session:
            frames = {part: _rows(session, part) for part in parts}
        files: dict[Path, pd.DataFrame] = {}
        for part, frame in frames.items():
            if len(frame):
                if frame["submitted"].isna().all():
                    frame = frame.drop(columns="submitted")
                files[target / f"{part}.csv" if what == "all" else target] = frame
        if not files:
            kind = "results" if what == "all" else what
            raise KnowledgeMissing(
                f"the registry holds no {kind} to export", "import or benchmark some first"
            )
        _write(files)
        return tuple(files)


def _rows(session: Session, part: str) -> pd.DataFrame:
    if part == "proxies":
        return _proxies(session)
    frame = _tests(session)
    if part == "curves":
        import pandas as pd

        frame = pd.concat([_points(session), frame], ignore_index=True)
    frame = frame.sort_values(["model", "dataset", "digest", "seed", "split", "stage"], ascending=True)
    frame["recipe"] = frame["digest"].map(_labels(session))
    return frame[_RUN].sort_values(["model", "dataset", "recipe", "seed"], kind="stable")


def _labels(session: Session) -> dict[str, str]:
    """The name of each recipe; with its digest where another recipe has the same name."""
    rows = session.execute(sa.select(col(RecipeRow.digest), col(RecipeRow.name), col(RecipeRow.task))).all()
    named = [(name, task) for _, name, task in rows]
    return {d: name if named.count((name, task)) == 1 else f"{name}@{d}" for d, name, task in rows}


def _joined(rows: Any, query: Any) -> Any:
    return (
        query.select_from(rows)
        .join(ModelRow, col(ModelRow.id) == rows.model_id)
        .join(DatasetRow, col(DatasetRow.id) == rows.dataset_id)
        .where(of_pinned(rows))
    )


def _runs(query: Any) -> Any:
    return (
        _joined(RunRow, query)
        .join(RecipeRow, col(RecipeRow.digest) == col(RunRow.recipe_digest))
        .where(col(RunRow.selection_id).is_(None), col(RunRow.status).in_(["done", "stopped"]))
    )


def _key() -> tuple[Any, ...]:
    return (
        col(ModelRow.repo_id), col(DatasetRow.name), col(RunRow.recipe_digest), col(RecipeRow.task),
        col(RunRow.seed),
    )  # fmt: skip


def _tests(session: Session) -> pd.DataFrame:
    # stage and epochs are the recipe's, so that a file of test scores alone brings back the recipe
    query = _runs(
        sa.select(
            *_key(), col(RecipeRow.stages), col(RecipeRow.epochs), col(RunRow.test), col(RunRow.submitted)
        )
    )
    return _frame(session, query.where(col(RunRow.test).is_not(None)), "test")


def _points(session: Session) -> pd.DataFrame:
    point = CurvePointRow
    query = _runs(
        sa.select(*_key(), col(point.stage), col(point.epochs), col(point.val), col(RunRow.submitted))
    )
    return _frame(session, query.join(point, col(point.run_id) == col(RunRow.id)), "val")


def _frame(session: Session, query: Any, split: str) -> pd.DataFrame:
    import pandas as pd

    names = ["model", "dataset", "digest", "task", "seed", "stage", "epochs", "score", "submitted"]
    frame = pd.DataFrame([tuple(row) for row in session.execute(query)], columns=names)
    types = {"seed": "int64", "stage": "int64", "epochs": "float64", "score": "float64"}
    return frame.astype(types).assign(split=split)


def _proxies(session: Session) -> pd.DataFrame:
    import pandas as pd

    query = _joined(
        ProxyScoreRow,
        sa.select(
            col(ModelRow.repo_id), col(DatasetRow.name), col(ProxyScoreRow.proxy), col(ProxyScoreRow.score),
            col(DatasetRow.task), col(ProxyScoreRow.submitted),
        ),
    )  # fmt: skip
    frame = pd.DataFrame([tuple(row) for row in session.execute(query)], columns=_PROXY)
    return frame.sort_values(["model", "dataset", "proxy"])


def _write(files: dict[Path, pd.DataFrame]) -> None:
    """Write everything beside its target, then move: a reader never sees half a file, and a disk that is
    full leaves all of them or none."""
    drafts = {target: target.with_name(f".{os.getpid()}-{target.name}") for target in files}
    target = next(iter(files))
    try:
        for target, draft in drafts.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_draft(files[target], draft)
        for target, draft in drafts.items():
            os.replace(draft, target)
    except OSError as error:
        raise InvalidInput(
            f"{target} cannot be written: {error.strerror or error}", "choose another path"
        ) from None
    finally:
        for draft in drafts.values():
            with suppress(OSError):
                draft.unlink(missing_ok=True)


def _write_draft(frame: pd.DataFrame, draft: Path) -> None:
    if draft.suffix.lower() == ".parquet":
        frame.to_parquet(draft, index=False)
    else:
        frame.to_csv(draft, index=False, compression="gzip" if draft.suffix == ".gz" else None)
