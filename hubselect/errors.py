"""Everything hubselect raises on purpose.

    HubselectError                 one clear line; `hint` says what to do next
    ├── InvalidInput               a value, file or option that cannot be used
    ├── UnknownEntry               a model, dataset, selection ... the registry does not hold
    ├── RegistryError              the database cannot be opened, migrated or written
    ├── HubError                   the Hub did not give what was asked for
    │   ├── HubUnreachable         no answer from the endpoint
    │   ├── RepoNotFound           no such repository or revision
    │   ├── RepoGated              access has to be requested first
    │   └── DownloadIncomplete     files are missing or do not match their hashes
    ├── UnsupportedModel           the checkpoint cannot be indexed or fine-tuned
    ├── UnsupportedDataset         no usable text, image or label column; no labels; no data
    ├── CheckpointBroken           weights, config or tokenizer cannot be loaded
    ├── TrainingFailed             fine-tuning ended in NaN, out of memory, a dead worker ...
    ├── StorageFailed              no room, or no permission, where states or downloads go
    ├── ClusterFailed              a Ray cluster that does not answer, or whose nodes cannot train
    ├── KnowledgeMissing           the registry does not hold enough results for the question
    └── SelectionFailed            every candidate failed

Foreign exceptions are mapped where they enter: Hub errors in `hub/`, SQLAlchemy's in
`registry/`, torch's and transformers' in `training/`.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

# A token of the Hub, a login in an address, the value of an authorization header.
_SECRET = re.compile(r"\bhf_[A-Za-z0-9]{20,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)|(?<=[Bb]earer )[^\s'\"]+")
_SHORTEST = 8


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def without_secrets(text: str) -> str:
    """`text` with the Hub's tokens and logins in addresses replaced by `***`.

    What comes from a server or a library may repeat what it was sent. Tokens are known by their form,
    and by their value: `HF_TOKEN`, and the login stored by `hf auth login`.
    """
    for secret in _known_secrets():
        text = text.replace(secret, "***")
    return _SECRET.sub("***", text)


def _known_secrets() -> list[str]:
    values = [os.environ.get(name, "") for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")]
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    home = os.environ.get("HF_HOME") or f"{cache}/huggingface"
    with suppress(OSError, RuntimeError, ValueError):
        place = Path(os.environ.get("HF_TOKEN_PATH") or f"{home}/token").expanduser()
        values.append(place.read_text(encoding="utf-8"))
    return [value.strip() for value in values if len(value.strip()) >= _SHORTEST]


def _one_line(text: str) -> str:
    """Printable: what a server says must not move the cursor of a terminal."""
    return without_secrets(" ".join(_CONTROL.sub(" ", text).split()))


class HubselectError(Exception):
    """Base of every error a user can be told about.

    Parameters: `message` is one line saying what is wrong; `hint` (optional) is one line
    saying what to do next. Neither ever holds a token: errors are printed, logged and stored.
    """

    def __init__(self, message: str, hint: str | None = None) -> None:
        self.message = _one_line(str(message))
        self.hint = _one_line(hint) if hint else None
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[type[HubselectError], tuple[str, str | None]]:
        return type(self), (self.message, self.hint)  # errors travel between processes


class InvalidInput(HubselectError):
    """A value, file or option that cannot be used; nothing was changed."""


class UnknownEntry(HubselectError):
    """The registry does not hold what was asked for."""


class RegistryError(HubselectError):
    """The registry cannot be opened, migrated or written."""


class HubError(HubselectError):
    """The Hub did not give what was asked for."""


class HubUnreachable(HubError):
    """The Hub endpoint does not answer."""


class RepoNotFound(HubError):
    """The repository or revision does not exist, or is private."""


class RepoGated(HubError):
    """The repository is gated and this user has no access."""


class DownloadIncomplete(HubError):
    """Files of a repository are missing or do not match their hashes."""


class UnsupportedModel(HubselectError):
    """A checkpoint that hubselect cannot index or fine-tune."""


class UnsupportedDataset(HubselectError):
    """A dataset without usable columns, labels or data."""


class CheckpointBroken(HubselectError):
    """A checkpoint whose files cannot be loaded."""


class TrainingFailed(HubselectError):
    """Fine-tuning ended without a result."""


class StorageFailed(HubselectError):
    """Files cannot be written: no room or no permission. Nobody's model is to blame."""


class ClusterFailed(HubselectError):
    """The Ray cluster does not answer, or its nodes cannot train. Nobody's model is to blame."""


class KnowledgeMissing(HubselectError):
    """The registry does not hold enough results to answer."""


class SelectionFailed(HubselectError):
    """No candidate could be fine-tuned."""
