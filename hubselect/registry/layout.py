"""The paper authors' layout of a performance matrix: `matrix.txt` and, beside it, `datasets.txt`.

`matrix.txt` starts with a row of model names, tab separated, and goes on with one row of scores
per dataset, in the order of `datasets.txt`. `--` in a model name stands for the `/` of a Hub id,
and a score <= 0 for a missing one (the authors' convention: it never becomes a cell here).
"""

from __future__ import annotations

import math
from pathlib import Path

from hubselect.errors import InvalidInput
from hubselect.registry.reading import MEND, Raw, unreadable


def read_layout(folder: str | Path) -> Raw:
    """The matrix as tidy rows. Raises `InvalidInput` naming file and line of the first fault."""
    import pandas as pd

    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise InvalidInput(
            f"{folder} is not a folder", "give --format matrix a folder with matrix.txt and datasets.txt"
        )
    rows = [line.split("\t") for line in _lines(folder / "matrix.txt")]
    models = [_hub_id(name) for name in rows[0]]
    datasets = [name.strip() for name in _lines(folder / "datasets.txt")]
    if len(rows) - 1 != len(datasets):
        problem = f"{len(rows) - 1} rows of scores for the {len(datasets)} datasets of datasets.txt"
        raise InvalidInput(f"matrix.txt: {problem}", MEND)
    _refuse_repeated("matrix.txt", "model", models)
    _refuse_repeated("datasets.txt", "dataset", datasets)
    cells = []
    for line, (dataset, row) in enumerate(zip(datasets, rows[1:], strict=True), start=2):
        if len(row) != len(models):
            raise InvalidInput(f"matrix.txt, line {line}: {len(row)} scores for {len(models)} models", MEND)
        scores = [_score(text, line) for text in row]
        cells += [(m, dataset, s, line) for m, s in zip(models, scores, strict=True) if s > 0]
    if not cells:
        raise InvalidInput("matrix.txt: it holds no score above 0", MEND)
    frame = pd.DataFrame(cells, columns=["model", "dataset", "score", "line"])
    return Raw(frame, "matrix.txt", folder.resolve().name)


def _lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except UnicodeDecodeError:
        raise InvalidInput(f"{path.name}: it is not UTF-8 text", MEND) from None
    except OSError as error:
        raise unreadable(path, error) from None
    if lines == [""]:
        raise InvalidInput(f"{path.name}: the file is empty", MEND)
    return [line.rstrip("\r") for line in lines]


def _hub_id(name: str) -> str:
    return name.strip().replace("--", "/", 1)


def _score(text: str, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(f"matrix.txt, line {line}: score {text[:40]!r} is not a number", MEND) from None
    if not math.isfinite(value):
        raise InvalidInput(f"matrix.txt, line {line}: score {text[:40]!r} is not a finite number", MEND)
    return value


def _refuse_repeated(file: str, kind: str, names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"{file}: the {kind} {name} stands there twice", MEND)
        seen.add(name)
