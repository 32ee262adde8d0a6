"""Alembic revisions of the registry, and `ensure_current`, which runs them when a registry is opened."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect

from hubselect.errors import RegistryError
from hubselect.registry.database import Database

HEAD = "0004"
"""The newest revision: a registry at it opens without importing alembic."""

KNOWN = ("0001", "0002", "0003", "0004")
"""Every revision this hubselect can start from, oldest first."""


def ensure_current(database: Database, *, create: bool) -> None:
    """Bring the registry to `HEAD`, making its tables where there are none and `create` allows it.

    Raises `RegistryError` when it was made by a newer hubselect, is the database of another
    program, or is empty and `create` is False.
    """
    with database.connection(write=False) as connection:
        if _version(connection) == HEAD:
            return
    with database.connection(write=True) as connection:  # asked again: another process may have been faster
        version = _version(connection)
        if version == HEAD:
            return
        _refuse(database.location.text, connection, version, create=create)
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def _refuse(where: str, connection: Connection, version: str | None, *, create: bool) -> None:
    tables = set(inspect(connection).get_table_names()) - {"alembic_version"}
    if tables and not {"runs", "curve_points", "recipes"} <= tables:
        raise RegistryError(
            f"{where} is a database of another program",
            "choose another place with --registry or HUBSELECT_REGISTRY",
        )
    if version is None and not tables:
        if not create:
            raise RegistryError(f"{where} holds no registry yet", "make one with `hubselect registry import`")
    elif version not in KNOWN:
        raise RegistryError(
            f"the registry {where} was made by a newer hubselect (schema {version}, this one knows {HEAD})",
            "pip install --upgrade hubselect",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD)
