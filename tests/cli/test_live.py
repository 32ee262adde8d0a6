"""What a terminal shows while a selection runs, and what Ctrl-C leaves behind."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from hubselect.api.progress import PLAN, Candidate, Progress, Standings
from hubselect.cli.live import drawn, standings
from hubselect.records import CurvePoint
from hubselect.registry import Registry
from tests.support.lab import TARGET, Lab

ROWS = (
    Candidate("org/first", "trains", (CurvePoint("org/first", 1, 1.0, 0.81, 2.0),), 0.875, 1),
    Candidate("org/second", "left", (CurvePoint("org/second", 1, 1.0, 0.5, 2.0),), 0.6, 1, "[far] behind"),
    Candidate("org/third", "failed", why="its weights are cut short"),
)
LONG = 15  # epochs of some tenths of a second
EVENT = Standings("fine-tune", 1, 5, "", 4, "f1_macro", ROWS, 75.0)


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_every_candidate_has_a_line() -> None:
    """Stage, score, prediction, state and reason; the time left and how to stop below."""
    screen = Console(file=StringIO(), width=120)
    screen.print(standings(EVENT))
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert "model stage val f1_macro predicted state" in lines
    assert "org/first 1/5 0.8100 0.8750 trains" in lines
    assert "org/second 1/5 0.5000 0.6000 left [far] behind" in lines
    assert "org/third - - - failed its weights are cut short" in lines
    assert "selection 4: 2 epochs trained, about 1 min 15 s left." in shown
    assert "Ctrl-C stops" in shown


def test_the_table_goes_away_and_announcements_stay() -> None:
    """On a terminal of 60 columns, too."""
    screen = Console(file=StringIO(), width=60, force_terminal=True)
    with drawn(screen) as listener:
        listener(Progress("recall", 1, 3, "org/[first]"))
        listener(Progress(PLAN, 0, 1, "2 MB will be fetched"))
        listener(EVENT)
    shown = screen.file.getvalue()  # type: ignore[attr-defined]
    assert "2 MB will be fetched" in plain(shown)
    assert "org/first" in plain(shown)
    assert shown.count("\x1b[2K") >= 4  # its lines are cleared in the end


def command(registry: Path, *more: str, epochs: int = 4) -> list[str]:
    words = ["select", TARGET, "-k", "3", "--policy", "brute-force", "--workers", "1"]
    words += ["--epochs", str(epochs)]
    return [sys.executable, "-m", "hubselect", *words, "--registry", str(registry), *more]


@pytest.mark.slow
def test_ctrl_c_leaves_a_selection_that_the_named_command_goes_on_with(
    lab: Lab, hub_environment: dict[str, str], tmp_path: Path
) -> None:
    """On a real terminal, to the whole group of processes, in the middle of a training that is long enough
    to be stopped in."""
    registry = tmp_path / "registry.db"
    registry.write_bytes(lab.registry.read_bytes())
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(registry, epochs=LONG),
        env=hub_environment,
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # as a shell's; ours may ignore it
    )
    os.close(theirs)
    shown = ""
    deadline = time.monotonic() + 120
    while f" 1/{LONG} " not in plain(shown) and time.monotonic() < deadline:
        if select.select([ours], [], [], 1.0)[0]:
            shown += os.read(ours, 65536).decode(errors="replace")
    os.killpg(process.pid, signal.SIGINT)
    shown += _rest(ours)
    assert process.wait(60) == 130
    seen = plain(shown)
    assert "trains" in seen
    assert "\x1b[" in shown
    said = [line for line in seen.splitlines() if "to go on from there" in line]
    assert len(said) == 1
    assert "hubselect select lab/target -k 3" in " ".join(seen.split())
    assert "Traceback" not in seen
    with Registry.open(registry) as store:
        (unfinished,) = store.selections()
        assert unfinished.status == "running"
    done = subprocess.run(
        command(registry, "--json", epochs=LONG), env=hub_environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["selection_id"], found["resumed"]) == (unfinished.id, True)


def _rest(terminal: int) -> str:
    text = ""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # the other side is closed
            return text
        if not more:
            return text
        text += more.decode(errors="replace")


@pytest.mark.slow
def test_piped_nothing_is_drawn(lab: Lab, hub_environment: dict[str, str], tmp_path: Path) -> None:
    """No colour, no bars, no table in between: announcements on stderr, the result on stdout."""
    registry = tmp_path / "registry.db"
    registry.write_bytes(lab.registry.read_bytes())
    tracked = command(registry, "--report-to", "tensorboard")
    done = subprocess.run(tracked, env=hub_environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (shows,) = [line for line in done.stderr.splitlines() if line.startswith("curves: tensorboard --logdir ")]
    assert (
        len(list(Path(shows.rpartition(" ")[2]).glob("lab/*/events.*"))) >= 3 * 4
    )  # a run for each candidate
    assert "\x1b" not in done.stdout + done.stderr
    assert "trains" not in done.stderr
    assert "Winner: " in done.stdout
    assert len(done.stderr.splitlines()) <= 8
