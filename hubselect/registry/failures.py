"""What the errors of SQLAlchemy and of the two databases mean for the user."""

from __future__ import annotations

import shutil
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError, StatementError

from hubselect.errors import HubselectError, InvalidInput, RegistryError
from hubselect.registry.locations import Location

CHOOSE = "choose another place with --registry or HUBSELECT_REGISTRY"
MEND_VALUE = "mend it and repeat the command: nothing was changed"
_BUSY = ("the registry {} is busy: another process is writing to it", "try again")
_ROOM = 1 << 16  # bytes; the index of SQLite's log takes 32 KB
_FULL = ("no space is left for the registry {}", "free some space and repeat the command")
_RESTORE = "restore a copy, or `hubselect registry pull` a shared one"
_OTHERS = ("{} is a database of another program", CHOOSE)
_SILENT = (
    "the registry {} does not answer",
    "check that the PostgreSQL server runs and its address is right",
)
_PASSWORD = (
    "the PostgreSQL server of {} refuses the user or the password",
    "give both: postgresql://USER:PASSWORD@HOST/NAME, or keep the password in ~/.pgpass or PGPASSWORD",
)
_RIGHTS = (
    "the user of the registry {} lacks rights in that database",
    "let its owner GRANT USAGE, CREATE ON SCHEMA public, and on its tables, to this user",
)

_SQLITE = (
    ("not a database", "{} is not a hubselect registry: it is not a database", CHOOSE),
    ("database is locked", *_BUSY),
    ("readonly database", "the registry {} cannot be written", CHOOSE),
    ("unable to open", "the registry {} cannot be opened", CHOOSE),
    ("disk is full", *_FULL),
    ("disk I/O error", "the registry {} cannot be read or written: disk I/O error", "check the disk"),
    ("malformed", "the registry {} is damaged", _RESTORE),
)

# psycopg gives no code for a connection that was never made, only the server's words.
_CONNECTING = (
    ("password", *_PASSWORD),
    ("authentication failed", *_PASSWORD),
    ("role ", *_PASSWORD),
    ("no pg_hba.conf entry", "the PostgreSQL server of {} does not admit this user here", "ask who runs it"),
    ("too many clients", "the PostgreSQL server of {} has no connection free", "try again"),
    ("connection slots", "the PostgreSQL server of {} has no connection free", "try again"),
    ("starting up", "the PostgreSQL server of {} is starting up", "try again"),
    ("shutting down", "the PostgreSQL server of {} is shutting down", "try again when it is up"),
    ("permission denied for database", *_RIGHTS),
    ("connection failed", *_SILENT),
    ("connection timeout", *_SILENT),
    ("failed to resolve host", *_SILENT),
    ("server closed the connection", *_SILENT),
    ("connection is lost", *_SILENT),
)

# SQLSTATE, or its class: https://www.postgresql.org/docs/current/errcodes-appendix.html
_SQLSTATES = {
    "08": _SILENT,
    "57P": _SILENT,
    "28": _PASSWORD,
    "40": _BUSY,
    "55P03": _BUSY,
    "53100": _FULL,
    "42501": _RIGHTS,
    "25006": ("the registry {} cannot be written: the server is read-only", CHOOSE),
    "3F000": ("the schema that the URL of {} names is not there", "create it first: CREATE SCHEMA NAME"),
    "42P01": _OTHERS,
    "42703": _OTHERS,
    "XX001": ("the registry {} is damaged", _RESTORE),
    "XX002": ("the registry {} is damaged", _RESTORE),
}


def mapped(error: SQLAlchemyError, location: Location) -> HubselectError:
    """The error of `errors.py` that says what a SQLAlchemy error means for the user."""
    cause = getattr(error, "orig", None) or error
    text = _words(cause)
    if isinstance(error, StatementError) and isinstance(cause, TypeError | ValueError | OverflowError):
        return InvalidInput(f"a value cannot be stored in the registry: {text}", MEND_VALUE)
    if location.path is None and isinstance(error, DataError):
        return InvalidInput(f"a value cannot be stored in the registry: {text}", MEND_VALUE)
    found = (
        _sqlite_meaning(text, location.path) if location.path else _postgresql_meaning(cause, text, location)
    )
    if found is not None:
        message, hint = found
        return RegistryError(message.format(location.text), hint)
    if isinstance(error, IntegrityError):
        return RegistryError(
            f"the registry {location.text} refused the data: {text}",
            "run `hubselect registry check`; nothing was changed",
        )
    return RegistryError(f"the registry {location.text} failed: {text}", "run `hubselect registry check`")


def _words(cause: BaseException) -> str:
    """What the database said: of a PostgreSQL error its first line, without the statement."""
    primary = getattr(getattr(cause, "diag", None), "message_primary", None)
    return str(primary or cause)


def _sqlite_meaning(text: str, path: Path) -> tuple[str, str] | None:
    if "disk I/O error" in text and _is_full(path):
        return _FULL  # SQLite says so only where it writes, not where it maps its index of the log
    return next(((message, hint) for part, message, hint in _SQLITE if part in text), None)


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < _ROOM
    except OSError:
        return False


def _postgresql_meaning(cause: BaseException, text: str, location: Location) -> tuple[str, str] | None:
    state = getattr(cause, "sqlstate", None)
    if state:
        return next((meaning for code, meaning in _SQLSTATES.items() if state.startswith(code)), None)
    if 'database "' in text and "does not exist" in text:
        name = make_url(location.url).database
        return "the PostgreSQL server of {} has no such database", f"create it first: createdb {name}"
    return next(((message, hint) for part, message, hint in _CONNECTING if part in text), None)
