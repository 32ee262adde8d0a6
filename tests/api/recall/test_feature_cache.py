"""Passes kept on disk: whole or not at all, bounded, and shared by processes."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hubselect.api.recall.feature_cache import FeatureCache, feature_key
from hubselect.errors import StorageFailed
from hubselect.recall.features import KEPT, Features
from hubselect.records import Dataset, Model, Recipe

MODEL = Model("o/m", "text-classification", revision="a" * 40, labels=("x", "y"))
DATASET = Dataset("o/d", "text-classification", revision="b" * 40, text_columns=("t",), label_column="l")
RECIPE = Recipe("text-classification")


def features(seed: int = 0, rows: int = 20, posterior: bool = True) -> Features:
    rng = np.random.default_rng(seed)
    hidden = {pooling: rng.normal(size=(rows, 6)).astype(np.float32) for pooling in KEPT}
    table = rng.dirichlet(np.ones(3), rows) if posterior else None
    return Features(table, hidden, rng.integers(0, 3, rows), rows, 100, 1.5)


def same(left: Features | None, right: Features) -> bool:
    assert left is not None
    arrays = [(left.hidden[p], right.hidden[p]) for p in KEPT] + [(left.labels, right.labels)]
    if right.posterior is None:
        assert left.posterior is None
    else:
        arrays.append((left.posterior, right.posterior))
    assert (left.samples, left.train_size, left.seconds) == (right.samples, right.train_size, right.seconds)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in arrays)


@pytest.mark.parametrize("posterior", [True, False])
def test_what_is_put_comes_back_bit_by_bit(tmp_path: Path, posterior: bool) -> None:
    cache = FeatureCache(tmp_path / "features")
    assert cache.get("key") is None
    cache.put("key", features(posterior=posterior))
    assert same(cache.get("key"), features(posterior=posterior))
    cache.put("key", features(1))
    assert same(FeatureCache(tmp_path / "features").get("key"), features(1))
    assert cache.get("another key") is None


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_damaged_file_is_a_miss_and_removed(tmp_path: Path, data: st.DataObject) -> None:
    """Cut anywhere or any byte changed: what was put comes back, or nothing and the file is gone."""
    cache = FeatureCache(tmp_path)
    cache.put("key", features(rows=3))
    (file,) = tmp_path.glob("*.npz")
    content = bytearray(file.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[place:]
    else:
        content[place] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)
    found = cache.get("key")
    assert (found is None and not file.exists()) or same(found, features(rows=3))


def test_a_file_of_another_key_is_no_answer(tmp_path: Path) -> None:
    """The key is in the file too: a renamed file says nothing."""
    cache = FeatureCache(tmp_path)
    cache.put("one", features())
    (file,) = tmp_path.glob("*.npz")
    cache.put("two", features(1))
    (other,) = set(tmp_path.glob("*.npz")) - {file}
    os.replace(file, other)
    assert cache.get("two") is None
    assert not other.exists()


def test_the_longest_unused_leave_first(tmp_path: Path) -> None:
    """Beyond the limit; reading counts as use; what was put last stays whatever its size."""
    FeatureCache(tmp_path).put("0", features())
    size = next(tmp_path.glob("*.npz")).stat().st_size
    cache = FeatureCache(tmp_path, limit_bytes=3 * size + size // 2)
    for age, key in enumerate("012"):
        known = set(tmp_path.glob("*.npz"))
        cache.put(key, features(int(key)))
        for file in set(tmp_path.glob("*.npz")) - (known if key != "0" else set()):
            os.utime(file, (1e9 + age, 1e9 + age))
    assert cache.get("0") is not None
    cache.put("3", features(3))
    assert [cache.get(key) is not None for key in "0123"] == [True, False, True, True]
    FeatureCache(tmp_path, limit_bytes=1).put("4", features(4))
    assert [cache.get(key) is not None for key in "01234"] == [False] * 4 + [True]


def test_drafts_of_killed_processes_are_swept(tmp_path: Path) -> None:
    """An old draft goes with the next pass; a young one may still be written by somebody."""
    old, young = tmp_path / "a.partial", tmp_path / "b.partial"
    old.write_bytes(b"x")
    young.write_bytes(b"x")
    os.utime(old, (1e9, 1e9))
    FeatureCache(tmp_path).put("key", features())
    assert (old.exists(), young.exists()) == (False, True)


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "features").write_text("a file")
    with pytest.raises(StorageFailed, match="features"):
        FeatureCache(tmp_path / "features").put("key", features())
    assert FeatureCache(tmp_path / "features").get("key") is None


def _put_and_get(folder: str, worker: int) -> None:
    cache = FeatureCache(Path(folder), limit_bytes=20_000)
    for turn in range(40):
        key = str((worker + turn) % 7)
        cache.put(key, features(int(key)))
        found = cache.get(str(turn % 7))
        assert found is None or same(found, features(turn % 7))


def test_many_processes_share_a_folder(tmp_path: Path) -> None:
    """Everybody writes, reads and trims at once: a read gives the whole pass or nothing."""
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_put_and_get, args=(str(tmp_path), n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4


def test_the_key_is_everything_that_decides_the_pass() -> None:
    """Another model, data, column or sample is another pass; the batch size is not."""
    key = feature_key(MODEL, DATASET, RECIPE, 512)
    others = {
        feature_key(replace(MODEL, revision="c" * 40), DATASET, RECIPE, 512),
        feature_key(replace(MODEL, labels=()), DATASET, RECIPE, 512),
        feature_key(replace(MODEL, weights_format="bin"), DATASET, RECIPE, 512),
        feature_key(MODEL, replace(DATASET, revision="c" * 40), RECIPE, 512),
        feature_key(MODEL, replace(DATASET, data_revision="c" * 40), RECIPE, 512),
        feature_key(MODEL, replace(DATASET, text_columns=("u",)), RECIPE, 512),
        feature_key(MODEL, replace(DATASET, label_column="m"), RECIPE, 512),
        feature_key(MODEL, replace(DATASET, config="c"), RECIPE, 512),
        feature_key(MODEL, DATASET, RECIPE, 256),
        feature_key(MODEL, DATASET, RECIPE.with_(seed=1), 512),
        feature_key(MODEL, DATASET, RECIPE.with_(max_length=64), 512),
        feature_key(MODEL, DATASET, RECIPE.with_(max_train_samples=100), 512),
    }
    assert None not in others | {key}
    assert len(others | {key}) == 13
    assert feature_key(MODEL, replace(DATASET, role="target"), RECIPE.with_(batch_size=8), 512) == key


def test_what_is_not_pinned_is_never_kept() -> None:
    """A branch moves on: only commits name content."""
    for revision in (None, "main", "refs/convert/parquet"):
        assert feature_key(replace(MODEL, revision=revision), DATASET, RECIPE, 512) is None
        assert feature_key(MODEL, replace(DATASET, revision=revision), RECIPE, 512) is None
    assert feature_key(MODEL, replace(DATASET, data_revision="refs/convert/parquet"), RECIPE, 512) is None


def test_both_poolings_stand_side_by_side() -> None:
    """`both` is mean and CLS together, and the mean alone where a model has no CLS of its own."""
    rng = np.random.default_rng(0)
    mean, cls = (rng.normal(size=(4, 3)).astype(np.float32) for _ in range(2))
    labels = np.zeros(4, dtype=np.int64)
    text = Features(None, {"mean": mean, "cls": cls, "layers": mean}, labels, 4, 4, 0.0)
    np.testing.assert_array_equal(text.pooled("both"), np.hstack([mean, cls]))
    image = Features(None, {"mean": mean, "cls": mean, "layers": mean}, labels, 4, 4, 0.0)
    np.testing.assert_array_equal(image.pooled("both"), mean)
