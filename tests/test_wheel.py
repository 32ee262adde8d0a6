"""The wheel in an environment of its own, with nothing but what it asks for: what people get from pip.

With the extra `demo` it is tried in `tests/demo/test_tour.py`. Skipped where pip reaches no index.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from tests.support import hf_extension
from tests.support.repos import write_text_dataset
from tests.support.wheels import ROOT, built_wheel, environment_with, inherited

pytestmark = pytest.mark.slow
ZOO = ROOT / "hubselect" / "demo" / "zoo" / "weights"  # checkpoints that cost no torch
NOT_INSTALLED = ("torch", "transformers", "datasets", "ray", "matplotlib", "starlette", "pytest")
Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment, where `hf extensions install` would put it, with the wheel and no extras."""
    home = tmp_path_factory.mktemp("home")
    place = home / ".local" / "share" / "hf" / "extensions" / hf_extension.NAME / "venv"
    programs = environment_with(str(built_wheel(tmp_path_factory.mktemp("wheels"))), place)
    hf_extension.install(home, programs / hf_extension.NAME)
    return home


@pytest.fixture(scope="module")
def call(bare: Path, hub: MiniHub) -> Call:
    """Runs a program of that environment, far from the checkout and with nothing inherited from it."""
    place = bare / ".local" / "share" / "hf" / "extensions" / hf_extension.NAME / "venv" / "bin"
    environment = hf_extension.environment({**inherited(), **hub.environment(bare / "hf-home")}, bare)
    environment["HUBSELECT_REGISTRY"] = str(bare / "registry.db")

    def run(program: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(place / program), *words], cwd=bare, env=environment, capture_output=True, text=True
        )

    return run


def test_the_wheel_is_light_and_imports(call: Call, bare: Path) -> None:
    """No library of an extra is there; the package comes from the wheel and names all that it promises."""
    code = (
        "import importlib.util as u, hubselect; "
        f"print([m for m in {NOT_INSTALLED!r} if u.find_spec(m)], hubselect.__file__); "
        "[getattr(hubselect, name) for name in hubselect.__all__]"
    )
    done = call("python", "-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"[] {bare}")


def test_scores_are_imported_and_queried(call: Call, bare: Path) -> None:
    """Help, a small CSV of scores, their matrix, and a consistent registry."""
    assert "Usage: hubselect" in call("hubselect", "--help").stdout
    rows = [f"org/m{m},org/d{d},{0.5 + 0.1 * m + 0.01 * d}" for m in range(3) for d in range(3)]
    (bare / "scores.csv").write_text("\n".join(["model,dataset,score", *rows]) + "\n")
    imported = call("hubselect", "registry", "import", "scores.csv", "--json")
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["runs"] == 9
    matrix = json.loads(call("hubselect", "matrix", "--json").stdout)
    assert matrix["scores"][2][1] == pytest.approx(0.71)
    assert call("hubselect", "registry", "check").returncode == 0


def test_hf_dispatches_to_it(call: Call) -> None:
    """The `hf` program of that environment finds the extension there and runs it."""
    helped = call("hf", "hubselect", "--help")
    assert helped.returncode == 0, helped.stderr
    assert helped.stdout.startswith("Usage: hf hubselect")
    listed = call("hf", "hubselect", "models", "--json")
    assert listed.returncode == 0, listed.stderr
    assert isinstance(json.loads(listed.stdout), list)


def test_training_names_its_extra(call: Call, hub: MiniHub, hub_root: Path) -> None:
    """Metadata of the Hub is read without torch; what trains says what to install, where, and stops."""
    write_text_dataset(hub_root, "bare/bench")
    shutil.copytree(ZOO / "bert-docs", hub_root / "models" / "bare" / "model")
    assert call("hubselect", "add-dataset", "bare/bench").returncode == 0
    added = call("hubselect", "add-model", "bare/model", "--no-benchmark")
    assert added.returncode == 0, added.stderr
    filled = call("hf", "hubselect", "benchmark", "--epochs", "1")
    assert filled.returncode == 1
    line = filled.stderr.strip().splitlines()[-1]
    assert "which is not installed" in line
    assert "'hubselect[train]'" in line
    assert hf_extension.NAME in line
    assert "Traceback" not in filled.stderr
