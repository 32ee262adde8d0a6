"""The only place where rooms are composed: every command of the CLI is one call into here."""

from __future__ import annotations

from hubselect.api.notebooks import lend

lend()
