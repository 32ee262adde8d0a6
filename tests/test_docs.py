"""Every command, option and public name is documented, and the pages made from the code are those of now."""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

import hubselect

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_pages_are_those_of_the_code(generate: ModuleType) -> None:
    """`python docs/generate.py` makes them anew."""
    assert (DOCS / "cli.md").read_text(encoding="utf-8").rstrip() == generate.cli_page().rstrip()
    assert (DOCS / "python.md").read_text(encoding="utf-8").rstrip() == generate.python_page().rstrip()


def test_every_command_and_option_says_what_it_does(generate: ModuleType) -> None:
    silent = []
    for path, command in generate.commands():
        if not (command.help or "").strip():
            silent.append(path)
        for option in command.params:
            if isinstance(option, click.Option) and not (option.help or "").strip():
                silent.append(f"{path} {option.opts[0]}")
    assert silent == []


def test_every_public_name_says_what_it_is(generate: ModuleType) -> None:
    silent = []
    for name in hubselect.__all__:
        found = getattr(hubselect, name)
        if name == "__version__":
            continue
        if not (inspect.getdoc(found) or "").strip():
            silent.append(name)
        if inspect.isclass(found):
            for method, function in generate.public_methods(found):
                if not (inspect.getdoc(function) or "").strip():
                    silent.append(f"{name}.{method}")
    assert silent == []


@pytest.mark.parametrize("page", sorted(p.name for p in DOCS.glob("*.md")))
def test_links_between_pages_lead_somewhere(page: str) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", (DOCS / page).read_text(encoding="utf-8")):
        assert (DOCS / target).exists(), target


def test_the_examples_of_extending_run() -> None:
    text = (DOCS / "extending.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 2
    for block in blocks:
        done = subprocess.run(
            [sys.executable, "-c", block], env=dict(os.environ), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{block}\n{done.stderr}"
