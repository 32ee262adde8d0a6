"""Worker processes are forked from one that has imported the libraries, in the driver's environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hubselect.executors.pool import Call, Chain, WorkerPool

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux only")

DRIVER = """
import json, os
from tests.executors.test_starting import answered

found = {"first": answered()}
os.environ["HUBSELECT_DEBUG"] = "1"
found["set"] = answered("HUBSELECT_DEBUG")
os.environ["RAY_CLIENT_MODE"] = "0"
os.environ["HF_TOKEN"] = "hf_new"
del os.environ["HUBSELECT_DEBUG"]
found["taken away"] = answered("HUBSELECT_DEBUG", "HF_TOKEN")
import sklearn
os.environ["TORCHINDUCTOR_CACHE_DIR"] = "/set/by/torch"
found["libraries imported"] = answered()
os.environ["HF_HOME"] = "/nowhere"
found["read by libraries"] = answered("HF_HOME")
print(json.dumps(found))
"""


def seen(*names: str) -> tuple[bool, list[str | None]]:
    """Whether torch was there before the first call, and some variables."""
    return "torch" in sys.modules, [os.environ.get(name) for name in names]


def chain(*names: str) -> Chain:
    yield Call(seen, names)


def answered(*names: str) -> tuple[bool, list[str | None]]:
    with WorkerPool(1) as pool:
        ((_, result),) = pool.run({"one": chain(*names)})
    return result  # type: ignore[no-any-return]


def driven(script: str, **environment: str) -> dict[str, list[object]]:
    """What workers of one driver saw; a process of its own, whose environment only it changes."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[2],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def found() -> dict[str, list[object]]:
    return driven(DRIVER)


def test_a_worker_has_the_libraries_before_its_first_call(found: dict[str, list[object]]) -> None:
    assert found["first"] == [True, []]


def test_a_worker_has_the_environment_of_the_driver_as_it_is_now(found: dict[str, list[object]]) -> None:
    assert found["set"] == [True, ["1"]]
    assert found["taken away"] == [True, [None, "hf_new"]]


def test_libraries_that_the_driver_imports_meanwhile_change_nothing(found: dict[str, list[object]]) -> None:
    """They set variables of their own."""
    assert found["libraries imported"] == [True, []]


def test_where_libraries_would_read_something_else_workers_import_for_themselves(
    found: dict[str, list[object]],
) -> None:
    assert found["read by libraries"] == [False, ["/nowhere"]]


def test_where_the_temporary_folder_is_too_long_for_a_socket_workers_import_for_themselves(
    tmp_path: Path,
) -> None:
    """Clusters give each job a folder of its own, whose name can be longer than a socket's may be."""
    folder = tmp_path / "jobs" / ("of-one-user-" * 8)
    folder.mkdir(parents=True)
    script = "import json\nfrom tests.executors.test_starting import answered\n"
    script += "print(json.dumps({'one': answered(), 'two': answered('TMPDIR')}))"
    saw = driven(script, TMPDIR=str(folder))
    assert saw == {"one": [False, []], "two": [False, [str(folder)]]}
    assert list(folder.iterdir()) == []
