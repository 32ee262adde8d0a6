"""The page's part on clusters: Tables I, X, II, XI and III."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.paper.clusters import KS
from benchmarks.paper.published import MODELS, TABLE_I, TABLE_II, TABLE_III, TABLE_X, TABLE_XI
from benchmarks.paper.wording import NAMES, agreement, number, points, table

Zoos = Mapping[str, Mapping[str, Any]]

_SIMILARITIES = {
    "performance": "results (Eq. 1)",
    "card text": "model cards, embedded",
    "card words": "model cards, bags of words",
}
_METHODS = {"average": "hierarchical", "kmeans": "k-means"}
_CUTS = {"paper-like": "as fine as the paper", "chosen": "chosen by silhouette"}


def section(zoos: Zoos) -> list[str]:
    return [
        "## Clusters",
        "",
        "Two cuts of the average linkage: *as fine as the paper* leaves as many clusters per model as the "
        "paper has (18 of 40, 11 of 30), *chosen by silhouette* is the product's default. Silhouettes: the "
        "variant of the authors' code (b over all outside points), the standard coefficient in brackets.",
        "",
        *_table_i(zoos),
        *_table_x(zoos),
        *_membership(zoos),
        *_table_iii(zoos),
    ]


def _coefficient(cell: Mapping[str, Any]) -> str:
    seeds = cell.get("seeds", [])
    text = f"{number(cell['paper'], 3)} ({number(cell['standard'], 3)})"
    if len(seeds) > 1:
        text += f", single seeds {min(seeds):.3f} to {max(seeds):.3f}"
    return text


def _table_i(zoos: Zoos) -> list[str]:
    header = ["similarity", "method"]
    for kind in zoos:
        header += [f"paper, {NAMES[kind]}", *(f"{NAMES[kind]}, {label}" for label in _CUTS.values())]
    rows = []
    for similarity, label in _SIMILARITIES.items():
        for method, name in _METHODS.items():
            row = [label, name]
            for kind, zoo in zoos.items():
                printed = TABLE_I.get((similarity, method), {}).get(kind)
                row += [number(printed, 3), *(_coefficient(zoo["I"][c][similarity][method]) for c in _CUTS)]
            rows.append(row)
    at = {kind: zoo["I"]["paper-like"] for kind, zoo in zoos.items()}
    judged = ", ".join(
        f"{NAMES[kind]} {t['card text']['average']['by results']:.3f} against "
        f"{t['performance']['average']['paper']:.3f} of clusters made from results"
        for kind, t in at.items()
    )
    claims = {
        "hierarchical above k-means, by results": {
            kind: t["performance"]["average"]["paper"] > t["performance"]["kmeans"]["paper"]
            for kind, t in at.items()
        },
        "results above embedded cards, each by its own distances": {
            kind: t["performance"]["average"]["paper"] > t["card text"]["average"]["paper"]
            for kind, t in at.items()
        },
        "clusters made from results above clusters made from cards, both judged by results": {
            kind: t["performance"]["average"]["paper"] > t["card text"]["average"]["by results"]
            for kind, t in at.items()
        },
    }
    why = (
        "The two methods are given the same number of clusters, and neither leads by much. Coefficients "
        "of different distances do not compare: the zoo's cards are one sentence of one pattern, which "
        "embeds into tight groups whatever the models can do."
    )
    return [
        "### Table I: silhouettes by similarity and method",
        "",
        *table(header, rows),
        f"Clusters made from embedded cards, judged by the distances of the results: {judged}. Cards are "
        "embedded as `hubselect place --text-model` does, by a checkpoint of the zoo (`bert-docs`): "
        "Sentence-BERT, which the paper uses, is not part of it.",
        "",
        *agreement(claims, why),
    ]


def _table_x(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        for k in KS[kind]:
            cells = [_coefficient(zoo["X"][cut][str(k)]) for cut in _CUTS]
            all_of_them = " (all there are)" if k > zoo["datasets"] else ""
            rows.append([NAMES[kind], f"{k}{all_of_them}", number(TABLE_X[kind].get(k), 3), *cells])
    differences = {
        kind: max(v) - min(v)
        for kind, zoo in zoos.items()
        for v in [[cell["paper"] for cell in zoo["X"]["paper-like"].values()]]
    }
    claims = {
        "k hardly matters (coefficients within 0.05)": {kind: d <= 0.05 for kind, d in differences.items()}
    }
    return [
        "### Table X: the k of Eq. 1",
        "",
        *table(["zoo", "k", "paper", *_CUTS.values()], rows),
        "The paper's Tables I and X give different coefficients for its own k = 5 (0.505 and 0.543, 0.806 "
        "and 0.821).",
        "",
        *agreement(claims, "A larger k averages the differences that tell models apart away."),
    ]


def _membership(zoos: Zoos) -> list[str]:
    rows, lists = [], []
    for kind, zoo in zoos.items():
        for name, printed, label in (("II", TABLE_II, "average"), ("XI", TABLE_XI, "kmeans")):
            sizes = printed[kind]
            rows.append(
                [
                    f"{NAMES[kind]}, {_METHODS[label]}",
                    f"{len(sizes)}; {sum(sizes)} of {MODELS[kind]}; {_sizes(sizes)}",
                    *(_groups(zoo[name][cut], zoo["models"]) for cut in _CUTS),
                ]
            )
            lists += [f"- {NAMES[kind]}, {_METHODS[label]}: {_named(zoo[name]['paper-like']['groups'])}"]
    claims = {
        "most models are in non-singleton clusters": {
            kind: zoo["II"]["paper-like"]["members"] > zoo["models"] / 2 for kind, zoo in zoos.items()
        },
        "models of a cluster have more in common than others (same origin, same architecture)": {
            kind: all(
                _closer(zoo["II"]["paper-like"]["alike"][what]) for what in ("relatives", "architecture")
            )
            for kind, zoo in zoos.items()
        },
        "they have more in common with hierarchical clustering than with k-means": {
            kind: _commoner(zoo["II"], zoo["XI"]) for kind, zoo in zoos.items()
        },
    }
    return [
        "### Tables II and XI: cluster membership",
        "",
        *table(
            ["zoo, method", "paper: non-singleton clusters; models in them; sizes", *_CUTS.values()], rows
        ),
        "Members where the cut is as fine as the paper's, representative first:",
        "",
        *lists,
        "",
        _alike(zoos),
        "",
        *agreement(
            claims,
            "Few image checkpoints have a parent in the zoo, and with a handful of pairs one model more or "
            "less decides.",
        ),
    ]


def _closer(share: Mapping[str, float | None]) -> bool:
    return (share["within"] or 0.0) > (share["all"] or 0.0)


def _commoner(ours: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether neither share of like pairs is smaller, and one is larger."""
    pairs = [
        tuple(t["paper-like"]["alike"][what]["within"] or 0.0 for t in (ours, other))
        for what in ("relatives", "architecture")
    ]
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)


def _alike(zoos: Zoos) -> str:
    parts = []
    for kind, zoo in zoos.items():
        for what in ("relatives", "architecture"):
            ours, other = (zoo[t]["paper-like"]["alike"][what] for t in ("II", "XI"))
            label = "made from the same checkpoint" if what == "relatives" else "of the same architecture"
            parts.append(
                f"{kind} models {label}: {points(ours['within'], 0)} % within hierarchical clusters, "
                f"{points(other['within'], 0)} % within k-means ones, {points(ours['all'], 0)} % of all pairs"
            )
    return "Pairs of " + "; ".join(parts) + "."


def _sizes(sizes: Any) -> str:
    return "+".join(str(s) for s in sizes)


def _groups(found: Mapping[str, Any], models: int) -> str:
    return f"{found['non-singleton']}; {found['members']} of {models}; {_sizes(found['sizes'])}"


def _named(groups: Any) -> str:
    return " / ".join(", ".join(group) for group in groups)


def _table_iii(zoos: Zoos) -> list[str]:
    rows = []
    for kind, zoo in zoos.items():
        for label in ("non-singleton", "singleton"):
            printed = TABLE_III[kind][label]
            cells = [
                f"{number(c['accuracy'], 3)}, {c['best']}, {c['models']} models"
                if c["models"]
                else "no such models"
                for c in (zoo["III"][cut][label] for cut in _CUTS)
            ]
            rows.append([NAMES[kind], label, f"{printed.accuracy:.2f}, {printed.best}", *cells])
    at = {kind: zoo["III"]["paper-like"] for kind, zoo in zoos.items()}
    claims = {
        "models in non-singleton clusters score higher": {
            kind: (t["non-singleton"]["accuracy"] or 0.0) > (t["singleton"]["accuracy"] or 1.0)
            for kind, t in at.items()
        },
        "nearly all best models are among them (at least four of five)": {
            kind: t["non-singleton"]["best"] >= 0.8 * (t["non-singleton"]["best"] + t["singleton"]["best"])
            for kind, t in at.items()
        },
    }
    return [
        "### Table III: singletons",
        "",
        "Mean accuracy, and on how many benchmark datasets the best model is of that kind.",
        "",
        *table(["zoo", "clusters", "paper", *_CUTS.values()], rows),
        *agreement(claims, "In a zoo of this size a single specialist among the singletons decides it."),
    ]
