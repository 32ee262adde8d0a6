"""Runs and curves of two registries, matched by key: the part of a merge that works on millions of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubselect.registry.snapshot_plan import Conflict
from hubselect.registry.snapshot_tables import RUN_KEY, Tables

if TYPE_CHECKING:
    import pandas as pd


class MergedRuns:
    """The runs of a merge: which are new, which change, which stay, and the points to add."""

    def __init__(
        self, held: Tables, runs: pd.DataFrame, points: pd.DataFrame, overwrite: bool, origin: str | None
    ) -> None:
        columns = list(runs.columns)
        ours = held.runs[held.runs["recipe"].isin(set(runs["recipe"]))]
        both = runs.merge(ours, on=RUN_KEY, how="left", suffixes=("", "_had"))
        there = both["status_had"].notna()
        curves = _curve_states(held.curve_points, points, both[RUN_KEY])
        gains, clash = curves["gains"].to_numpy(), curves["clash"].to_numpy()
        done, was = both["status"] == "done", both["status_had"]
        moved = _differ(both, "model_revision") | _differ(both, "dataset_revision")
        score = done & both["test_had"].notna() & (both["test"] != both["test_had"])
        running = there & (was == "running")
        kinds = _choose(there, {"revision": moved, "score": score, "curve": clash, "unfinished": running})
        conflict = kinds.notna()
        mine = conflict & (overwrite | came_from(both["source_had"], origin))
        completes = there & ~conflict & ((done & (was != "done")) | (was.isin(["done", "stopped"]) & gains))
        self.new = both.loc[~there, columns]
        self.changed = both.loc[mine | (completes & done & (was != "done")), columns]
        self.dropped = both.loc[mine, RUN_KEY]
        self.points = _points(held.curve_points, points, both[RUN_KEY], ~there | mine, completes)
        self.completed = int(completes.sum())
        self.unchanged = int((there & ~conflict & ~completes).sum())
        self.conflicts = _conflicts(both[conflict], kinds[conflict], mine[conflict])


def _differ(both: pd.DataFrame, column: str) -> Any:
    ours, theirs = both[f"{column}_had"], both[column]
    return ours.notna() & theirs.notna() & (ours != theirs)


def came_from(sources: Any, origin: str | None) -> Any:
    """Which of the sources begin with `origin`; none when it is None."""
    if origin is None:
        return sources.notna() & False
    return sources.fillna("").astype(str).str.startswith(origin)


def _choose(there: Any, cases: dict[str, Any]) -> Any:
    """The first case that applies to each row, None where none does or the row is new."""
    import pandas as pd

    kinds = pd.Series([None] * len(there), index=there.index, dtype=object)
    for kind, applies in cases.items():
        kinds[there & applies & kinds.isna()] = kind
    return kinds


def _curve_states(held: pd.DataFrame, incoming: pd.DataFrame, keys: pd.DataFrame) -> pd.DataFrame:
    """For each key: whether the curves clash where both have a stage, and whether the held one can grow."""
    import pandas as pd

    both = incoming.merge(held, on=[*RUN_KEY, "stage"], how="left", suffixes=("", "_had"))
    absent = both["val_had"].isna()
    other = (both["val"] != both["val_had"]) | (both["epochs"] != both["epochs_had"])
    states = both[RUN_KEY].assign(clash=~absent & other, gains=absent)
    found = states.groupby(RUN_KEY, sort=False)[["clash", "gains"]].any().reset_index()
    joined = keys.merge(found, on=RUN_KEY, how="left")
    return pd.DataFrame({c: joined[c].eq(True) for c in ("clash", "gains")})


def _points(
    held: pd.DataFrame, incoming: pd.DataFrame, keys: pd.DataFrame, whole: Any, more: Any
) -> pd.DataFrame:
    """All points of the runs in `whole`, and of the runs in `more` those of stages that are not held."""
    all_of = incoming.merge(keys[whole], on=RUN_KEY)
    some = incoming.merge(keys[more], on=RUN_KEY)
    stages = held[[*RUN_KEY, "stage"]].assign(there=True)
    some = some.merge(stages, on=[*RUN_KEY, "stage"], how="left")
    missing = some[some["there"].isna()].drop(columns="there")
    import pandas as pd

    return pd.concat([part for part in (all_of, missing) if len(part)] or [all_of], ignore_index=True)


def _conflicts(rows: pd.DataFrame, kinds: Any, mine: Any) -> list[Conflict]:
    found = []
    for row, kind, taken in zip(rows.to_dict("records"), kinds, mine, strict=True):
        ours, theirs = row["test_had"], row["test"]
        if kind == "revision":
            column = "model_revision" if _other(row, "model_revision") else "dataset_revision"
            ours, theirs = row[f"{column}_had"], row[column]
        key = (row["model"], row["dataset"], row["recipe"], int(row["seed"]))
        found.append(Conflict(kind, *key, _known(ours), _known(theirs), "incoming" if taken else "held"))
    return found


def _known(value: float | str) -> float | str | None:
    return None if value != value else value  # NaN is the null of a frame


def _other(row: dict[Any, Any], column: str) -> bool:
    ours, theirs = row[f"{column}_had"], row[column]
    return isinstance(ours, str) and isinstance(theirs, str) and ours != theirs
