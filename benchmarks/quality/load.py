"""The recording as a registry again.

    python benchmarks/quality/load.py REGISTRY [--recording benchmarks/quality/recording]

is `hubselect registry import benchmarks/quality/recording/registry --registry REGISTRY`; from Python:

    with recorded_registry(tmp_path / "registry.db") as store: ...
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from hubselect.errors import HubselectError
from hubselect.registry import Registry

RECORDING = Path(__file__).parent / "recording"
HELD_OUT_RECORDING = Path(__file__).parent / "recording_held_out"
"""The same checkpoints on the datasets of `held_out.py`, which nothing was chosen on."""

SECOND_ZOO = Path(__file__).parent / "recording_second_zoo"
"""The zoo pre-trained again with another seed, on the datasets of `RECORDING`."""


def recorded_registry(place: Path, recording: Path = RECORDING) -> Registry:
    """The registry at `place` with the recording in it; what is there already stays. Close it after use.

    Raises InvalidInput when there is no recording or it is broken.
    """
    store = Registry.open(place)
    try:
        store.import_registry(recording / "registry", source="snapshot:zoo-recording")
    except BaseException:
        store.close()
        raise
    return store


def provenance(recording: Path = RECORDING) -> dict[str, Any]:
    """What the recording was made from and with."""
    told: dict[str, Any] = json.loads((recording / "provenance.json").read_text(encoding="utf-8"))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description="The recording as a registry again.")
    parser.add_argument("registry", type=Path)
    parser.add_argument("--recording", type=Path, default=RECORDING)
    options = parser.parse_args()
    try:
        with recorded_registry(options.registry, options.recording) as store:
            print(f"{len(store.runs(status='done'))} runs in {options.registry}")
    except HubselectError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
