"""The builder of the zoo's weights: seeded, repeatable, able to make a checkpoint from scratch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer
from torch import nn

from hubselect.demo.zoo.checkpoints import checkpoint
from hubselect.demo.zoo.corpus import Corpus, read_corpus
from hubselect.demo.zoo.optimization import optimize, seed_for
from hubselect.demo.zoo.pretraining import pretrain, read_manifest
from hubselect.demo.zoo.text_pretraining import pretrain_text, tokenize
from hubselect.demo.zoo.tokenizers import TOKENIZERS, VOCABULARY, build_tokenizer

pytestmark = pytest.mark.slow  # reads a corpus first

A_LITTLE_TRAINING = """
import hashlib, torch
from hubselect.demo.zoo.checkpoints import checkpoint
from hubselect.demo.zoo.corpus import read_corpus
from hubselect.demo.zoo.image_pretraining import pretrain_image
from hubselect.demo.zoo.text_pretraining import pretrain_text
from hubselect.demo.zoo.tokenizers import build_tokenizer
torch.set_num_threads(1)
corpus = read_corpus("source", ("numpy",))
digest = hashlib.sha256()
for kind in ("wordpiece", "bpe", "characters"):
    digest.update(build_tokenizer(kind, corpus).to_str().encode())
def add(model):
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
torch.manual_seed(3)
tokenizer = build_tokenizer("characters", corpus)
for name in ("charbert-code", "charbert-code-brackets"):
    add(pretrain_text(checkpoint(name), corpus, tokenizer, None, 3)[0])
add(pretrain_image(checkpoint("vit-noise"), None, 3)[0])
print(digest.hexdigest())
"""


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return read_corpus("source", ("numpy", "stdlib"))


@pytest.fixture(scope="module")
def tokenizers(corpus: Corpus) -> dict[str, Tokenizer]:
    return {kind: build_tokenizer(kind, corpus) for kind in TOKENIZERS}


def test_the_same_seed_gives_the_same_weights_in_every_process() -> None:
    """Hash randomisation differs between the two processes; tokenizers and weights do not."""
    running = []
    for hash_seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-c", A_LITTLE_TRAINING]
        running.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        )
    first, second = (process.communicate()[0].strip() for process in running)
    assert len(first) == 64
    assert first == second


def test_checkpoints_are_made_upon_their_parents_saved_and_recorded(tmp_path: Path) -> None:
    """A parent that is there is kept unless it is damaged or of another seed."""
    first = pretrain(["vit-glyphs-digits"], tmp_path, effort=0.01)
    assert list(first) == ["vit-glyphs", "vit-glyphs-digits"]
    assert first["vit-glyphs-digits"]["steps"] == 5
    assert read_manifest(tmp_path)["checkpoints"] == first
    assert (tmp_path / "vit-glyphs-digits" / "model.safetensors").stat().st_size > 100_000
    second = pretrain(["vit-glyphs-shapes"], tmp_path, effort=0.004)
    assert list(second) == ["vit-glyphs-shapes"]
    assert read_manifest(tmp_path)["checkpoints"] == {**first, **second}
    assert len(pretrain(["vit-glyphs-shapes"], tmp_path, seed=1, effort=0.004)) == 2
    (tmp_path / "vit-glyphs" / "model.safetensors").write_bytes(b"")
    assert len(pretrain(["vit-glyphs-digits"], tmp_path, seed=1, effort=0.004)) == 2


def test_every_checkpoint_has_its_own_seed() -> None:
    assert seed_for("vit-glyphs", 0) != seed_for("vit-noise", 0)
    assert seed_for("vit-glyphs", 0) != seed_for("vit-glyphs", 1)
    assert seed_for("vit-glyphs", 0) == seed_for("vit-glyphs", 0)


def test_training_finds_the_minimum_of_a_quadratic() -> None:
    weight = nn.Parameter(torch.tensor([5.0]))
    optimize(lambda: (weight - 2).pow(2).sum(), [weight], steps=200, learning_rate=0.2, weight_decay=0)
    assert weight.item() == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_tokenizers_cover_plain_text_and_frame_it(kind: str, tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers[kind]
    assert tokenizer.get_vocab_size() <= VOCABULARY
    single = tokenizer.encode("return the first value")
    assert single.tokens[0] == "[CLS]"
    assert single.tokens[-1] == "[SEP]"
    assert "[UNK]" not in single.tokens
    pair = tokenizer.encode("return", "the value")
    assert pair.tokens.count("[SEP]") == 2
    assert max(pair.type_ids) == 1


def test_word_pieces_keep_common_words_whole(tokenizers: dict[str, Tokenizer]) -> None:
    tokenizer = tokenizers["wordpiece"]
    assert tokenizer.get_vocab_size() == VOCABULARY
    assert tokenizer.encode("the array is returned").tokens[1:3] == ["the", "array"]


@pytest.mark.parametrize("name", ["bert-docs", "roberta-mixed", "distilbert-docs", "albert-docs"])
def test_masked_training_learns_with_every_architecture(
    name: str, corpus: Corpus, tokenizers: dict[str, Tokenizer]
) -> None:
    """Thirty steps lower the loss of a masked word clearly below that of guessing among all words."""
    spec = checkpoint(name)
    tokenizer = tokenizers[spec.tokenizer]
    torch.manual_seed(0)
    model, reached = pretrain_text(spec, corpus, tokenizer, None, 30)
    assert reached["masked_loss"] < 7.3 < torch.log(torch.tensor(float(tokenizer.get_vocab_size())))
    assert type(model).__name__.endswith("ForMaskedLM")
    keeps_pooler = any("pooler" in key for key in model.state_dict())
    assert keeps_pooler == (spec.architecture in ("bert", "albert"))


def test_batches_are_cut_to_their_longest_text(tokenizers: dict[str, Tokenizer]) -> None:
    tokens = tokenize(tokenizers["characters"], [("ab",), ("abcdef", "gh"), ("x" * 100,)], 64)
    assert tokens.ids.shape == (3, 64)
    batch = tokens.batch(torch.tensor([0, 1]))
    assert batch["input_ids"].shape == (2, 11)
    assert batch["attention_mask"].sum(1).tolist() == [4, 11]
    assert batch["token_type_ids"][1].tolist() == [0] * 8 + [1] * 3
