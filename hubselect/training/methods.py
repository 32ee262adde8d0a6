"""What of a checkpoint is fine-tuned: all of it, low-rank updates of its linear layers, or its head alone.

* `full`: every parameter, as in the paper.
* `lora`: the body is frozen; every linear layer in it learns an update of rank 8 (Hu et al. 2021,
  arXiv 2106.09685; through the `peft` library). Merged into the weights when the model is saved.
* `probe`: the body is frozen and runs as in evaluation; only what lies on top of it learns.

The head (all parameters outside the body) and whatever the checkpoint lacked and was made up for it are
trained in every method.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import torch

from hubselect.errors import InvalidInput, UnsupportedModel
from hubselect.records import Method

RANK, ALPHA, DROPOUT = 8, 16, 0.05


@dataclass(frozen=True)
class Adapted:
    """A network of which `method` is trained. `tuner` is peft's hold on it (None: nothing to merge)."""

    network: torch.nn.Module
    method: Method
    tuner: Any = None

    def train(self) -> None:
        """Into training mode; a frozen body that is only probed stays as in evaluation, dropout and
        statistics of batches included."""
        self.network.train()
        body = _body(self.network)
        if self.method == "probe" and body is not None:
            body.eval()

    def state(self) -> dict[str, Any]:
        """What training changes: for `full` everything, else trained parameters and buffers."""
        whole = self.network.state_dict()
        if self.method == "full":
            return whole
        frozen = {name for name, p in self.network.named_parameters() if not p.requires_grad}
        return {name: tensor for name, tensor in whole.items() if name not in frozen}

    def load(self, state: dict[str, Any]) -> None:
        """Takes back what `state` gave; raises `RuntimeError` when it is another network's."""
        known = set(self.state())
        if set(state) != known:
            raise RuntimeError("the state does not fit the network")
        self.network.load_state_dict(state, strict=self.method == "full")

    def plain(self) -> torch.nn.Module:
        """The network as any transformers user expects it: updates merged into the weights, on a copy."""
        if self.tuner is None:
            return self.network
        merged: torch.nn.Module = copy.deepcopy(self.tuner).merge_and_unload()
        return merged


def adapt(
    network: torch.nn.Module, method: Method, made_up: Collection[str], name: str, seed: int
) -> Adapted:
    """Freeze what `method` does not train, and add what it trains instead; changes `network`.

    `made_up` are the names of parameters that are not from the checkpoint. Raises `UnsupportedModel`
    when there is nothing to adapt, `InvalidInput` when peft is not installed.
    """
    if method == "full":
        return Adapted(network, method)
    head = _head(network, made_up)
    tuner = _with_lora(network, name, seed) if method == "lora" else None
    for parameter_name, parameter in network.named_parameters():
        adapter = ".lora_" in parameter_name
        parameter.requires_grad_(adapter or parameter_name.replace(".base_layer.", ".") in head)
    return Adapted(network, method, tuner)


def _body(network: Any) -> torch.nn.Module | None:
    """The part of a transformers model that every task shares; None where it is not told apart."""
    found: torch.nn.Module | None = getattr(network, "base_model", None)
    return found if found is not network else None


def _head(network: torch.nn.Module, made_up: Collection[str]) -> set[str]:
    body = _body(network)
    if body is None:
        return set(made_up)
    inside = {id(parameter) for parameter in body.parameters()}
    return {name for name, p in network.named_parameters() if id(p) not in inside} | set(made_up)


def _with_lora(network: torch.nn.Module, name: str, seed: int) -> Any:
    try:
        import peft
    except ImportError as error:
        raise InvalidInput("LoRA needs the peft library", "pip install 'hubselect[lora]'") from error
    body = _body(network)
    linear = [] if body is None else _linear_layers(network, body)
    if not linear:
        raise UnsupportedModel(f"{name} has no linear layers that LoRA could update")
    settings = peft.LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=DROPOUT, target_modules=linear)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return peft.LoraModel(network, {"default": settings}, "default")


def _linear_layers(network: torch.nn.Module, body: torch.nn.Module) -> list[str]:
    """Full names of the body's linear layers; GPT-2's are convolutions of width one."""
    inside = {id(module) for module in body.modules()}
    kinds = ("Linear", "Conv1D")
    return [n for n, m in network.named_modules() if id(m) in inside and type(m).__name__ in kinds]
