"""The registry as people use it from Python: everything the store answers, and growing by Hub id."""

from __future__ import annotations

from typing import Any

from hubselect import registry
from hubselect.records import Dataset, Model


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
