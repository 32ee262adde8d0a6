"""Where a checkpoint may be saved. Knows no torch, so that it can be asked before any work starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from hubselect.errors import InvalidInput, StorageFailed

PREDICTIONS = "predictions.json"
"""What the saved checkpoint predicts for the test split."""

_OURS = (
    "config.json",
    PREDICTIONS,
    "generation_config.json",
    "hubselect.json",
    "model.safetensors.index.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
)
_PATTERNS = (
    "model*.safetensors",
    "tokenizer*",
    "vocab*",
    "merges.txt",
    "spiece.model",
    "sentencepiece*.model",
)


def is_checkpoint_file(name: str) -> bool:
    """Whether a file of this name is part of a saved checkpoint, or tells about it."""
    return name in _OURS or any(fnmatch(name, pattern) for pattern in _PATTERNS)


def check_output(output: Path) -> None:
    """Raise `InvalidInput` unless a checkpoint may be written to `output` without losing other files.

    It may when nothing is there, the folder is empty, or it holds a checkpoint and nothing else.
    """
    if not output.exists():
        return
    names = [p.name for p in output.iterdir()] if output.is_dir() else [output.name]
    strange = [n for n in names if not is_checkpoint_file(n)]
    if not output.is_dir() or strange or (names and "config.json" not in names):
        found = f" (it holds {sorted(strange)[0]})" if strange and output.is_dir() else ""
        raise InvalidInput(
            f"{output} exists and is not just a checkpoint{found}", "choose another output folder"
        )


@contextmanager
def replacing(output: Path) -> Iterator[Path]:
    """The name of a draft folder to be made, which takes the place of `output` when the block ends.

    The folder appears complete or not at all. An earlier checkpoint there is replaced; anything
    else is refused with `InvalidInput`. Raises `StorageFailed` when the disk does not take it.
    """
    output = output.absolute()
    check_output(output)
    draft = output.with_name(f".{output.name}.draft-{os.getpid()}")
    old = output.with_name(f".{output.name}.old-{os.getpid()}")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        yield draft
        if output.exists():
            os.replace(output, old)
        os.replace(draft, output)
    except OSError as error:
        if old.exists() and not output.exists():
            os.replace(old, output)
        reason = " ".join(str(error.strerror or error).split())
        raise StorageFailed(
            f"the checkpoint cannot be saved in {output}: {reason}",
            "make room for it or choose another --output, then run the same command again",
        ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
