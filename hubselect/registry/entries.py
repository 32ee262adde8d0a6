"""Models, datasets, recipes, proxy scores and the claims of model cards: what is known by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, delete, or_
from sqlalchemy import select as columns
from sqlmodel import Session, col, select

from hubselect.errors import InvalidInput
from hubselect.records import DATASET_CONTENT, Dataset, Model, ProxyScore, Recipe
from hubselect.registry.base import Connected
from hubselect.registry.bulk import in_chunks, upsert
from hubselect.registry.rows import (
    checked_name,
    checked_task,
    dataset_values,
    find_dataset,
    find_model,
    find_recipe,
    finite,
    insert_recipe,
    known,
    model_values,
    now,
    to_dataset,
    to_model,
    to_recipe,
)
from hubselect.registry.tables import DatasetRow, HubResultRow, ModelRow, ProxyScoreRow, RecipeRow

_CLAIM = ("dataset", "config", "split", "metric")
POPULARITY = ("downloads", "likes", "tags", "gated", "pipeline_tag", "library", "hub_created_at")
"""What the Hub says of a model whatever its revision; never replaced by nothing."""

_LISTED = ("downloads", "likes", "tags", "gated", "license", "last_modified")


@dataclass(frozen=True)
class HubResult:
    """A score claimed by the card of `model` at commit `revision`: shown, never mixed with runs."""

    model: str
    revision: str
    dataset: str
    metric: str
    value: float
    config: str = ""
    split: str = ""


class Entries(Connected):
    """The part of the registry that answers by name."""

    def add_model(self, model: Model) -> Model:
        """Insert the model or update its metadata; returns what the registry holds now.

        The pinned revision stays when a newer commit has the same weights (`weights_digest`);
        other weights move the pin, and runs of the old ones leave the matrix. A name without
        a revision never replaces an indexed model.
        """
        checked_name("model", model.id)
        checked_task(model.task)
        with self._database.write() as session:
            row = session.exec(select(ModelRow).where(ModelRow.repo_id == model.id)).one_or_none()
            if row is None:
                row = ModelRow(**model_values(model), created_at=now())
            else:
                values = model_values(model)
                if _keeps_pin(row, model):
                    values = {k: values[k] for k in POPULARITY}
                _assign(row, {k: v for k, v in values.items() if k not in POPULARITY or v not in (None, [])})
            session.add(row)
            session.flush()
            return to_model(row)

    def model(self, model_id: str) -> Model:
        """The model by its Hub id. Raises `UnknownEntry`."""
        with self._database.read() as session:
            return to_model(find_model(session, model_id))

    def add_dataset(self, dataset: Dataset) -> Dataset:
        """Insert the dataset or update its metadata (role included); returns what the registry holds now.

        A name without a revision never replaces the metadata of an indexed dataset, only its role. Proxy
        scores computed on other data or other columns are forgotten.
        """
        checked_name("dataset", dataset.name)
        checked_task(dataset.task)
        if dataset.role not in ("benchmark", "target"):
            raise InvalidInput(f"{dataset.role!r} is not a role", "choose benchmark or target")
        with self._database.write() as session:
            row = session.exec(select(DatasetRow).where(DatasetRow.name == dataset.name)).one_or_none()
            if row is None:
                row = DatasetRow(**dataset_values(dataset), created_at=now())
            elif row.revision is not None and dataset.revision is None:
                row.role = dataset.role
            else:
                values = dataset_values(dataset)
                if any(getattr(row, name) != values[name] for name in DATASET_CONTENT):
                    computed = col(ProxyScoreRow.origin) != "imported"
                    session.execute(
                        delete(ProxyScoreRow).where(col(ProxyScoreRow.dataset_id) == row.id, computed)
                    )
                _assign(row, {k: v for k, v in values.items() if k not in _LISTED or v not in (None, [])})
            session.add(row)
            session.flush()
            return to_dataset(row)

    def dataset(self, name: str) -> Dataset:
        """The dataset by its name, `id` or `id:config`. Raises `UnknownEntry`."""
        with self._database.read() as session:
            return to_dataset(find_dataset(session, name))

    def datasets(
        self, task: str | None = None, role: str | None = None, *, name: str | None = None
    ) -> list[Dataset]:
        """All datasets (of one task, of one role), by name; with `name` that one, if it is there."""
        query = select(DatasetRow).order_by(col(DatasetRow.name))
        if name is not None:
            query = query.where(DatasetRow.name == name)
        if task is not None:
            query = query.where(DatasetRow.task == checked_task(task))
        if role is not None:
            query = query.where(DatasetRow.role == role)
        with self._database.read() as session:
            return [to_dataset(row) for row in session.exec(query)]

    def add_recipe(self, recipe: Recipe) -> str:
        """Store the recipe when it is new; returns its digest."""
        with self._database.write() as session:
            return insert_recipe(session, recipe)

    def recipe(self, digest: str) -> Recipe:
        """The recipe by its digest. Raises `UnknownEntry`."""
        with self._database.read() as session:
            return to_recipe(find_recipe(session, digest))

    def recipes(self, task: str | None = None) -> list[Recipe]:
        """All recipes (of one task), oldest first."""
        query = select(RecipeRow).order_by(col(RecipeRow.created_at), col(RecipeRow.digest))
        if task is not None:
            query = query.where(RecipeRow.task == checked_task(task))
        with self._database.read() as session:
            return [to_recipe(row) for row in session.exec(query)]

    def add_proxy_scores(self, scores: Sequence[ProxyScore]) -> None:
        """Store proxy scores for the pinned revisions of their models, replacing older values.

        Raises `UnknownEntry` for a model or dataset the registry does not hold and `InvalidInput`
        for a value that is not finite; nothing is stored then.
        """
        with self._database.write() as session:
            models = _named(session, ModelRow.repo_id, ModelRow, {s.model for s in scores})
            datasets = _named(session, DatasetRow.name, DatasetRow, {s.dataset for s in scores})
            for score in scores:
                model = models.get(score.model) or find_model(session, score.model)
                dataset = datasets.get(score.dataset) or find_dataset(session, score.dataset)
                session.merge(_proxy_row(score, model, dataset))

    def proxy_scores(self, dataset: str | None = None, proxy: str | None = None) -> list[ProxyScore]:
        """Proxy scores of the pinned revisions, by dataset, proxy and model."""
        query = (
            select(ModelRow.repo_id, DatasetRow.name, ProxyScoreRow)
            .join(ModelRow, col(ModelRow.id) == col(ProxyScoreRow.model_id))
            .join(DatasetRow, col(DatasetRow.id) == col(ProxyScoreRow.dataset_id))
            .where(of_pinned(ProxyScoreRow))
            .order_by(col(DatasetRow.name), col(ProxyScoreRow.proxy), col(ModelRow.repo_id))
        )
        if dataset is not None:
            query = query.where(DatasetRow.name == dataset)
        if proxy is not None:
            query = query.where(ProxyScoreRow.proxy == proxy)
        with self._database.read() as session:
            return [
                ProxyScore(m, d, row.proxy, row.score, row.origin, row.source, row.submitted)
                for m, d, row in session.exec(query)
            ]

    def add_hub_results(self, results: Sequence[HubResult]) -> None:
        """Store what model cards claim, replacing older claims of the same cards."""
        with self._database.write() as session:
            add_claims(session, results)

    def hub_results(self, model: str | None = None) -> list[HubResult]:
        """What model cards claim, by model and dataset."""
        query = select(HubResultRow).order_by(
            col(HubResultRow.repo_id), col(HubResultRow.dataset), col(HubResultRow.id)
        )
        if model is not None:
            ids = select(ModelRow.id).where(ModelRow.repo_id == model).scalar_subquery()
            query = query.where(col(HubResultRow.model_id) == ids)
        with self._database.read() as session:
            return [
                HubResult(r.repo_id, r.revision, r.dataset, r.metric, r.value, r.config, r.split)
                for r in session.exec(query)
            ]


def add_claims(session: Session, results: Sequence[HubResult]) -> None:
    """Store claims of models that the registry holds; the same claim made again replaces the old one."""
    models = _named(session, ModelRow.repo_id, ModelRow.id, {r.model for r in results})
    moment = now()
    values = {}
    for result in results:
        model_id = models.get(result.model) or known(find_model(session, result.model).id)
        key = {k: getattr(result, k) for k in _CLAIM}
        values[(model_id, *key.values())] = {
            "model_id": model_id,
            "repo_id": result.model,
            "revision": result.revision,
            "value": finite(result.value, f"the claim of {result.model}"),
            "created_at": moment,
            **key,
        }
    upsert(session, HubResultRow, ("model_id", *_CLAIM), list(values.values()), ("revision", "value"))


def of_pinned(rows: type[Any]) -> ColumnElement[bool]:
    """Results of the revision that the model is pinned to, or of no known revision (imported)."""
    return or_(rows.model_revision.is_(None), rows.model_revision == col(ModelRow.revision))


def _keeps_pin(row: ModelRow, model: Model) -> bool:
    if row.revision is None:
        return False
    if model.indexed_only and not row.indexed_only:
        return True
    if row.revision == model.revision:
        return False
    if model.revision is None:
        return True
    return row.weights_digest is not None and row.weights_digest == model.weights_digest


def _assign(row: ModelRow | DatasetRow, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def _named(session: Session, name: Any, wanted: Any, names: set[str]) -> dict[str, Any]:
    """`wanted` (rows or a column) by name for the wanted names; one query for some hundred of them."""
    found: dict[str, Any] = {}
    for chunk in in_chunks(sorted(names)):
        found.update(session.execute(columns(name, wanted).where(col(name).in_(chunk))).all())  # type: ignore[arg-type]
    return found


def _proxy_row(score: ProxyScore, model: ModelRow, dataset: DatasetRow) -> ProxyScoreRow:
    checked_name("proxy", score.proxy)
    return ProxyScoreRow(
        dataset_id=known(dataset.id),
        proxy=score.proxy,
        model_id=known(model.id),
        score=finite(score.score, f"the {score.proxy} score of {score.model} on {score.dataset}"),
        origin=score.origin,
        model_revision=model.revision,
        dataset_revision=dataset.revision,
        created_at=now(),
        source=checked_name("source", score.source),
        submitted=score.submitted,
    )
