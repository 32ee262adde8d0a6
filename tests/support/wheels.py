"""The package as pip installs it: its wheel, in virtual environments that hold nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
_UNREACHABLE = ("Could not find a version", "No matching distribution", "Connection", "Temporary failure",
                "Max retries", "ReadTimeout", "NewConnectionError", "ProxyError")  # fmt: skip


def built_wheel(folder: Path) -> Path:
    """The wheel of this checkout, made in `folder`. Skips the test where pip reaches no index: the build
    tool comes from there."""
    pip(sys.executable, "wheel", str(ROOT), "--no-deps", "--quiet", "--wheel-dir", str(folder))
    (built,) = folder.glob("hubselect-*.whl")
    return built


def environment_with(asked: str, place: Path) -> Path:
    """The programs of a new virtual environment at `place` with what `asked` names, in the versions of
    constraints.txt. Skips the test where pip reaches no index."""
    venv.EnvBuilder(with_pip=False, symlinks=os.name != "nt").create(place)
    quick = ("--quiet", "--no-compile", "-c", str(ROOT / "constraints.txt"))
    pip(sys.executable, "--python", str(place / "bin" / "python"), "install", *quick, asked)
    return place / "bin"


def pip(python: str, *words: str) -> None:
    done = subprocess.run([python, *PIP, *words], capture_output=True, text=True)
    if done.returncode and any(sign in done.stderr for sign in _UNREACHABLE):
        pytest.skip(f"pip reaches no index: {done.stderr.strip().splitlines()[-1][:200]}")
    assert done.returncode == 0, done.stderr


def inherited() -> dict[str, str]:
    """What a new user's shell shares with this one."""
    return {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
