"""`hf hubselect ...`: the Hub's own program runs hubselect as one of its extensions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import hf_extension

ROOT = Path(__file__).parents[2]
SCRIPTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
HF = Path(sys.executable).with_name("hf")
Hf = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def hf(tmp_path: Path) -> Hf:
    """The real `hf`, with the console script of pyproject.toml installed as the extension."""
    module, _, function = SCRIPTS[hf_extension.NAME].partition(":")
    script = tmp_path / "bin" / hf_extension.NAME
    script.parent.mkdir()
    script.write_text(f"#!{sys.executable}\nfrom {module} import {function}\n\n{function}()\n")
    script.chmod(0o755)
    hf_extension.install(tmp_path, script)
    found = {**os.environ, "PYTHONPATH": str(ROOT), "HUBSELECT_REGISTRY": str(tmp_path / "registry.db")}
    environment = hf_extension.environment(found, tmp_path)

    def call(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [str(HF), *words]
        return subprocess.run(command, env={**environment, **more}, capture_output=True, text=True)

    return call


def test_hf_runs_commands_and_passes_on_their_exit_codes(hf: Hf, tmp_path: Path) -> None:
    """Help under the name it is called by, a real command on a registry, a failure, bad usage."""
    helped = hf("hubselect", "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    assert helped.stdout.startswith("Usage: hf hubselect [OPTIONS]")
    table = tmp_path / "scores.csv"
    table.write_text("model,dataset,score\norg/a,org/x,0.5\norg/a,org/y,0.75\n")
    imported = hf("hubselect", "registry", "import", str(table), "--json")
    assert imported.returncode == 0, imported.stderr
    listed = hf("hubselect", "models", "--registry", str(tmp_path / "registry.db"), "--json")
    assert listed.returncode == 0, listed.stderr
    assert [m["id"] for m in json.loads(listed.stdout)] == ["org/a"]
    failed = hf("hubselect", "publish", "1", "me/x")
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 1
    assert hf("hubselect", "publish").returncode == 2
