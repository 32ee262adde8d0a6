"""Where a registry lives: a file, or a database on a PostgreSQL server."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from hubselect.errors import InvalidInput

_LOCATION_HINT = "give a file path, sqlite:///PATH or postgresql://USER@HOST/NAME"
_POSTGRESQL_PORT = 5432
_SECRETS = ("password", "passfile", "sslpassword", "sslkey", "oauth_client_secret")
_WHICH = ("host", "hostaddr", "port", "dbname", "user", "service", "options")
"""The parameters of a PostgreSQL URL that choose the database or the schema in it."""


@dataclass(frozen=True)
class Location:
    """Where a registry lives: `path` is None when it is not a file; `home` holds files beside it.

    `text` is for people and holds no password; `url` may hold one.
    """

    url: str = field(repr=False)
    path: Path | None
    home: Path
    text: str


def hub_home() -> Path:
    """`$HF_HOME`, or the default of the Hub's own client."""
    if chosen := os.environ.get("HF_HOME"):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache).expanduser() if cache else Path.home() / ".cache") / "huggingface"


def locate(location: str | Path | None) -> Location:
    """Resolve a path, a URL or None (`HUBSELECT_REGISTRY`, else `$HF_HOME/hubselect/registry.db`).

    Raises `InvalidInput` for anything else.
    """
    given = location or os.environ.get("HUBSELECT_REGISTRY") or hub_home() / "hubselect" / "registry.db"
    text = str(given)
    if isinstance(given, str) and "://" in given:
        scheme = given.split("://", 1)[0].partition("+")[0]
        if scheme in {"postgresql", "postgres"}:
            return _postgresql(given)
        if scheme != "sqlite":
            raise InvalidInput(f"{scheme}:// is not a kind of registry hubselect can open", _LOCATION_HINT)
        text = _sqlite_path(given)
    elif text == ":memory:":
        raise InvalidInput("a registry has to be kept in a file", _LOCATION_HINT)
    path = Path(os.path.abspath(Path(text).expanduser()))
    return Location(f"sqlite:///{path}", path, path.with_name(path.name + ".files"), str(path))


def _sqlite_path(url: str) -> str:
    try:
        database = make_url(url).database
    except (ArgumentError, ValueError):
        database = None
    if not database or database == ":memory:":
        raise InvalidInput(f"{url} does not name a file", _LOCATION_HINT)
    return database


def _postgresql(url: str) -> Location:
    try:
        parsed = make_url(url).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise InvalidInput("the PostgreSQL URL of the registry cannot be read", _LOCATION_HINT) from None
    if "@" in (parsed.host or ""):  # the rest of a password, which would be shown as the host's name
        raise InvalidInput(
            "the PostgreSQL URL of the registry has more than one @", "write an @ in the password as %40"
        )
    secrets = [name for name in _SECRETS if name in parsed.query]
    shown = parsed.set(drivername="postgresql").difference_update_query(secrets)
    return Location(
        url=parsed.render_as_string(hide_password=False),
        path=None,
        home=hub_home() / "hubselect" / f"postgresql-{_identity(parsed)}",
        text=shown.render_as_string(hide_password=True),
    )


def _identity(url: URL) -> str:
    """Sixteen hex digits of what chooses the database, so that two registries never share files.

    The same for every password, and for every other parameter that only says how to connect.
    """
    port = url.port or _POSTGRESQL_PORT
    which = [(name, url.query[name]) for name in _WHICH if name in url.query]
    text = repr((url.username, url.host, port, url.database, which))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
