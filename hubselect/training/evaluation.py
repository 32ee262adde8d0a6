"""Runs a network over prepared examples."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from hubselect.errors import CheckpointBroken, HubselectError, TrainingFailed
from hubselect.training.batching import evaluation_batches
from hubselect.training.device import autocast, to_device
from hubselect.training.examples import Examples, Truth
from hubselect.training.memory import Portions, is_out_of_memory
from hubselect.training.problems import Problem
from hubselect.training.sampling import IntArray
from hubselect.training.tasks import Prepared

_LOOKED_AT = 8  # examples that tell whether a checkpoint sees its inputs
_ROUNDING = 1e-6  # of the largest logit: what is less than this between two inputs is no difference


@contextmanager
def failures_mapped(name: str, doing: str) -> Iterator[None]:
    """Turn what torch and a model's forward raise into `TrainingFailed`."""
    try:
        yield
    except HubselectError:
        raise
    except (
        RuntimeError,
        MemoryError,
        ValueError,
        IndexError,
        TypeError,
        KeyError,
        AttributeError,
    ) as error:
        if is_out_of_memory(error):
            hint = "use a smaller model or a machine with more memory"
            raise TrainingFailed(
                f"{name} ran out of memory while {doing}, smaller batches did not help", hint
            ) from error
        text = " ".join(str(error).split())[:200]
        raise TrainingFailed(f"{name} failed while {doing}: {text or type(error).__name__}") from error


def accepted_inputs(model: torch.nn.Module) -> frozenset[str]:
    """Names of the inputs a model's forward declares; tokenizers may offer more than it takes."""
    return frozenset(inspect.signature(model.forward).parameters)


def only(batch: dict[str, torch.Tensor], accepted: frozenset[str]) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in batch.items() if name in accepted}


def predict(
    model: torch.nn.Module,
    prepared: Prepared,
    examples: Examples,
    problem: Problem,
    device: torch.device,
    batch_size: int,
    portions: Portions | None = None,
) -> Truth:
    """The model's predictions for `examples`, shaped as `problem.truth` is. Batches are halved where memory
    runs out, and stay so in `portions`.

    Raises `TrainingFailed` when a logit is NaN: argmax would silently call it a class.
    """
    accepted = accepted_inputs(model)
    inputs = prepared.on(device)
    finite = torch.ones((), dtype=torch.bool, device=device)
    portions = portions or Portions()
    model.eval()

    def looked_at(rows: IntArray) -> tuple[IntArray, torch.Tensor, torch.Tensor]:
        logits = model(**_batch(inputs, rows, accepted, device)).logits
        return rows, problem.predicted(logits), torch.isfinite(logits).all()

    parts = []
    with torch.no_grad(), autocast(device):  # not inference mode: some models keep tensors for training
        for batch in evaluation_batches(inputs.lengths, batch_size):
            for rows, predicted, sound in portions.run(batch, looked_at):
                parts.append((rows, predicted))
                finite &= sound
    if not bool(finite):
        raise TrainingFailed("the model's outputs are not finite numbers")
    return problem.joined(parts, examples, prepared)


def refuse_constant(
    model: torch.nn.Module, prepared: Prepared, device: torch.device, name: str, portions: Portions
) -> None:
    """Raise `CheckpointBroken` when a checkpoint, before any training, says the same of different inputs.

    Weights of zeros do, and so do weights so large that a norm divides by infinity: such a model
    has a finite loss and learns nothing but how frequent the classes are. Outputs that are no numbers
    are left to training, which says so.
    """
    count = len(prepared.lengths)
    rows = np.unique(np.linspace(0, count - 1, _LOOKED_AT).astype(np.int64))
    accepted = accepted_inputs(model)
    inputs = only(prepared.batch(rows), accepted)
    if all(bool((tensor == tensor[:1]).all()) for tensor in inputs.values()):
        return  # nothing different was asked
    model.eval()
    with torch.no_grad():
        parts = portions.run(
            rows, lambda some: _one_row(model(**_batch(prepared, some, accepted, device)).logits)
        )
    logits = torch.cat(parts).float()
    spread = (logits.amax(0) - logits.amin(0)).max()
    if bool(spread <= _ROUNDING * logits.abs().max()):
        raise CheckpointBroken(f"the outputs of {name} do not depend on its inputs: its weights are unusable")


def _batch(
    prepared: Prepared, rows: IntArray, accepted: frozenset[str], device: torch.device
) -> dict[str, torch.Tensor]:
    return to_device(only(prepared.batch(rows), accepted), device)


def _one_row(logits: torch.Tensor) -> torch.Tensor:
    """[b, c]; of logits for every token those of the first."""
    return logits if logits.ndim == 2 else logits[:, 0]


def evaluation_batch_size(batch_size: int) -> int:
    """Evaluation needs no gradients, so larger batches fit."""
    return max(64, 2 * batch_size)
