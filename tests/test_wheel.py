"""The wheel in an environment of its own, with nothing but what it asks for: what people get from pip.

Skipped where pip reaches no index: the build tool and the dependencies come from there.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.demo.zoo import DEMO_BENCHMARKS, DEMO_TARGET, OWNER
from tests.support import hf_extension
from tests.support.repos import write_text_dataset

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
ZOO = ROOT / "hubselect" / "demo" / "zoo" / "weights"  # checkpoints that cost no torch
NOT_INSTALLED = ("torch", "transformers", "datasets", "ray", "matplotlib", "starlette", "pytest")
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
_UNREACHABLE = ("Could not find a version", "No matching distribution", "Connection", "Temporary failure",
                "Max retries", "ReadTimeout", "NewConnectionError", "ProxyError")  # fmt: skip
Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheels = tmp_path_factory.mktemp("wheels")
    _pip(sys.executable, "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(wheels))
    (built,) = wheels.glob("hubselect-*.whl")
    return built


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment, where `hf extensions install` would put it, with the wheel and no extras."""
    home = tmp_path_factory.mktemp("home")
    place = home / ".local" / "share" / "hf" / "extensions" / hf_extension.NAME / "venv"
    _environment(place, str(wheel))
    hf_extension.install(home, place / "bin" / hf_extension.NAME)
    return home


def _environment(place: Path, asked: str) -> None:
    """A virtual environment at `place` with what `asked` names, in the versions of constraints.txt."""
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(place)
    quick = ("--quiet", "--no-compile", "-c", str(ROOT / "constraints.txt"))
    _pip(sys.executable, "--python", str(place / "bin" / "python"), "install", *quick, asked)


def _pip(python: str, *words: str) -> None:
    done = subprocess.run([python, *PIP, *words], capture_output=True, text=True)
    if done.returncode and any(sign in done.stderr for sign in _UNREACHABLE):
        pytest.skip(f"pip reaches no index: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}


@pytest.fixture(scope="module")
def call(bare: Path, hub: MiniHub) -> Call:
    """Runs a program of that environment, far from the checkout and with nothing inherited from it."""
    place = bare / ".local" / "share" / "hf" / "extensions" / hf_extension.NAME / "venv" / "bin"
    environment = hf_extension.environment({**_inherited(), **hub.environment(bare / "hf-home")}, bare)
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


def test_the_extra_runs_the_demo(wheel: Path, tmp_path: Path) -> None:
    """With `demo` installed beside it, in an environment of its own, the whole job ends with a winner."""
    _environment(tmp_path / "venv", f"{wheel}[demo]")
    programs = tmp_path / "venv" / "bin"

    def run(*words: str) -> str:
        environment = {**_inherited(), "HOME": str(tmp_path)}
        done = subprocess.run(
            [str(programs / words[0]), *words[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = run("python", "-c", "import hubselect; print(hubselect.__file__)")
    assert where.startswith(str(tmp_path / "venv"))
    shown = " ".join(run("hubselect", "demo", "--workdir", "demo").split())  # wide lines are broken
    registry = ("--registry", str(tmp_path / "demo" / "registry.db"))
    (selection,) = json.loads(run("hubselect", "selections", "--json", *registry))
    assert selection["status"] == "done"
    assert selection["dataset"] == f"{OWNER}/{DEMO_TARGET['text-classification']}"
    winner = selection["model"]
    assert f"Winner: {winner} " in shown
    assert f"test {selection['test']:.4f}, loaded from there and scored again" in shown
    assert (tmp_path / "demo" / "winner" / "model.safetensors").is_file()
    curves = json.loads(run("hubselect", "curves", winner, "--json", *registry))
    assert {c["dataset"] for c in curves if c["status"] == "done"} >= {
        f"{OWNER}/{name}" for name in DEMO_BENCHMARKS["text-classification"]
    }
    run("hubselect", "registry", "check", *registry)
