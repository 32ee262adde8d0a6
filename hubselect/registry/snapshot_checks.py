"""What must hold inside a shared registry, whoever wrote it: names, ranges, keys, references, digests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import numpy as np

from hubselect.records import METHODS, PROBLEM_TYPES, TASKS, Recipe, dataset_name
from hubselect.registry.rows import name_problem
from hubselect.registry.snapshot_loading import is_private
from hubselect.registry.snapshot_tables import CLAIM_KEY, PROXY_KEY, RUN_KEY, Row, Tables, data_file, refuse

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_INT = 2**53
_REVISION = re.compile(r"[0-9A-Za-z]{1,64}")  # a commit; never anything that means something in a path
_WEIGHTS_FILE = re.compile(r"\w[\w.-]*", re.ASCII)
_FORMATS = (None, "safetensors", "bin")
_ORIGINS = ("head", "features", "imported")
_HINTS = get_type_hints(Recipe)


def check_tables(tables: Tables, name: str) -> None:
    """Raise `InvalidInput` naming the first thing that cannot be; `name` is what messages call the tables."""
    Checker(tables, name).check()


class Checker:
    def __init__(self, tables: Tables, name: str) -> None:
        self.tables, self.name = tables, name

    def check(self) -> None:
        self._models()
        self._datasets()
        self._recipes()
        self.known = {
            "model": {m["id"] for m in self.tables.models},
            "dataset": {dataset_name(d["id"], d["config"]) for d in self.tables.datasets},
            "recipe": {r["digest"] for r in self.tables.recipes},
        }
        self._runs()
        self._curves()
        self._proxies()
        self._claims()

    def _refuse(self, table: str, what: object, problem: str) -> None:
        raise refuse(self.name, f"{data_file(table)}: {str(what)[:120]!r} {problem}")

    def _name(self, table: str, text: str) -> None:
        problem = name_problem(text) or ("looks like a local path" if is_private(text) else None)
        if problem:
            self._refuse(table, text, f"is no name: it {problem}")

    def _once(self, table: str, names: list[str]) -> None:
        seen: set[str] = set()
        for text in names:
            if text in seen:
                self._refuse(table, text, "stands there twice")
            seen.add(text)

    def _entry(self, table: str, row: Row) -> None:
        self._name(table, row["id"])
        if row["task"] not in TASKS:
            self._refuse(table, row["id"], "has a task that hubselect does not know")
        for column in ("revision", "data_revision", "weights_digest"):
            if row.get(column) is not None and not _REVISION.fullmatch(row[column]):
                self._refuse(table, row["id"], f"has a {column} that is no commit or digest")

    def _models(self) -> None:
        for row in self.tables.models:
            self._entry("models", row)
            numbers = [row["parameters"], row["weights_bytes"]]
            if any(n is not None and not 0 <= n <= _LARGEST_INT for n in numbers):
                self._refuse("models", row["id"], "has a size that cannot be")
            if row["weights_format"] not in _FORMATS:
                self._refuse("models", row["id"], "has weights of an unknown format")
            if not all(_WEIGHTS_FILE.fullmatch(f) for f in row["weights_files"]):
                self._refuse("models", row["id"], "has weights outside its folder")
        self._once("models", [m["id"] for m in self.tables.models])

    def _datasets(self) -> None:
        for row in self.tables.datasets:
            self._entry("datasets", row)
            self._name("datasets", dataset_name(row["id"], row["config"]))
            if len(row["text_columns"]) > 2:
                self._refuse("datasets", row["id"], "has more than two text columns")
            if row["problem_type"] not in PROBLEM_TYPES:
                self._refuse("datasets", row["id"], "has labels of an unknown kind")
        self._once("datasets", [dataset_name(d["id"], d["config"]) for d in self.tables.datasets])

    def _recipes(self) -> None:
        for row in self.tables.recipes:
            content = row["content"]
            if not set(_HINTS) - set(content) <= {"method", "max_seconds"} or not all(
                name in _HINTS and _is_of(value, _HINTS[name]) for name, value in content.items()
            ):
                self._refuse("recipes", row["digest"], "does not hold the fields of a recipe")
            recipe = Recipe(**content)
            if recipe.digest != row["digest"]:
                self._refuse("recipes", row["digest"], f"is not the digest of its content ({recipe.digest})")
            if (recipe.task, recipe.name) != (row["task"], row["name"]):
                self._refuse("recipes", row["digest"], "says two things about its task or name")
            self._name("recipes", recipe.name)
            if recipe.task not in TASKS or row["origin"] not in ("measured", "imported"):
                self._refuse("recipes", row["digest"], "has an unknown task or origin")
            if recipe.method not in METHODS:
                self._refuse("recipes", row["digest"], "has an unknown method")
            counts = (recipe.epochs, recipe.stages_per_epoch, recipe.batch_size)
            if not all(1 <= n <= _LARGEST_INT for n in counts) or recipe.stages > _LARGEST_INT:
                self._refuse("recipes", row["digest"], "has counts that cannot be")
        self._once("recipes", [r["digest"] for r in self.tables.recipes])

    def _first(self, table: str, rows: pd.DataFrame, bad: Any, problem: str) -> None:
        if np.any(bad):
            row = rows[np.asarray(bad)].iloc[0]
            self._refuse(table, f"{row['model']} on {row['dataset']}", problem)

    def _known(self, table: str, rows: pd.DataFrame, *columns: str) -> None:
        for column in columns:
            strange = ~rows[column].isin(self.known[column])
            self._first(table, rows, strange, f"has a {column} that is not listed")

    def _numbers(self, table: str, rows: pd.DataFrame, column: str, least: float = -np.inf) -> None:
        values = rows[column].to_numpy()
        self._first(table, rows, ~np.isfinite(values) | (values < least), f"has a {column} that cannot be")

    def _revisions(self, table: str, rows: pd.DataFrame) -> None:
        for column in ("model_revision", "dataset_revision"):
            for revision in rows[column].dropna().unique():
                if not _REVISION.fullmatch(revision):
                    self._refuse(table, revision, "is no commit")

    def _provenance(self, table: str, rows: pd.DataFrame) -> None:
        for source in rows["source"].unique():
            self._name(table, source.removeprefix("imported:"))
        for said in rows["submitted"].dropna().unique():
            self._name(table, said)

    def _runs(self) -> None:
        runs = self.tables.runs
        self._known("runs", runs, "model", "dataset", "recipe")
        self._first("runs", runs, runs.duplicated(RUN_KEY), "stands there twice")
        self._first("runs", runs, ~runs["status"].isin(["done", "stopped"]), "has an unknown status")
        done = (runs["status"] == "done").to_numpy()
        self._first("runs", runs, done != runs["test"].notna().to_numpy(), "has a status against its score")
        self._numbers("runs", runs[done], "test")
        self._numbers("runs", runs[runs["seconds"].notna()], "seconds", 0)
        strange = ~runs["seed"].between(-_LARGEST_INT, _LARGEST_INT)
        self._first("runs", runs, strange, "has a seed that cannot be")
        self._provenance("runs", runs)
        self._revisions("runs", runs)
        self._accuracies("runs", runs[done], "test")

    def _accuracies(self, table: str, rows: pd.DataFrame, column: str) -> None:
        """Measured accuracies lie in [0, 1] (correlations, in their place on datasets of numbers, above -1);
        published ones are in whatever unit their authors chose."""
        measured = {
            r["digest"]
            for r in self.tables.recipes
            if r["origin"] == "measured" and r["content"]["metric"] == "accuracy"
        }
        numbers = {
            dataset_name(d["id"], d["config"])
            for d in self.tables.datasets
            if d["problem_type"] == "regression"
        }
        least = -rows["dataset"].isin(numbers).astype(float)
        bad = rows["recipe"].isin(measured) & ~rows[column].between(least, 1)
        self._first(table, rows, bad, "has an accuracy outside 0 to 1")

    def _curves(self) -> None:
        points = self.tables.curve_points.sort_values([*RUN_KEY, "stage"], kind="stable")
        table = "curve_points"
        for column, least in (("val", -np.inf), ("epochs", 0), ("seconds", 0)):
            self._numbers(table, points, column, least)
        runs = self.tables.runs[RUN_KEY].assign(there=True)
        self._first(table, points, points.merge(runs, on=RUN_KEY, how="left")["there"].isna(), "has no run")
        begins = ~points.duplicated(RUN_KEY)
        before = points["stage"].shift(fill_value=0).where(~begins, 0)
        self._first(table, points, points["stage"] != before + 1, "has stages that do not follow each other")
        epochs = points["epochs"].shift().where(~begins, 0.0)
        self._first(table, points, points["epochs"] <= epochs, "has epochs that do not grow")
        stages = {r["digest"]: Recipe(**r["content"]).stages for r in self.tables.recipes}
        beyond = points["stage"] > points["recipe"].map(stages).astype("float64")
        self._first(table, points, beyond, "goes beyond the stages of its recipe")
        self._accuracies(table, points, "val")

    def _proxies(self) -> None:
        rows, table = self.tables.proxy_scores, "proxy_scores"
        self._known(table, rows, "model", "dataset")
        self._first(table, rows, rows.duplicated(PROXY_KEY), "stands there twice")
        self._numbers(table, rows, "score")
        self._first(table, rows, ~rows["origin"].isin(_ORIGINS), "has an unknown origin")
        self._provenance(table, rows)
        self._revisions(table, rows)
        for proxy in rows["proxy"].unique():
            self._name(table, proxy)

    def _claims(self) -> None:
        rows, table = self.tables.hub_results, "hub_results"
        self._known(table, rows, "model")
        self._first(table, rows, rows.duplicated(CLAIM_KEY), "stands there twice")
        self._numbers(table, rows, "value")
        for column in ("dataset", "metric", "revision"):
            for text in rows[column].unique():
                self._name(table, text)


def _is_of(value: object, hint: Any) -> bool:
    """Whether a JSON value can stand in a field of `Recipe`; whole numbers may stand for floats."""
    kinds = get_args(hint) or (hint,)
    if isinstance(value, bool):
        return False
    if isinstance(value, int) and (int in kinds or float in kinds):
        return abs(value) <= _LARGEST_INT
    return any(
        (kind is type(None) and value is None) or (isinstance(kind, type) and type(value) is kind)
        for kind in kinds
    ) or (isinstance(value, str) and hint in (_HINTS["task"], _HINTS["method"]))
