"""Typed rows of an import against what the registry holds: only what is new is written, in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlmodel import Session, col

from hubselect.records import models_for
from hubselect.registry.bulk import in_chunks
from hubselect.registry.import_recipes import import_recipe
from hubselect.registry.reading import Raw
from hubselect.registry.rows import now
from hubselect.registry.score_tables import of_recipe
from hubselect.registry.tables import CurvePointRow, DatasetRow, ModelRow, ProxyScoreRow, RunRow

if TYPE_CHECKING:
    import pandas as pd

_BATCH = 50_000
_FEW = 500  # models asked for by name
_KEY = ["model_id", "dataset_id", "seed"]
_NO_TEST = "the imported scores hold no test score"
_OTHERWISE = "import it under a recipe of its own (--recipe NAME)"


class Names:
    """The models and datasets that the registry knows while an import is under way."""

    def __init__(self, session: Session, raw: Raw, rows: pd.DataFrame) -> None:
        self._session, self._raw = session, raw
        self._wanted = {kind: rows[kind].unique().tolist() for kind in ("model", "dataset")}
        self._known = {kind: self._load(kind, wanted) for kind, wanted in self._wanted.items()}

    def _load(self, kind: str, names: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Row numbers and tasks by name, asked for by name: the registry may know a million others."""
        rows: Any = ModelRow if kind == "model" else DatasetRow
        name = rows.repo_id if kind == "model" else rows.name
        found: dict[str, tuple[int, str]] = {}
        for part in in_chunks(names):
            query = sa.select(name, rows.id, rows.task).where(name.in_(part))
            found |= {n: (i, t) for n, i, t in self._session.execute(query)}
        return found

    def give_tasks(self, rows: pd.DataFrame, task: str | None) -> None:
        """Fill `rows.task` where it is unnamed; refuse a model or dataset of two tasks."""
        if task is not None:
            other = rows[~rows["task"].isin(["", task])]
            if len(other):
                row = other.iloc[0]
                raise self._raw.refuse(int(row["line"]), f"the task is {row['task']}, not {task}")
        rows["task"] = rows["task"].where(rows["task"] != "", task or self._common_task(rows))
        for kind in ("model", "dataset"):
            seen = {name: known for name, (_, known) in self._known[kind].items()}
            firsts = rows.drop_duplicates([kind, "task"])
            tasks = firsts["task"].map(models_for) if kind == "model" else firsts["task"]
            for line, name, of_row in zip(firsts["line"], firsts[kind], tasks, strict=True):
                if seen.setdefault(name, of_row) != of_row:
                    problem = f"the {kind} {name} is known for {seen[name]}, not for {of_row}"
                    raise self._raw.refuse(int(line), problem, f"name the task: --task {seen[name]}")

    def _common_task(self, rows: pd.DataFrame) -> str:
        """The one task by which the datasets are known, else that of the models, else text classification."""
        for kind in ("dataset", "model"):
            names = self._known[kind]
            known = {names[name][1] for name in rows[kind].unique() if name in names}
            if known:
                return known.pop() if len(known) == 1 else "text-classification"
        return "text-classification"

    def add(self, kind: str, rows: pd.DataFrame) -> int:
        """Store the names that are new and give `rows` the column of ids; returns how many were new."""
        known = self._known[kind]
        firsts = rows.drop_duplicates(kind)
        new = [(n, t) for n, t in zip(firsts[kind], firsts["task"], strict=True) if n not in known]
        empty: dict[str, Any] = {"created_at": now()}
        if kind == "model":
            models = {"weights_files": [], "labels": [], **empty}
            values = [{"repo_id": n, "task": models_for(t), **models} for n, t in new]
            _insert(self._session, ModelRow, values)
        else:
            empty |= {"text_columns": [], "label_names": [], "splits": {}, "role": "benchmark"}
            _insert(self._session, DatasetRow, [{**_split_name(n), "task": t, **empty} for n, t in new])
        known |= self._load(kind, [name for name, _ in new])
        rows[f"{kind}_id"] = rows[kind].map({name: i for name, (i, _) in known.items()})
        return len(new)


def _split_name(name: str) -> dict[str, str | None]:
    repo_id, _, config = name.partition(":")
    return {"name": name, "repo_id": repo_id, "config": config or None}


def merge_runs(
    session: Session, raw: Raw, rows: pd.DataFrame, default_recipe: str, source: str
) -> dict[str, Any]:
    """Store scores as runs, one recipe per name and task; returns the counts of `ImportReport`."""
    counts: dict[str, Any] = {"runs": 0, "points": 0, "unchanged": 0}
    rows["recipe"] = rows["recipe"].where(rows["recipe"] != "", default_recipe)
    recipes = []
    for (name, task), group in rows.groupby(["recipe", "task"], sort=False):
        recipe = import_recipe(session, str(name), str(task), group)
        ids = _merge_tests(session, raw, group, recipe.digest, source, counts)
        _merge_points(session, raw, group[group["val"]], ids, counts)
        recipes.append(recipe)
    counts["recipes"] = tuple(r.digest for r in recipes)
    counts["recipe"] = recipes[0].digest if len(recipes) == 1 else None
    counts["replaced"] = tuple(r.replaced for r in recipes if r.replaced)
    counts["warnings"] = tuple(r.warning for r in recipes if r.warning)
    return counts


def _merge_tests(
    session: Session, raw: Raw, rows: pd.DataFrame, digest: str, source: str, counts: dict[str, Any]
) -> pd.DataFrame:
    """Store the runs and their test scores; returns the ids of the recipe's runs of these models."""
    tests = rows.loc[~rows["val"], [*_KEY, "score", "line"]].rename(columns={"score": "test"})
    # the test score's, else the last validation's: points come before tests, stages in order
    said = rows[[*_KEY, "submitted"]].drop_duplicates(_KEY, keep="last")
    runs = said.merge(tests, on=_KEY, how="left")
    models = [int(i) for i in rows["model_id"].unique()]
    runs = runs.merge(_runs_of(session, digest, models), on=_KEY, how="left")
    there, tested = runs["run_id"].notna(), runs["test"].notna()
    differs = there & tested & runs["had"].notna() & (runs["test"] != runs["had"])
    _refuse_conflict(raw, runs[differs], rows)
    gained = there & tested & runs["had"].isna()
    _insert(session, RunRow, _new_runs(runs[~there], digest, source))
    for run_id, test in runs.loc[gained, ["run_id", "test"]].itertuples(index=False):
        done = {"test": test, "status": "done", "reason": None}
        session.execute(sa.update(RunRow).where(col(RunRow.id) == int(run_id)).values(done))
    counts["runs"] += int((~there).sum() + gained.sum())
    counts["unchanged"] += int((there & tested & ~gained).sum())
    return _runs_of(session, digest, models)


def _runs_of(session: Session, digest: str, models: list[int]) -> pd.DataFrame:
    """The recipe's runs of a few models, or all of them: one model more must not cost a whole matrix."""
    query: Any = sa.select(
        col(RunRow.id).label("run_id"), col(RunRow.model_id), col(RunRow.dataset_id), col(RunRow.seed),
        col(RunRow.test).label("had"),
    ).where(of_recipe(digest), col(RunRow.selection_id).is_(None))  # fmt: skip
    if len(models) <= _FEW:
        query = query.where(col(RunRow.model_id).in_(models))  # by their index, not by the recipe's
    return _frame(session, query, {"run_id": "int64", **dict.fromkeys(_KEY, "int64"), "had": "float64"})


def _new_runs(runs: pd.DataFrame, digest: str, source: str) -> list[dict[str, Any]]:
    shared = {"recipe_digest": digest, "source": source, "created_at": now()}
    done = {"status": "done", "reason": None}
    stopped = {"status": "stopped", "reason": _NO_TEST, "test": None}
    values = _records(runs[[*_KEY, "test", "submitted"]])
    return [{**v, **shared, **(done if v["test"] == v["test"] else stopped)} for v in values]


def _merge_points(
    session: Session, raw: Raw, points: pd.DataFrame, ids: pd.DataFrame, counts: dict[str, Any]
) -> None:
    first, last = int(ids["run_id"].min()), int(ids["run_id"].max())
    held: Any = sa.select(
        col(CurvePointRow.run_id), col(CurvePointRow.stage), col(CurvePointRow.epochs).label("had_epochs"),
        col(CurvePointRow.val).label("had"),
    )  # fmt: skip
    few = len(ids) <= _FEW  # which may lie far apart among millions
    held = held.where(col(CurvePointRow.run_id).in_(ids["run_id"].tolist()) if few else
                      col(CurvePointRow.run_id).between(first, last))  # fmt: skip
    types = {"run_id": "int64", "stage": "int64", "had_epochs": "float64", "had": "float64"}
    points = points.merge(ids[["run_id", *_KEY]], on=_KEY)
    merged = points.merge(_frame(session, held, types), on=["run_id", "stage"], how="left")
    there = merged["had"].notna()
    differs = there & ((merged["score"] != merged["had"]) | (merged["epochs"] != merged["had_epochs"]))
    _refuse_conflict(raw, merged[differs], points)
    new = merged.loc[~there, ["run_id", "stage", "epochs", "score"]].rename(columns={"score": "val"})
    new["seconds"] = 0.0
    _insert(session, CurvePointRow, _records(new))
    counts["points"] += len(new)
    counts["unchanged"] += int(there.sum())


def _refuse_conflict(raw: Raw, differing: pd.DataFrame, rows: pd.DataFrame) -> None:
    if len(differing):
        line = int(differing["line"].min())
        row = rows[rows["line"] == line].iloc[0]
        problem = f"the registry already holds another score for {row['model']} on {row['dataset']}"
        raise raw.refuse(line, problem, _OTHERWISE)


def merge_proxies(session: Session, raw: Raw, rows: pd.DataFrame, source: str) -> dict[str, Any]:
    """Store proxy scores; imported ones are replaced, computed ones never are."""
    key = ["model_id", "dataset_id", "proxy"]
    held: Any = sa.select(
        col(ProxyScoreRow.model_id), col(ProxyScoreRow.dataset_id), col(ProxyScoreRow.proxy),
        col(ProxyScoreRow.score).label("had"), col(ProxyScoreRow.origin),
    )  # fmt: skip
    models = [int(i) for i in rows["model_id"].unique()]
    if len(models) <= _FEW:
        held = held.where(col(ProxyScoreRow.model_id).in_(models))
    types = {
        "model_id": "int64",
        "dataset_id": "int64",
        "proxy": "object",
        "had": "float64",
        "origin": "object",
    }
    merged = rows.merge(_frame(session, held, types), on=key, how="left")
    there = merged["had"].notna()
    changed = there & (merged["score"] != merged["had"])
    computed = merged[changed & (merged["origin"] != "imported")]
    if len(computed):
        row = computed.sort_values("line").iloc[0]
        problem = (
            f"{row['proxy']} of {row['model']} on {row['dataset']} was computed here, with another value"
        )
        raise raw.refuse(int(row["line"]), problem, "give the imported proxy a name of its own")
    shared = {"origin": "imported", "source": source, "created_at": now()}
    written = [*key, "score", "submitted"]
    for values in _records(merged.loc[changed, written]):
        which = {name: values.pop(name) for name in key}
        session.execute(sa.update(ProxyScoreRow).filter_by(**which).values(**values, **shared))
    _insert(session, ProxyScoreRow, [{**v, **shared} for v in _records(merged.loc[~there, written])])
    return {"proxies": int((~there).sum() + changed.sum()), "unchanged": int((there & ~changed).sum())}


def _frame(session: Session, query: Any, types: dict[str, str]) -> pd.DataFrame:
    import pandas as pd

    found = session.execute(query).all()
    return pd.DataFrame([tuple(row) for row in found], columns=list(types)).astype(types)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as dicts of plain Python values, None for a text that is missing."""
    if "submitted" in frame:
        texts = frame["submitted"].astype(object)
        frame = frame.assign(submitted=texts.where(texts.notna(), None).astype(object))
    names = list(frame.columns)
    return [
        dict(zip(names, row, strict=True)) for row in zip(*(frame[n].tolist() for n in names), strict=True)
    ]


def _insert(session: Session, rows: type[Any], values: list[dict[str, Any]]) -> None:
    statement = sa.insert(rows.__table__)
    for start in range(0, len(values), _BATCH):
        session.connection().execute(statement, values[start : start + _BATCH])
