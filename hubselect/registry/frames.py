"""The registry as pandas frames: one row per curve point, member of a cluster, or proxy score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import text

from hubselect.records import Recipe
from hubselect.registry.base import Connected
from hubselect.registry.rows import checked_task, digest_of

if TYPE_CHECKING:
    import pandas as pd


class Frames(Connected):
    """The part of the registry that answers in frames; `matrix` is the wide one. The columns are
    those of the SQL views of the same name (docs/schema.md)."""

    def curves_frame(
        self, task: str | None = None, *, recipe: Recipe | str | None = None, model: str | None = None
    ) -> pd.DataFrame:
        """Validation curves of benchmark runs of pinned revisions, one row per stage.

        Columns: model, dataset, recipe, seed, status, stage, epochs, val, seconds, test.
        """
        return self._frame(
            """SELECT p.model, p.dataset, p.recipe, p.seed, r.status, p.stage, p.epochs, p.val, p.seconds,
                      r.test
               FROM v_curves p JOIN v_runs r ON r.run_id = p.run_id
               WHERE p.selection_id IS NULL AND r.of_pinned_revision = 1""",
            "ORDER BY p.model, p.dataset, p.recipe, p.seed, p.stage",
            {
                "r.task": task and checked_task(task),
                "p.recipe": recipe and digest_of(recipe),
                "p.model": model,
            },
        )

    def clusters_frame(self, task: str | None = None, *, recipe: Recipe | str | None = None) -> pd.DataFrame:
        """Members of clusters, one row per model and clustering.

        Columns: task, recipe, cluster_id, model, is_representative (bool).
        """
        frame = self._frame(
            "SELECT task, recipe, cluster_id, model, is_representative FROM v_memberships WHERE 1 = 1",
            "ORDER BY task, recipe, cluster_id, model",
            {"task": task and checked_task(task), "recipe": recipe and digest_of(recipe)},
        )
        return frame.astype({"is_representative": bool})

    def placements_frame(
        self, task: str | None = None, *, recipe: Recipe | str | None = None
    ) -> pd.DataFrame:
        """Provisional places of models without enough results; `clusters_frame` has the members.

        Columns: task, recipe, cluster_id, model, how, score.
        """
        return self._frame(
            "SELECT task, recipe, cluster_id, model, how, score FROM v_placements WHERE 1 = 1",
            "ORDER BY task, recipe, cluster_id, model",
            {"task": task and checked_task(task), "recipe": recipe and digest_of(recipe)},
        )

    def proxies_frame(self, dataset: str | None = None, *, proxy: str | None = None) -> pd.DataFrame:
        """Proxy scores of pinned revisions.

        Columns: dataset, proxy, model, score, origin, source, submitted.
        """
        return self._frame(
            "SELECT dataset, proxy, model, score, origin, source, submitted FROM v_proxies WHERE 1 = 1",
            "ORDER BY dataset, proxy, model",
            {"dataset": dataset, "proxy": proxy},
        )

    def claims_frame(self, model: str | None = None) -> pd.DataFrame:
        """What model cards claim, never measured here.

        Columns: model, dataset, config, split, metric, value, revision.
        """
        return self._frame(
            "SELECT model, dataset, config, split, metric, value, revision FROM v_claims WHERE 1 = 1",
            "ORDER BY model, dataset, metric",
            {"model": model},
        )

    def _frame(self, query: str, order: str, wanted: dict[str, Any]) -> pd.DataFrame:
        """The rows of a query, narrowed to the wanted values of columns (None: any)."""
        import pandas as pd

        given = {name: value for name, value in wanted.items() if value is not None}
        narrowed = "".join(f" AND {name} = :{name.replace('.', '_')}" for name in given)
        values = {name.replace(".", "_"): value for name, value in given.items()}
        with self._database.read() as session:
            result = session.connection().execute(text(f"{query}{narrowed} {order}"), values)
            return pd.DataFrame([tuple(row) for row in result], columns=list(result.keys()))
