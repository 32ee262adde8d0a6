"""Code in a repository never runs, shown by tests that let it run where a protection is taken out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from hubselect import Registry, add_model
from hubselect.demo.server import MiniHub
from hubselect.errors import CheckpointBroken, UnsupportedModel
from hubselect.training.loading import load_config, load_for_task, load_original
from hubselect.training.state import load_state
from tests.reliability.checkpoints import BAD, Payload
from tests.support.repos import write_text_model

Load = Callable[[Path], object]
TRUSTING = functools.partial(torch.load, weights_only=False)


def for_a_task(folder: Path) -> object:
    return load_for_task(folder, load_config(folder), "text-classification", ("no", "yes"), 0)


def as_it_is(folder: Path) -> object:
    return load_original(folder, load_config(folder))


@pytest.fixture(params=["pickle-only", "pickle-in-a-zip"])
def pickled(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Path]:
    """A checkpoint whose only weights are a pickle, and the file that its payload writes."""
    folder, mark = write_text_model(tmp_path, "o/pickled", hidden_size=16, layers=1), tmp_path / "mark"
    BAD[request.param][0](folder, mark)
    return folder, mark


@pytest.mark.parametrize("load", [for_a_task, as_it_is])
def test_a_pickle_of_weights_is_refused_and_not_executed(
    pickled: tuple[Path, Path], load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same file does execute as soon as torch is told to trust it: so this test can fail."""
    folder, mark = pickled
    with pytest.raises(CheckpointBroken, match="hold code, which is not run"):
        load(folder)
    assert not mark.exists()
    monkeypatch.setattr(torch, "load", lambda *place, **options: TRUSTING(*place, **without(options)))
    with pytest.raises(CheckpointBroken):  # the payload gives no tensor
        load(folder)
    assert mark.exists()


def test_pickles_are_not_trusted_because_the_environment_says_so(
    pickled: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """torch reads a variable that switches its protection off where nobody asked for it by argument."""
    folder, mark = pickled
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(CheckpointBroken, match="hold code, which is not run"):
        for_a_task(folder)
    assert not mark.exists()


def test_a_state_on_disk_is_data_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training state that holds code is no state: the training starts again."""
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    torch.save({"format": 1, "identity": {}, "points": Payload([tmp_path / "mark"])}, tmp_path / "state.pt")
    assert load_state(tmp_path, {}) is None
    assert not (tmp_path / "mark").exists()


def without(options: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if name != "weights_only"}


def test_a_model_of_its_own_code_is_refused_before_anything_of_it_is_fetched(
    hub: MiniHub, hub_root: Path, tmp_path: Path
) -> None:
    """By its configuration, when it is added: not only when it is loaded, and transformers refuses."""
    folder, mark = write_text_model(hub_root, "untrusted/own-code", hidden_size=16, layers=1), tmp_path / "m"
    BAD["code-for-an-unknown-type"][0](folder, mark)
    with Registry.open(tmp_path / "registry.db") as store:
        with pytest.raises(UnsupportedModel, match=r"needs custom code from its repository \(auto_map\)"):
            add_model("untrusted/own-code", registry=store, benchmark=False)
        assert store.models() == []
    assert {r.file for r in hub.requests if r.method == "GET" and r.file} == {"config.json"}
    assert not mark.exists()
