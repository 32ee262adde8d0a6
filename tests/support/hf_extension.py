"""An installed extension of the `hf` program, as `hf extensions install` leaves it, without GitHub."""

from __future__ import annotations

import json
from pathlib import Path

NAME = "hf-hubselect"


def install(home: Path, executable: Path) -> Path:
    """Register `executable` with the `hf` program of the user whose home folder is `home`."""
    folder = home / ".local" / "share" / "hf" / "extensions" / NAME
    folder.mkdir(parents=True, exist_ok=True)
    manifest = {
        "owner": "someone",
        "repo": NAME,
        "repo_id": f"someone/{NAME}",
        "short_name": NAME.removeprefix("hf-"),
        "executable_path": str(executable),
        "type": "python",
        "installed_at": "2026-01-01T00:00:00+00:00",
        "description": "Which checkpoint to fine-tune",
        "commit_sha": None,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def environment(inherited: dict[str, str], home: Path) -> dict[str, str]:
    """Nothing is asked of the network by the program itself."""
    return {
        **inherited,
        "HOME": str(home),
        "HF_HOME": str(home / "hf-home"),
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
