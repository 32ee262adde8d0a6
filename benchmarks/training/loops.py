"""Three ways to train the same checkpoint on the same examples: ours, a bare torch loop, the Trainer class.

* `Ours`: `FineTuning`, staged, from prepared inputs to the end of a stage.
* `bare`: the shortest loop one would write by hand. Its batches are made and on the device before the clock
  starts, so it is a bound: it pays nothing for them.
* `trainer`: `transformers.Trainer` on the tokenised examples, with its defaults except batch size, precision
  and silence; once more with examples grouped by length.

All of them use the same precision, batch size, number of steps, AdamW and clipping, and no validation while
the clock runs.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from threading import Semaphore, Thread
from typing import Any

import torch
import transformers

from benchmarks.training.material import Case
from hubselect.records import CurvePoint
from hubselect.training.batching import epoch_batches, evaluation_batches
from hubselect.training.data import Examples, Splits, load_splits
from hubselect.training.device import autocast, choose_device, to_device
from hubselect.training.evaluation import evaluation_batch_size
from hubselect.training.finetuning import FineTuning
from hubselect.training.loading import load_config, load_for_task
from hubselect.training.tasks import Adapter, adapter_for


@dataclass
class Timing:
    """Seconds of every measured stretch, and how many examples and optimizer steps each held."""

    examples: int = 0
    steps: int = 0
    seconds: list[float] = field(default_factory=list)
    used: list[float] = field(default_factory=list)
    """Processor time of this process, all threads together."""

    @property
    def rate(self) -> float:
        """Examples a second, by the median stretch; the first one warms up."""
        return self.examples / median(self.seconds[1:])

    def times_of(self, other: Timing, *, used: bool = False) -> float:
        """How many times as long as `other` this took: the median over pairs of neighbouring stretches."""
        return median(self.ratios(other, used=used))

    def ratios(self, other: Timing, *, used: bool = False) -> list[float]:
        """The same for each pair; the first one warms up and is left out."""
        mine, theirs = (self.used, other.used) if used else (self.seconds, other.seconds)
        return [m / t for m, t in zip(mine[1:], theirs[1:], strict=True)]


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


@contextmanager
def clocked(timing: Timing) -> Iterator[None]:
    synchronize()
    started, used = time.perf_counter(), time.process_time()
    yield
    synchronize()
    timing.seconds.append(time.perf_counter() - started)
    timing.used.append(time.process_time() - used)


class Ours(FineTuning):
    """The product's loop, with a clock around its training steps (`timing`) and whole stages (`whole`),
    and the mean losses of the stages kept."""

    timing: Timing
    whole: Timing
    losses: list[float]

    def advance(self) -> CurvePoint:
        with clocked(self.whole):
            return super().advance()

    def _train_to(self, target: int) -> torch.Tensor:
        steps = target - self._step
        with clocked(self.timing):
            total = super()._train_to(target)
        self.losses.append(float(total) / max(steps, 1))
        return total


def ours(case: Case, state_dir: Path | None = None) -> Ours:
    training = Ours(case.checkpoint, case.model, case.dataset, case.recipe, state_dir=state_dir)
    size = len(training.splits.train), training.schedule.steps_per_epoch
    training.timing, training.whole, training.losses = Timing(*size), Timing(*size), []
    return training


def loaded(case: Case) -> tuple[Splits, Adapter, torch.nn.Module]:
    """The examples, their adapter and the network, as our loop makes them."""
    splits = load_splits(case.dataset, case.recipe)
    config = load_config(case.checkpoint)
    adapter = adapter_for(case.checkpoint, config, case.recipe)
    adapter.configure(config)
    network = load_for_task(case.checkpoint, config, case.recipe.task, splits.label_names, 0).network
    return splits, adapter, network


class Bare:
    """One epoch at a time of a loop written by hand."""

    def __init__(self, case: Case) -> None:
        self.device = choose_device()
        splits, adapter, network = loaded(case)
        self.network = network.to(self.device).train()
        prepared = adapter.prepare(splits.train)
        order = epoch_batches(prepared.lengths, case.recipe.batch_size, 0, 0)
        self.batches = [to_device(prepared.batch(rows), self.device) for rows in order]
        for batch, rows in zip(self.batches, order, strict=True):
            batch["labels"] = torch.from_numpy(splits.train.labels[rows]).to(self.device)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
        self.rates = torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda step: 1 / (1 + step))
        self.timing = Timing(len(splits.train), len(self.batches))
        self.stage = Timing(len(splits.train), len(self.batches))
        held = adapter.prepare(splits.validation)
        rows = evaluation_batches(held.lengths, evaluation_batch_size(case.recipe.batch_size))
        self.held = [
            (held.batch(some), torch.from_numpy(splits.validation.labels[some]).to(self.device))
            for some in rows
        ]

    def advance(self) -> float:
        """An epoch and a validation; returns its accuracy."""
        with clocked(self.stage):
            self.epoch()
            self.network.eval()
            right = 0
            with torch.no_grad(), autocast(self.device):
                for batch, labels in self.held:
                    logits = self.network(**to_device(batch, self.device)).logits
                    right += int((logits.argmax(-1) == labels).sum())
            self.network.train()
        return right / sum(len(labels) for _, labels in self.held)

    def epoch(self) -> None:
        with clocked(self.timing):
            for batch in self.batches:
                with autocast(self.device):
                    loss = self.network(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
                self.optimizer.step()
                self.rates.step()
                self.optimizer.zero_grad()


class Listed(torch.utils.data.Dataset[dict[str, Any]]):
    """Prepared examples as the Trainer wants them: one dictionary each, padded by its collator."""

    def __init__(self, adapter: Any, examples: Examples) -> None:
        self.tokenizer = getattr(adapter, "tokenizer", None)
        labels = examples.labels.tolist()
        if self.tokenizer is not None:
            encoded = self.tokenizer(
                [t for (t,) in examples.texts], truncation=True, max_length=adapter.length
            )
            self.rows = [
                {**{name: encoded[name][i] for name in encoded}, "labels": label}
                for i, label in enumerate(labels)
            ]
        else:
            pixels = adapter.prepare(examples).pixels
            self.rows = [{"pixel_values": pixels[i], "labels": label} for i, label in enumerate(labels)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        return self.rows[index]


class Turns(transformers.TrainerCallback):
    """A Trainer in a thread of its own that trains an epoch when it is told to, and times it.

    So its epochs stand between those of the other loops, and a machine that is slower for a while is
    slower for all of them.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self._may_go, self._waits = Semaphore(0), Semaphore(0)
        self._done: Future[Any] = Future()

    def start(self, trainer: transformers.Trainer) -> None:
        """All set-up, up to the first epoch."""
        trainer.add_callback(self)
        Thread(target=self._train, args=(trainer,), daemon=True).start()
        self._wait()

    def advance(self) -> None:
        """The next epoch. Returns when the Trainer stands at the one after, or has ended."""
        self._may_go.release()
        self._wait()

    def on_epoch_begin(self, *args: Any, **more: Any) -> None:
        self._waits.release()
        self._may_go.acquire()
        self._clock = clocked(self.timing)
        self._clock.__enter__()

    def on_epoch_end(self, *args: Any, **more: Any) -> None:
        self._clock.__exit__(None, None, None)

    def _train(self, trainer: transformers.Trainer) -> None:
        try:
            self._done.set_result(trainer.train())
        except BaseException as error:
            self._done.set_exception(error)
        self._waits.release()

    def _wait(self) -> None:
        self._waits.acquire()
        if self._done.done():
            self._done.result()


def trainer(case: Case, folder: Path, *, grouped: bool = False) -> Turns:
    """The Trainer class before its first epoch."""
    splits, adapter, network = loaded(case)
    listed = Listed(adapter, splits.train)
    cuda = torch.cuda.is_available()
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=case.recipe.epochs,
        per_device_train_batch_size=case.recipe.batch_size,
        bf16=cuda and torch.cuda.is_bf16_supported(),
        use_cpu=not cuda,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=0,
        **({"train_sampling_strategy": "group_by_length"} if grouped else {}),
    )
    turns = Turns(Timing(len(listed), -(-len(listed) // case.recipe.batch_size)))
    collator = None if listed.tokenizer is None else transformers.DataCollatorWithPadding(listed.tokenizer)
    turns.start(transformers.Trainer(network, arguments, data_collator=collator, train_dataset=listed))
    return turns


@dataclass(frozen=True)
class SideBySide:
    """What every way took for the same work; `trainer_grouped` is the Trainer with examples of like length
    together."""

    ours: Timing
    bare: Timing
    trainer: Timing
    trainer_grouped: Timing | None
    our_stage: Timing
    bare_stage: Timing
    parameters: int


def side_by_side(case: Case, folder: Path) -> SideBySide:
    """Every epoch of the recipe (a stage each) by all of them, in turns, every other round in reverse."""
    state = folder / "state"
    one, other = ours(case, state), Bare(case)
    text = case.size.task == "text-classification"
    grouped = trainer(case, folder / "grouped", grouped=True) if text else None
    plain = trainer(case, folder / "trainer")
    taking_turns = [one, other, plain, *([grouped] if grouped else [])]
    for _ in range(case.recipe.epochs):
        for way in taking_turns:
            way.advance()
        taking_turns.reverse()
    shutil.rmtree(state)
    return SideBySide(
        one.timing,
        other.timing,
        plain.timing,
        grouped and grouped.timing,
        one.whole,
        other.stage,
        one.parameters,
    )
