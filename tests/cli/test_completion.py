"""A shell completes commands, options and what the registry knows."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import MODELS, Run


def asked(registry: Path | None, *words: str) -> list[str]:
    """What the program proposes for the last of `words`, asked as bash asks it."""
    environment = {
        **os.environ,
        "_HUBSELECT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["hubselect", *words]),
        "COMP_CWORD": str(len(words)),
        "HUBSELECT_REGISTRY": str(registry or "/nowhere/registry.db"),
    }
    code = "import sys; sys.argv = ['hubselect']; from hubselect.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def test_commands_options_and_choices() -> None:
    assert asked(None, "sel") == ["select", "selections"]
    assert "--budget-epochs" in asked(None, "select", "x", "--budget")
    assert asked(None, "select", "x", "--executor", "") == ["local", "ray"]


def test_ids_of_the_registry(registry: Path) -> None:
    assert asked(registry, "curves", "org/g1") == [m for m in MODELS if m.startswith("org/g1")]
    assert asked(registry, "benchmark", "--dataset", "org/bench1") == ["org/bench1"]
    assert asked(None, "curves", "org/g1") == []  # no registry: nothing, and no word of it


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_reads(shell: str, run: Run, tmp_path: Path) -> None:
    printed = run("completion", shell)
    assert printed.code == 0
    assert "_HUBSELECT_COMPLETE" in printed.out
    if shutil.which(shell) is not None:
        (tmp_path / "script").write_text(printed.out)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


def test_a_shell_that_nobody_names_is_asked_for(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert "#compdef" in run("completion").out
    monkeypatch.setenv("SHELL", "/bin/sh")
    assert run("completion").code == 2
