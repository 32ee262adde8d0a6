"""The worker pool: real processes, real deaths."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from hubselect.errors import InvalidInput, TrainingFailed
from hubselect.executors.pool import Call, WorkerPool, default_workers


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def refuse(word: str) -> None:
    raise InvalidInput(f"no {word} here", "try another word")


def die_once(marker: str) -> str:
    """Dies the first time it is called, as a worker does that runs out of memory."""
    if not Path(marker).exists():
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "survived"


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def chain(*calls: Call, seen: list[Any] | None = None) -> Generator[Call, Any, None]:
    for call in calls:
        result = yield call
        if seen is not None:
            seen.append(result)


def test_each_chain_gets_its_results_in_order_and_keeps_its_worker() -> None:
    """Two chains on two workers: every call of a chain runs in the same process, results in order."""
    with WorkerPool(2) as pool:
        results: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}
        chains = {k: chain(*(Call(square, (i,)) for i in range(n, n + 3))) for k, n in (("a", 0), ("b", 10))}
        for key, result in pool.run(chains):
            results[key].append(result)
        first = {k: {pid for _, pid in v} for k, v in results.items()}
        again = {k: r[1] for k, r in pool.run({k: chain(Call(square, (2,))) for k in results})}
    assert [v for v, _ in results["a"]] == [0, 1, 4]
    assert [v for v, _ in results["b"]] == [100, 121, 144]
    assert all(len(pids) == 1 for pids in first.values())
    assert {k: {pid} for k, pid in again.items()} == first


def test_a_chain_sees_errors_as_results() -> None:
    """A `HubselectError` in a worker arrives whole, with its hint, and does not stop other chains."""
    with WorkerPool(1) as pool:
        results = dict(pool.run({"bad": chain(Call(refuse, ("cake",))), "good": chain(Call(square, (3,)))}))
    assert isinstance(results["bad"], InvalidInput)
    assert str(results["bad"]) == "no cake here. try another word"
    assert results["good"][0] == 9


def test_a_dead_worker_is_replaced_and_its_call_tried_again(tmp_path: Path) -> None:
    """One death is survived."""
    with WorkerPool(1) as pool:
        results = list(pool.run({"x": chain(Call(die_once, (str(tmp_path / "died"),)))}))
    assert results == [("x", "survived")]


def test_a_worker_that_dies_while_idle_is_replaced() -> None:
    """Workers wait at barriers with models in memory: one that is killed there costs nothing."""
    with WorkerPool(1) as pool:
        ((_, (_, pid)),) = pool.run({"x": chain(Call(square, (2,)))})
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        ((_, (result, other)),) = pool.run({"x": chain(Call(square, (3,)))})
    assert result == 9
    assert other != pid


def test_a_call_that_kills_its_worker_twice_fails_alone() -> None:
    """The second death ends the chain with `TrainingFailed`; the others finish."""
    with WorkerPool(2) as pool:
        results = dict(pool.run({"x": chain(Call(die)), "y": chain(Call(square, (4,)))}))
    assert isinstance(results["x"], TrainingFailed)
    assert results["y"][0] == 16


def test_workers_end_with_a_killed_driver(tmp_path: Path) -> None:
    """No worker goes on writing states after its driver was killed."""
    script = (
        "import os, sys, time\n"
        "from hubselect.executors.pool import Call, WorkerPool\n"
        "from tests.executors.test_pool import chain, slow\n"
        "pool = WorkerPool(1)\n"
        f"list(pool.run({{'x': chain(Call(slow, ({str(tmp_path / 'pid')!r},)))}}))\n"
    )
    driver = subprocess.Popen([sys.executable, "-c", script], cwd=Path(__file__).parents[2])
    pid_file = tmp_path / "pid"
    for _ in range(600):
        if pid_file.exists() and pid_file.read_text():
            break
        time.sleep(0.05)
    worker = int(pid_file.read_text())
    driver.kill()
    driver.wait()
    for _ in range(200):
        if not alive(worker):
            return
        time.sleep(0.05)
    raise AssertionError("the worker outlived its driver")


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    """Workers do not run the user's script again."""
    script = tmp_path / "script.py"
    script.write_text(
        "from hubselect.executors.pool import Call, WorkerPool\n"
        "from tests.executors.test_pool import chain, square\n"
        "with WorkerPool(1) as pool:\n"
        "    print([result[0] for _, result in pool.run({'x': chain(Call(square, (5,)))})])\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True)
    assert done.stdout == "[25]\n", done.stderr


def slow(pid_file: str) -> None:
    Path(pid_file).write_text(str(os.getpid()))
    time.sleep(60)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_workers_fit_cores_jobs_and_memory() -> None:
    """Never more workers than jobs, at least one, and one when a checkpoint fills the memory."""
    assert default_workers(1) == 1
    assert default_workers(10**6, bytes_per_job=10**15) == 1
    assert 1 <= default_workers(10**6) <= (os.cpu_count() or 1)
