"""Finished selections as a registry and a folder hold them, without training anything.

The checkpoint is one of `tests.support.repos` (random weights); what is recorded of it is made up.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

from hubselect.api.selection.evidence import write_evidence
from hubselect.records import (
    Cost,
    Dataset,
    Environment,
    Explanation,
    Model,
    Recalled,
    Recipe,
    Rival,
    Selection,
    Verdict,
)
from hubselect.registry import Registry, SelectionRequest
from hubselect.registry.selection_documents import ENVIRONMENT, EXPLANATION, environment_event
from tests.support.repos import write_text_model

TASK = "text-classification"
RECIPE = Recipe(TASK, epochs=2, metric="accuracy", max_eval_samples=32)
TARGET = Dataset(
    "org/target", TASK, config="en", revision="d" * 40, text_columns=("text",), label_column="label",
    license="cc-by-4.0", role="target",
)  # fmt: skip
WINNER = Model("org/first", TASK, revision="a" * 40, license="apache-2.0", parameters=1_000)
MODELS = (
    WINNER,
    Model("org/second", TASK, revision="b" * 40),
    Model("org/third", TASK, revision="c" * 40),
    Model("org/fourth", TASK, revision="e" * 40),
)
RECALLED = (
    Recalled("org/second", 0.61, 0.7, None, 1, predicted=0.75, low=0.7, high=0.8),
    Recalled("org/first", 0.6, 0.69, -0.4, 1, proxy_origin="head"),
    Recalled("org/third", 0.5, float("nan"), None, None),
    Recalled("org/fourth", 0.4, 0.5, None, 2),
)
HISTORY = (
    Verdict(0, 0.0, "org/fourth", None, None, False, "not started: recall expects it 0.2 behind org/first"),
    Verdict(1, 1.0, "org/third", None, None, False, "failed: no such file /home/someone/cache/x.bin"),
    Verdict(1, 1.0, "org/second", 0.62, 0.65, False, "predicted 0.1 behind org/first: not worth its epochs"),
    Verdict(1, 1.0, "org/first", 0.72, 0.75, True, "the best predicted end"),
    Verdict(2, 2.0, "org/first", 0.78125, 0.76, True, "the best predicted end"),
)
TOLD = Explanation(
    why="the best predicted end",
    tolerance=0.005,
    margin=0.1,
    second="org/second",
    probability=0.07,
    unknown=None,
    rivals=(Rival("org/second", 1, 0.1, 0.04, 0.07),),
    left_out=("org/third",),
    epochs=4.5,
    candidates=12,
    recalled=4,
    epochs_brute_force_recalled=8,
    epochs_brute_force=24,
    epochs_successive_halving=15,
)
TRAINED_WITH = Environment(
    "CPU, of some kind",
    {"hubselect": "1.2.3", "torch": "2.9.0+cpu", "Python": "3.11.9"},
    ("org/second", "org/first"),
)
FOUND = Selection(
    id=1,
    dataset=TARGET.name,
    model_id=WINNER.id,
    path=None,
    val_score=0.78125,
    test_score=0.8125,
    recalled=RECALLED,
    history=HISTORY,
    cost=Cost(4.0, 0.5, 21.0, 2_500_000),
    recipe=RECIPE.digest,
    explanation=TOLD,
    warnings=("org/target:en: 2 of 32 test examples also stand in the train part",),
    environments=(TRAINED_WITH,),
)
PREDICTIONS = {
    "metric": "accuracy",
    "score": 0.8125,
    "origin": "validation split",
    "classes": ["negative", "positive"],
    "truth": [0, 1] * 16,
    "predicted": [0, 1] * 13 + [1, 0] * 3,
}


def save_winner(store: Registry, folder: Path, *, seed: int = 0, **changes: object) -> Selection:
    """A finished selection in `store`, its checkpoint, evidence and predictions in `folder`; `changes` are
    fields of the `Selection`, of the winner (`winner`), the recipe (`recipe`) or the target (`target`)."""
    winner, target = changes.pop("winner", WINNER), changes.pop("target", TARGET)
    recipe = changes.pop("recipe", RECIPE)
    assert isinstance(winner, Model)
    assert isinstance(target, Dataset)
    assert isinstance(recipe, Recipe)
    for model in MODELS:
        store.add_model(winner if model.id == winner.id else model)
    store.add_dataset(target)
    digest = store.add_recipe(recipe)
    found = replace(FOUND, path=str(folder), dataset=target.name, recipe=digest, **changes)  # type: ignore[arg-type]
    number = store.create_selection(SelectionRequest(target.name, digest, "fine-selection", "leep", 4))
    store.record_recall(number, found.recalled, {"metric": found.metric, "warnings": list(found.warnings)})
    store.record_verdicts(number, found.history)
    if found.explanation is not None:
        store.append_event(number, EXPLANATION, asdict(found.explanation))
    for trained_with in found.environments:
        for model in trained_with.models:
            store.append_event(number, ENVIRONMENT, environment_event(model, trained_with))
    found = replace(found, id=number)
    write_checkpoint(folder, seed=seed)
    write_evidence(folder, found, target, recipe, winner)
    store.finish_selection(number, winner.id, found.val_score, found.test_score, str(folder), found.cost)
    return store.selection(number)


def write_checkpoint(folder: Path, *, seed: int = 0) -> None:
    """The files that a trained winner leaves."""
    made = write_text_model(folder.parent / f".{folder.name}", "o/checkpoint", seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    for path in made.iterdir():
        if path.name != "README.md":
            shutil.copy(path, folder / path.name)
    (folder / "predictions.json").write_text(json.dumps(PREDICTIONS))
