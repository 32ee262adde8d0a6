"""Text: one or two strings per example, the words of a sentence, or what the options of a multiple choice
follow; tokenised once, padded per batch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.examples import Examples
from hubselect.training.quiet import quiet
from hubselect.training.tasks.base import PREPARED, Prepared
from hubselect.training.tasks.text_inputs import PreparedChoices, PreparedText, PreparedWords, padded

import transformers  # isort: skip  (after quiet, which sets the environment)

_SHORTEST = 8
_CHARACTERS = 64  # of a text per token that is wanted, before the rest of the text is looked at


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
    """Tokenises the way the checkpoint's own tokenizer does. With `of_words`, sentences come as words: a
    tokenizer to which the space before a word is a part of it is told that there is one."""

    def __init__(self, checkpoint: Path, config: Any, max_length: int, *, of_words: bool = False) -> None:
        spaces = {"add_prefix_space": True} if of_words else {}
        try:
            with quiet():
                tokenizer = transformers.AutoTokenizer.from_pretrained(
                    str(checkpoint), trust_remote_code=False, local_files_only=True, **spaces
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
        assert isinstance(prepared, PreparedText | PreparedWords | PreparedChoices)
        if self._vocabulary is not None and prepared.largest >= self._vocabulary:
            raise CheckpointBroken(
                f"the tokenizer of {self._name} makes token {prepared.largest}, "
                f"but the model knows {self._vocabulary} tokens"
            )
        return prepared

    def _tokenise(self, examples: Examples) -> Prepared:
        if examples.words:
            return self._words(examples.words)
        if examples.choices:
            pairs = zip(examples.texts, examples.choices, strict=True)
            each = [(*text, option) for text, options in pairs for option in options]
            return PreparedChoices.of(self._tables(self._encode(each)), len(examples.choices[0]))
        return self._tables(self._encode(examples.texts))

    def _words(self, sentences: Sequence[tuple[str, ...]]) -> PreparedWords:
        """The words of each sentence with the token each begins at; those past the length are cut off."""
        if not self.tokenizer.is_fast:
            raise UnsupportedModel(f"the tokenizer of {self._name} does not say which token is of which word")
        with quiet():
            encoded = self.tokenizer(
                [list(words) for words in sentences],
                is_split_into_words=True,
                truncation=True,
                max_length=self.length,
                return_attention_mask=False,
            )
        tables = self._tables(encoded)
        places = np.full(tables.ids.shape, -1, dtype=np.int64)
        first = 0
        for row, words in enumerate(sentences):
            before = None
            for place, word in enumerate(encoded.word_ids(row)):
                if word is not None and word != before:
                    places[row, place] = first + word
                before = word
            first += len(words)
        return PreparedWords(tables, places)

    def _tables(self, encoded: Any) -> PreparedText:
        lists = [ids or [self.tokenizer.pad_token_id] for ids in encoded["input_ids"]]
        lengths = np.fromiter(map(len, lists), dtype=np.int64, count=len(lists))
        ids = padded(lists, lengths, self.tokenizer.pad_token_id, np.int32)
        types = None
        if "token_type_ids" in encoded:
            types = padded(encoded["token_type_ids"], lengths, 0, np.int8)
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
