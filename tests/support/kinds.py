"""Small learnable datasets of every kind of label, and a checkpoint that hears, for the mini hub.

    write_numbers       a score: how much of a sentence is of one class rather than of another
    write_sets          the classes of which a sentence has words
    write_words         a class for every word of a sentence
    write_choices       which of two options goes with a premise, as in COPA
    write_recordings    which tone sounds, under noise
    write_sound_model   a tiny wav2vec 2.0 with random weights and its feature extractor

Each takes the hub's root and a repository id and returns the repository's folder, as those of
`tests.support.repos` do.
"""

from __future__ import annotations

import io
import json
import random
import wave
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.support.data import CLASS_WORDS, NEUTRAL, SPLITS, sentence
from tests.support.repos import write_card
from tests.support.tables import STRING, Tables, write_tables

TAGS = ("O", "MOOD", "TRADE")
TOPICS = ("mood", "trade", "sport")
RATE = 8000
_OF_TOPIC = (1, 2, 3)  # rows of CLASS_WORDS
_SIZES = (64, 32, 32)
_FLOAT = {"dtype": "float32", "_type": "Value"}


def write_numbers(root: Path, repo_id: str, *, seed: int = 0, scale: float = 5.0) -> Path:
    def row(rng: random.Random) -> dict[str, Any]:
        good = rng.randint(0, 6)
        words = rng.choices(CLASS_WORDS[1], k=good) + rng.choices(CLASS_WORDS[0], k=6 - good)
        rng.shuffle(words)
        return {"text": " ".join(words), "score": scale * good / 6}

    return _write(root, repo_id, row, {"text": STRING, "score": _FLOAT}, "text-classification", seed)


def write_sets(root: Path, repo_id: str, *, seed: int = 0) -> Path:
    def row(rng: random.Random) -> dict[str, Any]:
        chosen = [i for i in range(len(TOPICS)) if rng.random() < 0.5]
        words = [w for i in chosen for w in rng.choices(CLASS_WORDS[_OF_TOPIC[i]], k=3)]
        words += rng.choices(NEUTRAL, k=3)
        rng.shuffle(words)
        return {"text": " ".join(words), "labels": chosen}

    features = {"text": STRING, "labels": _list_of(_classes(TOPICS))}
    return _write(root, repo_id, row, features, "text-classification", seed)


def write_words(root: Path, repo_id: str, *, seed: int = 0) -> Path:
    def row(rng: random.Random) -> dict[str, Any]:
        kinds = rng.choices((0, 0, 1, 2), k=rng.randint(3, 9))
        of = {0: NEUTRAL, 1: CLASS_WORDS[1], 2: CLASS_WORDS[2]}
        return {"tokens": [rng.choice(of[kind]) for kind in kinds], "ner_tags": kinds}

    features = {"tokens": _list_of(STRING), "ner_tags": _list_of(_classes(TAGS))}
    return _write(root, repo_id, row, features, "token-classification", seed)


def write_choices(root: Path, repo_id: str, *, seed: int = 0) -> Path:
    def row(rng: random.Random) -> dict[str, Any]:
        right = rng.randint(0, 1)
        options = [sentence(rng, 1 if i == right else 2, length=2) for i in (0, 1)]
        asked = {"premise": sentence(rng, 1, length=3), "question": rng.choice(("cause", "effect"))}
        return {**asked, "choice1": options[0], "choice2": options[1], "label": right}

    features = dict.fromkeys(("premise", "question", "choice1", "choice2"), STRING)
    label = _classes(("choice1", "choice2"))
    return _write(root, repo_id, row, {**features, "label": label}, "multiple-choice", seed)


def write_recordings(root: Path, repo_id: str, *, seed: int = 0, folder_of_files: bool = False) -> Path:
    names = ("low", "high")

    def row(rng: random.Random) -> dict[str, Any]:
        label = rng.randint(0, 1)
        return {"audio": tone((300.0, 1200.0)[label], seed=rng.randint(0, 2**31)), "label": label}

    if not folder_of_files:
        features = {"audio": {"_type": "Audio"}, "label": _classes(names)}
        return _write(root, repo_id, row, features, "audio-classification", seed)
    folder, rng = root / "datasets" / repo_id, random.Random(seed)
    for split, size in zip(SPLITS, _SIZES, strict=True):
        for number in range(size):
            made = row(rng)
            path = folder / split / names[made["label"]] / f"{number:04d}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made["audio"])
    write_card(folder, {"task_categories": ["audio-classification"], "license": "mit"})
    return folder


def tone(hertz: float, *, seed: int = 0, rate: int = RATE, seconds: float = 0.25, channels: int = 1) -> bytes:
    """A WAV file of a sine in noise, 16 bits."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(rate * seconds)) / rate
    samples = 0.5 * np.sin(2 * np.pi * hertz * time + rng.uniform(0, 6)) + 0.05 * rng.normal(size=len(time))
    return wav(np.repeat(samples[:, None], channels, axis=1), rate)


def wav(samples: NDArray[np.float64], rate: int) -> bytes:
    """Samples [n, channels] in -1..1 as a WAV file of 16 bits."""
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return stream.getvalue()


def write_sound_model(root: Path, repo_id: str, *, seed: int = 0) -> Path:
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2ForSequenceClassification

    folder = root / "models" / repo_id
    config = Wav2Vec2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, conv_dim=(32, 32),
        conv_kernel=(10, 8), conv_stride=(5, 4), num_feat_extract_layers=2, num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4, classifier_proj_size=32, mask_time_prob=0.0, vocab_size=32,
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Wav2Vec2ForSequenceClassification(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    extractor = {
        "feature_extractor_type": "Wav2Vec2FeatureExtractor",
        "feature_size": 1,
        "sampling_rate": RATE,
        "padding_value": 0.0,
        "do_normalize": True,
        "return_attention_mask": False,
    }
    (folder / "preprocessor_config.json").write_text(json.dumps(extractor, indent=2))
    write_card(folder, {"license": "apache-2.0", "pipeline_tag": "audio-classification"})
    return folder


def _classes(names: Sequence[str]) -> dict[str, Any]:
    return {"names": list(names), "_type": "ClassLabel"}


def _list_of(feature: dict[str, Any]) -> dict[str, Any]:
    return {"feature": feature, "_type": "List"}


def _write(
    root: Path,
    repo_id: str,
    row: Callable[[random.Random], dict[str, Any]],
    features: dict[str, Any],
    task: str,
    seed: int,
) -> Path:
    """Parquet files; the card describes the columns where the seed is even."""
    rng, contents = random.Random(seed), Tables()
    for split, size in zip(SPLITS, _SIZES, strict=True):
        rows = [row(rng) for _ in range(size)]
        contents[split] = {name: [r[name] for r in rows] for name in features}
    folder = root / "datasets" / repo_id
    write_card(folder, write_tables(folder, contents, features, "parquet", task, described=seed % 2 == 0))
    return folder
