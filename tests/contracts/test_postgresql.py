"""What is particular to a registry on a PostgreSQL server: addresses, passwords, rights, lost connections."""

from __future__ import annotations

import os
import socket
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubselect.errors import HubselectError, RegistryError
from hubselect.records import Model
from hubselect.registry import Registry
from hubselect.registry.locations import locate
from tests.registry.conftest import RECIPE, TEXT, fill
from tests.support.postgres import Databases

SECRET = "s3cr3t-w0rd"


def refused(place: str) -> HubselectError:
    """The error that opening gives: one line with a hint, without the password."""
    with pytest.raises(HubselectError) as caught:
        Registry.open(place)
    assert "\n" not in str(caught.value)
    assert caught.value.hint
    assert SECRET not in str(caught.value)
    return caught.value


def test_the_password_is_never_shown(databases: Databases, database: str) -> None:
    """Not in `.location`, `repr` or a traceback; the server's own spelling of it in the query included."""
    with Registry.open(database) as registry:
        password = database.split("@")[0].rpartition(":")[2]
        shown = (registry.location, repr(registry), repr(registry._database.location))
        assert not any(password in text for text in shown)
        assert registry.location.startswith("postgresql://")
        assert registry.location.endswith(database.rpartition("/")[2])
    in_query = f"postgresql://me@127.0.0.1:1/x?password={SECRET}&sslpassword={SECRET}&sslmode=prefer"
    assert SECRET not in locate(in_query).text
    for place in (f"postgresql://me:{SECRET}@127.0.0.1:1/x", in_query):
        try:
            Registry.open(place)
        except RegistryError as error:
            frames = [line for line in traceback.format_exception(error) if "test_postgresql" not in line]
            assert SECRET not in "".join(frames)


def test_a_password_with_an_at_sign_has_to_be_written_as_one() -> None:
    """Else its end would be taken, and shown, as the name of a host."""
    assert "%40" in str(refused(f"postgresql://me:a@{SECRET}@host/x").hint)


def test_an_unreachable_server_is_one_clear_line() -> None:
    """Nobody listening, and a name that does not exist."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        error = refused(f"postgresql://me:{SECRET}@127.0.0.1:{port}/x")
    assert isinstance(error, RegistryError)
    assert "does not answer" in error.message
    assert "does not answer" in refused(f"postgresql://me:{SECRET}@host.invalid/x").message


def test_a_server_that_says_nothing_is_given_up() -> None:
    """The wait is bounded, and may be chosen in the URL."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        port = silent.getsockname()[1]
        error = refused(f"postgresql://me:{SECRET}@127.0.0.1:{port}/x?connect_timeout=2")
    assert "does not answer" in error.message


def test_a_wrong_password_and_an_unknown_user_are_named(databases: Databases, database: str) -> None:
    """With the ways to give them."""
    name = database.rpartition("/")[2]
    for changed in ({"password": SECRET}, {"username": "nobody-here", "password": SECRET}):
        error = refused(databases.named(name, **changed))
        assert "password" in error.message
        assert ".pgpass" in str(error.hint)


def test_a_missing_database_is_to_be_created(databases: Databases) -> None:
    """The hint is the command."""
    error = refused(databases.named("not_there"))
    assert "no such database" in error.message
    assert "createdb not_there" in str(error.hint)


@pytest.fixture
def guest(databases: Databases, database: str) -> Iterator[str]:
    """The URL of a filled registry for a user who may do nothing."""
    with Registry.open(database) as registry:
        fill(registry)
    user = f"guest_{os.getpid()}"
    databases.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{SECRET}'", database)
    yield databases.named(database.rpartition("/")[2], username=user, password=SECRET)
    for statement in (f"DROP OWNED BY {user}", f"DROP ROLE {user}"):
        databases.execute(statement, database)


def test_a_user_without_rights_is_told_so(guest: str) -> None:
    """Neither readable nor another program's."""
    assert "lacks rights" in refused(guest).message


def test_a_user_who_may_only_read_reads(databases: Databases, database: str, guest: str) -> None:
    """Writing is refused in one line and changes nothing."""
    user = guest.partition("//")[2].partition(":")[0]
    databases.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {user}", database)
    with Registry.open(guest) as registry:
        assert registry.matrix().shape == (2, 2)
        with pytest.raises(RegistryError, match="lacks rights") as caught:
            registry.add_model(Model("org/new", TEXT))
        assert "GRANT" in str(caught.value.hint)
        assert len(registry.models()) == 2


def test_a_lost_connection_is_made_again(databases: Databases, database: str) -> None:
    """After a restart of the server, or when somebody ended the session, the next call just works."""
    with Registry.open(database) as registry:
        registry.add_model(Model("org/a", TEXT))
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        databases.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}", database)
        assert [m.id for m in registry.models()] == ["org/a"]


def test_a_session_ended_in_the_middle_undoes_the_transaction(databases: Databases, database: str) -> None:
    """It is one RegistryError, and the registry goes on."""

    def cut(registry: Registry) -> None:
        with registry._database.write() as session:
            session.connection().exec_driver_sql("UPDATE models SET license = 'lost'")
            others = "pid <> pg_backend_pid() AND datname = current_database()"
            end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"
            databases.execute(end, database)
            session.connection().exec_driver_sql("SELECT 1")

    with Registry.open(database) as registry:
        registry.add_model(Model("org/a", TEXT))
        with pytest.raises(RegistryError, match="does not answer"):
            cut(registry)
        assert registry.model("org/a").license is None


def test_two_schemas_of_one_database_are_two_registries(databases: Databases, empty_database: str) -> None:
    """Chosen by `search_path` in the URL; a schema that is not there is named as such."""
    places = [f"{empty_database}?options=-csearch_path%3D{schema}" for schema in ("one", "two")]
    assert "CREATE SCHEMA" in str(refused(places[0]).hint)
    for schema, place in zip(("one", "two"), places, strict=True):
        databases.execute(f"CREATE SCHEMA {schema}", empty_database)
        with Registry.open(place) as registry:
            registry.add_model(Model(f"org/{schema}", TEXT))
    with Registry.open(places[0]) as registry:
        assert [m.id for m in registry.models()] == ["org/one"]


def test_every_registry_has_a_home_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Training states of two registries never mix; a new password or timeout does not lose them."""
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    same = {
        locate(f"postgres{kind}://me{secret}@host{port}/x{more}").home
        for kind in ("", "ql")
        for secret in ("", ":one", ":two")
        for port in ("", ":5432")
        for more in ("", "?connect_timeout=3", "?password=three", "?sslmode=require")
    }
    assert len(same) == 1
    assert same.pop().parent == tmp_path / "hubselect"
    others = (
        "me@host/y",
        "me@other/x",
        "you@host/x",
        "me@host:5433/x",
        "me@host/x?options=-csearch_path%3Da",
    )
    assert len({locate(f"postgresql://{other}").home for other in (*others, "me@host/x")}) == 6


RUN = "(SELECT id FROM runs WHERE test = 0.9)"
DAMAGE: dict[str, tuple[str, ...]] = {
    "a test score is not finite": (
        "ALTER TABLE runs DROP CONSTRAINT ck_runs_test_finite",
        "UPDATE runs SET test = 'NaN' WHERE test = 0.9",
    ),
    "a validation score is not finite": (
        "ALTER TABLE curve_points DROP CONSTRAINT ck_curve_points_val_finite",
        "UPDATE curve_points SET val = '-infinity'",
    ),
    "a finished run has no test score": (
        "ALTER TABLE runs DROP CONSTRAINT ck_runs_done_has_test",
        "UPDATE runs SET test = NULL",
    ),
    "the stages of a curve have gaps": (f"DELETE FROM curve_points WHERE stage = 2 AND run_id = {RUN}",),
    "a curve goes beyond the stages of its recipe": (
        f"INSERT INTO curve_points VALUES ({RUN}, 4, 4, 0.5, 0)",
    ),
    "the epochs of a curve do not grow": (
        f"UPDATE curve_points SET epochs = 9 WHERE stage = 1 AND run_id = {RUN}",
    ),
    "a recipe's content does not have its digest": (
        "UPDATE recipes SET content = replace(content, '3', '4')",
    ),
    "a cluster has no members": ("DELETE FROM memberships",),
    "a cluster's representative is not one of its members": ("DELETE FROM memberships WHERE model_id = 1",),
    "events of a selection are missing": ("DELETE FROM selection_events WHERE sequence = 2",),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damage_is_named(databases: Databases, database: str, what: str) -> None:
    """What a stranger's SQL broke is found as in a file, with its place and its repair."""
    with Registry.open(database) as registry:
        fill(registry)
        assert registry.check() == []
        for statement in DAMAGE[what]:
            databases.execute(statement, database)
        found = registry.check()
        assert what in {problem.what for problem in found}
        assert all(problem.where and problem.repair for problem in found)


def test_nan_never_reaches_a_score(databases: Databases, database: str) -> None:
    """The check constraints hold against NaN, which PostgreSQL would take for the largest number."""
    import psycopg

    with Registry.open(database) as registry:
        fill(registry)
    for statement in ("UPDATE runs SET test = 'NaN'", "UPDATE proxy_scores SET score = 'infinity'"):
        with pytest.raises(psycopg.errors.CheckViolation):
            databases.execute(statement, database)


def test_the_views_answer(databases: Databases, database: str) -> None:
    """Every view of the registry can be read with any SQL tool."""
    with Registry.open(database) as registry:
        fill(registry)
    listed = "SELECT table_name FROM information_schema.views WHERE table_schema = 'public'"
    rows: Callable[[str], int] = lambda view: len(databases.execute(f"SELECT * FROM {view}", database))  # noqa: E731
    counted = {view: rows(view) for (view,) in databases.execute(listed, database)}
    assert counted["v_models"] == 2
    assert counted["v_matrix_cells"] == 3
    cells = databases.execute("SELECT recipe, model, dataset, score FROM v_matrix_cells", database)
    assert (RECIPE.digest, "org/a", "org/d:c", 0.9) in cells


def test_nothing_is_written_while_a_registry_is_to_stay_unchanged(database: str) -> None:
    """A server is not copied: reading goes on, a writer is refused with one line until afterwards."""
    with Registry.open(database) as registry:
        fill(registry)
        models = registry.models()
        with registry.unchanged() as same:
            assert same.models() == models
            with pytest.raises(RegistryError, match="written to the registry first"):
                same.add_model(Model("org/new", TEXT))
        registry.add_model(Model("org/new", TEXT))
        assert len(registry.models()) == len(models) + 1
