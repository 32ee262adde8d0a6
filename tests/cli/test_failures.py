"""What is not installed is named with the command that installs it."""

from __future__ import annotations

import shlex
import sys
import tomllib
from pathlib import Path

import click
import pytest

from hubselect.cli.failures import EXTRAS, run

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = {"PIL": "pillow"}  # where it is not called as its module


def failing(module: str) -> click.Command:
    @click.command()
    def command() -> None:
        raise ModuleNotFoundError(f"No module named {module!r}", name=module)

    return command


@pytest.mark.parametrize(("extra", "module"), [(e, m) for e, modules in EXTRAS.items() for m in modules])
def test_every_extra_brings_the_modules_it_is_named_for(
    extra: str, module: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["hubselect"])
    wanted = DISTRIBUTIONS.get(module, module)
    assert any(wanted in requirement for requirement in PROJECT["optional-dependencies"][extra])
    assert not any(r.startswith(wanted) for r in PROJECT["dependencies"])
    with pytest.raises(SystemExit) as end:
        run(failing(f"{module}.inner"))
    assert end.value.code == 1
    assert f"`pip install 'hubselect[{extra}]'`" in capsys.readouterr().err


def test_an_extension_names_the_environment_it_lives_in(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`hf` puts it into a virtual environment of its own: plain `pip` would install elsewhere."""
    monkeypatch.setattr(sys, "argv", ["hf-hubselect"])
    with pytest.raises(SystemExit):
        run(failing("torch"), "hf hubselect")
    (line,) = capsys.readouterr().err.strip().splitlines()
    command = line.split("`")[1]
    assert command == f"{shlex.quote(sys.executable)} -m pip install 'hubselect[train]'"
