"""The page about one selection, finished or not: the answer first, then what it rests on."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hubselect.records import Recalled
from hubselect.reports.closing import closing_lines
from hubselect.reports.environments import versions_line
from hubselect.reports.html.clusters import Marked
from hubselect.reports.html.costs import costs
from hubselect.reports.html.curves import Ends, validation_curves
from hubselect.reports.html.landscape import landscape_sections
from hubselect.reports.html.markup import Html, element, folded, listed, moment, name, pairs, paragraph, table
from hubselect.reports.html.page import Section, page
from hubselect.reports.html.predictions import predicted_and_reached, ranking
from hubselect.reports.numbers import duration, score, size

if TYPE_CHECKING:
    from hubselect.api.reporting.facts import SelectionFacts

UNSURE = "how sure: not known; the hubselect that ran this did not record it"
UNRECORDED = "not recorded by the hubselect that trained"
SAYS = {
    "running": "It is not finished: repeat the same `hubselect select` to go on.",
    "failed": "It ended without an answer.",
}


def selection_page(facts: SelectionFacts) -> str:
    """The whole HTML document."""
    record = facts.record
    ends = Ends.of(record.verdicts, record.winner)
    sections = [
        _answer(facts),
        _stages(facts, ends),
        _predictions(facts),
        _recall(facts),
        *landscape_sections(
            facts.landscape,
            Marked([r.model for r in record.recalled or ()], record.winner),
            f"the registry holds no results for {facts.dataset.task}: nobody knows which models are alike",
        ),
        _costs(facts),
        _provenance(facts),
    ]
    subtitle = f"selection {record.id}, {record.status}, begun {moment(record.created_at)}"
    return page(f"hubselect: {facts.dataset.name}", subtitle, sections, facts.version)


def _answer(facts: SelectionFacts) -> Section:
    found, record = facts.found, facts.record
    warnings = [paragraph(f"warning: {line}", class_="warning") for line in facts.warnings]
    if found is None:
        why = f" {record.reason}" if record.reason else ""
        said = SAYS.get(record.status, "It has no answer.")
        best = max(
            (r for r in facts.runs.values() if r.curve),
            key=lambda r: (r.curve[-1].val, r.model),
            default=None,
        )
        ahead = (
            []
            if best is None
            else [
                paragraph("highest so far: ", name(best.model), f", validation {score(best.curve[-1].val)}")
            ]
        )
        return Section("answer", "No answer yet", [paragraph(said, why), *ahead, *warnings])
    numbers = [
        _number(score(found.val_score), f"validation {found.metric}"),
        _number(score(found.test_score), f"test {found.metric}"),
        _number(f"{found.cost.epochs:.2f}", "epochs spent"),
        _number(duration(found.cost.seconds), "time"),
    ]
    body = [
        element("div", name(found.model_id), class_="winner"),
        element("div", *numbers, class_="numbers"),
        paragraph("saved in ", name(found.path)) if found.path else paragraph("it was not saved"),
        *(paragraph(line) for line in closing_lines(found) or [UNSURE]),
        *warnings,
    ]
    return Section("answer", "The answer", body)


def _number(value: str, what: str) -> Html:
    return element("div", element("b", value), element("span", what))


def _stages(facts: SelectionFacts, ends: Ends) -> Section:
    chart = validation_curves(facts.runs, ends, facts.metric)
    rows = [
        (name(model), *_last_of(facts, model), ends.what(model), ends.why(model))
        for model in sorted(ends.verdicts, key=lambda m: (m != ends.winner, -ends.verdicts[m].stage, m))
    ]
    heads = ("model", "epochs", "validation", "predicted", "what became of it", "why")
    left = (
        [
            listed(
                "what became of every candidate",
                table(heads, rows, numbers=heads[1:4], words=["why"]),
                len(rows),
            )
        ]
        if rows
        else []
    )
    steps = [
        (v.stage, f"{v.epochs:g}", name(v.model), score(v.val), score(v.predicted), _goes(v.kept), v.reason)
        for v in facts.record.verdicts
    ]
    every = ("stage", "epochs", "model", "validation", "predicted", "", "why")
    more = (
        [folded("every decision", table(every, steps, numbers=(*every[:2], *every[3:5]), words=["why"]))]
        if steps
        else []
    )
    return Section(
        "stages",
        "Fine selection",
        [chart or "Nothing was trained yet, so there are no validation curves.", *left, *more],
        "Validation scores as the candidates trained. A cross is where one left, the star is the winner.",
    )


def _goes(kept: bool) -> str:
    return "goes on" if kept else "leaves"


def _last_of(facts: SelectionFacts, model: str) -> tuple[str, str, str]:
    seen = [v for v in facts.record.verdicts if v.model == model]
    return (f"{seen[-1].epochs:g}", score(seen[-1].val), score(seen[-1].predicted))


def _predictions(facts: SelectionFacts) -> Section:
    record = facts.record
    chart = predicted_and_reached(
        record.recalled or (), facts.runs, record.winner, record.test, facts.metric, facts.recipe.epochs
    )
    return Section(
        "foreseen",
        "Predicted and reached",
        [chart or "Recall predicted no scores: too little was known when it ranked the models."],
        "What recall expected of each model before any training, and what it reached. A model that left "
        "early shows its last validation score, which is not where it would have ended.",
    )


def _recall(facts: SelectionFacts) -> Section:
    record = facts.record
    recalled = record.recalled or ()
    rows = [_ranking_table(recalled)] if recalled else []
    by = record.request.options.get("method", "paper")
    proxies = f" with {record.request.proxy}" if record.request.proxy else ""
    return Section(
        "recall",
        "Recall",
        [ranking(recalled, record.winner) or "Nothing was recalled yet.", *rows],
        f"The models recalled for this dataset (method {by}{proxies}), the best first.",
    )


def _ranking_table(recalled: Sequence[Recalled]) -> Html:
    foreseen = any(r.predicted is not None for r in recalled)
    heads = ["", "model", "recall score", "mean benchmark", "proxy", "from", "cluster"]
    more = ["predicted", "90 % interval"] if foreseen else []
    rows = [_ranked(place, r, foreseen) for place, r in enumerate(recalled, start=1)]
    whole = table([*heads, *more], rows, numbers=("", *heads[2:5], "cluster", *more), words=["from"])
    return listed("every recalled model", whole, len(rows))


def _ranked(place: int, r: Recalled, foreseen: bool) -> Sequence[object]:
    who = r.representative if r.representative not in (None, r.model) and r.proxy_origin else None
    interval = "-" if r.low is None or r.high is None else f"{r.low:.3f} to {r.high:.3f}"
    return (
        place,
        name(r.model),
        score(r.recall_score),
        "-" if math.isnan(r.prior) else score(r.prior),
        score(r.proxy_score),
        element("span", name(who), f", {r.proxy_origin}") if who else r.proxy_origin,
        r.cluster,
        *((score(r.predicted), interval) if foreseen else ()),
    )


def _costs(facts: SelectionFacts) -> Section:
    record = facts.record
    chart = costs(record.cost, facts.found.explanation if facts.found else None)
    why = (
        "Alternatives are counted when a selection ends."
        if facts.found is None
        else "What the alternatives would have cost was not recorded by the hubselect that ran this."
    )
    cost = record.cost
    spent = (
        f"{cost.epochs:.2f} epochs ({cost.training_epochs:g} training, {cost.recall_epochs:.2f} recall), "
        f"{duration(cost.seconds)}, {size(cost.bytes_downloaded)} downloaded."
    )
    return Section("cost", "Cost", [chart or why, paragraph(spent)])


def _provenance(facts: SelectionFacts) -> Section:
    record, request = facts.record, facts.record.request
    rows: list[tuple[str, object]] = [
        ("registry", name(facts.location)),
        ("selection", record.id),
        ("dataset", name(f"{facts.dataset.name} at {record.dataset_revision or 'no known revision'}")),
        ("task", f"{facts.dataset.task}, {facts.dataset.problem_type}"),
        ("classes", ", ".join(facts.dataset.label_names) or "not named"),
        ("policy", request.policy),
        ("recipe", facts.recipe.digest),
        ("request", request.request_digest),
        ("knowledge", record.knowledge_digest or "-"),
        *_trained_with(facts),
        ("hubselect", f"{facts.version} made this page"),
    ]
    asked = json.dumps(dict(request.options), sort_keys=True, indent=1, default=str)
    recipe = [(key.replace("_", " "), str(value)) for key, value in facts.recipe.content.items()]
    return Section(
        "provenance",
        "Provenance",
        [
            pairs(rows),
            folded("the recipe in full", pairs(recipe)),
            folded("models and revisions", _revisions(facts)),
            *([folded("what trained what", _environments(facts))] if len(facts.environments) > 1 else []),
            folded("what was asked", element("pre", asked)),
            *([folded("notes", *(paragraph(note) for note in facts.notes))] if facts.notes else []),
        ],
    )


def _trained_with(facts: SelectionFacts) -> list[tuple[str, object]]:
    """Devices and libraries: the winner's as soon as there is one, else of all trainings so far."""
    of = facts.found.winner_environments if facts.found is not None else facts.environments
    if not of:
        began = any(run.curve for run in facts.runs.values())
        return [("trained with", UNRECORDED if began else "nothing was trained yet")]
    return [row for e in of for row in (("trained on", e.device), ("trained with", versions_line(e)))]


def _environments(facts: SelectionFacts) -> Html:
    """Where several are: which of them trained which models."""
    rows = [(e.device, versions_line(e), ", ".join(e.models)) for e in facts.environments]
    heads = ("device", "libraries", "models")
    return table(heads, rows, words=heads[1:])


def _revisions(facts: SelectionFacts) -> Html:
    names = [r.model for r in facts.record.recalled or ()]
    heads = ("model", "revision", "architecture", "parameters", "licence")
    rows = []
    for model in names:
        known = facts.models.get(model)
        revision = facts.revisions.get(model) or (known.revision if known else None)
        more = (known.architecture, _count(known.parameters), known.license) if known else (None, "?", None)
        rows.append((name(model), revision or "known by name only", *more))
    return table(heads, rows, numbers=("parameters",))


def _count(parameters: int | None) -> str:
    return "?" if parameters is None else f"{parameters:,}"
