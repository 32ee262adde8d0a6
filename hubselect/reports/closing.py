"""What is said before a selection begins and when it has ended: the plan, and the closing statement."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.markup import escape

from hubselect.records import Cost, Explanation, Plan, Selection
from hubselect.reports.numbers import counted, duration, size
from hubselect.reports.tables import Part, add_row, new_table


def plan_line(plan: Plan) -> str:
    """The plan in one line, as it is announced before a selection begins."""
    proxies = f"proxies of {_count(plan)}, " if plan.scored else ""
    return (
        f"plan for {plan.dataset}: {proxies}{plan.k} of {plan.candidates} models recalled, {plan.policy}"
        f"{_budget(plan)}; {_epochs(plan)}, {_seconds(plan)}, {_bytes(plan)}"
    )


def plan(found: Plan) -> list[Part]:
    """The plan for people."""
    table = new_table(f"Plan for {found.dataset}", "what", "how much")
    method = found.method + (f" with {', '.join(found.proxies)}" if found.proxies else "")
    add_row(table, "recall", f"{method}: {found.k} of {counted(found.candidates, 'model')}")
    if found.proxies:
        left = found.scored_at_most - len(found.scored)
        more = f" and {left} more at most" if left else ""
        add_row(table, "proxies computed for", (", ".join(found.scored) or "nobody") + more)
    add_row(
        table,
        "likely recalled",
        f"{', '.join(found.likely)}{' (proxies may change it)' * bool(found.proxies)}",
    )
    add_row(table, "policy", found.policy + _budget(found))
    add_row(table, "epochs", f"{_epochs(found)}, {found.recall_epochs:.2f} of them recall")
    add_row(table, "time", f"{_seconds(found)} on {found.workers} workers ({found.seconds_from})")
    add_row(table, "download", _bytes(found))
    add_row(table, "disk", f"about {size(found.disk_bytes)}, the saved winner included")
    notes = [escape(f"note: {n}") for n in found.notes]
    return [table, *notes, "Nothing was downloaded, trained or written."]


def plan_document(found: Plan) -> dict[str, Any]:
    document = asdict(found)
    document["models"] = {"scored": list(document.pop("scored")), "likely": list(document.pop("likely"))}
    document["seconds_estimated"] = document.pop("seconds")
    return {**document, "proxies": list(found.proxies), "notes": list(found.notes)}


def estimate_document(selection: Selection) -> dict[str, Any] | None:
    """What was estimated beside what happened; None for selections without a plan."""
    told, cost = selection.plan, selection.cost
    if told is None:
        return None
    return {
        "epochs": {**asdict(told.epochs), "actual": cost.epochs},
        "seconds": {"estimated": told.seconds, "from": told.seconds_from, "actual": cost.seconds},
        "bytes": {
            "expected": told.bytes_expected,
            "at_most": told.bytes_at_most,
            "unknown_sizes": told.unknown_sizes,
            "actual": cost.bytes_downloaded,
        },
    }


def explanation_document(found: Explanation | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {**asdict(found), "rivals": [asdict(r) for r in found.rivals], "left_out": list(found.left_out)}


def closing(selection: Selection) -> list[Part]:
    """Why this model, by how much, how sure, and what it cost against the alternatives, for the terminal."""
    return [escape(line) for line in closing_lines(selection)]


def closing_lines(selection: Selection) -> list[str]:
    """The same as plain text, a line each; none for selections of an older hubselect."""
    told = selection.explanation
    lines: list[str] = []
    if told is not None:
        lines += [f"why: {told.why}", _margin(told), _sure(told), _against(told, selection.cost)]
    if selection.plan is not None:
        lines.append(_estimate(selection.plan, selection.cost))
    return lines


def _margin(told: Explanation) -> str:
    if told.margin is None or told.second is None:
        return f"by how much: not known; {told.unknown}"
    sd = next(r.sd for r in told.rivals if r.model == told.second)
    where = "ahead of" if told.margin >= 0 else "behind"
    return (
        f"by how much: predicted to end {abs(told.margin):.4f} {where} {told.second}, give or take {sd:.4f}"
    )


def _sure(told: Explanation) -> str:
    if told.probability is None:
        return f"how sure: not known; {told.unknown}"
    left = f"; nothing is known of {', '.join(told.left_out)}" if told.left_out else ""
    return (
        f"how sure: {_percent(told.probability)} that another recalled model would have been better by more "
        f"than {told.tolerance:g}{left}"
    )


def _percent(probability: float) -> str:
    return "below 1 %" if probability < 0.01 else "above 99 %" if probability > 0.99 else f"{probability:.0%}"


def _against(told: Explanation, cost: Cost) -> str:
    return (
        f"against: {cost.epochs:.2f} epochs; all {told.recalled} recalled models "
        f"{told.epochs_brute_force_recalled:g}, all {told.candidates} candidates "
        f"{told.epochs_brute_force:g}, successive halving over them {told.epochs_successive_halving:g} "
        "(counted, not run)"
    )


def _estimate(told: Plan, cost: Cost) -> str:
    took = "not estimated" if told.seconds is None else f"{duration(told.seconds)} estimated"
    return (
        f"expected: {_epochs(told)}, it took {cost.epochs:.2f}; {took}, it took {duration(cost.seconds)}; "
        f"{_bytes(told)}, {size(cost.bytes_downloaded)} came"
    )


def _count(plan: Plan) -> str:
    upto = "up to " if plan.scored_at_most > len(plan.scored) else ""
    return upto + counted(max(plan.scored_at_most, len(plan.scored)), "model")


def _epochs(plan: Plan) -> str:
    span = plan.epochs
    if span.most - span.least < 0.005:
        return f"{span.expected:.2f} epochs"
    return f"about {span.expected:.2f} epochs ({span.least:.2f} to {span.most:.2f})"


def _seconds(plan: Plan) -> str:
    return "an unknown time" if plan.seconds is None else f"about {duration(plan.seconds)} without downloads"


def _bytes(plan: Plan) -> str:
    unknown = f" and {plan.unknown_sizes} of unknown size" if plan.unknown_sizes else ""
    if plan.bytes_at_most == 0 and not unknown:
        return "no weights to download"
    return f"about {size(plan.bytes_expected)} of weights ({size(plan.bytes_at_most)} at most){unknown}"


def _budget(plan: Plan) -> str:
    limits = [
        f"{value:g} {name}"
        for name, value in (("epochs", plan.budget_epochs), ("seconds", plan.budget_seconds))
        if value is not None
    ]
    return f" within {' and '.join(limits)}" if limits else ""
