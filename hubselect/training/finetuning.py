"""Staged fine-tuning of one checkpoint on one dataset under one recipe.

A run is a pure function of (checkpoint, dataset, recipe, seed): on a CPU it is bit-identical
whether it runs through or is paused, killed and resumed at any stage, alone or taking turns
with others in the same process. Where memory runs out, batches go through the model in smaller portions
and count as the same batches (`training.memory`). It decides nothing: policies do.
"""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from hubselect.errors import InvalidInput, StorageFailed, TrainingFailed
from hubselect.records import METHODS, CurvePoint, Dataset, Model, Recipe, models_for
from hubselect.training.batching import epoch_batches, steps_per_epoch
from hubselect.training.data import Splits, load_splits
from hubselect.training.device import choose_device, to_device, wants_compilation
from hubselect.training.evaluation import (
    accepted_inputs,
    evaluation_batch_size,
    failures_mapped,
    only,
    predict,
    refuse_constant,
)
from hubselect.training.examples import Examples
from hubselect.training.gradients import batch_gradient, recompute
from hubselect.training.loading import load_config, load_for_task
from hubselect.training.memory import Portions, is_out_of_memory
from hubselect.training.methods import adapt
from hubselect.training.metrics import known_metric, metric_for
from hubselect.training.problems import problem_for
from hubselect.training.sampling import IntArray
from hubselect.training.saved import Predictions, save_checkpoint
from hubselect.training.schedule import Schedule
from hubselect.training.state import State, load_state, own_randomness, save_state, seeded_state
from hubselect.training.tasks import adapter_for

_LARGEST_GRADIENT = 1.0


class FineTuning:
    """Fine-tunes `model`, whose files lie in the folder `checkpoint`, stage by stage.

    With a `state_dir`, every finished stage is on the disk before `advance` returns, and a new
    object on the same folder goes on from there; a state that is damaged or belongs to another
    run is ignored. `seed` (default: the recipe's) decides the new output layer, dropout and the
    order of examples; the splits always follow the recipe's seed, so that repeated runs share
    their test examples.

    Raises `InvalidInput` for a recipe that cannot be followed, `CheckpointBroken`,
    `UnsupportedModel`, `UnsupportedDataset` and the Hub errors of the dataset's download.
    """

    def __init__(
        self,
        checkpoint: Path,
        model: Model,
        dataset: Dataset,
        recipe: Recipe,
        *,
        state_dir: Path | None = None,
        seed: int | None = None,
    ) -> None:
        _check(recipe, model)
        self.model, self.dataset, self.recipe = model, dataset, recipe
        self.seed = recipe.seed if seed is None else seed
        self.device = choose_device()
        self.splits: Splits = load_splits(dataset, recipe)
        config = load_config(checkpoint)
        self._adapter = adapter_for(checkpoint, config, recipe)
        self._adapter.configure(config)
        names = self.splits.label_names
        loaded = load_for_task(checkpoint, config, recipe.task, names, self.seed, dataset.problem_type)
        network, self._output = loaded.network, loaded.output
        self._problem = problem_for(dataset, names, self.splits.train, has_bias=loaded.has_bias)
        self.metric = metric_for(dataset, recipe.metric)
        self._tested: Predictions | None = None
        self.parameters = sum(p.numel() for p in network.parameters())
        self._adapted = adapt(network, recipe.method, loaded.made_up, model.id, self.seed)
        self._network = network.to(self.device)
        if wants_compilation(self.device):
            self._network.compile(dynamic=True)
        self._accepted = accepted_inputs(network)
        prepared = self._adapter.prepare(self.splits.train)
        self._targets = self._problem.target(self.splits.train, prepared).to(self.device)
        self._train = prepared.on(self.device)
        steps = steps_per_epoch(len(self.splits.train), recipe.batch_size)
        self.schedule = Schedule.of(recipe, self.parameters, steps)
        self._optimizer = _optimizer(network, recipe, self.device)
        self._randomness = seeded_state(self.seed)
        self._portions, self._evaluating = Portions(), Portions()
        self._step = 0
        self._points: tuple[CurvePoint, ...] = ()
        self._state_dir = state_dir
        if state_dir is not None:
            self._resume(state_dir)

    @property
    def stage(self) -> int:
        """Stages finished so far."""
        return len(self._points)

    @property
    def points(self) -> tuple[CurvePoint, ...]:
        """The validation curve so far, in order of stage."""
        return self._points

    @property
    def portion(self) -> int | None:
        """How many examples of a batch are trained on at once; None while whole batches fit into memory."""
        return self._portions.most

    @property
    def finished(self) -> bool:
        return self.stage >= self.recipe.stages

    def advance(self) -> CurvePoint:
        """Train to the end of the next stage, validate, save the state; returns the new point.

        Raises `TrainingFailed` when the loss is no longer a number, one example alone does not fit into
        memory, the model rejects its inputs or the state cannot be saved, `CheckpointBroken` when the
        untrained model says the same of every input, and `InvalidInput` after the last stage.
        """
        if self.finished:
            raise InvalidInput(
                f"{self.model.id} has already finished its {self.recipe.stages} stages",
                "test it, or begin anew",
            )
        started = time.perf_counter()
        stage = self.stage + 1
        with failures_mapped(self.model.id, f"training on {self.dataset.name}"):
            if self._step == 0:
                self._refuse_constant()
            with own_randomness(self._randomness):
                loss = self._train_to(self.schedule.steps_at(stage))
            if not bool(torch.isfinite(loss)):
                raise TrainingFailed(
                    f"the loss of {self.model.id} on {self.dataset.name} is not a finite number"
                )
            val = self._predicted(self.splits.validation).score
        seconds = time.perf_counter() - started
        point = CurvePoint(self.model.id, stage, self.recipe.epochs_at(stage), val, seconds)
        self._points = (*self._points, point)
        if self._state_dir is not None:
            self._save(self._state_dir)
        return point

    def test(self) -> float:
        """The score on the full test split. Only a finished run has one: `InvalidInput` before."""
        if not self.finished:
            raise InvalidInput(
                f"{self.model.id} is at stage {self.stage} of {self.recipe.stages}: not ready to test",
                "train it to its last stage first",
            )
        with failures_mapped(self.model.id, f"testing on {self.dataset.name}"):
            tested = self._predicted(self.splits.test)
            self._tested = replace(tested, origin=self.splits.test_origin)
            return self._tested.score

    def export(self, output: Path) -> None:
        """Save the model as it stands, with its tokenizer or processor, in the folder `output`, and what
        `test` predicted.

        `AutoModelForSequenceClassification.from_pretrained(output)` (or the class of the task) scores
        what `test` scored. Raises `InvalidInput` when the folder holds something else.
        """
        network = self._adapted.plain()
        with self._problem.plain(network, self._output):
            save_checkpoint(network, self._adapter, output, self._tested)

    def _refuse_constant(self) -> None:
        refuse_constant(self._network, self._train, self.device, self.model.id, self._evaluating)

    def _predicted(self, examples: Examples) -> Predictions:
        prepared, problem = self._adapter.prepare(examples), self._problem
        size = evaluation_batch_size(self.recipe.batch_size)
        found = predict(self._network, prepared, examples, problem, self.device, size, self._evaluating)
        truth = problem.truth(examples)
        return Predictions(self.metric, problem.score(self.metric, truth, found), problem.names, truth, found)

    def _inputs(self, rows: IntArray) -> dict[str, torch.Tensor]:
        return to_device(only(self._train.batch(rows), self._accepted), self.device)

    def _train_to(self, target: int) -> torch.Tensor:
        """Optimizer steps up to `target`; returns the sum of their losses, NaN if one was."""
        self._adapted.train()
        trained = [p for p in self._network.parameters() if p.requires_grad]
        total = torch.zeros((), device=self.device)
        while self._step < target:
            epoch, done = divmod(self._step, self.schedule.steps_per_epoch)
            order = epoch_batches(self._train.lengths, self.recipe.batch_size, self.seed, epoch)
            for rows in order[done : done + target - self._step]:
                loss = self._gradient(rows)
                torch.nn.utils.clip_grad_norm_(trained, _LARGEST_GRADIENT)
                rate = self.schedule.rate(self._step)
                for group in self._optimizer.param_groups:
                    group["lr"] = rate
                self._optimizer.step()
                self._optimizer.zero_grad(set_to_none=True)
                total += loss
                self._step += 1
        return total

    def _gradient(self, rows: IntArray) -> torch.Tensor:
        """Where not even one example fits into memory, activations are no longer kept, and batches are
        whole again."""
        batch = (self._network, self._inputs, self._problem, self._targets, rows, self._portions)
        try:
            return batch_gradient(*batch)
        except Exception as error:
            if not is_out_of_memory(error) or not recompute(self._network):
                raise
        self._network.zero_grad(set_to_none=True)
        self._portions.most = None
        return batch_gradient(*batch)

    def _identity(self) -> dict[str, Any]:
        return {
            "model": self.model.id,
            "revision": self.model.revision,
            "dataset": self.splits.fingerprint,
            "recipe": self.recipe.content,
            "seed": self.seed,
        }

    def _save(self, folder: Path) -> None:
        weights, moments = self._adapted.state(), self._optimizer.state_dict()
        portions = (self._portions.most, self._evaluating.most)
        where = (self._identity(), self._step, self._points)
        state = State(*where, weights, moments, self._randomness, portions)
        try:
            save_state(folder, state)
        except OSError as error:
            reason = error.strerror or str(error)
            hint = "make room for it or choose another folder, then run the same command again"
            raise StorageFailed(
                f"the training state of {self.model.id} cannot be saved: {reason}", hint
            ) from error

    def _resume(self, folder: Path) -> None:
        state = load_state(folder, self._identity())
        if state is None or state.step != self.schedule.steps_at(len(state.points)):
            return
        self._adapted.load(state.model)
        self._optimizer.load_state_dict(state.optimizer)
        self._step, self._points, self._randomness = state.step, state.points, state.randomness
        self._portions, self._evaluating = map(Portions, state.portions)


def _check(recipe: Recipe, model: Model) -> None:
    known_metric(recipe.metric)
    if recipe.optimizer != "adamw":
        raise InvalidInput(f"the optimizer {recipe.optimizer!r} is not known", "use adamw")
    if recipe.batch_size < 1:
        raise InvalidInput("the batch size must be at least 1", "raise it")
    if recipe.method not in METHODS:
        raise InvalidInput(f"the method {recipe.method!r} is not known", f"use {' or '.join(METHODS)}")
    if model.task != models_for(recipe.task):
        raise InvalidInput(
            f"{model.id} is for {model.task}, the recipe for {recipe.task}", f"use a recipe for {model.task}"
        )


def _optimizer(network: torch.nn.Module, recipe: Recipe, device: torch.device) -> torch.optim.AdamW:
    """AdamW without weight decay on biases and norms, which are the parameters of one dimension."""
    trained = [p for p in network.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=0.0, fused=device.type in ("cpu", "cuda"))
