"""The dataset card of a shared registry: what is inside, how to use it, whose the numbers are."""

from __future__ import annotations

import re

from hubselect.records import Recipe
from hubselect.registry.snapshot_tables import FORMAT, TABLES, Row, Tables, data_file

_CONTENT = {
    "models": "checkpoints: pinned commit, architecture, parameters, weights, class names, licence",
    "datasets": "benchmark datasets: pinned commit, columns, class names, rows per split",
    "recipes": "how the models were fine-tuned; scores of different recipes do not compare",
    "runs": "one model fine-tuned on one dataset: test score, revisions of both, origin",
    "curve_points": "validation score of a run after each stage",
    "proxy_scores": "what predicts a score without fine-tuning (LEEP and others)",
    "hub_results": "scores that model cards claim; not measured by hubselect",
}
_SHOWN_RECIPES = 50

MARKS = ("<!-- hubselect: this section is written by every push -->", "<!-- hubselect: end -->")
"""What stands before and after the part of the card that is written again."""

PLACE = "THIS_REPO"
"""What the card calls the repository it will stand in."""

_BODY = """
{begin}
# A hubselect registry

Results of fine-tuning, collected with hubselect: which checkpoint is worth fine-tuning on a new
dataset is decided from them (hubselect registries, format {format}).

    hubselect registry pull {place}                # adds to your registry; your own results stay
    datasets.load_dataset("{place}", "runs")       # or any other table

| table | rows | content |
|---|---|---|
{tables}

Runs are keyed by model, dataset, recipe and seed. `source` says where a score comes from:
`measured` by whoever shared it, `imported:NAME` from published results, `hub:REPO@COMMIT` from
another shared registry.

## Recipes
{recipes}

## Licence

This repository holds measurements and metadata, no weights and no examples. The models and datasets
named in it have licences of their own (column `license`); imported scores remain their authors'.
{end}
"""


def card(tables: Tables) -> str:
    """The README: metadata that makes every table a configuration of the dataset, then the marked text."""
    counts = tables.counts()
    lines = [f"| `{name}` | {counts[name]:,} | {_CONTENT[name]} |" for name in TABLES]
    ordered = sorted(tables.recipes, key=lambda r: (r["task"], r["name"], r["digest"]))
    recipes = "\n".join(_recipe(row) for row in ordered[:_SHOWN_RECIPES]) or "None yet."
    if len(ordered) > _SHOWN_RECIPES:
        recipes += f"\n- and {len(ordered) - _SHOWN_RECIPES} more in the table `recipes`"
    body = _BODY.format(
        format=FORMAT, place=PLACE, tables="\n".join(lines), recipes=recipes, begin=MARKS[0], end=MARKS[1]
    )
    return f"---\n{_metadata(counts)}---\n{body}"


def _metadata(counts: dict[str, int]) -> str:
    """YAML of fixed words only: nothing in it comes from the tables but which of them have rows."""
    lines = ["pretty_name: hubselect registry", "tags:", "- hubselect", "- model-selection", "- benchmark"]
    full = [name for name in ("runs", *TABLES) if counts[name]]
    lines += ["configs:"] if full else []
    for name in dict.fromkeys(full):
        lines += [
            f"- config_name: {name}",
            "  data_files:",
            "  - split: train",
            f"    path: {data_file(name)}",
        ]
        lines += ["  default: true"] if name == full[0] else []
    return "\n".join(lines) + "\n"


def _recipe(row: Row) -> str:
    content = row["content"]
    if row["origin"] == "imported":
        said = f"published results, {content['epochs']} epochs or stages; how they were made is not recorded"
    else:
        recipe = Recipe(**content)
        rate = recipe.learning_rate
        caps = (("training", recipe.max_train_samples), ("evaluation", recipe.max_eval_samples))
        parts = [
            f"{recipe.epochs} epochs of {recipe.stages_per_epoch} stages",
            f"{recipe.optimizer}, learning rate {'by model size' if rate is None else rate}",
            f"weight decay {recipe.weight_decay}, warm-up {recipe.warmup_ratio}",
            f"batch size {recipe.batch_size}, length {recipe.max_length}",
            *(f"at most {cap} {kind} examples" for kind, cap in caps if cap is not None),
            f"metric {recipe.metric}, seed {recipe.seed}",
            *([] if recipe.method == "full" else [f"method {recipe.method}"]),
        ]
        said = "; ".join(parts)
    return f"- `{row['digest']}` **{_plain(row['name'])}** ({row['task']}): {_plain(said)}"


def _plain(text: str) -> str:
    """Text that markdown and HTML leave as it is."""
    return re.sub(r"([\\`*_{}\[\]<>()#|!&])", r"\\\1", text)
