"""A registry to write reports about, filled through its own methods: results, clusters, a selection.

Nothing is trained: what a page shows is what was recorded, wherever it came from.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from hubselect.api.clusters.clustering import cluster
from hubselect.records import (
    Cost,
    CurvePoint,
    Dataset,
    Environment,
    Explanation,
    Model,
    Recalled,
    Rival,
    Verdict,
)
from hubselect.registry import Registry, SelectionRequest
from hubselect.registry.selection_documents import ENVIRONMENT, environment_event

TASK = "text-classification"
EPOCHS = 5
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
TARGET = "org/target"
TRAINED_WITH = Environment(f"CPU, {HOSTILE}", {"hubselect": "0.0.9", "torch": "2.8.0", "Python": "3.11.9"})


@dataclass(frozen=True)
class Size:
    """How much of everything. `name` is the pattern of model ids."""

    models: int = 9
    datasets: int = 6
    recalled: int = 4
    name: str = "org/model-{:02d}"

    @property
    def ids(self) -> list[str]:
        return [self.name.format(i) for i in range(self.models)]


SMALL = Size()


def results(size: Size) -> pd.DataFrame:
    """Groups of three models that fine-tune alike."""
    rng = np.random.default_rng(0)
    centre = rng.uniform(0.4, 0.9, (size.models // 3 + 1, size.datasets))
    rows = [
        (model, f"org/bench-{d}", EPOCHS, float(EPOCHS), "test", centre[i // 3, d] + rng.normal(0, 0.004))
        for i, model in enumerate(size.ids)
        for d in range(size.datasets)
        if (i + d) % 11 or not d
    ]
    return pd.DataFrame(rows, columns=["model", "dataset", "stage", "epochs", "split", "score"])


def fill(store: Registry, size: Size = SMALL) -> None:
    """Results, models with metadata, clusters."""
    store.import_scores(results(size))
    for i, model in enumerate(size.ids):
        store.add_model(
            Model(
                model,
                TASK,
                revision=f"{i:040x}",
                architecture="Bert",
                parameters=10**6 * (i + 1),
                license="mit",
            )
        )
    cluster(registry=store, threshold=0.05)


def begin(store: Registry, size: Size = SMALL, target: str = TARGET, metric: str = "accuracy") -> int:
    """A selection whose recall is recorded; returns its id."""
    store.add_dataset(
        Dataset(
            target,
            TASK,
            revision="d" * 40,
            role="target",
            label_names=("good", HOSTILE),
            splits={"train": 90},
        )
    )
    recipe = store.main_recipe(TASK)
    assert recipe is not None
    request = SelectionRequest(
        target, recipe.digest, "fine-selection", "leep", size.recalled, {"method": "fused"}
    )
    selection = store.create_selection(request)
    homes = {m: c for c in store.clusters(TASK) for m in c.members}
    recalled = [
        Recalled(
            m, 0.8 - 0.01 * i, 0.7, -0.4 if i == 0 else None, homes[m].id, homes[m].representative,
            "head" if i == 0 else "propagated", 0.8 - 0.02 * i, 0.7 - 0.02 * i, 0.9 - 0.02 * i,
        )
        for i, m in enumerate(size.ids[: size.recalled])
    ]  # fmt: skip
    knowledge = {"revisions": dict.fromkeys(size.ids[: size.recalled], "a" * 40), "metric": metric}
    store.record_recall(selection, recalled, knowledge, 0.4, 1000, "k")
    store.append_event(selection, "note", {"text": "a note on the way"})
    return selection


def train(
    store: Registry, selection: int, size: Size = SMALL, target: str = TARGET, *, scale: float = 1.0
) -> None:
    """The first model trains to the end, the second fails, the others leave after the first stage."""
    recipe = store.main_recipe(TASK)
    assert recipe is not None
    first, second, *others = size.ids[: size.recalled]
    verdicts = [Verdict(1, 0.0, second, None, None, False, f"failed: {HOSTILE}")]
    for i, model in enumerate([first, *others]):
        store.start_run(model, target, recipe, selection=selection)
        store.append_event(selection, ENVIRONMENT, environment_event(model, TRAINED_WITH))
        for stage in range(1, EPOCHS + 1 if model == first else 2):
            val = scale * (0.8 - 0.02 * i - 0.3 * 0.5**stage)
            point = CurvePoint(model, stage, float(stage), val, 1.0)
            store.append_point(point, target, recipe, selection=selection)
            why = "the best" if model == first else f"predicted behind {first}"
            verdicts.append(Verdict(stage, float(stage), model, val, val + 0.02, model == first, why))
    store.fail_run(second, target, recipe, HOSTILE, selection=selection)
    store.record_verdicts(selection, sorted(verdicts, key=lambda v: v.stage))


def finish(store: Registry, selection: int, size: Size = SMALL, *, scale: float = 1.0) -> None:
    """The first model is the winner, with an explanation."""
    from dataclasses import asdict

    winner, second, third, *_ = size.ids
    told = Explanation(
        "the only one left", 0.005, 0.021, third, 0.12, None,
        (Rival(third, 1, 0.021, 0.02, 0.12),), (second,),
        7.4, size.models, size.recalled, EPOCHS * size.recalled, EPOCHS * size.models, 26.0,
    )  # fmt: skip
    store.append_event(selection, "explanation", asdict(told))
    store.finish_selection(
        selection, winner, scale * 0.79, scale * 0.78, "/somewhere/winner", Cost(7.0, 0.4, 12.0, 2_000_000)
    )


def selected(store: Registry, size: Size = SMALL, target: str = TARGET, *, scale: float = 1.0) -> int:
    """A finished selection; returns its id. `scale` makes scores of another kind of them, such as -1."""
    selection = begin(store, size, target, "matthews_corrcoef" if scale < 0 else "accuracy")
    train(store, selection, size, target, scale=scale)
    finish(store, selection, size, scale=scale)
    return selection


def made(place: Path, size: Size = SMALL) -> Path:
    """A registry file with one finished selection, id 1."""
    with Registry.open(place) as store:
        fill(store, size)
        selected(store, size)
    return place
