"""Every kind of label from the Hub to the winner and back: indexed, benchmarked, recalled, selected for and
published, over real HTTP, and scored as scikit-learn or scipy scores what was predicted."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as scikit

from hubselect import Registry, add_dataset, add_model, benchmark, coarse_recall, select
from hubselect.errors import InvalidInput
from hubselect.records import Dataset, ProblemType, Recipe, Selection, Task
from hubselect.training.saved import evaluate_saved
from tests.support.kinds import (
    TAGS,
    TOPICS,
    write_choices,
    write_numbers,
    write_recordings,
    write_sets,
    write_sound_model,
    write_words,
)
from tests.support.repos import (
    IMAGE_LABELS,
    write_image_dataset,
    write_image_model,
    write_text_dataset,
    write_text_model,
)

Predicted = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A kind of label: who writes datasets of it, what must be found out about them, how they are scored
    by others, and the class that loads the winner."""

    write: Callable[..., Path]
    task: Task
    metric: str
    score: Callable[[Predicted], float]
    loader: str
    problem_type: ProblemType = "single_label_classification"
    names: tuple[str, ...] = ()
    model: Callable[..., Path] = write_text_model
    tested: int = 32


def _accuracy(found: Predicted) -> float:
    return float(scikit.accuracy_score(found["truth"], found["predicted"]))


def _flat(rows: Sequence[Sequence[int]]) -> list[int]:
    return [label for row in rows for label in row]


KINDS = {
    "numbers": Kind(
        write_numbers,
        "text-classification",
        "pearson",
        lambda found: float(stats.pearsonr(found["truth"], found["predicted"]).statistic),
        "AutoModelForSequenceClassification",
        "regression",
    ),
    "sets": Kind(
        write_sets,
        "text-classification",
        "f1_micro",
        lambda found: float(scikit.f1_score(found["truth"], found["predicted"], average="micro")),
        "AutoModelForSequenceClassification",
        "multi_label_classification",
        TOPICS,
    ),
    "words": Kind(
        write_words,
        "token-classification",
        "f1_micro",
        lambda found: float(
            scikit.f1_score(_flat(found["truth"]), _flat(found["predicted"]), labels=[1, 2], average="micro")
        ),
        "AutoModelForTokenClassification",
        names=TAGS,
    ),
    "choices": Kind(
        write_choices,
        "multiple-choice",
        "accuracy",
        _accuracy,
        "AutoModelForMultipleChoice",
        names=("choice1", "choice2"),
    ),
    "sound": Kind(
        write_recordings,
        "audio-classification",
        "accuracy",
        _accuracy,
        "AutoModelForAudioClassification",
        names=("low", "high"),
        model=write_sound_model,
    ),
    "images": Kind(
        partial(write_image_dataset, layout="parquet"),
        "image-classification",
        "accuracy",
        _accuracy,
        "AutoModelForImageClassification",
        names=IMAGE_LABELS,
        model=write_image_model,
        tested=24,
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_label_goes_all_the_way(
    kind: str, hub_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_anybody")
    this, owner = KINDS[kind], f"kind-{kind}"
    models = (f"{owner}/one", f"{owner}/two")
    for seed, model in enumerate(models):
        without = {} if this.model is write_sound_model else {"head": seed == 0}
        this.model(hub_root, model, seed=seed, **without)
    datasets = [f"{owner}/bench-one", f"{owner}/bench-two", f"{owner}/target"]
    for seed, dataset in enumerate(datasets):
        this.write(hub_root, dataset, seed=seed)

    with Registry.open(tmp_path / "registry.db") as store:
        for dataset in datasets[:2]:
            added = add_dataset(dataset, registry=store)
            assert (added.task, added.problem_type) == (this.task, this.problem_type)
            assert added.label_names == this.names
        add_model(models, registry=store, benchmark=False)
        report = benchmark(registry=store, epochs=2, workers=2)
        assert not report.failed, report.failed
        assert len(report.cells) == 4
        how: dict[str, Any] = {"method": "fused", "proxy": "logme", "scope": "all", "workers": 1}
        recalled = coarse_recall(datasets[2], registry=store, k=2, **how)
        assert {r.model for r in recalled.recalled} == set(models)
        assert all(s.proxy.startswith("logme") for s in recalled.scored)
        assert {s.model for s in recalled.scored} == set(models), recalled.notes
        found = select(
            datasets[2], registry=store, k=2, output=tmp_path / "winner", workers=2, push_to_hub=owner
        )
        target, recipe = store.dataset(found.dataset), store.recipe(found.recipe)

    assert found.metric == this.metric
    predicted = json.loads((tmp_path / "winner" / "predictions.json").read_text())
    assert predicted["metric"] == this.metric
    assert predicted["score"] == found.test_score
    assert found.test_score == pytest.approx(this.score(predicted))
    assert len(predicted["truth"]) == this.tested
    assert_published(f"minihub/{owner}", this, found, target, recipe)


def assert_published(repo_id: str, kind: Kind, found: Selection, target: Dataset, recipe: Recipe) -> None:
    """Its card and results are read by the Hub's client, and what is loaded by id scores what they say."""
    import transformers
    from huggingface_hub import HfApi, ModelCard, snapshot_download

    card = ModelCard.load(repo_id)
    (result,) = card.data.eval_results
    assert (card.data.base_model, card.data.pipeline_tag) == (found.model_id, kind.task)
    assert (result.metric_value, result.dataset_type) == (found.test_score, target.id)
    info = HfApi().model_info(repo_id, expand=["evalResults"])
    assert [(e.dataset_id, e.value) for e in info.eval_results or ()] == [(target.id, found.test_score)]
    _, loading = getattr(transformers, kind.loader).from_pretrained(repo_id, output_loading_info=True)
    assert not loading["missing_keys"]
    assert evaluate_saved(Path(snapshot_download(repo_id)), target, recipe) == pytest.approx(found.test_score)


@pytest.mark.slow
def test_unequal_classes_are_scored_by_a_metric_that_shows_them(hub_root: Path, tmp_path: Path) -> None:
    """Nine of ten texts are of one class: macro F1 unless somebody asks for another metric, and what is asked
    is asked again with the same answer."""
    from tests.support.parquet import write_parquet
    from tests.support.tables import STRING

    owner, rows = "unequal", 60
    write_text_model(hub_root, f"{owner}/one", seed=1)
    folder = hub_root / "datasets" / owner / "target"
    texts = ["great lovely day" if i % 10 == 0 else "dull awful day" for i in range(rows)]
    columns = {
        "text": [f"{text} {i}" for i, text in enumerate(texts)],
        "label": [int(i % 10 == 0) for i in range(rows)],
    }
    features = {"text": STRING, "label": {"names": ["bad", "good"], "_type": "ClassLabel"}}
    for split in ("train", "validation", "test"):
        write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet", columns, features)
    with Registry.open(tmp_path / "registry.db") as store:
        add_model(f"{owner}/one", registry=store, benchmark=False)
        asked: dict[str, Any] = {"registry": store, "k": 1, "epochs": 1, "recall": "size", "workers": 1}
        found = select(f"{owner}/target", output=tmp_path / "one", **asked)
        assert found.metric == "f1_macro"
        predicted = json.loads((tmp_path / "one" / "predictions.json").read_text())
        assert found.test_score == pytest.approx(
            scikit.f1_score(predicted["truth"], predicted["predicted"], average="macro")
        )
        again = select(f"{owner}/target", output=tmp_path / "one", **asked)
        assert (again.id, again.metric, again.recipe) == (found.id, found.metric, found.recipe)
        plain = select(f"{owner}/target", metric="accuracy", output=tmp_path / "two", **asked)
        assert (plain.metric, plain.id != found.id, plain.recipe != found.recipe) == ("accuracy", True, True)
        with pytest.raises(InvalidInput, match="pearson does not fit"):
            select(f"{owner}/target", metric="pearson", **asked)


def test_pairs_are_read_in_the_order_in_which_their_columns_are_named(
    hub_root: Path, unique_id: Callable[[str], str]
) -> None:
    """Either order makes a dataset, and each is read as it is named."""
    from hubselect.hub import index_dataset
    from hubselect.training.data import load_splits

    name = unique_id("pairs")
    write_text_dataset(hub_root, name, pairs=True)
    orders: list[tuple[str, ...]] = [("sentence1", "sentence2"), ("sentence2", "sentence1")]
    read = []
    for order in orders:
        dataset: Dataset = index_dataset(name, text_columns=order)
        assert dataset.text_columns == order
        read.append(load_splits(dataset, Recipe("text-classification")).train.texts)
    assert [row[::-1] for row in read[0]] == list(read[1])
    assert read[0] != read[1]


def test_numbers_in_any_unit_are_learnt(
    hub_root: Path, tmp_path: Path, unique_id: Callable[[str], str]
) -> None:
    """Prices in the hundred thousands: the saved checkpoint predicts them in their own unit."""
    from transformers import AutoModelForSequenceClassification

    from hubselect.hub import download_model, index_dataset, index_model
    from hubselect.training.finetuning import FineTuning

    write_numbers(hub_root, unique_id("prices"), scale=600_000.0)
    write_text_model(hub_root, unique_id("bert"), seed=3)
    dataset, model = index_dataset(unique_id("prices")), index_model(unique_id("bert"))
    recipe = Recipe("text-classification", epochs=15, learning_rate=3e-3)
    training = FineTuning(download_model(model).path, model, dataset, recipe)
    while not training.finished:
        training.advance()
    reached = training.test()
    training.export(tmp_path / "saved")
    predicted = json.loads((tmp_path / "saved" / "predictions.json").read_text())
    assert reached > 0.8
    assert np.mean(np.abs(np.subtract(predicted["truth"], predicted["predicted"]))) < 150_000
    assert evaluate_saved(tmp_path / "saved", dataset, recipe) == pytest.approx(reached)
    loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved")
    assert (loaded.config.problem_type, loaded.config.num_labels) == ("regression", 1)
    assert training.test() == pytest.approx(reached)  # saving left the training as it was
