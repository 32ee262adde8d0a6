"""The records of a selection: what was recalled, decided, spent, planned and found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Recalled:
    """One model of the ranked answer of coarse recall (Eq. 2-4).

    `proxy_score` is the representative's raw proxy value, None when it was propagated (Eq. 4)
    or unknown; `proxy_origin` says how it was obtained; `prior` is acc(m), the mean benchmark
    score (NaN for a model without results). `predicted` is the test score to expect on the target and
    `low`, `high` the bounds that hold it in nine of ten cases, `sd` the standard deviation of its error
    against the other models at the front; None where too little is known.
    """

    model: str
    recall_score: float
    prior: float
    proxy_score: float | None
    cluster: int | None
    representative: str | None = None
    proxy_origin: str | None = None
    predicted: float | None = None
    low: float | None = None
    high: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Verdict:
    """What a policy decided about one model after one stage, and why."""

    stage: int
    epochs: float
    model: str
    val: float | None
    predicted: float | None
    kept: bool
    reason: str


@dataclass(frozen=True)
class Cost:
    """What a selection spent. `epochs` = `training_epochs` + `recall_epochs`."""

    training_epochs: float = 0.0
    recall_epochs: float = 0.0
    seconds: float = 0.0
    bytes_downloaded: int = 0

    @property
    def epochs(self) -> float:
        return self.training_epochs + self.recall_epochs


@dataclass(frozen=True)
class Span:
    """The least, the expected and the most of something that is decided on the way."""

    least: float
    expected: float
    most: float


@dataclass(frozen=True)
class Plan:
    """What a selection would do, by what is known before anything is fetched.

    `scored` are the models whose proxies would be computed as far as that is known, `scored_at_most` how
    many there may be, `likely` those that would probably be recalled (the proxies may change that), out of
    `candidates` models; `k` are recalled. `epochs` counts
    recall, of which there are `recall_epochs`. `seconds` of training and recall (not of downloads) is
    None where no training was ever timed; `seconds_from` says what it stands on. Bytes are those of
    weights that are not here yet: `bytes_expected` of `scored` and `likely` models, `bytes_at_most` if
    the largest were recalled; `unknown_sizes` models are left out because nobody tells their size.
    `disk_bytes` is what downloads, training states and the winner take. Budgets are None where none is
    set. `replayed` is the number of recorded datasets that the expected epochs are the mean of.
    """

    dataset: str
    policy: str
    method: str
    proxies: tuple[str, ...]
    candidates: int
    k: int
    scored: tuple[str, ...]
    scored_at_most: int
    likely: tuple[str, ...]
    epochs: Span
    recall_epochs: float
    seconds: float | None
    seconds_from: str
    bytes_expected: int
    bytes_at_most: int
    unknown_sizes: int
    disk_bytes: int
    budget_epochs: float | None = None
    budget_seconds: float | None = None
    workers: int = 1
    replayed: int = 0
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rival:
    """Another recalled model: how far its predicted end lies behind the winner's (negative: ahead of it),
    the standard deviation of that, and the probability that it would have ended better than the winner
    by more than the tolerance. `stage` is the last one it was seen at, 0 when it never trained."""

    model: str
    stage: int
    behind: float
    sd: float
    probability: float


@dataclass(frozen=True)
class Explanation:
    """Why the winner, by how much, how sure, and against what.

    `why` is the policy's last word on the winner. `margin` is how far the nearest rival (`second`) is
    predicted to end behind it, in the metric's unit. `probability` is that of another recalled model
    having been better than the winner by more than `tolerance`. Both are None where too little is
    known, and `unknown` says why. `left_out` are recalled models that the probability does not cover.
    The costs are epochs of full trainings: counted, not run.
    """

    why: str
    tolerance: float
    margin: float | None
    second: str | None
    probability: float | None
    unknown: str | None
    rivals: tuple[Rival, ...]
    left_out: tuple[str, ...]
    epochs: float
    candidates: int
    recalled: int
    epochs_brute_force_recalled: float
    epochs_brute_force: float
    epochs_successive_halving: float


@dataclass(frozen=True)
class Environment:
    """What `models` were trained with: the name of the device, and the versions of Python and of the
    libraries by their names, as they were then."""

    device: str
    versions: Mapping[str, str] = field(hash=False)
    models: tuple[str, ...] = ()


@dataclass(frozen=True)
class Selection:
    """The answer: the winner, fine-tuned, with the evidence.

    `path` holds the saved checkpoint (safetensors, tokenizer or processor). `recalled` is
    ranked; `history` is every verdict in order of stage. `plan` is what was expected before it began,
    `explanation` what is to be said at the end; None for selections of an older hubselect. `warnings`
    tell what of the dataset makes its scores doubtful (examples in two splits, classes never trained).
    `metric` names what scores are (`training.metrics`). `published` is the address of the repository that the
    winner was uploaded to by the same call, None when it was not. `environments` are the devices and
    libraries that trained; none for selections of an older hubselect.
    """

    id: int
    dataset: str
    model_id: str
    path: str | None
    val_score: float
    test_score: float | None
    recalled: tuple[Recalled, ...]
    history: tuple[Verdict, ...]
    cost: Cost
    policy: str = "fine-selection"
    proxy: str = "leep"
    recipe: str = ""
    metric: str = "accuracy"
    resumed: bool = False
    plan: Plan | None = None
    explanation: Explanation | None = None
    warnings: tuple[str, ...] = ()
    published: str | None = None
    environments: tuple[Environment, ...] = ()

    @property
    def winner_environments(self) -> tuple[Environment, ...]:
        """Those that trained the winner, in order."""
        return tuple(e for e in self.environments if self.model_id in e.models)
