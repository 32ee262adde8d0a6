"""What the baselines would cost, counted in epochs as in the paper (Table V)."""

from __future__ import annotations


def brute_force_epochs(models: int, epochs: int) -> int:
    """Every model is fine-tuned for all `epochs`."""
    return models * epochs


def successive_halving_epochs(models: int, epochs: int) -> int:
    """One barrier per epoch; floor(n / 2) models go on, at least one, until the last epoch."""
    total, left = 0, models
    for _ in range(epochs):
        total += left
        left = max(1, left // 2)
    return total
