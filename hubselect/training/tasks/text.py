"""Text classification: one or two strings per example, tokenised once, padded per batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.data import Examples
from hubselect.training.device import bytes_kept_on
from hubselect.training.quiet import quiet
from hubselect.training.sampling import IntArray
from hubselect.training.tasks.base import PREPARED, Prepared
from hubselect.training.tasks.resident import ResidentText

import transformers  # isort: skip  (after quiet, which sets the environment)

_SHORTEST = 8
_CHARACTERS = 64  # of a text per token that is wanted, before the rest of the text is looked at


@dataclass(frozen=True)
class PreparedText:
    """Token ids [n, longest] padded on the right, token types likewise or None, lengths [n]."""

    ids: NDArray[np.int32]
    types: NDArray[np.int8] | None
    lengths: IntArray

    @property
    def nbytes(self) -> int:
        return self.ids.nbytes + self.lengths.nbytes + (0 if self.types is None else self.types.nbytes)

    def on(self, device: torch.device) -> Prepared:
        inputs = 2 if self.types is None else 3
        if 8 * inputs * self.ids.size > bytes_kept_on(device):
            return self
        return ResidentText.of(self.batch(np.arange(len(self.lengths))), self.lengths, device)

    def batch(self, rows: IntArray) -> dict[str, torch.Tensor]:
        """input_ids, attention_mask and perhaps token_type_ids, each int64 [batch, longest of the batch]."""
        lengths = self.lengths[rows]
        longest = int(lengths.max())
        mask = np.arange(longest) < lengths[:, None]
        batch = {
            "input_ids": torch.from_numpy(self.ids[rows, :longest].astype(np.int64)),
            "attention_mask": torch.from_numpy(mask.astype(np.int64)),
        }
        if self.types is not None:
            batch["token_type_ids"] = torch.from_numpy(self.types[rows, :longest].astype(np.int64))
        return batch


def longest_input(max_length: int, tokenizer_limit: int, config: Any) -> int:
    """The number of tokens an input may have: the least of the recipe's, the tokenizer's and the
    position embeddings' limits.

    Some families start counting positions after the padding index, so as many embeddings are
    set aside (two at least): a text a little shorter is harmless, a position too far is not.
    """
    limit = min(max_length, tokenizer_limit)
    positions = getattr(config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        pad = getattr(config, "pad_token_id", None)
        reserve = pad + 1 if isinstance(pad, int) and 1 <= pad < 16 else 2
        limit = min(limit, positions - reserve)
    if limit < _SHORTEST:
        raise UnsupportedModel(f"inputs of at most {limit} tokens are too short to classify text")
    return limit


class TextAdapter:
    """Tokenises the way the checkpoint's own tokenizer does."""

    def __init__(self, checkpoint: Path, config: Any, max_length: int) -> None:
        try:
            with quiet():
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    str(checkpoint), trust_remote_code=False, local_files_only=True
                )
        except Exception as error:
            text = " ".join(str(error).split())[:160]
            raise CheckpointBroken(f"the tokenizer of {checkpoint.name} cannot be loaded: {text}") from error
        if len(tokenizer) <= len(set(tokenizer.all_special_ids)):
            # transformers makes an empty tokenizer up when the files are missing
            raise CheckpointBroken(f"the tokenizer of {checkpoint.name} is missing: it knows no words")
        _ensure_padding(tokenizer, checkpoint.name)
        self.length = longest_input(max_length, tokenizer.model_max_length, config)
        tokenizer.model_max_length = self.length
        tokenizer.padding_side = "right"
        self.tokenizer = tokenizer
        self._vocabulary: int | None = getattr(config, "vocab_size", None)
        self._type_count: int | None = getattr(config, "type_vocab_size", None)
        self._name = checkpoint.name
        self._family = _fingerprint(tokenizer)

    def prepare(self, examples: Examples) -> Prepared:
        """Tokenise, or take what a checkpoint with the same tokenizer has tokenised before.

        Raises `CheckpointBroken` when the tokenizer makes ids the model has no embedding for.
        """
        key = ("text", self._family, self._type_count, self.length, examples.fingerprint)
        prepared = PREPARED.get(key, lambda: self._tokenise(examples))
        assert isinstance(prepared, PreparedText)
        if self._vocabulary is not None and int(prepared.ids.max()) >= self._vocabulary:
            raise CheckpointBroken(
                f"the tokenizer of {self._name} makes token {int(prepared.ids.max())}, "
                f"but the model knows {self._vocabulary} tokens"
            )
        return prepared

    def _tokenise(self, examples: Examples) -> PreparedText:
        encoded = self._encode(examples.texts)
        lists = [ids or [self.tokenizer.pad_token_id] for ids in encoded["input_ids"]]
        lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
        ids = _padded(lists, lengths, self.tokenizer.pad_token_id, np.int32)
        types = None
        if "token_type_ids" in encoded:
            types = _padded(encoded["token_type_ids"], lengths, 0, np.int8)
            # A tokenizer may number segments the model has no embedding for: leave them out.
            if self._type_count is not None and int(types.max()) >= self._type_count:
                types = None
        return PreparedText(ids, types, lengths)

    def _encode(self, texts: Sequence[tuple[str, ...]]) -> dict[str, list[list[int]]]:
        """Token ids, cut to the length. Of a text that is far too long only the part that gives them is
        tokenised: a book of a megabyte costs a second, and the other texts of a dataset nothing."""
        limit = _CHARACTERS * self.length
        long = [i for i, row in enumerate(texts) if any(len(text) > limit for text in row)]
        if not long:
            return self._tokens(texts)
        left = self.tokenizer.truncation_side == "left"
        beginnings = list(texts)
        for i in long:
            beginnings[i] = tuple(text[-limit:] if left else text[:limit] for text in texts[i])
        encoded = self._tokens(beginnings)
        short = [i for i in long if len(encoded["input_ids"][i]) < self.length]
        if short:  # very long words, or nothing but spaces
            whole = self._tokens([texts[i] for i in short])
            for name, lists in encoded.items():
                for i, values in zip(short, whole[name], strict=True):
                    lists[i] = values
        return encoded

    def _tokens(self, texts: Sequence[tuple[str, ...]]) -> dict[str, list[list[int]]]:
        columns = (list(column) for column in zip(*texts, strict=True))
        with quiet():
            encoded = self.tokenizer(
                *columns, truncation=True, max_length=self.length, return_attention_mask=False
            )
        return {name: encoded[name] for name in ("input_ids", "token_type_ids") if name in encoded}

    def configure(self, config: Any) -> None:
        """Tell the model which token is padding: decoders look for the last token before it."""
        config.pad_token_id = self.tokenizer.pad_token_id

    def export(self, output: Path) -> None:
        self.tokenizer.save_pretrained(str(output))


def _padded(lists: list[list[int]], lengths: IntArray, fill: int, kind: type[Any]) -> NDArray[Any]:
    table = np.full((len(lists), int(lengths.max())), fill, dtype=kind)
    for row, values in zip(table, lists, strict=True):
        row[: len(values)] = values
    return table


def _ensure_padding(tokenizer: Any, name: str) -> None:
    if tokenizer.pad_token_id is not None:
        return
    token = tokenizer.eos_token or tokenizer.unk_token
    if token is None:
        raise UnsupportedModel(f"the tokenizer of {name} has no token to pad batches with")
    tokenizer.pad_token = token


def _fingerprint(tokenizer: Any) -> str:
    """Identifies everything that decides the token ids, whatever the files are called."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()
        content = backend.to_str()
    else:
        content = json.dumps([sorted(tokenizer.get_vocab().items()), repr(tokenizer.init_kwargs)])
    parts = [
        type(tokenizer).__name__,
        tokenizer.pad_token_id,
        tokenizer.model_input_names,
        tokenizer.truncation_side,
    ]
    return hashlib.sha256((repr(parts) + content).encode("utf-8", "surrogatepass")).hexdigest()
