"""Every error says what to do next: a command, an option or a plain action. Read from the code, held here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from hubselect import errors
from hubselect.errors import HubselectError
from tests.support.actions import says_what_to_do

PACKAGE = Path(__file__).parents[1] / "hubselect"
ROOMS = (
    "api", "backtest", "catalogues", "cli", "executors", "hub", "recall", "registry", "reports",
    "selection", "training",
)  # fmt: skip
CLASSES = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, HubselectError)
}
# These take one model out of a selection or a table, as the reason beside its name, and the others go on;
# who can do nothing without that model says what to do (`executors/local.py`, `api/clusters/placing.py`).
OF_ONE_MODEL = {"CheckpointBroken", "TrainingFailed", "UnsupportedModel"}
THERE = ("executors", "training")

ANYTHING = "X"  # what an expression in a text stands for


@pytest.mark.parametrize(
    "text",
    [
        "nothing was imported", "it probably ran out of memory", "see the reasons above",
        "an id looks like X",
        "tasks: X", "models that read text are supported", "the columns are X", "X is not a name",
    ],
)  # fmt: skip
def test_a_remark_is_no_way_on(text: str) -> None:
    """The rule tells what helps from what only comments."""
    assert not says_what_to_do(text)


def made(path: Path) -> Iterator[tuple[ast.Call, ast.Module]]:
    """Every error of ours that a file makes, raised there or returned to be raised."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CLASSES:
            yield node, tree


def texts(node: ast.expr | None, tree: ast.Module) -> Iterator[str | None]:
    """All that an expression may say, as far as it stands in the same file; None where it may be None."""
    if isinstance(node, ast.Constant):
        yield node.value if isinstance(node.value, str) else None
    elif isinstance(node, ast.JoinedStr):
        yield "".join(str(p.value) if isinstance(p, ast.Constant) else ANYTHING for p in node.values)
    elif isinstance(node, ast.IfExp):
        yield from texts(node.body, tree)
        yield from texts(node.orelse, tree)
    elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):  # only the last may be None
        for value in node.values[:-1]:
            yield from (text for text in texts(value, tree) if text is not None)
        yield from texts(node.values[-1], tree)
    elif isinstance(node, ast.Name):
        for other in ast.walk(tree):
            if isinstance(other, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == node.id for target in other.targets
            ):
                yield from texts(other.value, tree)


def has_no_way_on(call: ast.Call, tree: ast.Module) -> bool:
    if any(isinstance(a, ast.Starred) for a in call.args):  # message and hint from one place
        return False
    given = [k.value for k in call.keywords if k.arg == "hint"]
    hint = call.args[1] if len(call.args) > 1 else given[0] if given else None
    told = list(texts(hint if hint is not None else call.args[0], tree))
    return (hint is None and not told) or any(t is None or not says_what_to_do(t) for t in told)


@pytest.mark.parametrize("room", ROOMS)
def test_every_error_says_what_to_do_next(room: str) -> None:
    """By its hint, or in the message itself where that names an option or an action."""
    mute = [
        f"{path.relative_to(PACKAGE)}:{call.lineno}: {ast.unparse(call)}"
        for path in sorted((PACKAGE / room).rglob("*.py"))
        for call, tree in made(path)
        if not (room in THERE and isinstance(call.func, ast.Name) and call.func.id in OF_ONE_MODEL)
        and has_no_way_on(call, tree)
    ]
    assert not mute, "\n".join(mute)


def test_the_rooms_are_searched() -> None:
    """The search finds the errors that there are: hundreds, in every room."""
    found = {room: sum(1 for p in (PACKAGE / room).rglob("*.py") for _ in made(p)) for room in ROOMS}
    assert min(found.values()) > 0
    assert sum(found.values()) > 300


@pytest.mark.parametrize(
    "text", ["pip install 'hubselect[lora]'", "choose a or b", "nothing was done; try again"]
)
def test_an_action_is_one(text: str) -> None:
    assert says_what_to_do(text)
