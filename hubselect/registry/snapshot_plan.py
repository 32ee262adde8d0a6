"""What a merge of two registries is about to do: rows to add and change, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from hubselect.records import dataset_name
from hubselect.registry.snapshot_tables import PROXY_KEY, RUN_KEY, Row, Tables

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["score", "curve", "revision", "unfinished", "proxy", "pin", "task"]


@dataclass(frozen=True)
class Conflict:
    """Two registries say different things; `kept` says whose word stands.

    `kind`: "score" (other test scores), "curve" (other validation curves), "revision" (measured on
    other revisions of model or dataset), "unfinished" (a run still under way here), "proxy" (another
    value), "pin" (a model pinned to another revision with other weights), "task" (a name of another
    task: its rows are left out). `held` and `incoming` are the scores or revisions.
    """

    kind: Kind
    model: str
    dataset: str | None = None
    recipe: str | None = None
    seed: int | None = None
    held: float | str | None = None
    incoming: float | str | None = None
    kept: Literal["held", "incoming"] = "held"


@dataclass
class Plan:
    """What to change. `runs_changed` hold the final values of runs that are there; the curves of
    `curves_dropped` (keys) are removed before `points` are added."""

    models_new: list[Row]
    models_changed: list[Row]
    datasets_new: list[Row]
    datasets_changed: list[Row]
    recipes_new: list[Row]
    runs_new: pd.DataFrame
    runs_changed: pd.DataFrame
    curves_dropped: pd.DataFrame
    points: pd.DataFrame
    proxies_new: pd.DataFrame
    proxies_changed: pd.DataFrame
    claims_new: pd.DataFrame
    completed: int
    unchanged: int
    conflicts: list[Conflict] = field(default_factory=list)
    other_revisions: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        parts = (
            self.models_new, self.models_changed, self.datasets_new, self.datasets_changed, self.recipes_new,
            self.runs_new, self.runs_changed, self.points, self.proxies_new, self.proxies_changed,
            self.claims_new,
        )  # fmt: skip
        return any(len(part) for part in parts)


def entry_name(row: Row) -> str:
    """The name of a row of models or datasets."""
    return dataset_name(row["id"], row["config"]) if "config" in row else str(row["id"])


def applied(held: Tables, plan: Plan) -> Tables:
    """The tables that the plan makes of `held` (for a push: the registry does the same in SQL)."""
    import pandas as pd

    def without(rows: pd.DataFrame, keys: pd.DataFrame, on: list[str]) -> pd.DataFrame:
        marked = rows.merge(keys[on].assign(gone=True), on=on, how="left")
        return marked[marked["gone"].isna()].drop(columns="gone")

    def joined(*parts: pd.DataFrame) -> pd.DataFrame:
        return pd.concat([p for p in parts if len(p)] or [parts[0]], ignore_index=True)

    def entries(old: list[Row], new: list[Row], changed: list[Row]) -> list[Row]:
        final = {entry_name(row): row for row in changed}
        return [final.get(entry_name(row), row) for row in old] + new

    proxies = without(held.proxy_scores, plan.proxies_changed, PROXY_KEY)
    return Tables(
        models=entries(held.models, plan.models_new, plan.models_changed),
        datasets=entries(held.datasets, plan.datasets_new, plan.datasets_changed),
        recipes=held.recipes + plan.recipes_new,
        runs=joined(without(held.runs, plan.runs_changed, RUN_KEY), plan.runs_changed, plan.runs_new),
        curve_points=joined(without(held.curve_points, plan.curves_dropped, RUN_KEY), plan.points),
        proxy_scores=joined(proxies, plan.proxies_changed, plan.proxies_new),
        hub_results=joined(held.hub_results, plan.claims_new),
    )
