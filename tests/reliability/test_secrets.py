"""A login reaches the Hub it is for, and nothing else: no output, no file, no other server."""

from __future__ import annotations

import io
import os
import pickle
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubselect.cli import main
from hubselect.demo.server import MiniHub
from hubselect.errors import HubError, HubselectError, InvalidInput, TrainingFailed
from hubselect.hub import hub_endpoint, index_model
from tests.support.bad_hub import MODEL_PLACES, TOKEN, other_origin, write_plain_model
from tests.support.repos import write_text_dataset

UniqueId = Callable[[str], str]
ECHO = {"X-Error-Message": f"Bearer {TOKEN} may not do this", "X-HF-Warning": f"topic; your token is {TOKEN}"}


def command(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[object, str]:
    """Run the command line in this process: exit code, and all it said."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hubselect", *words])
        with pytest.raises(SystemExit) as end:
            main()
    seen = capsys.readouterr()
    return end.value.code, seen.out + seen.err


def holders(folder: Path) -> list[str]:
    """The files below a folder that hold the token, in their content or their name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(p) for p in files if TOKEN in str(p) or TOKEN.encode() in p.read_bytes()]


@pytest.fixture
def environment(hub_environment: dict[str, str]) -> dict[str, str]:
    hub_environment.pop("HUBSELECT_NAMED_ENDPOINT", None)
    return hub_environment


@pytest.fixture
def logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token in the environment, and an endpoint that was not named yet."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("HUBSELECT_NAMED_ENDPOINT", "")


@pytest.mark.usefixtures("logged_in", "waits")
@pytest.mark.parametrize("debug", ["0", "1"])
@pytest.mark.parametrize("status", [400, 403, 500])
def test_a_hub_that_repeats_the_token_does_not_get_it_printed(
    hub: MiniHub,
    hub_root: Path,
    unique_id: UniqueId,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: int,
    debug: str,
) -> None:
    """Not in the line, not in the traceback, and in no file."""
    write_plain_model(hub_root, unique_id("m"))
    monkeypatch.setenv("HUBSELECT_DEBUG", debug)
    hub.fault("/api/models/", times=None, status=status, headers=ECHO)
    code, said = command(capsys, "add-model", unique_id("m"), "--registry", str(tmp_path / "registry.db"))
    assert code == 1
    assert any(request.authorized for request in hub.requests)
    assert ("Traceback" in said) == (debug == "1")
    assert TOKEN not in said
    assert ("***" in said) == (debug == "1")
    assert holders(tmp_path) == []


@pytest.mark.usefixtures("logged_in")
def test_the_log_of_the_client_does_not_hold_the_token(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, capfd: pytest.CaptureFixture[str]
) -> None:
    """The client logs what the Hub tells it to warn of."""
    from huggingface_hub import logging

    write_plain_model(hub_root, unique_id("m"))
    hub.fault(MODEL_PLACES["config head"], headers={"X-HF-Warning": ECHO["X-HF-Warning"]})
    stream = io.StringIO()
    root = logging.get_logger("huggingface_hub")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("huggingface_hub.utils._http._WARNED_TOPICS", set())
        for handler in root.handlers:
            patch.setattr(handler, "stream", stream)
        index_model(unique_id("m"))
    assert "your token is ***" in stream.getvalue()
    assert TOKEN not in stream.getvalue()


@pytest.mark.usefixtures("logged_in")
def test_what_is_kept_and_shown_after_work_with_a_token_does_not_hold_it(
    hub: MiniHub,
    hub_root: Path,
    unique_id: UniqueId,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Registry, exports, and everything in HF_HOME are read for it."""
    write_plain_model(hub_root, unique_id("m"))
    write_text_dataset(hub_root, unique_id("d"), sizes=(24, 8, 8))
    registry = ("--registry", str(tmp_path / "registry.db"))
    said = ""
    for words in (
        ("add-model", unique_id("m"), "--no-benchmark"),
        ("add-dataset", unique_id("d")),
        ("models", "--json"),
        ("registry", "export", str(tmp_path / "shared"), "--what", "registry"),
    ):
        code, more = command(capsys, *words, *registry)
        assert code == 0, more
        said += more
    assert any(request.authorized for request in hub.requests)
    assert said.count("HF_TOKEN is sent there") == 1
    assert TOKEN not in said
    assert holders(tmp_path) == []
    assert holders(Path(os.environ["HF_HOME"])) == []


READ = """
import sys
from hubselect.hub import index_dataset, index_model
from hubselect.training.sources import read_dataset
index_model(sys.argv[1])
print(len(read_dataset(index_dataset(sys.argv[2]))["train"]))
"""


def test_a_stored_login_is_not_sent_to_another_endpoint(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, environment: dict[str, str]
) -> None:
    """Not by our own requests, and not by the datasets library's."""
    write_plain_model(hub_root, unique_id("m"))
    write_text_dataset(hub_root, unique_id("d"), sizes=(24, 8, 8), described=False)
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        environment.pop(name)
    place = Path(environment["HF_TOKEN_PATH"])
    place.parent.mkdir(parents=True)
    place.write_text(TOKEN)
    read = [sys.executable, "-c", READ, unique_id("m"), unique_id("d")]
    done = subprocess.run(read, env=environment, capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "24", done.stderr
    assert "no login is sent there" in done.stderr
    assert hub.requests
    assert not [request.path for request in hub.requests if request.authorized]


@contextmanager
def first_contact(stderr: Path) -> Iterator[tuple[int, list[str]]]:
    """A port, and what stood in the file `stderr` when somebody first connected to it."""
    seen: list[str] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def accept() -> None:
            connection, _ = listener.accept()
            seen.append(stderr.read_text())
            connection.close()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listener.getsockname()[1], seen
        thread.join(timeout=10)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_unusual_endpoint_is_named_before_anything_is_sent(
    environment: dict[str, str], tmp_path: Path, scheme: str
) -> None:
    """When the first connection arrives the line is already on stderr; it says what becomes of the login."""
    said = tmp_path / "stderr"
    with said.open("w") as stderr, first_contact(said) as (port, seen):
        environment["HF_ENDPOINT"] = f"{scheme}://127.0.0.1:{port}"
        words = [sys.executable, "-c", "from hubselect.hub import index_model; index_model('some/model')"]
        done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, stderr=stderr, timeout=120)
    assert done.returncode == 1
    assert seen[0].startswith(f"hubselect: using the Hub at {environment['HF_ENDPOINT']} (HF_ENDPOINT)")
    assert "no login is sent there" in seen[0]
    assert ("not encrypted" in seen[0]) == (scheme == "http")
    assert said.read_text().count("using the Hub at") == 1


def test_an_endpoint_with_a_login_in_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses are shown and recorded."""
    monkeypatch.setenv("HF_ENDPOINT", "https://somebody:secret@hub.example.org")
    with pytest.raises(InvalidInput, match="holds a login") as refused:
        hub_endpoint()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("where", ["HF_TOKEN", "file"])
@settings(max_examples=25, deadline=None)
@given(before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_error_holds_a_token(where: str, before: str, after: str) -> None:
    """By value, whatever its form and whatever stands around it; also after a journey between processes."""
    secret = "an-old-token-of-another-form"
    home = Path(os.environ["HF_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        if where == "file":
            (home / "token").write_text(secret + "\n")
        else:
            patch.setenv("HF_TOKEN", secret)
        try:
            error: HubselectError = HubError(f"{before}{secret}{after}", f"{before}{TOKEN}")
            travelled = pickle.loads(pickle.dumps(error))
        finally:
            (home / "token").unlink(missing_ok=True)
    for seen in (error, travelled):
        assert secret not in repr(seen) + str(seen) + str(seen.args)
        assert str(seen).isprintable() or not (before + after).isprintable()


def test_tokens_and_logins_in_addresses_are_known_by_their_form() -> None:
    said = TrainingFailed(
        f"GET https://me:pass1word@hub.example.org with Bearer abc.def: {TOKEN}, hf_hub_download"
    )
    assert said.message == "GET https://***@hub.example.org with Bearer *** ***, hf_hub_download"


def test_an_error_says_nothing_to_a_terminal_but_words() -> None:
    """What a server answers may hold commands for the terminal."""
    assert str(HubError("\x1b[2J\x1b]0;title\x07 gone\x9b31m")) == "[2J ]0;title gone 31m"


def test_a_token_does_not_follow_a_redirect_of_the_whole_hub(
    hub: MiniHub, hub_root: Path, unique_id: UniqueId, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint that sends everybody elsewhere: it is asked with the login, the other without."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with other_origin({}) as there:
        hub.fault(lambda r: True, status=307, times=None, headers={"Location": f"{there.url}/api/models/a/b"})
        with pytest.raises(HubselectError):
            index_model(unique_id("m"))
        assert there.seen
        assert TOKEN not in there.headers
