"""What happened to clusters between two clusterings, in words a user can read.

| kind | payload |
|---|---|
| created | cluster, representative, models, from (ids of the clusters its models were in) |
| joined | cluster, models, from (ids; empty for models that were in no cluster) |
| left | cluster, models, to (ids; empty for models that are in no cluster now) |
| merged | cluster, from (ids that ended in it) |
| split | cluster, into (ids, its own if it lives on) |
| dissolved | cluster, models, to (ids; empty when no model is left) |
| representative-changed | cluster, old, new |

Every payload with `models` counts them in `size` and names the first twenty.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hubselect.records import Cluster

NAMED = 20


@dataclass(frozen=True)
class ClusterChange:
    """One thing that happened; `payload` is plain JSON with the keys that the module lists by `kind`."""

    kind: str
    payload: Mapping[str, Any] = field(default_factory=dict)


def cluster_changes(old: Sequence[Cluster], new: Sequence[Cluster]) -> tuple[ClusterChange, ...]:
    """The changes from `old` to `new`, which carry lasting ids: by cluster, ended clusters first."""
    before, after = {c.id: c for c in old}, {c.id: c for c in new}
    was = {m: c.id for c in old for m in c.members}
    now = {m: c.id for c in new for m in c.members}
    heirs = {c.id: sorted({now[m] for m in c.members if m in now}) for c in old}
    found: list[ClusterChange] = []
    for c in sorted(old, key=lambda c: c.id):
        found += _of_old(c, heirs[c.id], lives=c.id in after)
    ended = defaultdict(list)
    for number, into in heirs.items():
        if number not in after and len(into) == 1:
            ended[into[0]].append(number)
    for c in sorted(new, key=lambda c: c.id):
        found += _of_new(c, before.get(c.id), sorted(ended[c.id]), was)
    for c in sorted(old, key=lambda c: c.id):
        if c.id in after:
            found += _leaving(c, after[c.id], now)
    return tuple(found)


def _of_old(c: Cluster, heirs: Sequence[int], *, lives: bool) -> list[ClusterChange]:
    found = []
    if len(heirs) > 1:
        found.append(ClusterChange("split", {"cluster": c.id, "into": list(heirs)}))
    if not lives and len(heirs) != 1:  # with one heir it merged
        found.append(ClusterChange("dissolved", {"cluster": c.id, **_models(c.members), "to": list(heirs)}))
    return found


def _of_new(
    c: Cluster, before: Cluster | None, ended: Sequence[int], was: Mapping[str, int]
) -> list[ClusterChange]:
    found = []
    if before is None:
        origins = sorted({was[m] for m in c.members if m in was})
        payload = {
            "cluster": c.id,
            "representative": c.representative,
            **_models(c.members),
            "from": origins,
        }
        return [ClusterChange("created", payload)]
    if ended:
        found.append(ClusterChange("merged", {"cluster": c.id, "from": list(ended)}))
    members = set(before.members)
    arrived = [m for m in c.members if m not in members and was.get(m) not in ended]
    if arrived:
        origins = sorted({was[m] for m in arrived if m in was})
        found.append(ClusterChange("joined", {"cluster": c.id, **_models(arrived), "from": origins}))
    if c.representative != before.representative:
        change = {"cluster": c.id, "old": before.representative, "new": c.representative}
        found.append(ClusterChange("representative-changed", change))
    return found


def _leaving(c: Cluster, after: Cluster, now: Mapping[str, int]) -> list[ClusterChange]:
    members = set(after.members)
    gone = [m for m in c.members if m not in members]
    if not gone:
        return []
    to = sorted({now[m] for m in gone if m in now})
    return [ClusterChange("left", {"cluster": c.id, **_models(gone), "to": to})]


def _models(names: Iterable[str]) -> dict[str, Any]:
    listed = sorted(names)
    return {"models": listed[:NAMED], "size": len(listed)}
