"""One weight format of a pinned model into the Hub cache, complete and with verified content.

What was verified is remembered (by size and modification time) in
`$HF_HOME/hubselect/verified`, so a second use hashes nothing and asks the Hub nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hubselect.errors import DownloadIncomplete, HubUnreachable, InvalidInput
from hubselect.hub.client import TIMEOUT, check_repo_id, hub_api, hub_errors, is_commit
from hubselect.hub.fetching import Commit, complete
from hubselect.hub.patience import persistent
from hubselect.hub.verified import Ledger, link_target
from hubselect.hub.weights import RepoFile, repo_files, weights_digest
from hubselect.records import Model

_SUFFIXES = (".json", ".txt", ".model", ".bpe", ".codes", ".tiktoken")
_NOT_NEEDED = frozenset(
    f"{stem}.txt" for stem in ("readme", "license", "requirements", "notice")
) | frozenset(
    f"{stem}.json"
    for stem in (
        "trainer_state",
        "modules",
        "all_results",
        "train_results",
        "eval_results",
        "predict_results",
    )
)


@dataclass(frozen=True)
class Download:
    """`path` is a folder a checkpoint loads from; `bytes_fetched` came over the network just now
    (0 when everything was cached)."""

    path: Path
    bytes_fetched: int


def download_model(model: Model) -> Download:
    """The files of `model` at its pinned commit: weights of one format, config, tokenizer, processor.

    A complete, verified snapshot is returned without any request. Otherwise missing files are
    fetched and everything is checked against the hashes the Hub states; cached files that do
    not match are fetched again.

    Raises HubError's classes, InvalidInput (the model is not pinned to a commit) and
    DownloadIncomplete (what was fetched does not match its hash; it has been removed).
    """
    revision = _pinned(model)
    commit = Commit(model.id, revision)
    snapshot = commit.snapshot
    ledger = Ledger.open(model.id, revision)
    if ledger.complete(snapshot, model.weights_files):
        return Download(snapshot, 0)
    try:
        wanted = _wanted(model, revision)
    except HubUnreachable:
        if _complete_by_itself(model, snapshot, ledger):
            return Download(snapshot, 0)
        raise
    fetched = complete(commit, wanted, ledger)
    ledger.save(complete=True)
    return Download(snapshot, fetched)


def is_downloaded(model: Model) -> bool:
    """Whether a complete, verified snapshot lies in the cache: `download_model` would fetch nothing.

    Asks the Hub nothing. False for a model that is not pinned to a commit.
    """
    if not is_commit(model.revision or "") or not model.weights_files:
        return False
    revision = _pinned(model)
    snapshot = Commit(model.id, revision).snapshot
    return Ledger.open(model.id, revision).complete(snapshot, model.weights_files)


def needed_files(paths: Iterable[str], weights_files: Sequence[str]) -> list[str]:
    """Of a model repository's paths those a checkpoint loads from: the given weights and the
    configuration, tokenizer and processor files beside them."""
    return sorted(p for p in paths if p in weights_files or _is_configuration(p))


def _is_configuration(path: str) -> bool:
    name = path.lower()
    index = name.endswith(".index.json")  # the other format's list of shards
    return "/" not in path and name.endswith(_SUFFIXES) and not index and name not in _NOT_NEEDED


def _pinned(model: Model) -> str:
    check_repo_id(model.id)
    if model.revision is None or not model.weights_files:
        raise InvalidInput(
            f"model {model.id} was never looked up on the Hub", f"run `hubselect add-model {model.id}` first"
        )
    if not is_commit(model.revision):
        raise InvalidInput(
            f"model {model.id} is not pinned to a commit: {model.revision!r}",
            f"run `hubselect add-model {model.id}` again",
        )
    return model.revision


def _wanted(model: Model, revision: str) -> list[RepoFile]:
    """What the Hub says about the needed files. One request that fails fast when the Hub is down."""
    with hub_errors(model.id, revision=revision):
        info = persistent(
            lambda: hub_api().model_info(model.id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        )
    files = repo_files(info)
    absent = [name for name in model.weights_files if name not in files]
    if absent:
        raise DownloadIncomplete(
            f"{model.id} at {revision[:8]} has no {absent[0]}", f"run `hubselect add-model {model.id}` again"
        )
    return [files[name] for name in needed_files(files, model.weights_files)]


def _complete_by_itself(model: Model, snapshot: Path, ledger: Ledger) -> bool:
    """Whether a snapshot somebody else cached is whole, judged without the Hub.

    Cached files carry their content's hash as the name of their blob; the weights' digest in
    the record ties them to the commit; the client's cached listing tells what else belongs to it.
    """
    expected = [snapshot / name for name in (*model.weights_files, "config.json")]
    if model.weights_digest is None or not all(p.is_file() and p.is_symlink() for p in expected):
        return False
    found = [_as_cached(p.relative_to(snapshot), snapshot) for p in expected]
    listed = _cached_listing(model)
    others = needed_files(listed, ()) if listed is not None else [p.name for p in snapshot.iterdir()]
    if weights_digest(found) != model.weights_digest or not all((snapshot / o).is_file() for o in others):
        return False
    if not all(ledger.verify(snapshot, file) for file in found):
        return False
    ledger.save(complete=listed is not None)
    return True


def _as_cached(path: Path, snapshot: Path) -> RepoFile:
    target = link_target(snapshot / path)
    return RepoFile(path.as_posix(), target.stat().st_size, target.name)


def _cached_listing(model: Model) -> list[str] | None:
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        from huggingface_hub import get_cached_repo_tree

        return [f.path for f in get_cached_repo_tree(model.id, revision=model.revision)]
    except (ImportError, CachedRepoTreeNotFoundError):
        return None
