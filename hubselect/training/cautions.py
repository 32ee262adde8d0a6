"""What a person should know about the examples before believing a score on them: leaks, rows left out,
classes that nobody can learn. One line each; nothing is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from typing import TYPE_CHECKING

from hubselect.training.labels import UNSEEN

if TYPE_CHECKING:
    from hubselect.training.examples import Examples


def cautions(
    dataset: str, train: Examples, validation: Examples, test: Examples, dropped: int
) -> tuple[str, ...]:
    """Warnings about the three parts as they are used, under the recipe's caps.

    An evaluation example leaks when the same input (text, texts or image file) stands in the train
    part, whatever its label. `dropped` is the number of rows that were left out.
    """
    lines = []
    if dropped:
        lines.append(f"{dataset}: {dropped} rows without an input or a label are left out")
    known = set(contents(train))
    for name, part in (("validation", validation), ("test", test)):
        leaked = sum(content in known for content in contents(part))
        if leaked:
            lines.append(
                f"{dataset}: {leaked} of {len(part)} {name} examples also stand in the train part, "
                "so their scores say too much"
            )
        unseen = int((part.labels == UNSEEN).sum())
        if unseen:
            lines.append(
                f"{dataset}: {unseen} of {len(part)} {name} examples have a class that the train split "
                "does not have, and count as wrong"
            )
    return tuple(lines)


def contents(examples: Examples) -> list[Hashable]:
    """What makes two inputs the same: short hashes, for a set of all of them has to fit into memory."""
    if examples.texts:
        return [_hash(repr(text).encode("utf-8", "surrogatepass")) for text in examples.texts]
    return [_hash(file) for file in examples.files()]


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
