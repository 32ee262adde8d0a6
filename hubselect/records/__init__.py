"""The frozen records that travel between rooms. No behaviour beyond identity and derived fields.

Rows of the database never leave `registry/`, Hub responses never leave `hub/`, tensors never
leave `training/`: what crosses a wall is one of these.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from hubselect.records.selections import Cost as Cost
from hubselect.records.selections import Environment as Environment
from hubselect.records.selections import Explanation as Explanation
from hubselect.records.selections import Plan as Plan
from hubselect.records.selections import Recalled as Recalled
from hubselect.records.selections import Rival as Rival
from hubselect.records.selections import Selection as Selection
from hubselect.records.selections import Span as Span
from hubselect.records.selections import Verdict as Verdict
from hubselect.records.tasks import DO as DO
from hubselect.records.tasks import PROBLEM_TYPES as PROBLEM_TYPES
from hubselect.records.tasks import TASKS as TASKS
from hubselect.records.tasks import ProblemType as ProblemType
from hubselect.records.tasks import Task as Task
from hubselect.records.tasks import models_for as models_for

Role = Literal["benchmark", "target"]
RunStatus = Literal["running", "done", "failed", "stopped"]

Method = Literal["full", "lora", "probe"]
METHODS: tuple[Method, ...] = ("full", "lora", "probe")
"""What of a checkpoint is fine-tuned (`training.methods`)."""


def dataset_name(repo_id: str, config: str | None) -> str:
    """The name of a dataset everywhere in hubselect: `repo_id`, or `repo_id:config`."""
    return f"{repo_id}:{config}" if config else repo_id


@dataclass(frozen=True)
class Model:
    """A checkpoint as the registry knows it.

    `task` is the one by which it is filed (`tasks.models_for`): all checkpoints that read text are for
    "text-classification", and do its other tasks too.
    `revision` is the commit sha the registry pins; None for imported names that were never
    looked up on the Hub. `labels` are the class names of the checkpoint's own classification
    head in index order, empty when it has none. `weights_bytes` counts only the one weight
    format that would be fetched. `gated` is how access is granted ("auto", "manual"), None when
    it is free. `indexed_only` models are known from a listing of the Hub alone: `labels` and
    `weights_digest` are unknown, `weights_bytes` is computed from the sizes of the tensors.
    """

    id: str
    task: Task
    revision: str | None = None
    architecture: str | None = None
    model_type: str | None = None
    parameters: int | None = None
    weights_format: Literal["safetensors", "bin"] | None = None
    weights_files: tuple[str, ...] = ()
    weights_bytes: int | None = None
    weights_digest: str | None = None
    labels: tuple[str, ...] = ()
    license: str | None = None
    base_model: str | None = None
    last_modified: str | None = None
    downloads: int | None = None
    likes: int | None = None
    tags: tuple[str, ...] = ()
    gated: str | None = None
    pipeline_tag: str | None = None
    library: str | None = None
    hub_created_at: str | None = None
    indexed_only: bool = False

    @property
    def has_head(self) -> bool:
        """Whether the checkpoint brings a trained classification head of its own."""
        return len(self.labels) > 0


@dataclass(frozen=True)
class Dataset:
    """A labelled dataset as the registry knows it.

    `splits` maps the Hub's split name to its number of rows (None while unknown).
    `label_names` is empty while only the data itself can tell (CSV, bare parquet).
    `text_columns` has one or two entries for text, none for images and audio: the text or the pair, the
    words of token classification, or what the options of a multiple choice (`choice_columns`) follow.
    `problem_type` says what the label is: one class, several of them, or a number. `data_revision` names
    the ref the files are read from when it is not `revision` itself (the parquet conversion of a
    script dataset). `path` is where a dataset of one's own lies on this machine, which is known by its
    content: `revision` is a hash of it.
    """

    id: str
    task: Task
    config: str | None = None
    revision: str | None = None
    data_revision: str | None = None
    text_columns: tuple[str, ...] = ()
    choice_columns: tuple[str, ...] = ()
    image_column: str | None = None
    audio_column: str | None = None
    label_column: str | None = None
    problem_type: ProblemType = "single_label_classification"
    label_names: tuple[str, ...] = ()
    splits: Mapping[str, int | None] = field(default_factory=dict)
    role: Role = "benchmark"
    license: str | None = None
    last_modified: str | None = None
    downloads: int | None = None
    likes: int | None = None
    tags: tuple[str, ...] = ()
    gated: str | None = None
    indexed_only: bool = False
    path: str | None = None

    @property
    def name(self) -> str:
        return dataset_name(self.id, self.config)


DATASET_CONTENT = (
    "revision",
    "data_revision",
    "text_columns",
    "choice_columns",
    "image_column",
    "audio_column",
    "label_column",
    "problem_type",
)
"""The fields of a dataset that make two scores on it comparable: its data and the columns that are read."""


@dataclass(frozen=True)
class Recipe:
    """Everything that makes two scores comparable; scores under different recipes never mix.

    `metric` is that of datasets it fits; others have the usual one of their kind of label, as STS-B has
    among the tasks of GLUE (`training.metrics.metric_for`).
    `method` is what of the checkpoint is trained (`training.methods`). `learning_rate` None means the
    size rule of `training.schedule.learning_rate_for`. `stages_per_epoch` validations happen per epoch;
    there are `epochs * stages_per_epoch` stages. Sample caps of None mean all examples. Of a text
    `max_length` tokens are read, of a recording `max_seconds`.
    """

    task: Task
    name: str = "full-finetune"
    metric: str = "accuracy"
    epochs: int = 5
    stages_per_epoch: int = 1
    optimizer: str = "adamw"
    learning_rate: float | None = None
    weight_decay: float = 0.01
    warmup_ratio: float = 0.06
    batch_size: int = 32
    max_length: int = 128
    max_train_samples: int | None = None
    max_eval_samples: int | None = None
    seed: int = 0
    method: Method = "full"
    max_seconds: float = 10.0

    @classmethod
    def usual(cls, task: Task) -> Recipe:
        """The recipe of a task where nothing else is known or asked for."""
        return cls(task, metric="f1_micro" if task == "token-classification" else "accuracy")

    @property
    def content(self) -> dict[str, Any]:
        """The fields by name, as JSON values. The usual method is left out: it was the only one once, and
        recipes keep their digests; so is what the task does not look at."""
        fields = asdict(self)
        if self.method == "full":
            del fields["method"]
        if self.task != "audio-classification":
            del fields["max_seconds"]
        return fields

    @property
    def stages(self) -> int:
        """Validations in all."""
        return self.epochs * self.stages_per_epoch

    @property
    def digest(self) -> str:
        """Sixteen hex digits that identify the recipe's content."""
        text = json.dumps(self.content, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def epochs_at(self, stage: int) -> float:
        """Epochs of training done when `stage` (1-based) has been reached."""
        return stage / self.stages_per_epoch

    def with_(self, **changes: object) -> Recipe:
        """The recipe with other values of some fields."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class CurvePoint:
    """One validation: `stage` counts from 1, `val` is the recipe's metric on the validation split."""

    model: str
    stage: int
    epochs: float
    val: float
    seconds: float = 0.0


@dataclass(frozen=True)
class Failed:
    """A model that cannot go on; an event that eliminates it, never an exception."""

    model: str
    stage: int
    reason: str


@dataclass(frozen=True)
class Run:
    """One model fine-tuned on one dataset under one recipe.

    `curve` is ordered by stage. `test` is None until the run is done. `selection` is the id of
    the selection the run belongs to, None for a cell of the performance matrix. `submitted` is
    what an imported file says about when the score was submitted.
    """

    model: str
    dataset: str
    recipe: str
    status: RunStatus
    seed: int = 0
    curve: tuple[CurvePoint, ...] = ()
    test: float | None = None
    reason: str | None = None
    source: str = "measured"
    seconds: float | None = None
    model_revision: str | None = None
    dataset_revision: str | None = None
    selection: int | None = None
    submitted: str | None = None


@dataclass(frozen=True)
class ProxyScore:
    """A proxy's value for a (model, dataset). `origin` says what it was computed from:
    "head" (the checkpoint's own classification head), "features" or "imported". `source` and
    `submitted` are as in `Run`."""

    model: str
    dataset: str
    proxy: str
    score: float
    origin: str = "imported"
    source: str = "measured"
    submitted: str | None = None


@dataclass(frozen=True)
class Cluster:
    """`id` is stable across updates; `members` are sorted; `representative` is the member with
    the highest mean benchmark score."""

    id: int
    representative: str
    members: tuple[str, ...]

    @property
    def size(self) -> int:
        return len(self.members)


@dataclass(frozen=True)
class Clustering:
    """A partition of the models of one task under one recipe.

    `silhouette` is the standard coefficient, `silhouette_paper` the paper authors' variant
    (b over all outside points); both None when there are fewer than two clusters.
    """

    task: Task
    recipe: str
    threshold: float | None
    top_k: int
    method: Literal["average", "kmeans"]
    clusters: tuple[Cluster, ...]
    silhouette: float | None = None
    silhouette_paper: float | None = None

    def of(self, model: str) -> Cluster | None:
        return next((c for c in self.clusters if model in c.members), None)


@dataclass(frozen=True)
class Placement:
    """The provisional place of a model with too few results, beside `cluster`; it decides nothing.
    `score` is how strong the evidence is, of the kind `how`: lineage, card-text, nearest cluster."""

    model: str
    cluster: int
    how: str
    score: float | None = None
