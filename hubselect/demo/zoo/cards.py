"""Repository cards: metadata in YAML between dashes, then prose.

Written without huggingface_hub: its address is fixed when it is imported, and the demo writes the zoo before
the mini hub that serves it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]


def card_text(name: str, metadata: Mapping[str, Any], prose: str) -> str:
    """The README.md of a model or dataset repository."""
    data = yaml.safe_dump(dict(metadata), sort_keys=False, allow_unicode=True)
    return f"---\n{data}---\n\n# {name}\n\n{prose}\n"
