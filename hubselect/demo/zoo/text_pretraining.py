"""Pre-trains the zoo's text checkpoints: masked-language modelling, then source tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, PreTrainedModel

from hubselect.demo.zoo.architectures import configuration
from hubselect.demo.zoo.checkpoints import Checkpoint
from hubselect.demo.zoo.corpus import Corpus
from hubselect.demo.zoo.optimization import optimize
from hubselect.demo.zoo.text_sources import masked_texts, source_examples
from hubselect.demo.zoo.tokenizers import MASK_ID, PAD_ID, SPECIALS, TRAINING_LENGTH

_HELD_OUT = 400  # texts kept to measure what was learned
_MASKED_RATE, _MASKED_BATCH, _SUPERVISED_BATCH = 0.18, 64, 32


@dataclass(frozen=True)
class Tokens:
    """`ids` and `types` [n, length], padded."""

    ids: Tensor
    types: Tensor

    def __len__(self) -> int:
        return len(self.ids)

    def batch(self, rows: Tensor) -> dict[str, Tensor]:
        """Model inputs for some rows, cut to the longest of them."""
        ids = self.ids[rows]
        attention = ids != PAD_ID
        length = int(attention.any(0).nonzero().max()) + 1
        return {
            "input_ids": ids[:, :length],
            "attention_mask": attention[:, :length].long(),
            "token_type_ids": self.types[rows][:, :length],
        }


def tokenize(tokenizer: Tokenizer, texts: Sequence[tuple[str, ...]], length: int) -> Tokens:
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(pad_id=PAD_ID, length=length)
    encoded = tokenizer.encode_batch([t[0] if len(t) == 1 else t for t in texts])
    tokenizer.no_truncation()
    tokenizer.no_padding()
    ids = torch.tensor([e.ids for e in encoded])
    return Tokens(ids, torch.tensor([e.type_ids for e in encoded]))


def pretrain_text(
    checkpoint: Checkpoint, corpus: Corpus, tokenizer: Tokenizer, parent: Path | None, steps: int
) -> tuple[PreTrainedModel, dict[str, float]]:
    """The trained network and what it reached on held-out texts of its source.

    `masked_loss` is the cross entropy (nats) of masked tokens, `accuracy` that of the source task.
    """
    if checkpoint.masked:
        return _pretrain_masked(checkpoint, corpus, tokenizer, steps)
    found, classes = source_examples(checkpoint.source, corpus)
    length = TRAINING_LENGTH[checkpoint.tokenizer] + (8 if len(found[0].texts) == 2 else 0)
    tokens = tokenize(tokenizer, [e.texts for e in found], length)
    labels = torch.tensor([e.label for e in found])
    config = configuration(checkpoint, tokenizer.get_vocab_size(), classes)
    if parent is None:
        model = AutoModelForSequenceClassification.from_config(config)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(
            parent, config=config, dtype=torch.float32, ignore_mismatched_sizes=True
        )
    return model, {"accuracy": _train_classifier(model, tokens, labels, steps)}


def _train_classifier(model: PreTrainedModel, tokens: Tokens, labels: Tensor, steps: int) -> float:
    held_out = min(_HELD_OUT, len(labels) // 5)

    def loss() -> Tensor:
        rows = torch.randint(held_out, len(labels), (_SUPERVISED_BATCH,))
        return functional.cross_entropy(_logits(model, tokens.batch(rows)), labels[rows])

    model.train()
    optimize(loss, model.parameters(), steps=steps, learning_rate=1.5e-3)
    model.eval()
    with torch.no_grad():
        predicted = _logits(model, tokens.batch(torch.arange(held_out))).argmax(-1)
    return float((predicted == labels[:held_out]).float().mean())


def _logits(model: PreTrainedModel, inputs: dict[str, Tensor]) -> Tensor:
    logits: Tensor = model(**_accepted(model, inputs)).logits
    return logits


def _accepted(model: PreTrainedModel, inputs: dict[str, Tensor]) -> dict[str, Tensor]:
    """Without token types where the architecture has none (or one only)."""
    if getattr(model.config, "type_vocab_size", 1) > 1:
        return inputs
    return {name: value for name, value in inputs.items() if name != "token_type_ids"}


class _MaskedObjective(nn.Module):
    """Masked-language modelling, and the text's bag of words from its first token.

    The second part is for the pooler and the first token, which masked words alone leave untrained in so
    short a time; its head is not saved.
    """

    def __init__(self, model: PreTrainedModel, tokens: Tokens) -> None:
        super().__init__()
        self.model, self.tokens = model, tokens
        self.base: Any = getattr(model, model.base_model_prefix)
        vocabulary = model.config.vocab_size
        width = getattr(model.config, "hidden_size", None) or model.config.dim
        self.bag = nn.Linear(width, vocabulary)
        counts = torch.bincount(tokens.ids.flatten(), minlength=vocabulary).float()
        weights = (counts.sum() / (counts + 10)).log().clamp(max=8) - 2
        weights[: len(SPECIALS)] = 0
        self.word_weights = weights.clamp(min=0)

    def losses(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(masked-word loss, bag-of-words loss), means over the batch."""
        inputs = self.tokens.batch(rows)
        ids = inputs["input_ids"]
        hidden = (torch.rand(ids.shape) < _MASKED_RATE) & (ids >= len(SPECIALS))
        hidden[0, 1] = True  # never an empty set
        inputs["input_ids"] = _corrupt(ids, hidden, self.model.config.vocab_size)
        output = self.base(**_accepted(self.model, inputs))
        states = output.last_hidden_state
        pooled = getattr(output, "pooler_output", None)
        masked = functional.cross_entropy(_word_logits(self.model, states[hidden]), ids[hidden])
        logits = self.bag(states[:, 0] if pooled is None else pooled)
        return masked, self._bag_loss(logits, ids)

    def _bag_loss(self, logits: Tensor, ids: Tensor) -> Tensor:
        wanted = torch.zeros_like(logits).scatter_(1, ids, 1.0) * self.word_weights
        wanted = wanted / wanted.sum(1, keepdim=True).clamp(min=1e-6)
        return -(wanted * torch.log_softmax(logits, -1)).sum(1).mean()


def _corrupt(ids: Tensor, hidden: Tensor, vocabulary: int) -> Tensor:
    """Eight of ten hidden tokens become [MASK], one a random token, one stays."""
    changed, dice = ids.clone(), torch.rand(ids.shape)
    changed[hidden & (dice < 0.8)] = MASK_ID
    random_places = hidden & (dice > 0.9)
    changed[random_places] = torch.randint(len(SPECIALS), vocabulary, (int(random_places.sum()),))
    return changed


def _word_logits(model: Any, states: Tensor) -> Tensor:
    """The architecture's own masked-language head on some positions only: [n, width] -> [n, vocabulary]."""
    kind = model.config.model_type
    if kind == "bert":
        logits: Tensor = model.cls(states)
    elif kind == "roberta":
        logits = model.lm_head(states)
    elif kind == "albert":
        logits = model.predictions(states)
    else:
        logits = model.vocab_projector(model.vocab_layer_norm(functional.gelu(model.vocab_transform(states))))
    return logits


def _masked_model(checkpoint: Checkpoint, vocabulary: int) -> PreTrainedModel:
    """A masked-language model that keeps its pooler, as the published BERT checkpoints do."""
    model = AutoModelForMaskedLM.from_config(configuration(checkpoint, vocabulary))
    base = getattr(model, model.base_model_prefix)
    if checkpoint.architecture in ("bert", "albert"):
        setattr(model, model.base_model_prefix, type(base)(model.config, add_pooling_layer=True))
        model.tie_weights()
    return model  # type: ignore[no-any-return]


def _pretrain_masked(
    checkpoint: Checkpoint, corpus: Corpus, tokenizer: Tokenizer, steps: int
) -> tuple[PreTrainedModel, dict[str, float]]:
    length, vocabulary = TRAINING_LENGTH[checkpoint.tokenizer], tokenizer.get_vocab_size()
    if checkpoint.source == "noise":
        ids = torch.randint(len(SPECIALS), vocabulary, (6_000, length))
        tokens = Tokens(ids, torch.zeros_like(ids))
    else:
        tokens = tokenize(tokenizer, masked_texts(checkpoint.source, corpus), length)
    model = _masked_model(checkpoint, vocabulary)
    objective = _MaskedObjective(model, tokens)

    def loss() -> Tensor:
        masked, bag = objective.losses(torch.randint(_HELD_OUT, len(tokens), (_MASKED_BATCH,)))
        return masked + bag

    model.train()
    optimize(loss, objective.parameters(), steps=steps, learning_rate=5e-3, warmup=50)
    model.eval()
    with torch.no_grad():
        masked, _ = objective.losses(torch.arange(_HELD_OUT))
    return model, {"masked_loss": float(masked)}
