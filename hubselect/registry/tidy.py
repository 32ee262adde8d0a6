"""Raw rows of scores to checked, typed ones. A file is refused as a whole, at its first bad line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from hubselect.records import TASKS
from hubselect.registry.reading import Raw
from hubselect.registry.rows import name_problem

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_STAGE = 1_000_000


def typed(raw: Raw) -> pd.DataFrame:
    """The rows with checked columns; `InvalidInput` names file, line and fault.

    Columns: line, model, dataset, task ("" where unnamed), score, submitted (None where it is not
    said), and for proxy scores proxy; otherwise recipe ("" where unnamed), seed, val (bool: a
    validation score, not a test score), stage (0 where unknown) and epochs (NaN where unknown).
    Repeated rows appear once. The stages of a run are 1, 2, ... without gaps, and epochs grow with
    them.
    """
    import pandas as pd

    frame = raw.frame
    rows: dict[str, Any] = {"line": frame["line"].to_numpy()}
    for kind in ("model", "dataset"):
        rows[kind] = _names(raw, kind)
    rows["score"] = _numbers(raw, "score")
    rows["task"] = _choice(raw, "task", TASKS)
    rows["submitted"] = _said(raw, "submitted")
    if "proxy" in frame:
        _refuse_columns(raw, ("split", "stage", "epochs", "seed", "recipe"))
        rows["proxy"] = _names(raw, "proxy")
        return _once(raw, pd.DataFrame(rows), ["model", "dataset", "proxy", "task"])
    rows["recipe"] = _names(raw, "recipe", optional=True)
    rows["seed"] = _whole(raw, "seed", 0, 2**53)
    rows["val"] = _choice(raw, "split", ("val", "test")) == "val"
    rows["stage"] = _whole(raw, "stage", 1, _LARGEST_STAGE)
    rows["epochs"] = _numbers(raw, "epochs", optional=True)
    typed_rows = pd.DataFrame(rows)
    _refuse_first(raw, typed_rows["epochs"] <= 0, "epochs is not above 0")
    key = ["model", "dataset", "recipe", "task", "seed"]
    _complete_stages(raw, typed_rows)
    tests = _once(raw, typed_rows[~typed_rows["val"]], key)
    points = _once(raw, typed_rows[typed_rows["val"]], [*key, "stage"])
    _check_curves(raw, points, key)
    return pd.concat([points, tests], ignore_index=True)


def _cells(raw: Raw, column: str) -> np.ndarray[Any, np.dtype[Any]]:
    """The cells as Python objects; a missing one is ""."""
    if column not in raw.frame:
        return np.full(len(raw.frame), "", dtype=object)
    cells = raw.frame[column]
    values = cells.astype(object).to_numpy(copy=True)
    values[cells.isna().to_numpy()] = ""
    return values


def _names(raw: Raw, column: str, *, optional: bool = False) -> Any:
    import pandas as pd

    codes, uniques = pd.factorize(_cells(raw, column))
    names = [str(u) for u in uniques]
    for code, name in enumerate(names):
        problem = name_problem(name)
        if problem and not (optional and name == ""):
            shown = f" {name[:60]!r}" if name else ""
            raise raw.refuse(_line(raw, codes == code), f"the {column} name{shown} {problem}")
    return pd.Series(names, dtype=object).to_numpy()[codes]


def _said(raw: Raw, column: str) -> Any:
    """Free text or a time, None where a cell is empty."""
    import pandas as pd

    codes, uniques = pd.factorize(_cells(raw, column))
    # isoformat: dates of Parquet files and frames
    texts = [str(u.isoformat() if hasattr(u, "isoformat") else u).strip() for u in uniques]
    for code, text in enumerate(texts):
        if text and (problem := name_problem(text)):
            raise raw.refuse(_line(raw, codes == code), f"{column} {text[:60]!r} {problem}")
    return pd.Series([text or None for text in texts], dtype=object).to_numpy()[codes]


def _choice(raw: Raw, column: str, known: tuple[str, ...]) -> Any:
    import pandas as pd

    codes, uniques = pd.factorize(_cells(raw, column))
    for code, value in enumerate(uniques):
        if value != "" and value not in known:
            problem = f"{column} {str(value)[:40]!r} is not one of {', '.join(known)}"
            raise raw.refuse(_line(raw, codes == code), problem)
    return pd.Series([str(u) for u in uniques], dtype=object).to_numpy()[codes]


def _numbers(raw: Raw, column: str, *, optional: bool = False) -> Any:
    """Float64, NaN where an optional cell is empty; text, NaN and infinities are refused."""
    cells = _cells(raw, column)
    empty = cells == ""
    if not optional:
        _refuse_first(raw, empty, f"{column} is missing")
    values = np.full(len(cells), np.nan)
    try:
        values[~empty] = cells[~empty].astype(np.float64)  # exact: every cell goes through float()
    except (ValueError, TypeError):
        bad = np.array([not _is_number(c) for c in cells]) & ~empty
        text = str(cells[int(np.argmax(bad))])[:40]
        raise raw.refuse(_line(raw, bad), f"{column} {text!r} is not a number") from None
    _refuse_first(raw, ~empty & ~np.isfinite(values), f"{column} is not a finite number")
    return values


def _is_number(cell: object) -> bool:
    try:
        float(cell)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return False
    return True


def _whole(raw: Raw, column: str, least: int, most: int) -> Any:
    """Int64, 0 where a cell is empty or the column is absent."""
    values = _numbers(raw, column, optional=True)
    there = ~np.isnan(values)
    bad = there & ((values != np.floor(values)) | (values < least) | (values > most))
    _refuse_first(raw, bad, f"{column} is not a whole number from {least} to {most}")
    return np.where(there, values, 0).astype(np.int64)


def _complete_stages(raw: Raw, rows: pd.DataFrame) -> None:
    """Give every validation a stage and its epochs: one from the other where a column is absent."""
    val, no_stage, no_epochs = rows["val"], rows["stage"] == 0, rows["epochs"].isna()
    _refuse_first(raw, val & no_stage & no_epochs, "a validation score needs a stage or epochs")
    if (val & no_stage).any() and not (val & ~no_stage).any():
        ranks = rows.groupby(["recipe", "task"])["epochs"].rank(method="dense")
        rows["stage"] = ranks.fillna(0).astype(np.int64)
    else:
        _refuse_first(raw, val & no_stage, "stage is missing")
    if (val & ~no_epochs).any():
        _refuse_first(raw, val & no_epochs, "epochs is missing")
    else:
        rows["epochs"] = rows["epochs"].fillna(rows["stage"].where(rows["stage"] > 0).astype(float))


def _once(raw: Raw, rows: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """The rows without repetitions; refused when two rows say different things about the same."""
    again = rows.duplicated(key)
    if again.any():
        said = [c for c in ("score", "epochs") if c in rows] if "stage" in key else ["score"]
        first = rows.groupby(key, sort=False)[said].transform("first")
        differs = (first != rows[said]).any(axis=1) & ~(first.isna() & rows[said].isna()).any(axis=1)
        if differs.any():
            row = rows[differs].iloc[0]
            what = f"{row['model']} on {row['dataset']}"
            earlier = rows[(rows[key] == row[key]).all(axis=1)]["line"].iloc[0]
            raise raw.refuse(int(row["line"]), f"another score for {what} than in {raw.unit} {earlier}")
    return rows[~again]


def _check_curves(raw: Raw, points: pd.DataFrame, key: list[str]) -> None:
    ordered = points.sort_values([*key, "stage"], kind="stable")
    begins = ~ordered.duplicated(key)
    before = ordered["stage"].shift(fill_value=0).where(~begins, 0)
    gap = ordered["stage"] != before + 1
    _refuse_at(raw, ordered, gap, "the stage does not follow the one before it (1, 2, 3, ... without gaps)")
    epochs = ordered["epochs"].shift().where(~begins, 0.0)
    _refuse_at(raw, ordered, ordered["epochs"] <= epochs, "epochs does not grow with the stage")


def _refuse_columns(raw: Raw, columns: tuple[str, ...]) -> None:
    there = [c for c in columns if c in raw.frame]
    if there:
        problem = f"a file of proxy scores cannot have the column {there[0]}"
        raise raw.refuse(None, problem, "put validation and test scores into a file of their own")


def _refuse_first(raw: Raw, bad: Any, problem: str) -> None:
    if np.any(bad):
        raise raw.refuse(_line(raw, bad), problem)


def _refuse_at(raw: Raw, rows: pd.DataFrame, bad: Any, problem: str) -> None:
    if bad.any():
        row = rows[bad].sort_values("line").iloc[0]
        where = f"{row['model']} on {row['dataset']}, stage {row['stage']}"
        raise raw.refuse(int(row["line"]), f"{where}: {problem}")


def _line(raw: Raw, mask: Any) -> int:
    return int(raw.frame["line"].to_numpy()[int(np.argmax(np.asarray(mask)))])
