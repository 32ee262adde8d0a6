"""A real WordPiece tokenizer over the words of the test data, with letters as fallback."""

from __future__ import annotations

import string
from typing import Any

from tests.support.data import WORDS

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def vocabulary() -> dict[str, int]:
    """Token -> index: special tokens, whole words, then single characters and their ## pieces."""
    letters = string.ascii_lowercase + string.digits
    pieces = (*SPECIAL, *WORDS, *letters, *(f"##{c}" for c in letters), *string.punctuation)
    return {token: index for index, token in enumerate(dict.fromkeys(pieces))}


def word_piece_tokenizer() -> Any:
    """A BertTokenizer built from a `tokenizers` WordPiece model; any lower-case text can be encoded."""
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import BertTokenizerFast

    vocab = vocabulary()
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", vocab["[SEP]"]), ("[CLS]", vocab["[CLS]"]))
    return BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=128)


def byte_level_tokenizer() -> Any:
    """A tokenizer of the kind of RoBERTa's: bytes, of which the space before a word is one."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import RobertaTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {
        token: index for index, token in enumerate(("<s>", "<pad>", "</s>", "<unk>", "<mask>", *letters))
    }
    words = [(w[0], w[1]) for w in ("gr", "re", "ea", "at")]
    for left, right in words:
        vocab.setdefault(left + right, len(vocab))
    vocab.setdefault("\u0120g", len(vocab))
    tokenizer = Tokenizer(models.BPE(vocab, [("\u0120", "g"), *words]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return RobertaTokenizerFast(tokenizer_object=tokenizer, model_max_length=128)
