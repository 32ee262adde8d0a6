"""What a policy has to know, as JSON for the registry, and the policy made from it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from hubselect.api.knowing import Knowledge, nothing_known, trends_for
from hubselect.api.recall.options import AUTO
from hubselect.api.recall.recalling import RecallPlan
from hubselect.api.selection.curve_ends import ends_for
from hubselect.knowledge.curve_ends import CurveEnds
from hubselect.knowledge.trend_book import TrendBook
from hubselect.records import Dataset, Recalled, Recipe
from hubselect.registry import Registry, SelectionRequest
from hubselect.selection import Budget, Budgeted, Costs, StagedPolicy, make_policy

_SHOWN = 10  # models whose curves are read to see whether there is something to learn


def lessons_for(
    store: Registry, known: Knowledge, dataset: Dataset, recipe: Recipe, recalled: Sequence[Recalled]
) -> dict[str, Any]:
    """What recorded curves teach for a selection among `recalled`, and for its closing statement: nothing
    where they are of another method, whose curves run otherwise."""
    if known.recipe.method != recipe.method:
        known = nothing_known(recipe)
    return {
        "trends": trends_for(store, known, [r.model for r in recalled]).to_dict(),
        "ends": ends_for(store, known, dataset, recipe, recalled).to_dict(),
    }


PAPERS = "fine-selection"
UNTAUGHT = "successive-halving"


def chosen_policy(
    asked: str, store: Registry, plan: RecallPlan, dataset: Dataset, recipe: Recipe
) -> tuple[str, str]:
    """The policy that was asked for, "auto" being the knowledge gradient where the recorded curves of other
    datasets teach it where curves end, and the paper's where they do not; and why."""
    if asked != AUTO:
        return asked, ""
    if plan.known.recipe.method != recipe.method:
        return (
            UNTAUGHT,
            f"policy {UNTAUGHT}: no curves of the method {recipe.method} are recorded to learn from",
        )
    first = plan.choice.method.rank(plan.evidence)[:_SHOWN]
    if ends_for(store, plan.known, dataset, recipe, first).rungs:
        return "knowledge-gradient", "policy knowledge-gradient: the registry's recorded curves teach it"
    return PAPERS, f"policy {PAPERS}: too few curves are recorded to learn where they end"


def budget_of(request: SelectionRequest) -> Budget:
    return Budget(**request.options.get("budget", {}))


def costs_for(
    recipe: Recipe, pace: Mapping[str, float], workers: int, epochs: float, seconds: float
) -> Costs:
    """What training costs under `recipe`, after a recall of so many `epochs` and `seconds`."""
    done = tuple(recipe.epochs_at(stage) for stage in range(1, recipe.stages + 1))
    return Costs(done, pace, workers, epochs, seconds)


def costs_document(costs: Costs) -> dict[str, Any]:
    """As JSON: what a resumed selection must count with again."""
    return {**asdict(costs), "epochs": list(costs.epochs), "pace": dict(costs.pace)}


def policy_from(request: SelectionRequest, recipe: Recipe, knowledge: Mapping[str, Any]) -> StagedPolicy:
    """The policy that was asked for, within its budget, from the `knowledge` that was kept for it."""
    trends = TrendBook.from_dict(knowledge["trends"])
    ends = CurveEnds.from_dict(knowledge["ends"]) if "ends" in knowledge else None
    threshold = request.options["threshold"]
    policy = make_policy(
        request.policy,
        recipe.stages,
        trends,
        threshold=threshold,
        stages_per_epoch=recipe.stages_per_epoch,
        ends=ends,
    )
    budget = budget_of(request)
    if not budget.set:
        return policy
    kept = knowledge["costs"]
    return Budgeted.around(policy, budget, Costs(**{**kept, "epochs": tuple(kept["epochs"])}))
