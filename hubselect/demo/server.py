"""The mini hub: a local server that the real huggingface_hub, transformers and datasets talk to.

    with MiniHub(root) as hub:
        os.environ.update(hub.environment(hf_home))     # before the clients are imported

or as a process of its own: `python -m hubselect.demo.server ROOT [--port P] [--log FILE]`, which
prints the URL once it answers. It serves folders (see hub_repos) read-only over plain HTTP on
127.0.0.1. This module must not import huggingface_hub: the address is read from the environment
when that is imported.
"""

from __future__ import annotations

import argparse
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from hubselect.demo.hub_journal import Fault, Faults, Journal, Request, weights_fetched
from hubselect.demo.hub_repos import RepositoryStore

if TYPE_CHECKING:
    import uvicorn

__all__ = ["Fault", "MiniHub", "Request"]

HOST = "127.0.0.1"
START_SECONDS = 20.0


class MiniHub:
    """A Hub server over the repositories below `root`.

    The port is taken when the object is made (`port=0`: any free one), so `url` is known before
    `start()`. A stopped hub may be started again on the same port. `page_size` is the largest
    page of the list endpoints.
    """

    def __init__(
        self, root: Path, *, port: int = 0, log_file: Path | None = None, page_size: int = 1000
    ) -> None:
        self.root = Path(root)
        self._journal = Journal(log_file)
        self._faults = Faults()
        self._page_size = page_size
        self._socket: socket.socket | None = _bind(port)
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> MiniHub:
        """Serve in a background thread; returns once requests are answered."""
        import uvicorn

        from hubselect.demo.hub_app import HubApp

        if self._thread is not None:
            return self
        if self._socket is None:
            self._socket = _bind(self.port)
        app = HubApp(RepositoryStore(self.root), self._journal, self._faults, self._page_size)
        config = uvicorn.Config(
            app,
            http="h11",  # the same with and without the faster ones of `uvicorn[standard]`
            loop="asyncio",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",  # cut connections are asked for; errors of handlers are logged by HubApp
            access_log=False,
            timeout_keep_alive=120,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        sockets = [self._socket]
        self._thread = threading.Thread(target=self._server.run, args=(sockets,), name="minihub", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"the mini hub did not start on {self.url}")
            time.sleep(0.005)
        return self

    def stop(self) -> None:
        """End the server and free the port; open connections are closed."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> MiniHub:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def requests(self) -> list[Request]:
        """Everything answered since the start or the last `reset()`."""
        return self._journal.requests()

    def weights_fetched(self) -> dict[str, dict[str, int]]:
        """Bytes sent per weight file of every model repository it was downloaded (GET) from."""
        return weights_fetched(self.requests)

    def fault(
        self,
        match: str | Callable[[Request], bool],
        *,
        status: int | None = None,
        times: int | None = 1,
        cut: int | None = None,
        corrupt: bool = False,
        delay: float = 0.0,
        headers: Mapping[str, str] | None = None,
    ) -> Fault:
        """Answer the next `times` (None: all) matching requests wrongly; see `Fault`.

        `match` is a part of the decoded path, or a predicate on the request (whose status and
        bytes_sent are still 0).
        """
        matches = match if callable(match) else lambda request: match in request.path
        fault = Fault(matches, status, times, cut, corrupt, delay, headers or {})
        self._faults.add(fault)
        return fault

    def reset(self) -> None:
        """Forget all requests and faults."""
        self._journal.clear()
        self._faults.clear()

    def environment(self, hf_home: Path) -> dict[str, str]:
        """Variables that make the Hub's clients use this hub and nothing else.

        They must be set before huggingface_hub, transformers or datasets is imported. Empty
        values switch off what the surrounding environment may hold.
        """
        home = Path(hf_home)
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home),
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_ASSETS_CACHE": str(home / "assets"),
            "HF_XET_CACHE": str(home / "xet"),
            "HF_DATASETS_CACHE": str(home / "datasets"),
            "HF_MODULES_CACHE": str(home / "modules"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_TOKEN": "",
            "HUGGING_FACE_HUB_TOKEN": "",
            "HF_HUB_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_UPDATE_CHECK": "1",
            "DISABLE_SAFETENSORS_CONVERSION": "1",
            "NO_PROXY": f"{HOST},localhost",
            "no_proxy": f"{HOST},localhost",
        }


def _bind(port: int) -> socket.socket:
    # asyncio switches Nagle's algorithm off only where the protocol is named: 40 ms per answer.
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((HOST, port))
    except OSError:
        server.close()
        raise
    return server


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m hubselect.demo.server", description="Run the mini hub.")
    parser.add_argument("root", type=Path, help="folder with models/OWNER/NAME and datasets/OWNER/NAME")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: any free one)")
    parser.add_argument("--log", type=Path, help="file to which requests are appended as JSON lines")
    options = parser.parse_args(arguments)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with MiniHub(options.root, port=options.port, log_file=options.log) as hub:
        print(hub.url, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
