"""Writes the references from the code: `python docs/generate.py` (docs/cli.md and docs/python.md)."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import click

import hubselect
from hubselect.cli import cli

HERE = Path(__file__).parent
_MADE = "<!-- made by `python docs/generate.py`: change the code, not this page -->"
_EVERYWHERE = ("registry", "as_json", "help")


def commands(group: click.Command = cli, path: str = "hubselect") -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with what one types for it."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None
        yield from commands(found, f"{path} {name}")


def cli_page() -> str:
    lines = ["# Commands", "", _MADE, ""]
    lines += ["Every command takes `--registry URL-or-path` (default: `HUBSELECT_REGISTRY`, else"]
    lines += ["`$HF_HOME/hubselect/registry.db`), `--json` (one JSON document on stdout) and `--help`."]
    lines += ["It ends with 0, with 1 when the job failed, or with 2 for words it does not understand.", ""]
    for path, command in commands():
        lines += [f"## {path}", "", *_paragraphs(command.help), "", f"    {_usage(path, command)}", ""]
        options = [p for p in command.params if isinstance(p, click.Option) and p.name not in _EVERYWHERE]
        if options:
            lines += ["| option | |", "|---|---|"]
            lines += [f"| {_spelled(option)} | {_cell(_told(option))} |" for option in options]
            lines += [""]
    return "\n".join(lines)


def _usage(path: str, command: click.Command) -> str:
    arguments = [
        p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)
    ]
    return " ".join([path, *arguments, "[OPTIONS]"])


def _spelled(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.is_flag or option.count:
        return f"`{names}`"
    return f"`{names} {_cell(option.make_metavar(click.Context(click.Command('any'))))}`"


def _told(option: click.Option) -> str:
    default = option.default
    shown = option.show_default and default not in (None, (), False)
    return f"{option.help or ''}{f' Default: {default}.' if shown else ''}"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _paragraphs(text: str | None) -> list[str]:
    return inspect.cleandoc((text or "").replace("\b", "")).splitlines()


def python_page() -> str:
    lines = ["# Python", "", _MADE, ""]
    for name in sorted(n for n in hubselect.__all__ if n != "__version__"):
        lines += _described(name, getattr(hubselect, name), 2)
    return "\n".join(lines)


def _described(name: str, found: Any, depth: int) -> list[str]:
    lines = [f"{'#' * depth} {name}", ""]
    if inspect.isclass(found):
        lines += [*_paragraphs(found.__doc__), ""]
        if is_dataclass(found):
            lines += ["Fields: " + ", ".join(f"`{field.name}`" for field in fields(found)) + ".", ""]
        for method, function in public_methods(found):
            lines += _described(f"{name.split('.')[0]}.{method}", function, depth + 1)
        return lines
    return [*lines, f"    {signature(name, found)}", "", *_paragraphs(inspect.getdoc(found)), ""]


def public_methods(found: type) -> list[tuple[str, Any]]:
    """The methods and properties that people may use, those of bases of this package included."""
    names = sorted(n for n in dir(found) if not n.startswith("_") and not _is_field(found, n))
    return [(name, inspect.getattr_static(found, name)) for name in names if _is_ours(found, name)]


def _is_field(found: type, name: str) -> bool:
    return is_dataclass(found) and name in {field.name for field in fields(found)}


def _is_ours(found: type, name: str) -> bool:
    owner = next(base for base in found.__mro__ if name in vars(base))
    return owner.__module__.startswith("hubselect")


def signature(name: str, found: Any) -> str:
    """How it is called, without types; a property as it stands."""
    if isinstance(found, property):
        return name
    function = getattr(found, "__func__", found)
    parameters = list(inspect.signature(function).parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    bare = [p.replace(annotation=inspect.Parameter.empty, default=_shown(p.default)) for p in parameters]
    return f"{name}{inspect.Signature(bare)}"


class _Named:
    """A default that is shown by its name, as its own words hold an address."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def _shown(default: Any) -> Any:
    return _Named(default.__name__) if inspect.isfunction(default) else default


if __name__ == "__main__":
    for page, text in (("cli.md", cli_page()), ("python.md", python_page())):
        (HERE / page).write_text(text.rstrip() + "\n", encoding="utf-8")
        print(HERE / page)
