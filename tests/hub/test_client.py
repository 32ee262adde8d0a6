"""The endpoint, the token's reach, and failures that must be quick and clear."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import hubselect.hub
from hubselect.errors import HubError, HubUnreachable, UnsupportedModel
from hubselect.hub import endpoint_notice, hub_endpoint, hub_token, index_dataset, index_model


def test_the_endpoint_is_read_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "https://hub.example.org/")
    assert hub_endpoint() == "https://hub.example.org"
    monkeypatch.delenv("HF_ENDPOINT")
    assert hub_endpoint() == "https://huggingface.co"


@pytest.mark.parametrize(
    ("endpoint", "notice"),
    [
        ("https://huggingface.co", None),
        ("https://hub.example.org", "not the default endpoint"),
        ("http://hub.example.org", "not encrypted"),
    ],
)
def test_another_endpoint_is_said_plainly(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, notice: str | None
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    said = endpoint_notice()
    assert said is None if notice is None else notice in (said or "")


@pytest.mark.parametrize(
    ("endpoint", "explicit", "token"),
    [
        ("https://huggingface.co", None, None),
        ("https://hub.example.org", None, False),
        ("https://hub.example.org", "hf_x", "hf_x"),
        ("http://hub.example.org", "hf_x", False),
        ("http://127.0.0.1:8000", "hf_x", "hf_x"),
    ],
)
def test_a_stored_login_goes_to_the_default_endpoint_only(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, explicit: str | None, token: object
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    if explicit:
        monkeypatch.setenv("HF_TOKEN", explicit)
    assert hub_token() == token


@pytest.mark.parametrize("index", [index_model, index_dataset])
def test_a_refused_connection_fails_at_once(monkeypatch: pytest.MonkeyPatch, index: object) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    start = time.monotonic()
    with pytest.raises(HubUnreachable, match=r"127\.0\.0\.1:9 does not answer.*HF_HUB_OFFLINE=1"):
        index("some/thing")  # type: ignore[operator]
    assert time.monotonic() - start < 5


def test_a_silent_hub_fails_within_seconds(monkeypatch: pytest.MonkeyPatch, silent_port: int) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent_port}")
    monkeypatch.setattr("hubselect.hub.models.TIMEOUT", 0.3)
    with pytest.raises(HubUnreachable, match="does not answer"):
        index_model("some/thing")


@pytest.mark.parametrize("body", [b"<html>please log in</html>", b"{}", b'{"id": "a/b", "sha": "../../x"}'])
def test_what_is_no_hub_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
        for index in (index_model, index_dataset):
            with pytest.raises((HubError, UnsupportedModel)):
                index("some/thing")
        server.shutdown()


def test_every_public_name_loads() -> None:
    for name in hubselect.hub.__all__:
        assert getattr(hubselect.hub, name) is not None
    assert set(hubselect.hub.__all__) <= set(dir(hubselect.hub))


def test_importing_the_room_imports_no_client_and_indexing_no_modelling_library() -> None:
    script = (
        "import sys, hubselect.hub; "
        "assert not {'huggingface_hub', 'pandas', 'pyarrow', 'httpx2'} & set(sys.modules); "
        "import hubselect.hub.models, hubselect.hub.datasets, hubselect.hub.downloads; "
        "heavy = {'huggingface_hub', 'pandas', 'pyarrow', 'torch', 'transformers', 'datasets'}; "
        "assert not heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)
