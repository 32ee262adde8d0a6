"""The registry as people use it from Python: everything the store answers, and growing by Hub id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect import registry
from hubselect.records import Dataset, Model

if TYPE_CHECKING:
    from hubselect.api.clusters.after import ClustersAfter
    from hubselect.api.publishing import Published
    from hubselect.api.sharing import Pulled, Pushed
    from hubselect.registry.sharing import MergeReport


class Registry(registry.Registry):
    """Everything known about checkpoints, datasets, runs, clusters and selections.

    with hubselect.Registry.open() as registry:
        registry.add_dataset("stanfordnlp/sst2")
        registry.add_model("distilbert/distilbert-base-uncased")
        registry.matrix()
    """

    def add_model(self, model: Model | str, **options: Any) -> Model:
        """Add a checkpoint by its Hub id, with the options of `hubselect.add_model`; or a record as it is."""
        if isinstance(model, Model):
            return super().add_model(model)
        from hubselect.api.growing import add_model

        return add_model(model, registry=self, **options).models[0]

    def add_dataset(self, dataset: Dataset | str, **options: Any) -> Dataset:
        """Add a dataset by its Hub id, with the options of `hubselect.add_dataset`; or a record as it is."""
        if isinstance(dataset, Dataset):
            return super().add_dataset(dataset)
        from hubselect.api.growing import add_dataset

        return add_dataset(dataset, registry=self, **options)

    def import_scores(self, scores: Any, **options: Any) -> registry.ImportReport:
        """Import published results, a pandas frame or a file, and bring the clusters up to date.

        Options are those of `hubselect.registry.Registry.import_scores`. Clusters that cannot be brought
        up to date do not undo the import: a line in `warnings` says so.
        """
        from hubselect.api.importing import import_scores

        done = import_scores(scores, registry=self, **options)
        return replace(done.report, warnings=(*done.report.warnings, *_warnings(done.clusters)))

    def import_registry(self, folder: str | Path, **options: Any) -> MergeReport:
        """Merge an exported registry (`hubselect.registry.sharing`), the clusters as in `import_scores`."""
        from hubselect.api.sharing import import_registry

        done = import_registry(folder, registry=self, **options)
        return replace(done.merged, warnings=(*done.merged.warnings, *_warnings(done.clusters)))

    def push(self, repo_id: str, **options: Any) -> Pushed:
        """Add what is here to a Hub dataset repository, with the options of `hubselect.push`."""
        from hubselect.api.sharing import push

        return push(repo_id, registry=self, **options)

    def publish(self, selection: int, repo_id: str, **options: Any) -> Published:
        """Upload the winner of a selection to the Hub, with the options of `hubselect.publish`."""
        from hubselect.api.publishing import publish

        return publish(selection, repo_id, registry=self, **options)

    def pull(self, repo_id: str, **options: Any) -> Pulled:
        """Merge a shared registry into this one, with the options of `hubselect.pull`."""
        from hubselect.api.sharing import pull

        return pull(repo_id, registry=self, **options)

    def report(self, selection_id: int | None = None, *, html: str | Path) -> Path:
        """Write an HTML page about a selection, or about all of this registry, as `hubselect.report` does."""
        from hubselect.api.reporting.writing import report

        return report(selection_id, html=html, registry=self)

    def _repr_html_(self) -> str:
        """What a notebook shows: where it is, how much it holds, the last selections."""
        from hubselect.reports.html.notebook import registry_table

        clusters = sum(len(c.clusters) for c in self.clusterings())
        selections = self.selections()
        counts = {
            "models": self.count_models(),
            "datasets": len(self.datasets()),
            "clusters": clusters,
            "selections": len(selections),
        }
        rows = [(f"{s.id}: {s.dataset}", s.status, s.model, s.test) for s in selections]
        return registry_table(self.location, counts.items(), rows)


def _warnings(clusters: Iterable[ClustersAfter]) -> tuple[str, ...]:
    return tuple(c.warning for c in clusters if c.warning is not None)
