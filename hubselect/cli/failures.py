"""The one place where errors become words and exit codes: 0 done, 1 the job failed, 2 bad usage."""

from __future__ import annotations

import errno
import os
import shlex
import sys
import traceback
from importlib.util import find_spec
from typing import NoReturn

import click

from hubselect.errors import HubselectError, without_secrets

INTERRUPTED = 130
_ROOM = "Free some space and repeat the command"
_WRITABLE = "Choose another place, or make this one writable"
_PATH = "Check that path, then repeat the command"
_HINTS: dict[int | None, str] = {
    errno.ENOSPC: _ROOM,
    errno.EDQUOT: _ROOM,
    errno.EROFS: _WRITABLE,
    errno.EACCES: _WRITABLE,
    errno.EPERM: _WRITABLE,
    errno.ENOENT: _PATH,
    errno.ENOTDIR: _PATH,
    errno.EISDIR: _PATH,
    errno.ENAMETOOLONG: "Choose a shorter name",
    errno.EMFILE: "Raise the limit of open files with `ulimit -n`, or use fewer --workers",
}
_EXAMINE = "Repeat the command; if it says so again, run `hubselect doctor`"
_REPORT = "report it with the output of HUBSELECT_DEBUG=1"


def run(command: click.Command, called: str | None = None) -> None:
    """Run `command`; without HUBSELECT_DEBUG=1 a user never sees a traceback. `called` is what help texts
    call the program, if not by the name it has on the disk."""
    try:
        sys.exit(command.main(prog_name=called, standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say(f"interrupted. What was finished is kept; to go on from there: {_same_command(called)}")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has gone: be quiet
        sys.exit(1)
    except HubselectError as error:
        if _debugging():
            _trace(error)
        _say(str(error))
        sys.exit(1)
    except ModuleNotFoundError as error:
        if _debugging():
            _trace(error)
        extra = _extra_for(error.name)
        line = _installing("hubselect" if extra is None else f"hubselect[{extra}]", called)
        doubt = "" if extra is not None else f". If that does not help, {_REPORT}"
        _say(f"this needs {error.name or error}, which is not installed. Run `{line}`{doubt}")
        sys.exit(1)
    except OSError as error:
        if _debugging():
            _trace(error)
        what = f"{error.strerror or error}: {error.filename or ''}".rstrip(": ")
        _say(f"{what}. {_HINTS.get(error.errno, _EXAMINE)}")
        sys.exit(1)
    except Exception as error:
        if _debugging():
            _trace(error)
        what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        _say(f"this should not have happened: {what}. Please {_REPORT}")
        sys.exit(1)


def _same_command(called: str | None) -> str:
    """What was typed."""
    return " ".join([called or "hubselect", shlex.join(sys.argv[1:])]).strip()


def _say(line: str) -> None:
    click.echo(without_secrets(f"hubselect: {line}"), err=True)


def _trace(error: BaseException) -> NoReturn:
    """The whole traceback, for reports of faults: as Python prints it, but without tokens."""
    click.echo(without_secrets("".join(traceback.format_exception(error))), err=True, nl=False)
    sys.exit(1)


def _debugging() -> bool:
    return os.environ.get("HUBSELECT_DEBUG") == "1"


EXTRAS = {
    "train": ("torch", "transformers", "datasets", "safetensors", "PIL"),
    "ray": ("ray",),
    "demo": ("starlette", "uvicorn", "yaml"),
    "lora": ("peft",),
    "audio": ("soundfile",),
    "report": ("plotly",),
    "postgres": ("psycopg",),
    "trackers": ("tensorboard", "trackio"),
}
"""The modules that each extra brings."""


def _extra_for(module: str | None) -> str | None:
    root = (module or "").partition(".")[0]
    return next((extra for extra, modules in EXTRAS.items() if root in modules), None)


def _installing(what: str, called: str | None) -> str:
    """The command that installs; an extension of `hf` has an environment of its own, which nobody activates
    and which has no pip if uv made it."""
    pip, python = "pip install", shlex.quote(sys.executable)
    if called is not None:
        pip = f"{python} -m pip install" if find_spec("pip") else f"uv pip install --python {python}"
    return f"{pip} {shlex.quote(what)}"
