"""Pages of documentation, followed as a reader follows them: every command and every piece of code, in order.

    reader = Reader(tmp_path, environment)
    for step in steps(text): output = reader.follow(step)

In ```console blocks a line that begins with "$ " is a command (a backslash at its end goes on in the next
line), all other lines are what the page shows of its output. A ```python block is a program; a ```text block
right below it is what the page shows of that.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

_BLOCK = re.compile(r"^```(console|python)\n(.*?)^```(?:\s*^```text\n(.*?)^```)?", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^\$ ((?:.*\\\n)*.*)\n?", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_][^\d\s]{2,}")  # no numbers: they differ between machines


@dataclass(frozen=True)
class Step:
    """One command, or one Python program with `code`, and what the page shows of its output."""

    body: str
    shown: str = ""
    code: bool = False


def steps(text: str) -> Iterator[Step]:
    """All that a page has its reader do."""
    for kind, body, below in _BLOCK.findall(text):
        if kind == "python":
            yield Step(body, below, code=True)
            continue
        first, *parts = _COMMAND.split(body)
        assert not first.strip(), f"output before any command: {first}"
        for command, shown in zip(parts[::2], parts[1::2], strict=True):
            yield Step(command, shown)


def invented(step: Step, output: str) -> list[str]:
    """Words the page shows that the program did not print. Numbers may differ, and so may the order."""
    printed = set(output.split())
    return [w for w in step.shown.split() if _WORD.fullmatch(w) and w not in printed]


class Reader:
    """Somebody with a shell in `folder`: what is exported stays, what ends with "&" runs until the end."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        programs = Path(sys.executable).parent  # `python` and `hubselect` are those that run the tests
        self.folder = folder
        self.environment = {**environment, "PATH": f"{programs}:{environment['PATH']}"}
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Reader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._started:
            process.terminate()
            process.communicate()

    def follow(self, step: Step) -> str:
        """Do it, and give what it prints, errors included. It has to succeed."""
        if step.code:
            return self._run(step, sys.executable, "-c", step.body)
        if step.body.endswith("&"):
            return self._start(step.body.removesuffix("&"))
        if step.body.startswith("export "):
            told = self._run(step, "sh", "-c", f"{step.body} && env -0")
            self.environment = dict(pair.split("=", 1) for pair in told.split("\0") if "=" in pair)
            return ""
        return self._run(step, "sh", "-c", step.body)

    def _run(self, step: Step, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"{step.body}\n{done.stdout}"
        return done.stdout

    def _start(self, command: str) -> str:
        """Started for good; its first line says that it is ready."""
        process = subprocess.Popen(
            ("sh", "-c", f"exec {command}"),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{command} ended with {process.wait()}"
        return line


def plain_environment() -> dict[str, str]:
    """This process's environment without the settings of tests: as somebody has it who never set any."""
    ours = ("HF_", "HUGGING_FACE_", "HUBSELECT_", "TRANSFORMERS_", "DISABLE_SAFETENSORS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}
