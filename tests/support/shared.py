"""Contents of shared registries, made by hand or by hypothesis."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from hypothesis import strategies as st

from hubselect.records import Dataset, Model, Recipe
from hubselect.registry.snapshot_tables import TABLES, Row, Tables, frame

RECIPE = Recipe("text-classification", epochs=3)
MODELS = ("org/a", "org/b", "org/c")
DATASETS = ("org/x", "org/y:c")


def model(name: str, revision: str | None = None, **values: Any) -> Row:
    record = asdict(Model(name, "text-classification", revision=revision, **values))
    row = {column: record[column] for column in TABLES["models"]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in row.items()}


def dataset(name: str, revision: str | None = None) -> Row:
    repo_id, _, config = name.partition(":")
    record = asdict(Dataset(repo_id, "text-classification", config=config or None, revision=revision))
    row = {column: record[column] for column in TABLES["datasets"]}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in row.items()}


def recipe(record: Recipe = RECIPE, origin: str = "measured") -> Row:
    content = asdict(record)
    return {
        "digest": record.digest,
        "task": record.task,
        "name": record.name,
        "origin": origin,
        "content": content,
    }


Key = tuple[str, str, int]
Said = tuple[float | None, list[float], str | None]


def tables(
    runs: dict[Key, Said],
    pins: dict[str, str | None] | None = None,
    proxies: dict[tuple[str, str], float] | None = None,
) -> Tables:
    """`runs`: (model, dataset, seed) -> (test score or None, validation scores, revision of the model)."""
    pins = pins or {}
    names = sorted({m for m, _, _ in runs} | set(pins) | {m for m, _ in proxies or {}})
    suites = sorted({d for _, d, _ in runs} | {d for _, d in proxies or {}})
    rows, points = [], []
    for (name, on, seed), (test, curve, revision) in runs.items():
        key = (name, on, RECIPE.digest, seed)
        status = "stopped" if test is None else "done"
        rows.append((*key, status, test, 1.0, "measured", None, revision, None))
        points += [(*key, stage, float(stage), val, 0.5) for stage, val in enumerate(curve, start=1)]
    scores = [
        (m, d, "leep", s, "head", "measured", None, pins.get(m), None)
        for (m, d), s in (proxies or {}).items()
    ]
    return Tables(
        models=[model(name, pins.get(name)) for name in names],
        datasets=[dataset(name) for name in suites],
        recipes=[recipe()] if runs else [],
        runs=frame("runs", rows),
        curve_points=frame("curve_points", points),
        proxy_scores=frame("proxy_scores", scores),
        hub_results=frame("hub_results"),
    )


_SCORES = st.sampled_from([0.25, 0.5, 0.75])
_REVISIONS = st.sampled_from([None, "1" * 40, "2" * 40])
_KEYS = st.tuples(st.sampled_from(MODELS), st.sampled_from(DATASETS), st.integers(0, 1))
_CELLS = st.tuples(st.sampled_from(MODELS), st.sampled_from(DATASETS))
_SAID = st.tuples(st.none() | _SCORES, st.lists(_SCORES, max_size=3), _REVISIONS)


@st.composite
def contents(draw: st.DrawFn) -> Tables:
    """Small registries that overlap and disagree with each other often."""
    return tables(
        draw(st.dictionaries(_KEYS, _SAID, max_size=8)),
        draw(st.fixed_dictionaries(dict.fromkeys(MODELS, _REVISIONS))),
        draw(
            st.dictionaries(
                st.tuples(st.sampled_from(MODELS), st.sampled_from(DATASETS)), _SCORES, max_size=4
            )
        ),
    )
