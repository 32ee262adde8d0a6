"""What is not installed is named with the command that installs it, and every failure with what to do."""

from __future__ import annotations

import errno
import os
import re
import shlex
import sys
import tomllib
from pathlib import Path

import click
import pytest

from hubselect.cli import cli
from hubselect.cli.failures import EXTRAS, run
from tests.support.actions import says_what_to_do

PROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
DISTRIBUTIONS = {"PIL": "pillow", "yaml": "pyyaml"}  # where it is not called as its module
NOT_FOR_USERS = {"bench", "dev"}


@pytest.fixture(autouse=True)
def _called_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["hubselect"])
    monkeypatch.delenv("HUBSELECT_DEBUG", raising=False)


def failing(module: str) -> click.Command:
    return raising(ModuleNotFoundError(f"No module named {module!r}", name=module))


def raising(error: Exception) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


def line_of(command: click.Command, capsys: pytest.CaptureFixture[str], code: int = 1) -> str:
    """The one line that a failure is."""
    with pytest.raises(SystemExit) as end:
        run(command)
    assert end.value.code == code
    (line,) = capsys.readouterr().err.strip().splitlines()
    return line


@pytest.mark.parametrize(("extra", "module"), [(e, m) for e, modules in EXTRAS.items() for m in modules])
def test_every_extra_brings_the_modules_it_is_named_for(
    extra: str, module: str, capsys: pytest.CaptureFixture[str]
) -> None:
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


def test_every_extra_of_the_project_is_known_with_all_that_it_brings() -> None:
    """One more library in pyproject.toml is one more module here, or it would be missing without a word."""
    extras = {e: r for e, r in PROJECT["optional-dependencies"].items() if e not in NOT_FOR_USERS}
    assert set(EXTRAS) == set(extras)
    for extra, requirements in extras.items():
        brought = {re.split(r"[^\w-]", r, maxsplit=1)[0] for r in requirements} - {PROJECT["name"]}
        assert {DISTRIBUTIONS.get(module, module) for module in EXTRAS[extra]} == brought


@pytest.mark.parametrize("module", ["pandas.core", "hubselect.not_there"])
def test_a_broken_installation_is_one_line(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What no extra brings should be there: how to install it again, and no traceback."""
    line = line_of(failing(module), capsys)
    assert f"this needs {module}, which is not installed. Run `pip install hubselect`" in line


@pytest.mark.parametrize(
    "number",
    [errno.ENOSPC, errno.EACCES, errno.ENOENT, errno.EISDIR, errno.EMFILE, errno.EIO, errno.EPIPE + 900],
)
def test_what_the_system_refuses_says_what_to_do(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    """The path, what the system said, and then an action, whatever the error was."""
    line = line_of(raising(OSError(number, os.strerror(number), "/a/place")), capsys)
    said, _, action = line.partition(": /a/place. ")
    assert said == f"hubselect: {os.strerror(number)}"
    assert says_what_to_do(action)


def test_what_nobody_foresaw_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    line = line_of(raising(ValueError("two\nlines")), capsys)
    assert line.endswith("ValueError: two lines. Please report it with the output of HUBSELECT_DEBUG=1")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["select"], "Missing argument 'DATASET_ID'"),
        (["select", "x", "--policy", "none"], "'fine-selection'"),
        (["select", "x", "--private"], "--push-to-hub"),
        (["benchmark", "--seeds", "a"], "write 0,1,2"),
        (["add-model", "a/b", "c/d", "--revision", "main"], "one REPO_ID"),
        (["no-such-command"], "No such command"),
    ],
    ids=" ".join,
)
def test_bad_usage_names_the_help_of_that_command(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, what is wrong, and the command that lists what there is."""
    monkeypatch.setattr(sys, "argv", ["hubselect", *words])
    with pytest.raises(SystemExit) as end:
        run(cli, "hubselect")
    assert end.value.code == 2
    said = capsys.readouterr().err
    asked = f"hubselect {words[0]}" if words[0] in cli.list_commands(click.Context(cli)) else "hubselect"
    assert f"Try '{asked} -h' for help" in said or f"Try '{asked} --help' for help" in said
    assert told in said
