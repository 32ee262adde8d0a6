"""What the mini hub was asked for, and the faults it was told to answer with."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

WEIGHT_SUFFIXES = frozenset({".safetensors", ".bin", ".pt", ".pth", ".h5", ".msgpack", ".onnx", ".ckpt"})


@dataclass(frozen=True)
class Request:
    """One answered request.

    `path` is percent-decoded and without the query. `repo_id` and `file` are set where the
    address names them; `file` for downloads (`resolve`) only. `bytes_sent` counts the body and
    is 0 for HEAD. `range` is the Range header as sent; `authorized` says whether a login came with it.
    """

    method: str
    path: str
    status: int = 0
    bytes_sent: int = 0
    repo_id: str | None = None
    file: str | None = None
    range: str | None = None
    query: str = ""
    repo_type: str | None = None
    authorized: bool = False

    @property
    def is_weights(self) -> bool:
        """Whether this is a GET of a weight file of a model."""
        name = Path(self.file or "")
        return self.method == "GET" and self.repo_type == "models" and name.suffix in WEIGHT_SUFFIXES


class Journal:
    """All requests so far, in order of completion; also written as JSON lines to `log_file`."""

    def __init__(self, log_file: Path | None = None) -> None:
        self._requests: list[Request] = []
        self._lock = threading.Lock()
        self._log_file = log_file
        if log_file is not None:
            log_file.parent.mkdir(parents=True, exist_ok=True)

    def add(self, request: Request) -> None:
        with self._lock:
            self._requests.append(request)
            if self._log_file is not None:
                with self._log_file.open("a", encoding="utf-8") as stream:
                    stream.write(json.dumps(asdict(request)) + "\n")

    def requests(self) -> list[Request]:
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()


def read_log(log_file: Path) -> list[Request]:
    """The requests of a log file written by a mini hub in another process."""
    with log_file.open(encoding="utf-8") as stream:
        return [Request(**json.loads(line)) for line in stream]


def weights_fetched(requests: list[Request]) -> dict[str, dict[str, int]]:
    """Bytes of every weight file that was downloaded (GET answered 200 or 206), by model id."""
    fetched: dict[str, dict[str, int]] = {}
    for request in requests:
        if request.is_weights and request.status in (200, 206) and request.repo_id and request.file:
            files = fetched.setdefault(request.repo_id, {})
            files[request.file] = files.get(request.file, 0) + request.bytes_sent
    return fetched


@dataclass
class Fault:
    """A wrong answer, given `times` times (None: always) to the requests that match.

    `status`: answer with this error instead. `cut`: break the connection after so many bytes of
    the body. `corrupt`: send a changed body of the right length. `delay`: wait so many seconds
    first. `headers`: set these in the answer. `hits` counts the requests that got it.
    """

    matches: Callable[[Request], bool]
    status: int | None = None
    times: int | None = 1
    cut: int | None = None
    corrupt: bool = False
    delay: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    hits: int = 0


@dataclass
class Faults:
    """The faults in force; the first that matches and is not used up applies."""

    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def take(self, request: Request) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if (fault.times is None or fault.hits < fault.times) and fault.matches(request):
                    fault.hits += 1
                    return fault
        return None
