"""The five commands that are killed: what each starts from, when it is killed, and what must be the same.

The registries they start from are made once, by the command line, on the mini hub with tiny checkpoints.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hubselect.demo.server import MiniHub
from hubselect.registry import Registry
from hubselect.registry.migrations import HEAD, KNOWN
from tests.support import grouped, lab
from tests.support.kills import Asking, Life, finish, on_disk, recorded, said, sound, writing

TRAINING = ("add-model", "benchmark", "select")
NAMES = (*TRAINING, "registry pull", "migration")
SUITE = lab.BENCHMARKS[:2]
KNOWN_MODELS, NEW_MODELS = lab.MODELS[:3], lab.MODELS[3:]
REPO = "minihub/shared"
FROZEN = Path(__file__).parents[2] / "tests" / "registry" / "frozen"
CANDIDATES = 60_000
_CLOCK = frozenset({"seconds", "bytes_downloaded", "path", "finished_at"})
_ALEMBIC = threading.Lock()
"""alembic works for one thread of a process at a time."""

Environment = Mapping[str, str]


class Lost(AssertionError):
    """Something that was there is gone, was done twice, or is not what it should be."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Lost(what)


@dataclass
class Work:
    """One command: the registry it starts from and, after `measure`, what an undisturbed run leaves.

    Every life is followed by `after_kill` (what was finished must still be there), the last one by
    `compare`.
    """

    name: str
    words: tuple[str, ...]
    befores: tuple[Path, ...]
    expected: list[Any] = field(default_factory=list)
    at_once: bool = True
    """Done in one transaction, and there is nothing left to kill after that."""

    def measure(self, folder: Path, hub: MiniHub) -> None:
        """Run it undisturbed from each of the registries."""
        for number, before in enumerate(self.befores):
            place = folder / f"calm-{number}" / before.name
            shutil.rmtree(place.parent, ignore_errors=True)
            place.parent.mkdir(parents=True)
            shutil.copy(before, place)
            document = self._calm(place, hub, environment(hub, place.parent / "home"))
            self.expected.append(self._outcome(place, document))
            shutil.rmtree(place.parent)

    def _calm(self, place: Path, hub: MiniHub, env: Environment) -> Any:
        return finish(place, env, *self.words_for(place))

    def words_for(self, place: Path) -> tuple[str, ...]:
        return self.words

    def before(self, number: int) -> Path:
        return self.befores[number % len(self.befores)]

    def start(self, place: Path, hub: MiniHub, env: Environment) -> Life:
        return Life.start(place, env, *self.words_for(place))

    def wait(self, life: Life, place: Path, hub: MiniHub, dice: random.Random) -> None:
        """Until the moment of the kill."""
        raise NotImplementedError

    def sound(self, place: Path) -> bool:
        """Whether `registry check` finds nothing."""
        return sound(place)

    def after_kill(self, place: Path, memory: dict[str, Any]) -> float:
        """Check that nothing finished is gone; the share of the work that is finished."""
        raise NotImplementedError

    def compare(self, number: int, place: Path, document: Any, memory: dict[str, Any]) -> None:
        """The outcome after the kills is that of the undisturbed run."""
        expected, got = self.expected[number % len(self.befores)], self._outcome(place, document)
        for key in expected:
            require(got[key] == expected[key], f"{key} differs from that of the undisturbed run")

    def _outcome(self, place: Path, document: Any) -> dict[str, Any]:
        raise NotImplementedError


@dataclass
class Training(Work):
    """A command that fine-tunes: killed between, within and after stages, none of which is trained again."""

    at_once: bool = False
    stages: int = 0
    had: int = 0
    first: float = 0.0
    pace: float = 0.0
    tail: float = 0.0

    def _calm(self, place: Path, hub: MiniHub, env: Environment) -> Any:
        """Also measures the seconds to the first stage, from each to the next, and after the last."""
        self.had = count = _stages(place)
        life = self.start(place, hub, env)
        seen: list[float] = []
        while not life.ended:
            if (now := _stages(place)) > count:
                seen += [time.monotonic() - life.began] * (now - count)
                count = now
            time.sleep(0.05)
        document = life.document()
        life.close()
        self.stages, self.first = len(seen), seen[0]
        self.pace = (seen[-1] - seen[0]) / (len(seen) - 1)
        self.tail = time.monotonic() - life.began - seen[-1]
        return document

    def words_for(self, place: Path) -> tuple[str, ...]:
        return (*self.words, *(("--output", str(place.parent / "winner")) if self.name == "select" else ()))

    def wait(self, life: Life, place: Path, hub: MiniHub, dice: random.Random) -> None:
        """Before the first new stage, soon after one of the next three, or after the last."""
        finished = _stages(place)
        left = self.stages + self.had - finished
        new = dice.randint(0, min(left, 3))
        if new:
            life.until(lambda: _stages(place) >= finished + new, 0.05)
            life.rest(dice.uniform(0.0, self.pace if new < left else self.tail))
        else:
            life.rest(dice.uniform(0.2, self.first + (self.tail if not left else 0.0)))

    def after_kill(self, place: Path, memory: dict[str, Any]) -> float:
        now, seen = recorded(place), memory.get("recorded", {})
        require({k: now.get(k) for k in seen} == seen, "a recorded stage is gone or was trained again")
        memory["recorded"] = now
        memory.setdefault("kept", set()).update(on_disk(place))
        return (len(now) - self.had) / self.stages

    def compare(self, number: int, place: Path, document: Any, memory: dict[str, Any]) -> None:
        final, seen = recorded(place), memory.get("recorded", {})
        require({k: final.get(k) for k in seen} == seen, "a recorded stage is gone or was trained again")
        require(memory.get("kept", set()) <= set(final.values()), "a stage kept on disk was trained again")
        require(not list(place.parent.glob("*.files/work/*")), "a training state was left behind")
        super().compare(number, place, document, memory)

    def _outcome(self, place: Path, document: Any) -> dict[str, Any]:
        outcome: dict[str, Any] = {"stages": sorted(recorded(place)), **said(place, _CLOCK)}
        if self.name == "select":
            outcome |= {k: document[k] for k in ("model", "val_score", "test_score", "recalled", "history")}
            outcome["training_epochs"] = document["cost"]["training_epochs"]
            weights = Path(document["path"]) / "model.safetensors"
            outcome["weights"] = hashlib.sha256(weights.read_bytes()).hexdigest()
        return outcome


@dataclass
class Pull(Work):
    """All or nothing: killed at a request or in the merge that follows the last one."""

    requests: int = 0
    tail: float = 0.0

    def _calm(self, place: Path, hub: MiniHub, env: Environment) -> Any:
        asking = Asking(self.words, env, hub)
        document = asking.finish(place)
        self.requests, self.tail = asking.requests, asking.tail
        return document

    def start(self, place: Path, hub: MiniHub, env: Environment) -> Life:
        hub.reset()
        return super().start(place, hub, env)

    def wait(self, life: Life, place: Path, hub: MiniHub, dice: random.Random) -> None:
        Asking(self.words, {}, hub, self.requests, self.tail).wait(life, dice)

    def after_kill(self, place: Path, memory: dict[str, Any]) -> float:
        runs = said(place)["v_runs"]
        untouched = memory.setdefault("untouched", said(self.befores[0])["v_runs"])
        require(runs in (untouched, self.expected[0]["v_runs"]), "a pull is half there")
        return float(runs != untouched)

    def _outcome(self, place: Path, document: Any) -> dict[str, Any]:
        return said(place)


@dataclass
class Migration(Work):
    """Opening a registry of an older schema, killed while it holds the lock of the writer."""

    locked: float = 0.0

    def _calm(self, place: Path, hub: MiniHub, env: Environment) -> Any:
        """Also measures for how many seconds the database is locked."""
        life = self.start(place, hub, env)
        life.until(lambda: writing(place), 0.001)
        began = time.monotonic()
        life.until(lambda: not writing(place), 0.001)
        self.locked = max(self.locked, time.monotonic() - began)
        document = life.document()
        life.close()
        return document

    def wait(self, life: Life, place: Path, hub: MiniHub, dice: random.Random) -> None:
        life.until(lambda: writing(place), 0.001)
        life.rest(dice.uniform(0.0, self.locked))

    def after_kill(self, place: Path, memory: dict[str, Any]) -> float:
        """The schema is the old one or the newest, to the letter."""
        schema, now = memory.setdefault("schema", _schema(self._before(place))), _schema(place)
        require(now == schema or now[0] == HEAD, f"the schema is neither the old one nor {HEAD}")
        return float(now[0] == HEAD)

    def sound(self, place: Path) -> bool:
        """Asked of a copy: whoever opens it migrates it."""
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            for path in place.parent.glob(f"{place.name}*"):
                if path.is_file():
                    shutil.copy(path, folder)
            with _ALEMBIC:
                return sound(Path(folder) / place.name)

    def _before(self, place: Path) -> Path:
        return next(b for b in self.befores if b.stem == place.stem)

    def _outcome(self, place: Path, document: Any) -> dict[str, Any]:
        return {"datasets": document, "schema": _schema(place), **said(place)}


def environment(hub: MiniHub, home: Path) -> dict[str, str]:
    """Everything a command finds in its environment; nothing is in the caches below `home` at first."""
    own = {"HF_TOKEN": "hf_anybody", "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    root = str(Path(__file__).parents[2])
    paths = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    return {**os.environ, **hub.environment(home), **own, "PYTHONPATH": paths}


def prepared(folder: Path, hub: MiniHub, names: tuple[str, ...], tell: Callable[[str], None]) -> list[Work]:
    """The works called `names`, with their registries in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    env = environment(hub, folder / "home")
    works: list[Work] = []
    if set(TRAINING) & set(names):
        works += _trainings(folder, env, tell)
    if "registry pull" in names:
        tell("preparing: registry pull")
        works.append(_pull(folder, env))
    if "migration" in names:
        tell("preparing: migration")
        words = ("datasets",)
        works.append(Migration("migration", words, tuple(_old(folder, v) for v in KNOWN if v != HEAD)))
    return [work for work in works if work.name in names]


def _trainings(folder: Path, env: Environment, tell: Callable[[str], None]) -> list[Work]:
    tell("preparing: add-model, benchmark, select")
    empty, filled, grown = (folder / f"{name}.db" for name in ("empty", "filled", "grown"))
    benchmark = ("benchmark", "--epochs", "2", "--stages-per-epoch", "2", "--workers", "1")
    adding = ("add-model", *NEW_MODELS, "--workers", "1")
    if not grown.exists():
        for name in SUITE:
            finish(empty, env, "add-dataset", name)
        finish(empty, env, "add-model", *KNOWN_MODELS, "--no-benchmark")
        draft = Path(shutil.copy(empty, folder / "draft.db"))
        finish(draft, env, *benchmark)
        finish(draft, env, "cluster", "--threshold", "0.5")
        shutil.copy(draft, filled)
        finish(draft, env, *adding)
        draft.rename(grown)
    return [
        Training("add-model", adding, (filled,)),
        Training("benchmark", benchmark, (empty,)),
        Training("select", ("select", lab.TARGET, "-k", "5", "--workers", "1"), (grown,)),
    ]


def _pull(folder: Path, env: Environment) -> Work:
    before = folder / "shared" / "before.db"
    if not before.exists():
        before.parent.mkdir(exist_ok=True)
        with Registry.open(folder / "shared" / "theirs.db") as theirs:
            theirs.import_scores(grouped.rows(range(40, 400)), recipe="published", source="table")
        finish(folder / "shared" / "theirs.db", env, "registry", "push", REPO)
        draft = folder / "shared" / "draft.db"
        draft.unlink(missing_ok=True)
        grouped.write_clustered(draft)
        draft.rename(before)
    return Pull("registry pull", ("registry", "pull", REPO), (before,))


def _old(folder: Path, version: str) -> Path:
    """The frozen registry of that schema, with many candidates and imported proxy scores beside."""
    path = folder / f"{version}.db"
    if path.exists():
        return path
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    raw = sqlite3.connect(draft)
    raw.executescript((FROZEN / f"{version}.sql").read_text(encoding="utf-8"))
    with raw:
        raw.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
            " INSERT INTO models (repo_id, task, parameters, license, weights_files, labels, created_at)"
            " SELECT 'many/m' || i, 'image-classification', i * 37, 'mit', '[]', '[]', '2024-01-01' FROM n",
            (CANDIDATES,),
        )
        raw.execute(
            "INSERT INTO proxy_scores (dataset_id, proxy, model_id, score, origin, created_at)"
            " SELECT d.id, 'logme', m.id, 0.5, 'imported', '2024-01-01' FROM models m, datasets d"
            " WHERE m.repo_id LIKE 'many/%' AND d.role = 'benchmark'"
        )
    raw.close()
    draft.rename(path)
    return path


def _stages(place: Path) -> int:
    with sqlite3.connect(place) as raw:
        found = raw.execute("SELECT count(*) FROM curve_points").fetchone()
    raw.close()
    return int(found[0])


def _schema(place: Path) -> tuple[str, list[Any]]:
    with sqlite3.connect(place) as raw:
        (version,) = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        (whole,) = raw.execute("PRAGMA integrity_check").fetchone()
        require(whole == "ok", f"the database is damaged: {whole}")
        schema = raw.execute("SELECT type, name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    raw.close()
    return version, schema
