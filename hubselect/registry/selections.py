"""The records of selections: the request, what is recorded so far, the line of a list, an event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from hubselect.records import Cost, Recalled, Verdict


@dataclass(frozen=True)
class SelectionRequest:
    """What was asked. `options` (JSON values) holds whatever else changes the answer.

    `request_digest` identifies the request: equal digests may continue each other. Left empty
    it is sixteen hex digits of everything else.
    """

    dataset: str
    recipe_digest: str
    policy: str
    proxy: str
    k: int
    options: Mapping[str, Any] = field(default_factory=dict)
    request_digest: str = ""

    def __post_init__(self) -> None:
        if not self.request_digest:
            text = json.dumps(asdict(self), sort_keys=True)
            object.__setattr__(self, "request_digest", hashlib.sha256(text.encode()).hexdigest()[:16])


@dataclass(frozen=True)
class SelectionRecord:
    """All that is recorded of a selection, finished or not.

    `recalled` is None until coarse recall was recorded, and `knowledge` with it. `cost` holds
    what was added so far; its training epochs are those of the recorded curves until the
    selection is finished.
    """

    id: int
    request: SelectionRequest
    status: str
    recalled: tuple[Recalled, ...] | None
    knowledge: Mapping[str, Any] | None
    knowledge_digest: str | None
    verdicts: tuple[Verdict, ...]
    cost: Cost
    winner: str | None = None
    val: float | None = None
    test: float | None = None
    path: str | None = None
    reason: str | None = None
    dataset_revision: str | None = None
    created_at: str = ""


@dataclass(frozen=True)
class SelectionSummary:
    """One line of the list of selections; `model`, `val` and `test` are None until it is done."""

    id: int
    dataset: str
    status: str
    model: str | None
    val: float | None
    test: float | None
    policy: str
    proxy: str
    k: int
    created_at: str


@dataclass(frozen=True)
class Event:
    """Something that happened in a selection; `sequence` counts from 1 without gaps."""

    sequence: int
    kind: str
    payload: Mapping[str, Any]
    created_at: str
