"""Registries shared through the Hub: a dataset repository that several people push to and pull from."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubselect.api.clusters.after import ClustersAfter, clusters_after
from hubselect.api.opening import opened
from hubselect.errors import HubError, InvalidInput
from hubselect.hub.dataset_cards import MAX_CARD, keep_card
from hubselect.hub.publishing import (
    RepoHead,
    create_repo,
    download,
    files_of,
    own_repo_id,
    repo_head,
    repo_page,
    upload,
    writable_repo,
)
from hubselect.registry import Registry
from hubselect.registry.sharing import Exported, MergeReport, Prefer
from hubselect.registry.snapshot_card import MARKS, PLACE
from hubselect.registry.snapshot_tables import CARD, MANIFEST, TABLES, data_file
from hubselect.reports.numbers import counted

MAX_DOWNLOAD = 4 << 30
"""Bytes that a shared registry may have."""

_FILES = (MANIFEST, *(data_file(table) for table in TABLES))
_UNWRITTEN = frozenset((CARD, ".gitattributes"))
"""Files that a repository made by hand may hold already."""

_ATTEMPTS = 3


@dataclass(frozen=True)
class Pushed:
    """`commit` is the head after the push; `changed` is False when everything was there already.

    `exported` tells what the repository holds now and, in `merged`, what this push added to it.
    """

    repo_id: str
    url: str
    commit: str
    changed: bool
    exported: Exported


@dataclass(frozen=True)
class Pulled:
    """`commit` is what was pulled, `merged` what it did to the registry, `clusters` to the clusters."""

    repo_id: str
    commit: str
    merged: MergeReport
    clusters: tuple[ClustersAfter, ...] = ()


@dataclass(frozen=True)
class TakenIn:
    """What a folder did to the registry, and to its clusters."""

    merged: MergeReport
    clusters: tuple[ClustersAfter, ...] = ()


def push(
    repo_id: str,
    *,
    registry: Registry | str | Path | None = None,
    private: bool = False,
    prefer: Prefer = "remote",
) -> Pushed:
    """Add what the registry holds to a Hub dataset repository, which is made when there is none.

    What others shared there stays: rows are merged, and where both say different things theirs
    stand, or ours with `prefer="local"`; every disagreement is in the report. The commit is made
    upon the commit that was merged; when others are faster it is tried again. Local results that
    were pulled keep no local names: see `Registry.export_registry`. Of the repository's card only a
    marked section is written again: the licence, tags and words of its owner stay.

    Raises HubError's classes (no login, no right to write, no answer, others pushing at the same
    time again and again) and `InvalidInput` for a repository that holds something else.
    """
    repo_id = own_repo_id(repo_id)
    with opened(registry) as store:
        for _ in range(_ATTEMPTS):
            with tempfile.TemporaryDirectory(prefix="hubselect-") as scratch:
                pushed = _push_once(store, repo_id, Path(scratch), private, prefer)
            if pushed is not None:
                return pushed
    raise HubError(
        f"dataset {repo_id} got other commits while this one was made",
        f"run `hubselect registry pull {repo_id}` first, then push again",
    )


def pull(
    repo_id: str,
    *,
    revision: str | None = None,
    registry: Registry | str | Path | None = None,
    prefer: Prefer = "local",
) -> Pulled:
    """Merge a shared registry into this one, in one transaction.

    New runs have the source "hub:REPO@COMMIT". What was measured here stays unless
    `prefer="remote"`; every disagreement is in the report. The clusters follow: when they cannot,
    `clusters` says so, and the rows stay. A repository that is missing, private, damaged, of a newer
    format or hostile changes nothing: HubError's classes or `InvalidInput`.
    """
    with opened(registry) as store, tempfile.TemporaryDirectory(prefix="hubselect-") as scratch:
        head = repo_head("dataset", repo_id, revision)
        folder = _fetched(repo_id, head, Path(scratch))
        source = f"hub:{repo_id}@{head.commit}"
        merged = _taken_in(store, folder, source=source, prefer=prefer, name=f"dataset {repo_id}")
        return Pulled(repo_id, head.commit, merged, _clusters(store))


def import_registry(
    folder: str | Path,
    *,
    source: str | None = None,
    registry: Registry | str | Path | None = None,
    prefer: Prefer = "local",
    name: str | None = None,
) -> TakenIn:
    """Merge a folder of `Registry.export_registry` into this registry, as `pull` does."""
    with opened(registry) as store:
        merged = _taken_in(store, folder, source=source, prefer=prefer, name=name)
        return TakenIn(merged, _clusters(store))


def _taken_in(store: Registry, folder: str | Path, **options: Any) -> MergeReport:
    # the store's own, also of a facade that brings the clusters up to date itself
    return Registry.import_registry(store, folder, **options)


def _clusters(store: Registry) -> tuple[ClustersAfter, ...]:
    """Also when nothing was new: the process that took it in may have ended before it came to this."""
    return clusters_after(store, [clustering.recipe for clustering in store.clusterings()])


def _push_once(store: Registry, repo_id: str, scratch: Path, private: bool, prefer: Prefer) -> Pushed | None:
    """One attempt; None when the repository changed meanwhile."""
    head = writable_repo("dataset", repo_id, private=private)
    there = None
    if head is not None and _is_written(head):
        there = _fetched(repo_id, head, scratch / "there")
    exported = store.export_registry(scratch / "ours", onto=there, prefer=prefer)
    if head is None:
        head = create_repo("dataset", repo_id, private=private)
        if _is_written(head):
            return None
    _write_card(repo_id, head, scratch)
    if there is not None and _same(there, scratch):
        return Pushed(repo_id, repo_page("dataset", repo_id), head.commit, False, exported)
    merged = exported.merged
    new = ((merged.models, "model"), (merged.runs, "run"), (merged.proxies, "proxy score"))
    message = f"Add {', '.join(counted(*each) for each in new)}"
    if not merged.changed:
        message = "Write the tables and the card again"
    files = files_of(scratch / "ours")
    commit = upload("dataset", repo_id, files, parent=head.commit, message=message)
    if commit is None:
        return None
    return Pushed(repo_id, repo_page("dataset", repo_id), commit, commit != head.commit, exported)


def _write_card(repo_id: str, head: RepoHead, scratch: Path) -> None:
    """The new card in the place of the exported one, with all that the owner wrote into the old one."""
    ours = scratch / "ours" / CARD
    ours.write_text(ours.read_text(encoding="utf-8").replace(PLACE, repo_id), encoding="utf-8")
    if CARD in head.files:
        download("dataset", repo_id, head, (CARD,), scratch / "card", max_bytes=MAX_CARD)
        keep_card(scratch / "card" / CARD, ours, MARKS, f"dataset {repo_id}")


def _is_written(head: RepoHead) -> bool:
    return bool(set(head.files) - _UNWRITTEN)


def _fetched(repo_id: str, head: RepoHead, target: Path) -> Path:
    if MANIFEST not in head.files:
        raise InvalidInput(
            f"dataset {repo_id} does not hold a shared registry", "name a repository that hubselect pushed"
        )
    download("dataset", repo_id, head, _FILES, target, max_bytes=MAX_DOWNLOAD)
    return target


def _same(there: Path, scratch: Path) -> bool:
    """Whether the tables and the card are there already, whichever hubselect wrote them."""
    ours, card = scratch / "ours", scratch / "card" / CARD
    tables = [json.loads((f / MANIFEST).read_bytes()) for f in (there, ours)]
    same = all(tables[0].get(key) == tables[1][key] for key in ("format", "tables"))
    return same and card.exists() and card.read_bytes() == (ours / CARD).read_bytes()
