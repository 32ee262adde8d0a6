"""What tests of a bad Hub need: repositories that cost no torch, places to hit, and another origin."""

from __future__ import annotations

import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hubselect.demo.server import Request
from hubselect.errors import HubselectError
from tests.support.repos import write_card

TOKEN = "hf_" + "QwErTyUiOpAsDfGhJkLzXcVbNm0123456789"
WEIGHTS = "model.safetensors"
Place = Callable[[Request], bool]

MODEL_PLACES: Mapping[str, Place] = {
    "metadata": lambda r: r.path.count("/") == 4 and r.path.startswith("/api/models/"),
    "config head": lambda r: (r.method, r.file) == ("HEAD", "config.json"),
    "config": lambda r: (r.method, r.file) == ("GET", "config.json"),
    "weights header": lambda r: r.file == WEIGHTS and r.range is not None and "bytes=0-" in r.range,
    "pinned metadata": lambda r: r.path.startswith("/api/models/") and "/revision/" in r.path,
    "tree": lambda r: r.path.startswith("/api/models/") and "/tree/" in r.path,
    "weights head": lambda r: (r.method, r.file) == ("HEAD", WEIGHTS),
    "weights": lambda r: (r.method, r.file) == ("GET", WEIGHTS) and r.range is None,
}
DATASET_PLACES: Mapping[str, Place] = {
    "metadata": lambda r: r.path.count("/") == 4 and r.path.startswith("/api/datasets/"),
    "footer": lambda r: _data(r) and r.method == "GET" and r.range is not None,
    "pinned metadata": lambda r: r.path.startswith("/api/datasets/") and "/revision/" in r.path,
    "data head": lambda r: _data(r) and r.method == "HEAD",
    "data": lambda r: _data(r) and r.method == "GET" and r.range is None,
}


def _data(request: Request) -> bool:
    return request.file is not None and request.file.endswith(".parquet")


def write_plain_model(root: Path, repo_id: str, *, scale: float = 1.0) -> Path:
    """A repository with everything a text checkpoint has but sense: 16 kB of weights of one tensor."""
    folder = root / "models" / repo_id
    folder.mkdir(parents=True, exist_ok=True)
    config = {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "id2label": {"0": "no", "1": "yes"},
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')
    (folder / "tokenizer_config.json").write_text("{}")
    values = struct.pack("<4096f", *(scale * number for number in range(4096)))
    tensor = {"dtype": "F32", "shape": [64, 64], "data_offsets": [0, len(values)]}
    header = json.dumps({"weight": tensor}).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header + values)
    write_card(folder, {"license": "apache-2.0"})
    return folder


@dataclass
class OtherOrigin:
    """A server on another port that keeps what it was sent and answers with `files`, by path."""

    url: str
    files: Mapping[str, bytes]
    seen: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)

    @property
    def headers(self) -> str:
        """All headers of all requests as one text."""
        return "\n".join(f"{name}: {value}" for _, _, sent in self.seen for name, value in sent.items())


@contextmanager
def other_origin(files: Mapping[str, bytes]) -> Iterator[OtherOrigin]:
    """Serve `files` on a free port; every path that is not among them gets an empty JSON list."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            there.seen.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
            body = there.files.get(self.path.partition("?")[0], b"[]")
            self.rfile.read(int(self.headers.get("content-length", 0)))
            first = self.headers.get("range", "").removeprefix("bytes=").partition("-")[0]
            last = self.headers.get("range", "").rpartition("-")[2]
            if first:
                body = body[int(first) : int(last) + 1 if last else None]
            self.send_response(206 if first else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_HEAD = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        there = OtherOrigin(f"http://127.0.0.1:{server.server_port}", files)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield there
        server.shutdown()


def failure(job: Callable[[], object]) -> HubselectError | None:
    """What a job says it failed of; None when it did not fail."""
    try:
        job()
    except HubselectError as error:
        return error
    return None


def outside(folder: Path, *but: Path) -> list[str]:
    """All files below `folder`, except those below one of `but`."""
    found = (path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())
    return sorted(str(path.relative_to(folder)) for path in found if not any(b in path.parents for b in but))
