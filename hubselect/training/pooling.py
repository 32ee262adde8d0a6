"""From a model's hidden states to one vector per example (see `recall.features` for what each is).

Everything is decided by the shapes of the states, the tokenizer and the parameters there are: no
architecture is known by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from hubselect.errors import UnsupportedModel
from hubselect.recall.features import Pooling

_CLASS_TOKENS = frozenset({"cls_token", "class_token", "class_embedding"})
_STATES = ("hidden_states", "decoder_hidden_states", "encoder_hidden_states")


class Pooler:
    """Pools the outputs of one network. `cls_id` is the id of its tokenizer's CLS token, if it has one."""

    def __init__(self, network: torch.nn.Module, cls_id: int | None) -> None:
        self._cls_id = cls_id
        names = (name.rsplit(".", 1)[-1] for name, _ in network.named_parameters())
        self._has_class_token = any(name in _CLASS_TOKENS for name in names)

    def __call__(self, output: Any, batch: dict[str, torch.Tensor]) -> dict[Pooling, torch.Tensor]:
        """Float32 [batch, d] by pooling, on the device of `output`.

        Raises `UnsupportedModel` when the output holds no hidden states.
        """
        states, mask = states_of(output), batch.get("attention_mask")
        last = mean(states[-1], mask)
        layers = [mean(state, mask) for state in states[1:-1]]
        return {
            "mean": last,
            "cls": self._gathered(states[-1], batch, last),
            "layers": _side_by_side([*layers, last]),
        }

    def _gathered(
        self, state: torch.Tensor, batch: dict[str, torch.Tensor], average: torch.Tensor
    ) -> torch.Tensor:
        if state.ndim != 3:
            return average
        ids = batch.get("input_ids")
        if ids is None:
            return state[:, 0].float() if self._has_class_token else average
        if ids.shape[1] != state.shape[1]:
            return average
        mask = batch.get("attention_mask")
        positions = (ids.shape[1] if mask is None else mask.sum(1).clamp(min=1)) - torch.ones_like(ids[:, 0])
        if self._cls_id is not None:
            found = ids == self._cls_id
            positions = torch.where(found.any(1), found.int().argmax(1), positions)
        return state[torch.arange(len(state), device=state.device), positions].float()


def states_of(output: Any) -> Sequence[torch.Tensor]:
    """The embeddings and what each layer made of them; of an encoder with a decoder the decoder's.
    A model that shows its last state only has that one."""
    for name in _STATES:
        states = getattr(output, name, None)
        if states:
            return states  # type: ignore[no-any-return]
    state = getattr(output, "last_hidden_state", None)
    if not isinstance(state, torch.Tensor):
        raise UnsupportedModel("the model shows no hidden states to take features from")
    return (state,)


def mean(state: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    """Mean over tokens of [n, t, d] (padding left out) or over positions of a feature map; float32 [n, d].

    Maps are [n, d, h, w], or [n, s, s, d] where the two equal sides tell which one is the depth.
    """
    state = state.float()
    if state.ndim == 2:
        return state
    if state.ndim == 4:
        depth_last = state.shape[1] == state.shape[2] != state.shape[3]
        return state.mean((1, 2) if depth_last else (2, 3))
    if mask is None or mask.shape[1] != state.shape[1]:
        return state.mean(1)
    weights = mask.to(state.dtype)
    return torch.einsum("ntd,nt->nd", state, weights) / weights.sum(1, keepdim=True).clamp(min=1)


def _side_by_side(layers: Sequence[torch.Tensor]) -> torch.Tensor:
    """The mean of the layers of each width, widths side by side in order of appearance."""
    widths: dict[int, list[torch.Tensor]] = {}
    for layer in layers:
        widths.setdefault(layer.shape[1], []).append(layer)
    return torch.cat([torch.stack(group).mean(0) for group in widths.values()], dim=1)
