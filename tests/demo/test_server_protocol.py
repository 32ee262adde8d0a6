"""The mini hub's HTTP, byte by byte, and its life as an object and as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path

import pytest

from hubselect.demo.hub_answers import ApiError, parse_range
from hubselect.demo.hub_journal import read_log, weights_fetched
from hubselect.demo.server import MiniHub
from tests.support.repos import write_settings

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def small(tmp_path: Path) -> Iterator[MiniHub]:
    """A hub of its own with the model o/m: weights.bin (1024 bytes), empty.txt."""
    folder = tmp_path / "root" / "models" / "o" / "m"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(CONTENT)
    (folder / "empty.txt").write_bytes(b"")
    with MiniHub(tmp_path / "root", log_file=tmp_path / "log" / "requests.jsonl") as hub:
        yield hub


def ask(
    hub: MiniHub, path: str, method: str = "GET", body: str | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers (lower case) and body of one request."""
    connection = HTTPConnection("127.0.0.1", hub.port, timeout=10)
    try:
        connection.request(
            method, path, body=body, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
    finally:
        connection.close()


WEIGHTS = "/o/m/resolve/main/weights.bin"


def test_head_has_the_headers_of_get_and_no_body(small: MiniHub) -> None:
    head, get = ask(small, WEIGHTS, "HEAD"), ask(small, WEIGHTS)
    assert (head[0], get[0], head[2], get[2]) == (200, 200, b"", CONTENT)
    for name in (
        "content-length",
        "etag",
        "x-repo-commit",
        "x-linked-etag",
        "x-linked-size",
        "accept-ranges",
    ):
        assert head[1][name] == get[1][name]
    assert head[1]["content-length"] == "1024"
    assert ask(small, "/o/m/resolve/main/empty.txt")[1]["content-length"] == "0"


@pytest.mark.parametrize(
    ("header", "expected", "content_range"),
    [
        ("bytes=0-9", CONTENT[:10], "bytes 0-9/1024"),
        ("bytes=1000-", CONTENT[1000:], "bytes 1000-1023/1024"),
        ("bytes=-8", CONTENT[-8:], "bytes 1016-1023/1024"),
        ("bytes=1020-5000", CONTENT[1020:], "bytes 1020-1023/1024"),
    ],
)
def test_ranges_are_answered_with_206(
    small: MiniHub, header: str, expected: bytes, content_range: str
) -> None:
    status, headers, body = ask(small, WEIGHTS, Range=header)
    assert (status, body, headers["content-range"]) == (206, expected, content_range)
    assert small.requests[-1].range == header
    assert small.requests[-1].bytes_sent == len(expected)


def test_ranges_outside_the_file_are_answered_with_416(small: MiniHub) -> None:
    status, headers, _ = ask(small, WEIGHTS, Range="bytes=1024-")
    assert (status, headers["content-range"]) == (416, "bytes */1024")
    with pytest.raises(ApiError):
        parse_range("bytes=5-3", 10)


def test_ranges_of_other_forms_are_ignored() -> None:
    for header in (None, "", "bytes=-", "items=0-1", "bytes=0-1,4-5"):
        assert parse_range(header, 10) is None


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/api/models/o/absent", {}, 401, "RepoNotFound"),
        ("/api/models/bare-name", {}, 401, "RepoNotFound"),
        ("/api/models/o/absent", {"Authorization": "Bearer x"}, 404, "RepoNotFound"),
        ("/datasets/o/m/resolve/main/weights.bin", {}, 401, "RepoNotFound"),
        ("/api/models/o/m/revision/refs%2Fpr%2F1", {}, 404, "RevisionNotFound"),
        ("/o/m/resolve/main/absent", {}, 404, "EntryNotFound"),
        ("/o/m/resolve/main/..%2F..%2F..%2Fsecret", {}, 404, "EntryNotFound"),
        ("/api/models/..%2F../o", {}, 401, "RepoNotFound"),
        ("/api/whoami-v2", {}, 401, "InvalidToken"),
        ("/api/unknown", {}, 404, "NotFound"),
        ("/api/models?limit=many", {}, 400, "BadRequest"),
        ("/api/models?sort=colour", {}, 400, "BadRequest"),
    ],
)
def test_errors_carry_the_hubs_codes(
    small: MiniHub, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    got, answered, _ = ask(small, path, **headers)
    assert (got, answered["x-error-code"]) == (status, code)
    assert answered["x-error-message"]


def test_a_missing_file_still_names_the_commit(small: MiniHub) -> None:
    commit = json.loads(ask(small, "/api/models/o/m")[2])["sha"]
    assert ask(small, "/o/m/resolve/main/absent", "HEAD")[1]["x-repo-commit"] == commit


def test_gated_files_are_401_for_strangers_and_403_for_users(small: MiniHub) -> None:
    write_settings(small.root / "models" / "o" / "m", gated="auto")
    assert ask(small, WEIGHTS)[0] == 401
    status, headers, _ = ask(small, WEIGHTS, Authorization="Bearer x")
    assert (status, headers["x-error-code"]) == (403, "GatedRepo")


def test_settings_with_an_unknown_key_are_an_error_not_a_guess(
    small: MiniHub, caplog: pytest.LogCaptureFixture
) -> None:
    write_settings(small.root / "models" / "o" / "m", gate="auto")
    status, headers, _ = ask(small, "/api/models/o/m")
    assert (status, "unknown keys gate" in headers["x-error-message"]) == (500, True)
    assert "unknown keys gate" in caplog.text


def test_further_refs_are_served_and_their_folders_hidden(small: MiniHub) -> None:
    folder = small.root / "models" / "o" / "m"
    for place in (".refs/v1", "old"):
        (folder / place).mkdir(parents=True)
        (folder / place / "where.txt").write_text(place)
    write_settings(folder, revisions={"refs/tags/v1": ".refs/v1", "dev": "old"})
    for revision, place in (("v1", ".refs/v1"), ("refs%2Ftags%2Fv1", ".refs/v1"), ("dev", "old")):
        assert ask(small, f"/o/m/resolve/{revision}/where.txt")[2].decode() == place
    refs = json.loads(ask(small, "/api/models/o/m/refs")[2])
    assert [r["name"] for r in refs["branches"]] == ["main", "dev"]
    assert [r["ref"] for r in refs["tags"]] == ["refs/tags/v1"]
    siblings = json.loads(ask(small, "/api/models/o/m")[2])["siblings"]
    assert [s["rfilename"] for s in siblings] == ["empty.txt", "weights.bin"]


def test_paths_info_takes_repeated_form_fields(small: MiniHub) -> None:
    body = "paths=weights.bin&paths=absent&paths=empty.txt&expand=false"
    form = "application/x-www-form-urlencoded"
    answer = ask(small, "/api/models/o/m/paths-info/main", "POST", body, Content_Type=form)
    assert [entry["path"] for entry in json.loads(answer[2])] == ["weights.bin", "empty.txt"]


def test_every_request_is_recorded_before_its_answer_ends(small: MiniHub) -> None:
    connection = HTTPConnection("127.0.0.1", small.port, timeout=10)
    for number in range(1, 51):
        connection.request("GET", WEIGHTS)
        connection.getresponse().read()
        assert len(small.requests) == number
    connection.close()
    assert small.weights_fetched() == {"o/m": {"weights.bin": 50 * 1024}}


def test_head_requests_fetch_no_weights(small: MiniHub) -> None:
    ask(small, WEIGHTS, "HEAD")
    assert small.weights_fetched() == {}
    assert (small.requests[0].method, small.requests[0].bytes_sent) == ("HEAD", 0)


def test_the_log_file_repeats_the_requests(small: MiniHub, tmp_path: Path) -> None:
    ask(small, WEIGHTS)
    ask(small, "/api/models?search=m%20x")
    assert read_log(tmp_path / "log" / "requests.jsonl") == small.requests
    assert small.requests[1].query == "search=m%20x"


def test_a_fault_applies_as_often_as_asked(small: MiniHub) -> None:
    fault = small.fault("weights.bin", status=503, times=2)
    assert [ask(small, WEIGHTS)[0] for _ in range(3)] == [503, 503, 200]
    assert fault.hits == 2
    small.fault(lambda r: r.repo_id == "o/m" and r.method == "HEAD", status=429, times=None)
    assert [ask(small, WEIGHTS, m)[0] for m in ("HEAD", "GET", "HEAD")] == [429, 200, 429]
    small.reset()
    assert (ask(small, WEIGHTS, "HEAD")[0], len(small.requests)) == (200, 1)


def test_a_cut_answer_breaks_the_connection(small: MiniHub) -> None:
    small.fault("weights.bin", cut=100)
    with pytest.raises(IncompleteRead) as caught:
        ask(small, WEIGHTS)
    assert caught.value.partial == CONTENT[:100]
    assert small.requests[-1].bytes_sent == 100
    small.fault("weights.bin", cut=0)
    with pytest.raises(HTTPException):
        ask(small, WEIGHTS)


def test_a_delayed_answer_does_not_hold_up_others(small: MiniHub) -> None:
    small.fault("weights.bin", delay=0.6)
    slow = threading.Thread(target=ask, args=(small, WEIGHTS))
    started = time.monotonic()
    slow.start()
    time.sleep(0.1)
    ask(small, "/o/m/resolve/main/empty.txt")
    assert time.monotonic() - started < 0.6
    slow.join()
    assert time.monotonic() - started >= 0.6


def test_a_stopped_hub_refuses_and_starts_again_on_the_same_port(small: MiniHub) -> None:
    url = small.url
    small.stop()
    small.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(small, WEIGHTS)
    small.start()
    assert (ask(small, WEIGHTS)[0], small.url) == (200, url)


def test_the_port_is_taken_before_the_start(tmp_path: Path) -> None:
    hub = MiniHub(tmp_path)
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", hub.port))
    with pytest.raises(ConnectionRefusedError):
        ask(hub, "/api/models")
    hub.stop()


def test_stopping_does_not_wait_for_slow_answers(small: MiniHub) -> None:
    fault = small.fault("weights.bin", delay=60)

    slow = threading.Thread(target=ask, args=(small, WEIGHTS))
    slow.start()
    while fault.hits == 0:
        time.sleep(0.01)
    started = time.monotonic()
    small.stop()
    slow.join()
    assert time.monotonic() - started < 5


def test_as_a_process_it_prints_its_address_and_ends_on_a_signal(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "o" / "m"
    folder.mkdir(parents=True)
    (folder / "weights.bin").write_bytes(CONTENT)
    log = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "hubselect.demo.server", str(tmp_path), "--log", str(log)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline().rsplit(":", 1)[1])
        connection = HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", WEIGHTS)
        assert connection.getresponse().read() == CONTENT
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0
    finally:
        process.kill()
        process.wait()
    assert weights_fetched(read_log(log)) == {"o/m": {"weights.bin": 1024}}


def test_the_server_imports_no_client_of_the_hub() -> None:
    """HF_ENDPOINT is read when the clients are imported, after the hub has its address."""
    code = (
        "import sys, hubselect.demo.server, hubselect.demo.hub_app;"
        "print({'huggingface_hub', 'transformers', 'datasets', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
