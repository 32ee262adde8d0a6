"""The command line that the replays share: which recorded curves, and where the page goes."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.quality.held_out import HELD_OUT
from benchmarks.quality.load import HELD_OUT_RECORDING, RECORDING, SECOND_ZOO, recorded_registry
from benchmarks.quality.policy_sources import Source, of_folder, of_registry
from hubselect.registry import Registry

RESULTS = Path(__file__).parents[1] / "results"


def report(
    about: str,
    name: str,
    run: Callable[[Sequence[Source]], Mapping[str, Any]],
    page: Callable[[Mapping[str, Any]], str],
) -> None:
    """Run a script on the sources its arguments name; writes and prints `name`.md, writes `name`.json."""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--recording", type=Path, default=RECORDING, help="default: the one kept here")
    parser.add_argument("--registry", type=Path, help="a registry in place of the recording")
    parser.add_argument("--curves", type=Path, help="a folder of other recorded curves, tidy CSV")
    parser.add_argument("--leave-out", action="append", default=[], help="a dataset of --curves (repeat)")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    with ExitStack() as stack:
        sources: list[Source] = []
        if options.curves:
            sources += of_folder("other", options.curves, frozenset(options.leave_out))
        if options.registry:
            sources += of_registry("recorded", stack.enter_context(Registry.open(options.registry)))
        elif options.recording.exists():
            sources += _recorded(stack, options.recording)
        if not sources:
            parser.error(
                "there is no recording; make one with benchmarks/quality/record.py, or give --curves"
            )
        result = run(sources)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (options.output / f"{name}.md").write_text(page(result), encoding="utf-8")
    print(page(result))


def _recorded(stack: ExitStack, recording: Path) -> Iterator[Source]:
    """What the policy was chosen on, then what it was tried on when it was fixed, if that is recorded."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    yield from of_registry("recorded", stack.enter_context(recorded_registry(folder / "zoo.db", recording)))
    if HELD_OUT_RECORDING.exists():
        store = stack.enter_context(recorded_registry(folder / "held-out.db", recording))
        store.import_registry(HELD_OUT_RECORDING / "registry", source="snapshot:held-out")
        yield from of_registry("held-out", store, HELD_OUT)
    if SECOND_ZOO.exists():
        store = stack.enter_context(recorded_registry(folder / "second.db", SECOND_ZOO))
        yield from of_registry("second-zoo", store)
