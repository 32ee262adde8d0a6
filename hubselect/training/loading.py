"""Loads checkpoints from a local folder: for a new task with a fresh output layer, or as they are.

Nothing is fetched and no code from a repository runs. Whatever transformers, torch and
safetensors raise becomes `CheckpointBroken` or `UnsupportedModel` here.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from hubselect.errors import CheckpointBroken, HubselectError, InvalidInput, UnsupportedModel
from hubselect.records import ProblemType, Task
from hubselect.training.giants import Shapes, check_size, refuse_giants, shapes_of
from hubselect.training.quiet import quiet

import transformers  # isort: skip  (after quiet, which sets the environment)

_AUTO_CLASSES: Mapping[Task, str] = {
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "multiple-choice": "AutoModelForMultipleChoice",
    "image-classification": "AutoModelForImageClassification",
    "audio-classification": "AutoModelForAudioClassification",
}


_NUMBER = ("LABEL_0",)  # what transformers calls the one output of a regression


@contextmanager
def _mapped(name: str) -> Iterator[None]:
    try:
        with quiet():
            yield
    except HubselectError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        if "does not recognize this architecture" in text or "Unrecognized configuration class" in text:
            reason = "this version of transformers cannot use its architecture for the task"
            raise UnsupportedModel(f"{name} cannot be loaded: {reason}") from error
        if "Unrecognized model" in text:
            raise UnsupportedModel(
                f"{name} cannot be loaded: its config names no known model type"
            ) from error
        if "Weights only load failed" in text:  # torch's own words recommend to run it after all
            raise CheckpointBroken(
                f"{name} cannot be loaded: its .bin weights hold code, which is not run"
            ) from error
        if "trust_remote_code" in text:
            raise UnsupportedModel(f"{name} needs its own code to run, which hubselect never does") from error
        if isinstance(error, ImportError):
            raise UnsupportedModel(f"{name} needs a package that is not installed: {text}") from error
        raise CheckpointBroken(f"{name} cannot be loaded: {text or type(error).__name__}") from error


def load_config(checkpoint: Path) -> Any:
    """The transformers config of a checkpoint folder, safe to build a model from.

    A config may name an attention kernel to fetch from the Hub; that request is erased, and
    transformers chooses among its own (sdpa where the architecture has it).
    """
    with _mapped(checkpoint.name):
        refuse_giants(checkpoint)
        config = transformers.AutoConfig.from_pretrained(
            str(checkpoint), trust_remote_code=False, local_files_only=True
        )
        config._attn_implementation = config._experts_implementation = None
        config.return_dict, config.output_hidden_states, config.output_attentions = True, False, False
        return config


def _from_pretrained(model_class: Any, checkpoint: Path, config: Any) -> tuple[Any, dict[str, Any]]:
    _refuse_foreign_shards(checkpoint)
    options = {
        "config": config,
        "dtype": torch.float32,  # half-precision checkpoints train in full precision too
        "ignore_mismatched_sizes": True,
        "output_loading_info": True,
        "local_files_only": True,
        "weights_only": True,  # a pickle is data, whatever a later transformers makes its default
    }
    if model_class.__name__.startswith("Auto"):
        options["trust_remote_code"] = False
    model, info = model_class.from_pretrained(str(checkpoint), **options)
    return model, info


def _refuse_foreign_shards(checkpoint: Path) -> None:
    """An index is data from the Hub, too: its shards are files of the repository, and no others."""
    for index in checkpoint.glob("*.index.json"):
        named = json.loads(index.read_text(encoding="utf-8")).get("weight_map", {}).values()
        foreign = next((n for n in named if not isinstance(n, str) or Path(n).name != n), None)
        if foreign is not None:
            raise CheckpointBroken(f"{index.name} of {checkpoint.name} names a foreign file: {foreign!r:.80}")


@dataclass(frozen=True)
class ForTask:
    """A checkpoint made ready for a task; `made_up` are the names of the parameters that are not its own,
    `output` those of its output layer."""

    network: torch.nn.Module
    made_up: frozenset[str]
    output: frozenset[str] = frozenset()

    @property
    def has_bias(self) -> bool:
        """Whether the output layer adds a number of its own."""
        return any(p.ndim == 1 for name, p in self.network.named_parameters() if name in self.output)


def load_for_task(
    checkpoint: Path,
    config: Any,
    task: Task,
    label_names: tuple[str, ...],
    seed: int,
    problem_type: ProblemType = "single_label_classification",
) -> ForTask:
    """The checkpoint as a classifier over `label_names` (none for a number), in fp32, its output layer fresh.

    The output layer (every parameter whose shape depends on the number of labels) is always
    initialised from `seed`, also when the checkpoint's own has the same shape: its classes mean
    something else. That of a multiple choice, which says how well an option fits, is kept where the
    checkpoint has one. What the checkpoint lacks, such as a pooler, is initialised from `seed` too.
    Raises `CheckpointBroken` when the weights cannot be read or do not fit the config, and
    `UnsupportedModel` when the architecture cannot do the task.
    """
    if task not in _AUTO_CLASSES:
        raise InvalidInput(
            f"there is no training for the task {task!r}", f"choose one of {', '.join(_AUTO_CLASSES)}"
        )
    auto = getattr(transformers, _AUTO_CLASSES[task])
    if task != "multiple-choice":
        _set_labels(config, label_names, problem_type)
    with _mapped(checkpoint.name), torch.random.fork_rng(devices=[]):
        shapes, output = _shapes(auto, config)
        check_size(checkpoint, {n: s for n, s in shapes.items() if n not in output})
        torch.manual_seed(seed)
        chooses = str((getattr(config, "architectures", None) or [""])[0]).endswith("ForMultipleChoice")
        model, info = _from_pretrained(auto, checkpoint, config)
        if task == "multiple-choice" and not chooses:
            output = _single_outputs(model)
        _check_fit(model, info, output, checkpoint.name)
        _reinitialise(model, output, seed)
    if not isinstance(model, torch.nn.Module):
        raise UnsupportedModel(f"{checkpoint.name} is not a torch model")
    known = {name for name, _ in model.named_parameters()}
    return ForTask(model, frozenset(known & (output | _absent(info))), frozenset(output))


def _single_outputs(model: Any) -> set[str]:
    """The parameters of an output layer of one unit: what lies outside the body and has one row."""
    prefix = f"{model.base_model_prefix}."
    return {n for n, p in model.named_parameters() if not n.startswith(prefix) and p.shape[0] == 1}


def _absent(info: dict[str, Any]) -> set[str]:
    """What the checkpoint does not have, or has in another shape."""
    return set(info["missing_keys"]) | _of_another_shape(info)


def _of_another_shape(info: dict[str, Any]) -> set[str]:
    return {str(key[0] if isinstance(key, tuple) else key) for key in info["mismatched_keys"]}


def _set_labels(config: Any, label_names: tuple[str, ...], problem_type: ProblemType) -> None:
    names = label_names or _NUMBER
    config.num_labels = len(names)
    config.id2label = dict(enumerate(names))
    config.label2id = {name: number for number, name in enumerate(names)}
    config.problem_type = problem_type


def are_labels(config: Any, task: Task, label_names: tuple[str, ...]) -> bool:
    """Whether a saved config names these classes, which `load_for_task` wrote into it."""
    if task == "multiple-choice":
        return True
    return tuple(config.id2label[i] for i in range(config.num_labels)) == (label_names or _NUMBER)


def _shapes(auto: Any, config: Any) -> tuple[Shapes, set[str]]:
    """The shapes of all parameters, and the names of those whose shape depends on the number of labels:
    the model is built without memory, and once more for one label more."""
    shapes = []
    for extra in (0, 1):
        wider = copy.deepcopy(config)
        wider.num_labels = len(config.id2label) + extra
        with torch.device("meta"):
            shapes.append(shapes_of(auto.from_config(wider, trust_remote_code=False)))
    return shapes[0], {name for name, shape in shapes[0].items() if shapes[1].get(name) != shape}


def _check_fit(model: Any, info: dict[str, Any], output: set[str], name: str) -> None:
    """A body that is mostly absent from the weights, or of another shape, is not this checkpoint."""
    wrong = sorted(_of_another_shape(info) - output)
    prefix = f"{model.base_model_prefix}."
    body = [key for key, _ in model.named_parameters() if key.startswith(prefix)]
    wrong_body = [key for key in wrong if key.startswith(prefix)]
    absent = [key for key in body if key in set(info["missing_keys"])]
    if wrong_body:
        raise CheckpointBroken(
            f"the weights of {name} do not fit its config: {wrong_body[0]} has another shape"
        )
    if 2 * len(absent) > len(body):
        raise CheckpointBroken(
            f"the weights of {name} do not fit its config: {len(absent)} tensors are missing"
        )


def _reinitialise(model: Any, output: set[str], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    deviation = float(getattr(model.config, "initializer_range", None) or 0.02)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name not in output:
                continue
            if parameter.ndim > 1:
                parameter.normal_(0.0, deviation, generator=generator)
            else:
                parameter.zero_()


@dataclass(frozen=True)
class Original:
    """A checkpoint as published. `complete` says that no parameter had to be made up."""

    model: Any
    complete: bool


def load_original(checkpoint: Path, config: Any) -> Original:
    """The checkpoint with its own head: the architecture its config names, else the bare body.

    Raises `CheckpointBroken` and `UnsupportedModel` as `load_for_task` does.
    """
    names = getattr(config, "architectures", None) or ()
    known = [
        found for found in (getattr(transformers, name, None) for name in names) if _is_model_class(found)
    ]
    model_class = known[0] if known else transformers.AutoModel
    with _mapped(checkpoint.name), torch.random.fork_rng(devices=[]):
        with torch.device("meta"):
            empty = _build(model_class, copy.deepcopy(config))
        check_size(checkpoint, shapes_of(empty))
        torch.manual_seed(0)
        model, info = _from_pretrained(model_class, checkpoint, config)
        _check_fit(model, info, set(), checkpoint.name)
    return Original(model, not info["missing_keys"] and not info["mismatched_keys"])


def _build(model_class: Any, config: Any) -> Any:
    if model_class is transformers.AutoModel:
        return model_class.from_config(config, trust_remote_code=False)
    return model_class(config)


def _is_model_class(found: Any) -> bool:
    """A config is data: the name in it must be that of a model class and nothing else."""
    return isinstance(found, type) and issubclass(found, transformers.PreTrainedModel)
