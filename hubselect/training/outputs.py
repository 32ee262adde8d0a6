"""Where a checkpoint may be saved. Knows no torch, so that it can be asked before any work starts."""

from __future__ import annotations

from pathlib import Path

from hubselect.errors import InvalidInput


def check_output(output: Path) -> None:
    """Raise `InvalidInput` unless a checkpoint may be written to `output` without losing other files."""
    if not output.exists():
        return
    if not output.is_dir() or (any(output.iterdir()) and not (output / "config.json").is_file()):
        raise InvalidInput(f"{output} exists and is not a checkpoint", "choose another output folder")
