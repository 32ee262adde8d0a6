"""The gradient of a batch, accumulated over portions of it where the batch does not fit into memory."""

from __future__ import annotations

from collections.abc import Callable

import torch

from hubselect.training.device import autocast, indices
from hubselect.training.memory import Portions
from hubselect.training.problems import Problem
from hubselect.training.sampling import IntArray

Inputs = Callable[[IntArray], dict[str, torch.Tensor]]


def recompute(network: torch.nn.Module) -> bool:
    """From now on activations are computed again for the gradient in place of being kept (gradient
    checkpointing: about a third more time, for a fraction of the memory). False where the architecture
    cannot, or does so already."""
    if not getattr(network, "supports_gradient_checkpointing", False):
        return False
    kind = (
        "activation" if hasattr(network, "activation_checkpointing_enable") else "gradient"
    )  # its older name
    if getattr(network, f"is_{kind}_checkpointing"):
        return False
    getattr(network, f"{kind}_checkpointing_enable")({"use_reentrant": False})
    return True


def batch_gradient(
    network: torch.nn.Module,
    inputs: Inputs,
    problem: Problem,
    targets: torch.Tensor,
    rows: IntArray,
    portions: Portions,
) -> torch.Tensor:
    """Leaves the gradient of the mean loss over `rows` in the parameters, which had none before; returns
    that loss (a scalar).

    `inputs(rows)` are the arguments of the network's forward, `targets` [n, ...] those of all examples
    (`Problem.target`), on one device. A portion weighs by its examples (or words): however a batch is
    split, its gradient is the same up to rounding. (Dropout differs, and batch normalisation sees the
    statistics of a portion.)
    """

    def backward(some: IntArray) -> torch.Tensor:
        with autocast(targets.device):
            logits = network(**inputs(some)).logits
        these = targets[indices(some, targets.device)]
        loss = problem.loss(logits.float(), these)
        if len(some) < len(rows):
            loss = loss * (problem.weight(these) / problem.weight(targets[indices(rows, targets.device)]))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    losses = portions.run(rows, backward, undo=lambda: network.zero_grad(set_to_none=True))
    return losses[0] if len(losses) == 1 else torch.stack(losses).sum()
