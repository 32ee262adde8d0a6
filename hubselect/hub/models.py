"""A model id -> `records.Model`: one metadata request, config.json, and the headers of the weights.

config.json is parsed as plain JSON: the task is decided from the Hub's tags and the
architecture's name, never by importing a modelling library.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubselect.errors import UnsupportedModel
from hubselect.hub.client import (
    TIMEOUT,
    card_of,
    check_repo_id,
    commit_of,
    hub_api,
    hub_errors,
)
from hubselect.hub.configs import read_config
from hubselect.hub.patience import persistent
from hubselect.hub.weights import Weights, choose_weights, inspect_weights, repo_files
from hubselect.records import Model, Task

if TYPE_CHECKING:
    from huggingface_hub import ModelInfo

TEXT_PIPELINES = frozenset(
    (
        "feature-extraction",
        "fill-mask",
        "question-answering",
        "sentence-similarity",
        "summarization",
        "text-classification",
        "text-generation",
        "text-ranking",
        "text2text-generation",
        "token-classification",
        "translation",
        "zero-shot-classification",
    )
)
IMAGE_PIPELINES = frozenset(
    (
        "image-classification",
        "image-feature-extraction",
        "image-segmentation",
        "object-detection",
        "depth-estimation",
    )
)
_TEXT_HEADS = (
    "ForSequenceClassification",
    "ForMaskedLM",
    "ForTokenClassification",
    "ForMultipleChoice",
    "ForNextSentencePrediction",
    "ForCausalLM",
    "LMHeadModel",
)
_CLASSIFIERS = ("ForSequenceClassification", "ForImageClassification", "ForAudioClassification")
_IMAGE_HEADS = (
    "ForImageClassification",
    "ForImageClassificationWithTeacher",
    "ForMaskedImageModeling",
    "ForObjectDetection",
    "ForSemanticSegmentation",
    "ForDepthEstimation",
)
AUDIO_PIPELINES = frozenset(("audio-classification", "automatic-speech-recognition"))
_AUDIO_HEADS = ("ForAudioClassification", "ForCTC", "ForAudioFrameClassification", "ForXVector")
_OF_SOUND = frozenset(("feat_extract_norm", "num_mel_bins", "sampling_rate", "conv_kernel"))
_OTHER_INPUTS = frozenset(
    (
        "image-text-to-text",
        "image-to-text",
        "tabular-classification",
        "text-to-image",
        "text-to-speech",
        "video-classification",
        "visual-question-answering",
        "zero-shot-image-classification",
    )
)
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_PROCESSOR_FILES = ("preprocessor_config.json", "processor_config.json")
MOST_CLASSES = 1_000_000  # a config that only counts its classes is not believed beyond


def index_model(repo_id: str, *, revision: str | None = None) -> Model:
    """Everything the registry keeps of a model, pinned to a commit; no weights are downloaded.

    `revision` may be a branch, tag or sha; the record holds the commit sha it stands for.
    Raises HubError's classes, InvalidInput (not an id), UnsupportedModel (no transformers
    checkpoint, no usable weights, neither text nor image nor sound, custom code) and CheckpointBroken
    (config.json is not JSON).
    """
    check_repo_id(repo_id)
    with hub_errors(repo_id, revision=revision):
        info = persistent(
            lambda: hub_api().model_info(repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        )
    files = frozenset(s.rfilename for s in info.siblings or ())
    refuse_foreign_formats(repo_id, files)
    config = read_config(repo_id, commit_of(info), repo_files(info)["config.json"])
    refuse_custom_code(repo_id, config)
    task = decide_task(repo_id, info.pipeline_tag, config, files)
    weights = choose_weights(repo_id, info)
    return _record(repo_id, info, config, task, weights)


def _record(repo_id: str, info: ModelInfo, config: Mapping[str, Any], task: Task, weights: Weights) -> Model:
    card = card_of(info)
    return Model(
        id=repo_id,
        task=task,
        revision=info.sha,
        architecture=_architecture(config),
        model_type=config.get("model_type"),
        parameters=inspect_weights(repo_id, info, weights),
        weights_format=weights.format,
        weights_files=weights.files,
        weights_bytes=weights.bytes,
        weights_digest=weights.digest,
        labels=head_labels(config),
        license=_first(card.get("license")),
        base_model=_first(card.get("base_model")),
        last_modified=info.last_modified.isoformat() if info.last_modified else None,
        downloads=info.downloads,
        likes=info.likes,
        tags=tuple(info.tags or ()),
        gated=info.gated or None,
        pipeline_tag=info.pipeline_tag,
        library=info.library_name,
        hub_created_at=info.created_at.isoformat() if info.created_at else None,
    )


def decide_task(
    repo_id: str, pipeline_tag: str | None, config: Mapping[str, Any], files: frozenset[str]
) -> Task:
    """The task from the architecture's classification head, else the Hub's pipeline tag, else
    the architecture's name, else the tokenizer or processor files.

    Raises UnsupportedModel, saying what was seen.
    """
    architecture = _architecture(config) or ""
    if _hears(architecture, pipeline_tag, config):
        return "audio-classification"
    if architecture.endswith("ForSequenceClassification"):
        return "text-classification"
    if architecture.endswith("ForImageClassification"):
        return "image-classification"
    if pipeline_tag in _OTHER_INPUTS:
        raise UnsupportedModel(
            f"{repo_id} is a model for {pipeline_tag}", "choose one that reads text, images or sound"
        )
    if pipeline_tag in TEXT_PIPELINES and not _looks_like_image(architecture, files):
        return "text-classification"
    if pipeline_tag in IMAGE_PIPELINES or architecture.endswith(_IMAGE_HEADS):
        return "image-classification"
    if architecture.endswith(_TEXT_HEADS):
        return "text-classification"
    processor = any(f in files for f in _PROCESSOR_FILES)
    tokenizer = any(f in files for f in _TOKENIZER_FILES)
    if processor != tokenizer:
        return "image-classification" if processor else "text-classification"
    raise UnsupportedModel(
        f"cannot tell whether {repo_id} reads text, images or sound "
        f"(architecture {architecture or 'unknown'}, model type {config.get('model_type', 'unknown')}, "
        f"pipeline tag {pipeline_tag or 'none'}, tokenizer {'yes' if tokenizer else 'no'}, "
        f"image processor {'yes' if processor else 'no'})",
        "choose one that reads text, images or sound",
    )


def _hears(architecture: str, pipeline_tag: str | None, config: Mapping[str, Any]) -> bool:
    """Whether a checkpoint reads sound. Its classifiers are called as those of texts are ("sequence"), and
    what was pre-trained without labels has any tag: what configs of such models say decides, too."""
    if architecture.endswith(_AUDIO_HEADS) or pipeline_tag in AUDIO_PIPELINES:
        return True
    said = _OF_SOUND & config.keys()
    return bool(said) and pipeline_tag not in TEXT_PIPELINES - {"feature-extraction"}


def _looks_like_image(architecture: str, files: frozenset[str]) -> bool:
    """A "feature-extraction" tag is used for image encoders too."""
    if architecture.endswith(_IMAGE_HEADS):
        return True
    return "preprocessor_config.json" in files and not any(f in files for f in _TOKENIZER_FILES)


def head_labels(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Class names of the checkpoint's own classification head in index order; () without one.

    `id2label` of a masked language model is a default that means nothing, and a head of one
    output or with `problem_type` "regression" is no classifier.
    """
    architecture = _architecture(config) or ""
    if not architecture.endswith(_CLASSIFIERS):
        return ()
    problem = config.get("problem_type")
    if problem is not None and problem != "single_label_classification":
        return ()
    id2label = config.get("id2label")
    if not isinstance(id2label, Mapping) or not id2label:
        # transformers leaves id2label out when it is the default of two labels
        count = config.get("num_labels", 2)
        believable = isinstance(count, int) and 1 < count <= MOST_CLASSES
        return tuple(f"LABEL_{i}" for i in range(count)) if believable else ()
    try:
        ordered = sorted((int(index), str(name)) for index, name in id2label.items())
    except ValueError:
        return ()
    if len(ordered) < 2 or [i for i, _ in ordered] != list(range(len(ordered))):
        return ()
    return tuple(name for _, name in ordered)


def refuse_foreign_formats(repo_id: str, files: frozenset[str]) -> None:
    """Raises UnsupportedModel for a repository without config.json, saying what it is instead."""
    if "config.json" in files:
        return
    if "adapter_config.json" in files:
        raise UnsupportedModel(f"{repo_id} is an adapter, not a whole model", "add its base model instead")
    if any(f.endswith(".gguf") for f in files):
        raise UnsupportedModel(
            f"{repo_id} holds only GGUF files, which cannot be fine-tuned",
            "add the model they were made from",
        )
    raise UnsupportedModel(
        f"{repo_id} has no config.json, so it is no transformers checkpoint",
        "choose one that transformers can load",
    )


def refuse_custom_code(repo_id: str, config: Mapping[str, Any]) -> None:
    """A model that only its repository's own Python code can build is never run.

    Many repositories keep an `auto_map` from before transformers learnt their architecture;
    those load natively. What transformers knows is read off its folders, without importing it.
    """
    auto_map = config.get("auto_map")
    if not isinstance(auto_map, Mapping) or not any(str(k).startswith("AutoModel") for k in auto_map):
        return
    if not _is_native(str(config.get("model_type", ""))):
        raise UnsupportedModel(
            f"{repo_id} needs custom code from its repository (auto_map), which is never run",
            "look for a version of it that transformers knows natively",
        )


@cache
def _is_native(model_type: str) -> bool:
    folder = model_type.replace("-", "_").replace(".", "_")
    spec = find_spec("transformers")
    if not folder.isidentifier() or spec is None or spec.submodule_search_locations is None:
        return False
    return any((Path(place) / "models" / folder).is_dir() for place in spec.submodule_search_locations)


def _architecture(config: Mapping[str, Any]) -> str | None:
    names = config.get("architectures")
    return str(names[0]) if isinstance(names, list) and names else None


def _first(value: object) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return str(value) if value else None
