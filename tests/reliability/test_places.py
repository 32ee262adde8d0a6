"""Files appear below the registry's home, the cache and what `--output` names, and nowhere else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support.bad_hub import outside, write_plain_model
from tests.support.repos import write_text_dataset, write_text_model

SCRIPT = """
import json, sys
from hubselect.cli import main
if __name__ == "__main__":
    for words in json.loads(sys.argv[1]):
        registry, sys.argv = sys.argv[2], ["hubselect", *words, "--registry", sys.argv[2]]
        try:
            main()
        except SystemExit as end:
            assert not end.code, words
        sys.argv = ["", "", registry]
"""


@dataclass(frozen=True)
class Places:
    """The folders of one user: home, working and temporary folder, where nothing may be left, and others."""

    top: Path
    environment: Mapping[str, str]

    @property
    def registry(self) -> Path:
        return self.top / "registry" / "registry.db"

    @property
    def output(self) -> Path:
        return self.top / "output"

    def left(self) -> list[str]:
        """What lies where nothing may be left."""
        return outside(self.top, self.top / "cache", self.registry.parent, self.output)

    def run(self, *commands: tuple[str, ...]) -> str:
        """Run commands one after another, all by one process: most of its time goes into imports."""
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, json.dumps(commands), str(self.registry)],
            env=dict(self.environment),
            cwd=self.top / "work",
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def places(hub: MiniHub, tmp_path: Path) -> Places:
    for name in ("home", "work", "temporary", "registry"):
        (tmp_path / name).mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "XDG_", "HUBSELECT"))}
    own = {
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    environment = {**kept, **hub.environment(tmp_path / "cache"), **own}
    return Places(tmp_path, environment)


def test_commands_write_to_the_registry_the_cache_and_the_output_only(hub_root: Path, places: Places) -> None:
    """Looking up, listing, exporting, importing, checking; the working folder cannot even be written."""
    write_plain_model(hub_root, "places/plain")
    write_text_dataset(hub_root, "places/data", sizes=(24, 8, 8), described=False)
    (places.top / "work").chmod(stat.S_IRUSR | stat.S_IXUSR)
    shared = str(places.output / "shared")
    said = places.run(
        ("add-model", "places/plain", "--no-benchmark"),
        ("add-dataset", "places/data"),
        ("registry", "export", shared, "--what", "registry"),
        ("registry", "import", shared),
        ("registry", "check"),
        ("models", "--json"),
    )
    assert "places/plain" in said
    assert (places.output / "shared").is_dir()
    assert places.registry.is_file()
    assert places.left() == []


@pytest.mark.slow
def test_a_selection_writes_to_the_registry_the_cache_and_the_output_only(
    hub_root: Path, places: Places
) -> None:
    """Fine-tuning included: the states of trainings lie beside the registry, and go."""
    for seed, name in enumerate(("places/one", "places/two")):
        write_text_model(hub_root, name, seed=seed)
    write_text_dataset(hub_root, "places/bench", sizes=(32, 16, 16))
    write_text_dataset(hub_root, "places/target", sizes=(32, 16, 16), seed=3)
    best = str(places.output / "best")
    places.run(
        ("add-dataset", "places/bench"),
        ("add-model", "places/one", "places/two", "--no-benchmark"),
        ("benchmark", "--epochs", "1"),
        ("select", "places/target", "-k", "2", "--epochs", "1", "--output", best),
    )
    assert (places.output / "best" / "model.safetensors").is_file()
    assert places.left() == []
