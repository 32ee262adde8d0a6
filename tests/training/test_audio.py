"""Sound: decoded, resampled, cut, and learnt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hubselect.errors import UnsupportedDataset
from hubselect.records import Dataset, Model, Recipe
from hubselect.training.data import load_splits
from hubselect.training.examples import Examples
from hubselect.training.features import forward_features
from hubselect.training.finetuning import FineTuning
from hubselect.training.sound import decoded, resampled
from hubselect.training.tasks import AudioAdapter
from tests.support.kinds import RATE, tone, wav, write_recordings, write_sound_model

RECIPE = Recipe("audio-classification", epochs=4, learning_rate=3e-3)


@pytest.fixture(scope="module")
def listener(workshop: Path) -> Path:
    return write_sound_model(workshop, "someone/listener")


@pytest.fixture(scope="module", params=["parquet", "audiofolder"])
def recordings(workshop: Path, request: pytest.FixtureRequest) -> Dataset:
    folder = write_recordings(
        workshop, f"someone/{request.param}", folder_of_files=request.param == "audiofolder"
    )
    return Dataset(str(folder), "audio-classification", audio_column="audio", label_column="label")


def test_channels_are_averaged() -> None:
    left, right = np.full(100, 0.5), np.full(100, -0.25)
    wave, rate = decoded(wav(np.stack([left, right], axis=1), RATE))
    assert (rate, wave.dtype, wave.shape) == (RATE, np.float32, (100,))
    assert wave == pytest.approx(0.125, abs=1e-3)


def test_another_rate_is_the_same_sound() -> None:
    slow, _ = decoded(tone(440.0, rate=8000, seconds=0.5))
    fast, rate = decoded(tone(440.0, rate=44_100, seconds=0.5))
    made = resampled(fast, rate, 8000)
    assert len(made) == len(slow)
    spectra = [np.abs(np.fft.rfft(wave)) for wave in (slow, made)]
    assert spectra[0].argmax() == spectra[1].argmax()


def test_recordings_are_cut_and_filled_up(listener: Path) -> None:
    lengths = (0.05, 0.2, 0.6)
    waves = tuple(decoded(tone(300.0, seconds=seconds)) for seconds in lengths)
    examples = Examples(np.zeros(3, dtype=np.int64), "three", recordings=waves)
    prepared = AudioAdapter(listener, max_seconds=0.25).prepare(examples)
    assert prepared.lengths.tolist() == [400, 1600, 2000]
    batch = prepared.batch(np.array([1, 0]))
    assert set(batch) == {"input_values"}
    assert batch["input_values"].shape == (2, 1600)
    assert batch["input_values"][1, 400:].eq(0).all()
    assert float(batch["input_values"][0].std()) == pytest.approx(1, abs=0.01)  # its extractor normalises


def test_sound_is_learnt_and_saved(listener: Path, recordings: Dataset, tmp_path: Path) -> None:
    from transformers import AutoFeatureExtractor, AutoModelForAudioClassification

    from hubselect.training.saved import evaluate_saved

    model = Model("someone/listener", "audio-classification", revision="1" * 40)
    training = FineTuning(listener, model, recordings, RECIPE)
    while not training.finished:
        training.advance()
    reached = training.test()
    training.export(tmp_path / "saved")
    assert reached > 0.9
    assert evaluate_saved(tmp_path / "saved", recordings, RECIPE) == reached
    assert AutoModelForAudioClassification.from_pretrained(tmp_path / "saved").config.num_labels == 2
    assert AutoFeatureExtractor.from_pretrained(tmp_path / "saved").sampling_rate == RATE


def test_features_are_those_of_recordings(listener: Path, recordings: Dataset) -> None:
    model = Model("someone/listener", "audio-classification", labels=("LABEL_0", "LABEL_1"))
    found = forward_features(listener, model, recordings, RECIPE, max_samples=10)
    assert {name: table.shape for name, table in found.hidden.items()} == dict.fromkeys(
        found.hidden, (10, 32)
    )
    assert found.posterior is not None
    assert found.posterior.sum(1) == pytest.approx(1)


def test_what_is_no_sound_names_the_row(workshop: Path) -> None:
    from tests.support.parquet import write_parquet

    folder = workshop / "broken-sound"
    for split in ("train", "test"):
        columns = {"audio": [tone(300.0), b"not a sound"] * 8, "label": [0, 1] * 8}
        features = {"audio": {"_type": "Audio"}, "label": {"names": ["a", "b"], "_type": "ClassLabel"}}
        write_parquet(folder / f"{split}.parquet", columns, features)
    dataset = Dataset(str(folder), "audio-classification", audio_column="audio", label_column="label")
    train = load_splits(dataset, RECIPE).train
    with pytest.raises(
        UnsupportedDataset, match=r"the recording of row \d+ of the train split .* cannot be decoded"
    ):
        list(train.recordings)


def test_a_metadata_file_tells_the_labels(workshop: Path) -> None:
    """Its columns stand beside the recordings; where these lie has no meaning."""
    folder = workshop / "told-by-metadata"
    for split in ("train", "test"):
        (folder / split).mkdir(parents=True)
        lines = ["file_name,label"]
        for number in range(12):
            (folder / split / f"{number}.wav").write_bytes(tone(300.0 + 900 * (number % 2), seed=number))
            lines.append(f"{number}.wav,{('low', 'high')[number % 2]}")
        (folder / split / "metadata.csv").write_text("\n".join(lines) + "\n")
    dataset = Dataset(str(folder), "audio-classification", audio_column="audio", label_column="label")
    splits = load_splits(dataset, RECIPE)
    assert splits.label_names == ("high", "low")
    assert splits.test.labels.tolist() == [1, 0] * 6
    assert splits.test.recordings[0][1] == RATE
