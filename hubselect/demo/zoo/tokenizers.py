"""The zoo's three tokenizers: small WordPiece and byte-level BPE vocabularies, and plain characters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from hubselect.demo.zoo.corpus import Corpus

PAD, UNKNOWN, START, END, MASK = SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, UNKNOWN_ID, START_ID, END_ID, MASK_ID = range(len(SPECIALS))
VOCABULARY = 2_000
MAX_LENGTH = 64  # tokens a checkpoint can read
TRAINING_LENGTH = {"wordpiece": 28, "bpe": 32, "characters": 64}
TOKENIZERS = tuple(TRAINING_LENGTH)


def build_tokenizer(kind: str, corpus: Corpus) -> Tokenizer:
    """A tokenizer whose vocabulary comes from the source half's texts; the same corpus gives the same one."""
    docs = [_ascii(s.text) for s in corpus.docs + corpus.paragraphs]
    code = [_ascii(s.text) for s in corpus.passages]
    if kind == "wordpiece":
        return _wordpiece(docs + code[:5_000])
    if kind == "bpe":
        return _byte_pairs(docs[:15_000] + code[:20_000])
    return _characters()


def with_pairs(tokenizer: Tokenizer, second_type: int) -> Tokenizer:
    """Frames one text or two; the second text's tokens get the type id `second_type`."""
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair=f"[CLS] $A [SEP] $B:{second_type} [SEP]:{second_type}",
        special_tokens=[(START, START_ID), (END, END_ID)],
    )
    return tokenizer


def _ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode()


def _wordpiece(texts: Sequence[str]) -> Tokenizer:
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    counts = Counter(
        word for text in texts for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(text))
    )
    pieces = [*SPECIALS, *_wordpiece_vocabulary(counts, VOCABULARY - len(SPECIALS))]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token=UNKNOWN, max_input_chars_per_word=60))
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    return with_pairs(tokenizer, second_type=1)


def _wordpiece_vocabulary(counts: Counter[str], size: int) -> list[str]:
    """All characters, the commonest words, and the commonest beginnings and endings of the others.

    The library's own WordPiece trainer numbers its pieces in the order of a hash table, which differs from
    process to process; this one always gives the same vocabulary.
    """
    letters = sorted({letter for word in counts for letter in word})
    pieces = letters + [f"##{letter}" for letter in letters]
    words = _commonest(counts, int(0.65 * (size - len(pieces))), known=set(pieces))
    pieces += words
    parts: Counter[str] = Counter()
    common = set(words)
    for word, count in counts.items():
        if word not in common and count > 1:
            for cut in range(2, len(word) - 1):
                parts[word[:cut]] += count * cut
                parts[f"##{word[cut:]}"] += count * (len(word) - cut)
    return pieces + _commonest(parts, size - len(pieces), known=set(pieces))


def _commonest(counts: Counter[str], size: int, known: set[str]) -> list[str]:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [piece for piece, _ in ranked if piece not in known][:size]


def _byte_pairs(texts: Iterable[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return with_pairs(tokenizer, second_type=1)


def _characters() -> Tokenizer:
    printable = [chr(code) for code in range(32, 127)]
    vocabulary = {piece: i for i, piece in enumerate([*SPECIALS, *printable])}
    tokenizer = Tokenizer(models.WordLevel(vocab=vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    return with_pairs(tokenizer, second_type=1)
