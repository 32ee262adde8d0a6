"""The part of a model card that says how to load the model, by what it does."""

from __future__ import annotations

from hubselect.records import Task
from hubselect.reports.card_metadata import Chosen

AUTO_CLASSES: dict[Task, str] = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "multiple-choice": "AutoModelForMultipleChoice",
    "image-classification": "AutoModelForImageClassification",
    "audio-classification": "AutoModelForAudioClassification",
}
"""The class of transformers that loads a winner, by its task."""

_INPUTS: dict[Task, tuple[str, str]] = {
    "image-classification": ("AutoImageProcessor", "processor"),
    "audio-classification": ("AutoFeatureExtractor", "processor"),
}


def usage(chosen: Chosen) -> str:
    """A pipeline where transformers has one for the task, then the classes behind it."""
    task, blocks = chosen.dataset.task, []
    if task != "multiple-choice":
        blocks.append(_block(["from transformers import pipeline", "", *_pipeline(chosen)]))
    kind, name = _INPUTS.get(task, ("AutoTokenizer", "tokenizer"))
    model = AUTO_CLASSES[task]
    blocks.append(
        _block(
            [
                f"from transformers import {', '.join(sorted((model, kind)))}",
                "",
                f'{name} = {kind}.from_pretrained("{chosen.repo_id}")',
                f'model = {model}.from_pretrained("{chosen.repo_id}")',
            ]
        )
    )
    return "\n\n".join(blocks)


def _pipeline(chosen: Chosen) -> list[str]:
    dataset = chosen.dataset
    options = {
        "regression": ', function_to_apply="none"',  # the number itself, not a probability
        "multi_label_classification": ", top_k=None",  # every class, not the likeliest
    }.get(dataset.problem_type, "")
    ask = {
        "text-classification": 'predict("a text like those of the dataset")',
        "token-classification": 'predict("a text like those of the dataset")',
        "image-classification": 'predict("image.png")',
        "audio-classification": 'predict("recording.wav")',
    }[dataset.task]
    if dataset.task == "text-classification" and len(dataset.text_columns) == 2:
        ask = 'predict({"text": "the first text", "text_pair": "the second text"})'
    made = f'predict = pipeline("{dataset.task}", model="{chosen.repo_id}"{options})'
    return [made, f"print({ask})"]


def _block(lines: list[str]) -> str:
    return "\n".join(("```python", *lines, "```"))
