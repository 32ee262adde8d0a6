"""A selection's winner as a model repository of the Hub: weights, inputs, card and results in one commit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubselect import __version__
from hubselect.api.opening import opened
from hubselect.api.selection.evidence import EVIDENCE, holds, read_evidence
from hubselect.errors import HubError, InvalidInput, UnknownEntry
from hubselect.hub import hub_endpoint
from hubselect.hub.dataset_cards import MAX_CARD
from hubselect.hub.model_cards import card_content, eval_results_content, keep_model_card
from hubselect.hub.publishing import (
    RepoHead,
    create_repo,
    download,
    own_repo_id,
    repo_page,
    upload,
    writable_repo,
)
from hubselect.records import Dataset, Model, Recipe, Selection, models_for
from hubselect.registry import Registry
from hubselect.reports.card_metadata import Chosen, card_metadata, eval_results
from hubselect.reports.model_card import MARKS, model_card
from hubselect.reports.public import public_document, public_name, without_own_name
from hubselect.training.outputs import PREDICTIONS, is_checkpoint_file

CARD = "README.md"
RESULTS = ".eval_results/hubselect.yaml"

_MAX_EVIDENCE = 64 << 20
_UNWRITTEN = frozenset((CARD, ".gitattributes"))
"""Files that a repository made by hand may hold already."""


@dataclass(frozen=True)
class Published:
    """`commit` is the head after publishing; `changed` is False when everything was there already.
    `files` are the paths that belong to the published model."""

    selection: int
    repo_id: str
    url: str
    commit: str
    changed: bool
    files: tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """A repository that may be published to; `head` is None when it is still to be made."""

    repo_id: str
    head: RepoHead | None
    private: bool


def publish(
    selection: int | Selection,
    repo_id: str,
    *,
    registry: Registry | str | Path | None = None,
    private: bool = False,
) -> Published:
    """Upload the winner of a finished selection to a Hub model repository, which is made when there is none.

    Weights (safetensors), configuration, tokenizer or processor, `hubselect.json`, a model card that says
    how the model was chosen, and its test score in `.eval_results` come in one commit, or nothing does. An
    id without an owner is the user's own. Published again, old files of the checkpoint go, and of the card
    only a marked section and what is said of the weights is written again. Test predictions, paths of this
    machine, the name of a dataset of one's own and logins stay here.

    Raises HubError's classes (no login, no right to write, no answer) and `InvalidInput` for a repository
    that holds something else, or a winner that is no longer where it was saved.
    """
    with opened(registry, create=False) as store:
        found = store.selection(selection) if isinstance(selection, int) else selection
        chosen = _chosen(store, found, repo_id)
        return _published(publishing_target(repo_id, found.dataset, private=private), chosen)


def publishing_target(repo_id: str, dataset: str, *, private: bool = False) -> Target:
    """Check that the winner for `dataset` may be published there. Nothing is written; two requests.

    Raises what `publish` raises before it uploads anything.
    """
    full = own_repo_id(repo_id)
    head = writable_repo("model", full, private=private)
    if head is not None:
        _refuse_foreign(full, head, public_name(dataset))
    return Target(full, head, private)


def publish_selection(store: Registry, found: Selection, repo_id: str, *, private: bool) -> Published:
    """As `publish`, for a selection that ended just now: an error says that it is finished, and how to
    publish it without selecting again."""
    try:
        return publish(found, repo_id, registry=store, private=private)
    except (HubError, InvalidInput) as error:
        again = f"`hubselect publish {found.id} {repo_id}{' --private' if private else ''}`"
        raise type(error)(
            f"selection {found.id} is finished and saved, but not published: {error.message}",
            f"{f'{error.hint}; then' if error.hint else 'then'} run {again}",
        ) from error


def _published(target: Target, chosen: Chosen) -> Published:
    """Upload `chosen`, whose checkpoint lies in the folder that its selection names."""
    folder, own = Path(chosen.selection.path or ""), chosen.selection.dataset
    chosen = replace(without_own_name(chosen, own), repo_id=target.repo_id)
    selection, repo_id = chosen.selection, target.repo_id
    files: dict[str, Path | bytes] = {**_checkpoint(folder), EVIDENCE: _public_evidence(folder, own)}
    results = eval_results(chosen)
    if results:
        files[RESULTS] = eval_results_content(results)
    head = target.head
    if head is None:
        head = create_repo("model", repo_id, private=target.private)
        _refuse_foreign(repo_id, head, selection.dataset)
    files[CARD] = _card(chosen, repo_id, head)
    gone = [path for path in head.files if path not in files and (_is_ours(path) or path == RESULTS)]
    message = f"Publish the choice for {selection.dataset}: {selection.model_id}, fine-tuned"
    try:
        commit = upload("model", repo_id, files, parent=head.commit, message=message, gone=gone)
    except HubError as error:
        if target.head is not None:
            raise
        hint = f"{error.hint}; " if error.hint else ""
        left = f"{hint}publish again: {repo_id} was made and is empty"
        raise type(error)(error.message, left) from error
    if commit is None:
        raise HubError(f"model {repo_id} got another commit while this one was made", "publish again")
    changed, page = commit != head.commit, repo_page("model", repo_id)
    return Published(selection.id, repo_id, page, commit, changed, tuple(sorted(files)))


def _is_ours(path: str) -> bool:
    return "/" not in path and is_checkpoint_file(path) and path != PREDICTIONS


def _checkpoint(folder: Path) -> dict[str, Path]:
    """The files of the saved checkpoint; the test predictions stay here, they quote the dataset."""
    found = {p.name: p for p in sorted(folder.iterdir()) if p.is_file() and _is_ours(p.name)}
    found.pop(EVIDENCE, None)
    if "config.json" not in found or not any(name.endswith(".safetensors") for name in found):
        raise InvalidInput(
            f"{folder} does not hold a whole checkpoint", "run the same `hubselect select` again"
        )
    return found


def _public_evidence(folder: Path, dataset: str) -> bytes:
    evidence = without_own_name(read_evidence(folder), dataset)
    evidence["selection"] = {**evidence["selection"], "path": None}
    return (json.dumps(public_document(evidence), indent=2) + "\n").encode("utf-8")


def _card(chosen: Chosen, repo_id: str, head: RepoHead) -> bytes:
    """The card, with all that the owner wrote into the one that is there."""
    content = card_content(card_metadata(chosen), model_card(chosen))
    if CARD not in head.files:
        return content.encode("utf-8")
    with tempfile.TemporaryDirectory(prefix="hubselect-") as scratch:
        ours, theirs = Path(scratch) / CARD, Path(scratch) / "there"
        ours.write_text(content, encoding="utf-8")
        download("model", repo_id, head, (CARD,), theirs, max_bytes=MAX_CARD)
        keep_model_card(theirs / CARD, ours, MARKS, f"model {repo_id}")
        return ours.read_bytes()


def _refuse_foreign(repo_id: str, head: RepoHead, dataset: str) -> None:
    """Only an empty repository, and one that this dataset's choice was published to, is written."""
    if not set(head.files) - _UNWRITTEN:
        return
    other = f"publish to a new repository instead of {repo_page('model', repo_id)}"
    if EVIDENCE not in head.files:
        raise InvalidInput(f"model {repo_id} exists and was not published by hubselect", other)
    with tempfile.TemporaryDirectory(prefix="hubselect-") as scratch:
        download("model", repo_id, head, (EVIDENCE,), Path(scratch), max_bytes=_MAX_EVIDENCE)
        there = _dataset_of(Path(scratch) / EVIDENCE)
    if there != dataset:
        holds_what = f"the choice for {there}" if there else f"another {EVIDENCE}"
        raise InvalidInput(f"model {repo_id} exists and holds {holds_what}, not for {dataset}", other)


def _dataset_of(evidence: Path) -> str | None:
    try:
        return str(json.loads(evidence.read_text(encoding="utf-8"))["selection"]["dataset"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _chosen(store: Registry, found: Selection, repo_id: str) -> Chosen:
    """What the card tells, from the registry and from what was written beside the checkpoint: the
    registry's model may stand at another revision by now."""
    folder = Path(found.path or "")
    if not holds(found.path, found.id, found.dataset):
        raise InvalidInput(
            f"the winner of selection {found.id} is not in {found.path} any more",
            "run the same `hubselect select` again",
        )
    evidence = read_evidence(folder)
    predictions = _predictions(folder)
    truth, classes = predictions.get("truth"), predictions.get("classes")
    return Chosen(
        selection=found,
        dataset=_dataset(store, found.dataset, evidence["dataset"]),
        recipe=Recipe(**evidence["recipe"]),
        base=_base(store, evidence),
        labels=tuple(str(name) for name in classes) if isinstance(classes, list) else (),
        scored_on=str(predictions.get("origin") or ""),
        scored=len(truth) if isinstance(truth, list) else None,
        repo_id=repo_id,
        endpoint=hub_endpoint(),
        version=__version__,
    )


def _dataset(store: Registry, name: str, told: Mapping[str, Any]) -> Dataset:
    license_ = None
    with suppress(UnknownEntry):
        license_ = store.dataset(name).license
    fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in told.items()}
    return Dataset(**fields, license=license_)


def _base(store: Registry, evidence: Mapping[str, Any]) -> Model:
    told = evidence["base_model"]
    task = models_for(evidence["dataset"]["task"])
    return Model(told["id"], task, revision=told.get("revision"), license=told.get("license"))


def _predictions(folder: Path) -> dict[str, Any]:
    """What was predicted for the test split; {} for checkpoints of an older hubselect."""
    try:
        found = json.loads((folder / PREDICTIONS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
