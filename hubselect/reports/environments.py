"""What trained: versions of libraries, as people read them."""

from __future__ import annotations

from hubselect.records import Environment


def versions_line(environment: Environment) -> str:
    """Libraries and their versions in one line."""
    return ", ".join(f"{name} {version}" for name, version in environment.versions.items())
