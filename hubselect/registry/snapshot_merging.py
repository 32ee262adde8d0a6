"""Two registries become one: a plan computed from tables, the same for a pull and for a push.

What is held stays: rows are matched by (model, dataset, recipe digest, seed), new ones are added,
equal ones counted, and whatever says something else is a conflict, listed one by one. `overwrite`
turns conflicts over: then the incoming rows win. A run that was never finished here is completed
by a finished one that agrees with its curve.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from hubselect.registry.snapshot_plan import Conflict, Plan, entry_name
from hubselect.registry.snapshot_runs import MergedRuns, came_from
from hubselect.registry.snapshot_tables import CLAIM_KEY, PROXY_KEY, Row, Tables

if TYPE_CHECKING:
    import pandas as pd

_PROXY_TOLERANCE = 1e-6  # the same proxy on another machine differs in the last bits


def merge(held: Tables, incoming: Tables, *, overwrite: bool = False, origin: str | None = None) -> Plan:
    """The plan that takes `incoming` into `held`. Neither is changed.

    `origin` is the beginning of the sources of runs and proxy scores that came from the same place
    before and were not measured here: newer values from there replace them also without `overwrite`.
    """
    conflicts: list[Conflict] = []
    models = _Entries(held.models, incoming.models, "model", conflicts, overwrite)
    datasets = _Entries(held.datasets, incoming.datasets, "dataset", conflicts, overwrite)
    runs = _keep(incoming.runs, models.refused, datasets.refused)
    points = _keep(incoming.curve_points, models.refused, datasets.refused)
    runs = models.under_pins(runs)
    known = {r["digest"] for r in held.recipes}
    merged = MergedRuns(held, runs, points, overwrite, origin)
    conflicts += merged.conflicts
    proxies = _keep(incoming.proxy_scores, models.refused, datasets.refused)
    proxies = models.under_pins(proxies)
    new_proxies, changed_proxies, equal_proxies = _proxies(held, proxies, conflicts, overwrite, origin)
    claims = incoming.hub_results
    claims = claims[~claims["model"].isin(models.refused)]
    fresh = claims.merge(held.hub_results[CLAIM_KEY].assign(there=True), on=CLAIM_KEY, how="left")
    return Plan(
        models_new=models.new,
        models_changed=models.changed,
        datasets_new=datasets.new,
        datasets_changed=datasets.changed,
        recipes_new=[r for r in incoming.recipes if r["digest"] not in known],
        runs_new=merged.new,
        runs_changed=merged.changed,
        curves_dropped=merged.dropped,
        points=merged.points,
        proxies_new=new_proxies,
        proxies_changed=changed_proxies,
        claims_new=fresh[fresh["there"].isna()].drop(columns="there"),
        completed=merged.completed,
        unchanged=merged.unchanged + equal_proxies,
        conflicts=sorted(conflicts, key=lambda c: (c.model, c.dataset or "", str(c.recipe), str(c))),
        other_revisions=models.elsewhere(merged.new),
    )


class _Entries:
    """Models or datasets. What is known stays; a name that was never looked up gains what is known of it."""

    def __init__(
        self, held: list[Row], incoming: list[Row], kind: str, conflicts: list[Conflict], overwrite: bool
    ) -> None:
        self.new: list[Row] = []
        self.changed: list[Row] = []
        self.refused: set[str] = set()
        self.pins: dict[str, str | None] = {entry_name(row): row["revision"] for row in held}
        self._aliases: dict[tuple[str, str], str] = {}
        there = {entry_name(row): row for row in held}
        for row in incoming:
            name = entry_name(row)
            if name not in there:
                self.new.append(row)
                self.pins[name] = row["revision"]
            elif there[name]["task"] != row["task"]:
                conflicts.append(Conflict("task", name, held=there[name]["task"], incoming=row["task"]))
                self.refused.add(name)
            else:
                self._meet(there[name], row, kind, conflicts, overwrite)

    def _meet(self, held: Row, row: Row, kind: str, conflicts: list[Conflict], overwrite: bool) -> None:
        name, ours, theirs = entry_name(held), held["revision"], row["revision"]
        if theirs is None or ours == theirs:
            if ours is not None and held["indexed_only"] and not row["indexed_only"]:
                self.changed.append(row)
            return
        if ours is None or held["indexed_only"]:
            self.changed.append(row)
            self.pins[name] = theirs
        elif kind == "model" and held["weights_digest"] and held["weights_digest"] == row["weights_digest"]:
            self._aliases[name, theirs] = ours
        elif kind == "model":
            kept: Literal["held", "incoming"] = "incoming" if overwrite else "held"
            conflicts.append(Conflict("pin", name, held=ours, incoming=theirs, kept=kept))
            if overwrite:
                self.changed.append(row)
                self.pins[name] = theirs

    def under_pins(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Rows of another commit with the same weights as rows of the commit that is pinned here."""
        if not self._aliases:
            return rows
        pairs = zip(rows["model"], rows["model_revision"], strict=True)
        return rows.assign(model_revision=[self._aliases.get((m, r), r) for m, r in pairs])

    def elsewhere(self, runs: pd.DataFrame) -> list[tuple[str, str, int]]:
        """(model, revision, runs) of runs of a revision that the model is not pinned to."""
        of_revision = runs[runs["model_revision"].notna()]
        pinned = of_revision["model"].map(self.pins)
        other = of_revision[of_revision["model_revision"] != pinned]
        counts = other.groupby(["model", "model_revision"]).size().reset_index()
        return [(str(model), str(revision), int(n)) for model, revision, n in counts.to_numpy()]


def _proxies(
    held: Tables, incoming: pd.DataFrame, conflicts: list[Conflict], overwrite: bool, origin: str | None
) -> tuple[pd.DataFrame, pd.DataFrame, int]:
    columns = list(incoming.columns)
    both = incoming.merge(held.proxy_scores, on=PROXY_KEY, how="left", suffixes=("", "_had"))
    there = both["score_had"].notna()
    tolerance = _PROXY_TOLERANCE * both["score_had"].abs().clip(lower=1)
    differs = there & ((both["score"] - both["score_had"]).abs() > tolerance)
    mine = differs & (overwrite | came_from(both["source_had"], origin))
    for row, taken in zip(both[differs].to_dict("records"), mine[differs], strict=True):
        place = (row["model"], row["dataset"], row["proxy"], None)
        kept: Literal["held", "incoming"] = "incoming" if taken else "held"
        conflicts.append(Conflict("proxy", *place, row["score_had"], row["score"], kept))
    changed = both.loc[mine, columns]
    return both.loc[~there, columns], changed, int((there & ~differs).sum())


def _keep(rows: pd.DataFrame, models: set[str], datasets: set[str]) -> pd.DataFrame:
    return rows[~(rows["model"].isin(models) | rows["dataset"].isin(datasets))].reset_index(drop=True)
