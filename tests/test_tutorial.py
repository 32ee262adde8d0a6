"""The tutorial is followed to its end by a reader who has none of the settings of these tests."""

from __future__ import annotations

import json
import platform
import socket
from pathlib import Path

import pytest

from tests.support.pages import Reader, Step, invented, plain_environment, steps

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[1] / "docs" / "tutorial.md"
PORT = "8765"


def free_port() -> str:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return str(taken.getsockname()[1])


def test_the_tutorial_runs_and_shows_what_is_printed(tmp_path: Path) -> None:
    """All commands exit with 0, print the words the page shows, and leave what it promises.

    With another Python the zoo's datasets are others, and so may be who joins whom: then words may differ.
    """
    text = PAGE.read_text(encoding="utf-8")
    assert PORT in text
    followed = list(steps(text.replace(PORT, free_port())))
    assert len(followed) >= 20
    same_texts = f"on Python {platform.python_version()}," in text
    with Reader(tmp_path, plain_environment()) as reader:
        for step in followed:
            output = reader.follow(step)
            assert not same_texts or invented(step, output) == [], f"{step.body}\n{output}"
        told = reader.follow(Step("hubselect selections --json 2>/dev/null"))
    (selection,) = json.loads(told)
    assert selection["status"] == "done"
    assert (tmp_path / "tickets-model" / "model.safetensors").is_file()
    assert (tmp_path / "selection.html").is_file()
    published = tmp_path / "zoo" / "models" / "minihub" / "tickets"
    card = (published / "README.md").read_text(encoding="utf-8")
    assert selection["model"] in card
    assert "tickets.csv" not in card
    shared = tmp_path / "zoo" / "datasets" / "minihub" / "registry"
    assert shared.is_dir()
    assert (tmp_path / "colleague.db").is_file()
