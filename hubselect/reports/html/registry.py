"""The page about a whole registry: how its models resemble each other, and what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubselect.records import Clustering
from hubselect.reports.html.clusters import Marked
from hubselect.reports.html.landscape import landscape_sections
from hubselect.reports.html.markup import Html, element, joined, listed, moment, name, paragraph, table
from hubselect.reports.html.page import Section, page
from hubselect.reports.numbers import score

if TYPE_CHECKING:
    from hubselect.api.reporting.facts import RegistryFacts

SHOWN = 300
MEMBERS = 12


def registry_page(facts: RegistryFacts) -> str:
    """The whole HTML document."""
    several = len(facts.landscapes) > 1
    parts: list[Section] = [_counts(facts)]
    for here in facts.landscapes:
        key = f"-{here.task}" if several else ""
        parts += landscape_sections(here, Marked(), "", key)
        if here.clustering is not None:
            parts.append(_clusters(here.clustering, key, f" ({here.task})" if several else ""))
    if not facts.landscapes:
        parts += landscape_sections(
            None, Marked(), "No cell of a performance matrix is filled: `hubselect benchmark` fills them."
        )
    parts += [_models(facts), _datasets(facts), _selections(facts)]
    return page("hubselect: a registry", facts.location, parts, facts.version)


def _counts(facts: RegistryFacts) -> Section:
    cells = sum(v == v for here in facts.landscapes for row in here.scores for v in row)
    whole = all(len(here.models) == here.total for here in facts.landscapes)
    numbers = [
        (f"{facts.model_count:,}", "models"),
        (f"{len(facts.datasets):,}", "datasets"),
        (f"{sum(here.total for here in facts.landscapes):,}", "models with results"),
        (f"{cells:,}", "cells of the matrix" if whole else "cells of the drawn models"),
        (f"{len(facts.selections):,}", "selections"),
    ]
    boxes = [element("div", element("b", number), element("span", what)) for number, what in numbers]
    return Section("counts", "What it holds", [element("div", *boxes, class_="numbers")])


def _clusters(clustering: Clustering, key: str, of: str) -> Section:
    ordered = sorted(clustering.clusters, key=lambda c: (-c.size, c.id))
    rows = [
        (c.id, c.size, name(c.representative), _members([m for m in c.members if m != c.representative]))
        for c in ordered[:SHOWN]
    ]
    heads = ("id", "size", "representative", "other members")
    return Section(
        f"clusters{key}",
        f"Members of clusters{of}",
        [table(heads, rows, numbers=heads[:2], words=heads[3:]), *_only(len(rows), len(ordered))],
        f"By {clustering.method}; silhouette {score(clustering.silhouette)}.",
    )


def _members(members: Sequence[str]) -> Html:
    more = f" and {len(members) - MEMBERS:,} more" if len(members) > MEMBERS else ""
    return joined((*(joined((name(m), " ")) for m in members[:MEMBERS]), more))


def _models(facts: RegistryFacts) -> Section:
    heads = (
        "model",
        "task",
        "architecture",
        "parameters",
        "mean benchmark",
        "downloads",
        "licence",
        "revision",
    )
    rows = [
        (
            name(m.id),
            m.task,
            m.architecture,
            "?" if m.parameters is None else f"{m.parameters:,}",
            score(facts.means.get(m.id)),
            "?" if m.downloads is None else f"{m.downloads:,}",
            m.license,
            (m.revision or "known by name only")[:18],
        )
        for m in facts.models
    ]
    if not rows:
        return Section("models", "Models", ["No model is known: `hubselect add-model ORG/NAME` adds one."])
    only = _only(len(rows), facts.model_count)
    return Section(
        "models",
        "Models",
        [listed("the models", table(heads, rows, numbers=heads[3:6]), len(rows), 25), *only],
    )


def _datasets(facts: RegistryFacts) -> Section:
    heads = ("dataset", "role", "task", "classes", "splits", "revision")
    rows = [
        (
            name(d.name),
            d.role,
            d.task,
            len(d.label_names) or "?",
            ", ".join(f"{split} {rows:,}" if rows else split for split, rows in d.splits.items()),
            (d.revision or "known by name only")[:18],
        )
        for d in facts.datasets[:SHOWN]
    ]
    if not rows:
        return Section(
            "datasets", "Datasets", ["No dataset is known: `hubselect add-dataset ORG/NAME` adds one."]
        )
    only = _only(len(rows), len(facts.datasets))
    return Section(
        "datasets",
        "Datasets",
        [
            listed(
                "the datasets", table(heads, rows, numbers=("classes",), words=("splits",)), len(rows), 25
            ),
            *only,
        ],
    )


def _selections(facts: RegistryFacts) -> Section:
    heads = ("id", "dataset", "status", "model", "validation", "test", "policy", "begun")
    last = facts.selections[::-1][:SHOWN]
    rows = [
        (
            s.id,
            name(s.dataset),
            s.status,
            name(s.model),
            score(s.val),
            score(s.test),
            s.policy,
            moment(s.created_at),
        )
        for s in last
    ]
    if not rows:
        return Section(
            "selections", "Selections", ["Nothing was selected yet: `hubselect select DATASET_ID` does it."]
        )
    only = _only(len(rows), len(facts.selections))
    return Section("selections", "Selections", [table(heads, rows, numbers=("id", *heads[4:6])), *only])


def _only(shown: int, total: int) -> list[Html]:
    return [paragraph(f"{shown:,} of {total:,} are listed.", class_="quiet")] if shown < total else []
