"""Files and frames of scores as they come: cells still raw, every row with the line it stands on.

What a cell means is `tidy.py`'s business; here a file is only opened, and refused when it is
not what its name says.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "model", "dataset", "score", "proxy", "split", "stage", "epochs", "seed", "recipe", "task", "submitted"
)  # fmt: skip
_LINE = "#line"
REQUIRED = ("model", "dataset", "score")
MEND = "mend it and import it again: nothing was imported"
_HINT = (
    "name them with --columns model=A,dataset=B,score=C; optional: stage, epochs, split, seed, recipe, task, "
    "submitted, or proxy"
)


@dataclass(frozen=True)
class Raw:
    """`frame` has columns of `COLUMNS` (those that are there) and `line`, the row's place in `name`.

    `unit` says what `line` counts: "line" of a text file, "row" of anything else.
    """

    frame: pd.DataFrame
    name: str
    stem: str
    unit: str = "line"

    def refuse(self, line: int | None, problem: str, hint: str | None = None) -> InvalidInput:
        """The error for this source: its name, the line and what is wrong there."""
        at = self.name if line is None else f"{self.name}, {self.unit} {line}"
        return InvalidInput(f"{at}: {problem}", hint or MEND)


def read_scores(source: pd.DataFrame | str | Path, columns: Mapping[str, str] | None) -> Raw:
    """Open a tidy CSV (also .gz), a Parquet file or a frame; `columns` maps our names to its own.

    Raises `InvalidInput` for anything that cannot be read or lacks a column.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        return _named(Raw(source.reset_index(drop=True), "the frame", "frame", "row"), columns)
    path = Path(source).expanduser()
    name = path.name
    if path.is_dir():
        raise InvalidInput(
            f"{path} is a folder", "for the authors' layout add --format matrix; else name a file"
        )
    stem = re.sub(r"(\.csv|\.tsv|\.txt)?(\.gz)?$|\.parquet$|\.pq$", "", name, flags=re.IGNORECASE) or name
    if name.lower().endswith((".parquet", ".pq")):
        return _named(Raw(_parquet(path), name, stem, "row"), columns)
    return _named(Raw(_csv(path), name, stem), columns)


def _csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        cells = pd.read_csv(
            path,
            header=None,
            index_col=False,
            dtype=str,
            keep_default_na=False,
            skip_blank_lines=False,
            encoding="utf-8-sig",
            sep="\t" if ".tsv" in path.name.lower() else ",",
            compression="gzip" if path.name.lower().endswith(".gz") else None,
        )
    except pd.errors.EmptyDataError:
        raise InvalidInput(f"{path.name}: the file is empty", MEND) from None
    except pd.errors.ParserError as error:
        raise InvalidInput(f"{path.name}: {_parser_problem(error)}", MEND) from None
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name}: it is not UTF-8 text", MEND) from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(path, error) from None
    frame = cells.iloc[1:].reset_index(drop=True)
    frame.columns = pd.Index([str(c).strip() for c in cells.iloc[0]])
    blank = (frame.fillna("") == "").all(axis=1)
    frame[_LINE] = range(2, len(frame) + 2)
    return frame[~blank].reset_index(drop=True)


def _parser_problem(error: Exception) -> str:
    found = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", str(error))
    if found:
        return f"line {found[2]} has {found[3]} columns, not {found[1]}"
    return " ".join(str(error).split())


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow

    try:
        return pd.read_parquet(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise unreadable(path, error) from None


def unreadable(path: Path, error: Exception) -> InvalidInput:
    """The error for a file that cannot be opened or decoded."""
    if not path.exists():
        return InvalidInput(f"there is no file {path}", "give the path of a CSV or Parquet file")
    reason = (isinstance(error, OSError) and error.strerror) or str(error)
    return InvalidInput(f"{path.name} cannot be read: {reason}", MEND)


def _named(raw: Raw, columns: Mapping[str, str] | None) -> Raw:
    """The same rows with our names for columns, and without the columns that mean nothing to us."""
    frame = raw.frame
    there = [str(c) for c in frame.columns]
    given = _mapping(raw, columns or {}, there)
    # a column that was given another meaning keeps only that one
    chosen = {name: name for name in COLUMNS if name in there and name not in given.values()} | given
    missing = [name for name in REQUIRED if name not in chosen]
    if missing:
        raise raw.refuse(None, f"no column {', '.join(missing)} among {_few(there)}", _HINT)
    for name, column in chosen.items():
        if there.count(column) > 1:
            raise raw.refuse(None, f"two columns are called {column} (needed for {name})")
    renamed: dict[str, Any] = {name: frame.iloc[:, there.index(column)] for name, column in chosen.items()}
    import pandas as pd

    lines = frame[_LINE] if raw.unit == "line" else range(1, len(frame) + 1)
    named = pd.DataFrame({**renamed, "line": lines})
    if named.empty:
        raise raw.refuse(None, "it holds no rows")
    return Raw(named, raw.name, raw.stem, raw.unit)


def _mapping(raw: Raw, columns: Mapping[str, str], there: list[str]) -> dict[str, str]:
    for name, column in columns.items():
        if name not in COLUMNS:
            raise InvalidInput(f"{name!r} is not a column of scores", _HINT)
        if column not in there:
            raise raw.refuse(None, f"no column {column} among {_few(there)}", "check --columns")
    return dict(columns)


def _few(names: Iterable[str]) -> str:
    shown = [n[:40] for n in names if n != _LINE]
    return ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "")
