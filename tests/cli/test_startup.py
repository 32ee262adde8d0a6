"""The command line starts fast because it imports nothing it does not need."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "transformers",
    "numpy",
    "sqlmodel",
    "sqlalchemy",
    "huggingface_hub",
    "pandas",
    "scipy",
    "rich",
    "plotly",
)
SCRIPT = """
import sys
sys.argv = ["hubselect", *{args!r}]
from hubselect.cli import main
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print("LOADED:", *sorted(set({heavy!r}) & set(sys.modules)))
"""


@pytest.mark.parametrize(
    "args", [["--help"], ["select", "--help"], ["report", "--help"], ["registry", "--help"], ["--version"]]
)
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    """`--help` of the program and of its commands needs click alone."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(args=args, heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.rstrip().endswith("LOADED:")


def test_importing_the_package_is_instant() -> None:
    """`import hubselect` loads none of its rooms, and still names all of its public functions."""
    code = "import sys, hubselect; print(sorted(m for m in sys.modules if m.startswith('hubselect')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['hubselect']"


def test_public_names_are_what_they_say() -> None:
    """Every name in `__all__` resolves."""
    import hubselect

    assert all(getattr(hubselect, name) is not None for name in hubselect.__all__)


def test_no_public_name_is_also_a_room() -> None:
    """`hubselect.recall` would be the function or the package, whichever was imported last."""
    import pkgutil

    import hubselect

    assert not set(hubselect.__all__) & {m.name for m in pkgutil.iter_modules(hubselect.__path__)}
