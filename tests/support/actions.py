"""What counts as saying what to do next."""

from __future__ import annotations

import re

ACTIONS = (
    "add", "ask", "begin", "bring", "check", "choose", "compute", "convert", "create", "encode", "fetch",
    "free", "get", "give", "import", "index", "install", "keep", "leave", "let", "look", "loosen", "lower",
    "make", "mend", "merge", "name", "pass", "pip install", "prefer", "publish", "put", "raise", "recall",
    "record", "remove", "rename", "repair", "repeat", "request", "restore", "run", "say", "score", "select",
    "set", "start", "take", "test", "train", "try", "unset", "upgrade", "use", "wait", "write",
)  # fmt: skip
ACTION = re.compile(rf"(?:^|[:;,] |\b(?:or|and|then|else) )(?:{'|'.join(ACTIONS)})\b")
COMMAND_OR_OPTION = re.compile(r"`[a-z]|(?<![\w-])-(?:-[a-z]+|[a-z])\b")


def says_what_to_do(text: str) -> bool:
    """Whether the text names a command (in backticks) or an option, or tells to do something: a verb of
    `ACTIONS` where a clause begins."""
    return bool(COMMAND_OR_OPTION.search(text) or ACTION.search(text[:1].lower() + text[1:]))
