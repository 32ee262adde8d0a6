"""The one training loop of the zoo's builder: AdamW, warm-up, linear decay, clipped gradients."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn


def seed_for(name: str, seed: int) -> int:
    """A seed of its own for every checkpoint."""
    return int(hashlib.sha256(f"{seed} {name}".encode()).hexdigest()[:8], 16)


def optimize(
    loss_of: Callable[[], Tensor],
    parameters: Iterable[nn.Parameter],
    *,
    steps: int,
    learning_rate: float,
    warmup: int = 40,
    weight_decay: float = 0.01,
) -> None:
    """Minimises `loss_of()`, which draws its own batch, in `steps` steps."""
    trained = list(parameters)
    optimizer = torch.optim.AdamW(trained, lr=learning_rate, weight_decay=weight_decay)
    for step in range(steps):
        scale = min(1.0, (step + 1) / warmup) * (1 - step / steps)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * scale
        loss = loss_of()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
