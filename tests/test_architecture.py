"""The import rules of the house: who may know whom. Read from the code, held here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "hubselect"
FILES = sorted(PACKAGE.rglob("*.py"))

TRAINING_LIBRARIES = {"torch", "transformers", "datasets", "accelerate"}
DATABASE_LIBRARIES = {"sqlmodel", "sqlalchemy", "alembic"}
HUB_LIBRARIES = {"huggingface_hub"}
OUTSIDE = (
    TRAINING_LIBRARIES
    | DATABASE_LIBRARIES
    | HUB_LIBRARIES
    | {"click", "plotly", "rich", "ray", "pandas", "pyarrow"}
)

# room -> rooms of hubselect it may import, besides records, errors and itself
ROOMS = {
    "records": set(),
    "errors": set(),
    "catalogues": set(),
    "hub": set(),
    "registry": set(),
    "knowledge": set(),
    "recall": {"knowledge"},
    "selection": {"knowledge"},
    "training": {"recall", "hub"},  # what proxies are computed from, and a checked download: see tests below
    "executors": {"selection", "training"},
    "backtest": {"knowledge", "recall", "selection", "executors"},
    "reports": {"registry", "api", "backtest"},  # types only: see test below
    "api": {
        "catalogues",
        "hub",
        "registry",
        "knowledge",
        "recall",
        "selection",
        "executors",
        "backtest",
        "reports",
        "training",
    },
    "cli": {"api", "registry", "reports", "demo"},
    "demo": {"api", "registry", "reports", "selection", "executors"},
    "__main__": {"cli"},
}


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports(path: Path, *, types: bool = True) -> Iterator[str]:
    """Every module a file imports, wherever in the file; without `types`, not those for checkers only."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped: set[ast.AST] = set()
    if not types:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
                skipped |= {child for statement in node.body for child in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path} uses a relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_rooms_know_only_the_rooms_below_them(path: Path) -> None:
    """`records` and `errors` are everybody's; every other arrow points one way."""
    room = room_of(path)
    if room == "__init__":
        return
    known = ROOMS[room] | {room, "records", "errors"}
    seen = {m.split(".")[1] for m in imports(path) if m.startswith("hubselect.")}
    assert seen & set(ROOMS) <= known


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_heavy_libraries_stay_in_their_rooms(path: Path) -> None:
    """SQLModel only in the registry, torch only in training (and demo), the Hub client only in hub, Ray
    only in the executor that is named for it."""
    room = room_of(path)
    roots = {m.split(".")[0] for m in imports(path)}
    allowed = {
        "training": TRAINING_LIBRARIES,
        "demo": OUTSIDE,
        "registry": DATABASE_LIBRARIES | {"pandas", "pyarrow"},
        "hub": HUB_LIBRARIES | {"pandas", "pyarrow"},
        "cli": {"click", "rich"},
        "reports": {"plotly", "rich"},
    }.get(room, set())
    if path.is_relative_to(PACKAGE / "executors" / "ray"):
        allowed = {"ray"}
    assert roots & OUTSIDE <= allowed


@pytest.mark.parametrize("room", ["knowledge", "recall", "selection"])
def test_the_mathematics_knows_numpy_and_records_only(room: str) -> None:
    """No files, no network, no database, no clock in what decides."""
    libraries = {"hubselect", "numpy", "scipy", "sklearn"}
    standard = {
        "__future__", "abc", "collections", "dataclasses", "functools", "itertools", "math", "re", "typing",
    }  # fmt: skip
    allowed = libraries | standard | {"warnings"}
    for path in (PACKAGE / room).rglob("*.py"):
        extra = {"importlib"} if path.name == "plugins.py" else set()  # proxies of other distributions
        assert {m.split(".")[0] for m in imports(path)} <= allowed | extra, path


def test_recall_and_selection_do_not_know_each_other() -> None:
    """The two phases meet in the API only."""
    for room, other in (("recall", "selection"), ("selection", "recall")):
        for path in (PACKAGE / room).rglob("*.py"):
            assert not any(m.startswith(f"hubselect.{other}") for m in imports(path))


def test_training_knows_of_recall_what_a_forward_pass_gives() -> None:
    """Training produces `recall.features`; proxies and rankings are none of its business."""
    for path in (PACKAGE / "training").rglob("*.py"):
        seen = {".".join(m.split(".")[:3]) for m in imports(path) if m.startswith("hubselect.recall")}
        assert seen <= {"hubselect.recall.features"}


def test_training_knows_of_the_hub_how_to_fetch_safely() -> None:
    """The datasets library downloads by itself: only with the Hub room's checks around it."""
    for path in (PACKAGE / "training").rglob("*.py"):
        seen = {".".join(m.split(".")[:3]) for m in imports(path) if m.startswith("hubselect.hub")}
        assert seen <= {"hubselect.hub.dataset_files"}


def test_reports_read_records_and_run_nothing() -> None:
    """Reports import the API and the registry for their types only."""
    for path in (PACKAGE / "reports").rglob("*.py"):
        rooms = {m.split(".")[1] for m in imports(path, types=False) if m.startswith("hubselect.")}
        assert rooms <= {"reports", "records", "errors"}


def test_files_stay_small() -> None:
    """A file that outgrows about 300 lines holds two things."""
    long = {str(p.relative_to(PACKAGE)): n for p in FILES if (n := len(p.read_text().splitlines())) > 320}
    assert not long
