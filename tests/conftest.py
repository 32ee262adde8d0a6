"""The ground the suite stands on: one mini hub per test process, with an empty root.

The clients of the Hub read their address from the environment when they are imported. So the hub
takes its port here, while this file is imported and before any client is, and every process (each
xdist worker too) has its own port, root and HF_HOME below one temporary folder. It starts when the
first test asks for `hub`; until then its address refuses connections.

    def test_something(hub, hub_root):
        write_text_model(hub_root, "someone/tiny-bert")      # tests.support.repos
        ...                                                  # any client, in this process

Repositories are shared by all tests of a process: use `unique_id("tiny-bert")` or a name that no
other test uses. Requests and faults are forgotten before each test. For subprocesses, and whenever
an empty cache matters, use the fixture `hub_environment`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hubselect.demo.server import MiniHub
from hubselect.executors.starting import worker_context
from tests.support import lab as laboratory

if "huggingface_hub" in sys.modules:
    raise RuntimeError("huggingface_hub was imported before tests/conftest.py could set its environment")

_HOME = Path(tempfile.mkdtemp(prefix="hubselect-tests-"))
_HUB = MiniHub(_HOME / "hub-root")

os.environ.update(_HUB.environment(_HOME / "hf-home"))
os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
os.environ.update(HF_HUB_DISABLE_PROGRESS_BARS="1", TRANSFORMERS_VERBOSITY="error")
for name in ("HUBSELECT_REGISTRY", "HUBSELECT_DEBUG", "HF_HUB_ENABLE_HF_TRANSFER"):
    os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """After this an xdist worker may be killed at any moment, so nothing is left for later."""
    _HUB.stop()
    shutil.rmtree(_HOME, ignore_errors=True)


def pytest_unconfigure() -> None:
    pytest_sessionfinish()  # a run that ended before its session began


@pytest.fixture(scope="session")
def hub() -> MiniHub:
    """The running mini hub of this process."""
    _HUB.root.mkdir(parents=True, exist_ok=True)
    return _HUB.start()


@pytest.fixture(scope="session")
def hub_root(hub: MiniHub) -> Path:
    """The folder below which tests write repositories (tests.support.repos)."""
    return hub.root


@pytest.fixture(scope="session")
def lab(hub_root: Path, tmp_path_factory: pytest.TempPathFactory) -> laboratory.Lab:
    """The laboratory of this process, made when the first test asks for it. Tests copy its registry."""
    return laboratory.make(hub_root, tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session", autouse=True)
def _fork_server() -> None:
    """Workers of all tests are forked from one process, whose environment no test has changed."""
    worker_context()


@pytest.fixture(autouse=True)
def _fresh_hub_journal() -> Iterator[None]:
    """No request is remembered from before, and no fault is left to the next module's own set-up."""
    _HUB.reset()
    yield
    _HUB.reset()


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port that accepts connections and never answers: whoever asks it waits for his own limit."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def unique_id(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Repository ids that belong to the asking test: `unique_id("bert")` -> `t-0f3a1c2b/bert`."""
    owner = "t-" + hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:10]
    return lambda name: f"{owner}/{name}"


@pytest.fixture
def hub_environment(hub: MiniHub, tmp_path: Path) -> dict[str, str]:
    """A whole environment for a subprocess: this mini hub, and an empty HF_HOME of its own."""
    return {**os.environ, **hub.environment(tmp_path / "hf-home")}
