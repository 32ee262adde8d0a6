"""Is everything here that a selection needs? One check after the other, none of which changes anything."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from hubselect import __version__
from hubselect.api.opening import opened
from hubselect.errors import HubselectError
from hubselect.executors.devices import is_apple_accelerated, visible_cards
from hubselect.hub.probing import cache_folder, login, unreachable
from hubselect.registry import Registry
from hubselect.reports.numbers import counted, size

Status = Literal["ok", "warning", "problem"]
_LITTLE_DISK = 5_000_000_000
_EXTRAS = {
    "train": ("torch", "transformers", "datasets", "safetensors", "pillow"),
    "lora": ("peft",),
    "audio": ("soundfile",),
    "report": ("plotly",),
    "ray": ("ray",),
    "postgres": ("psycopg",),
}


@dataclass(frozen=True)
class Check:
    """What was looked at, what was found, and for all that is not `ok` what to do about it."""

    name: str
    status: Status
    found: str
    hint: str | None = None


def doctor(*, registry: Registry | str | Path | None = None) -> tuple[Check, ...]:
    """Check the libraries, the device, the Hub and the login, the cache and the registry.

    Nothing is written, and the Hub is asked two small questions. A "problem" stands in the way of
    selections; a "warning" is about something that is not needed by all.
    """
    return tuple(
        check
        for part in (_libraries, _device, _hub, _cache, lambda: _registry(registry))
        for check in _safely(part)
    )


def _safely(part: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from part()
    except HubselectError as error:
        yield Check("settings", "problem", error.message, error.hint)


def _libraries() -> Iterator[Check]:
    yield Check(
        "hubselect", "ok", f"{__version__} on Python {platform.python_version()}, {platform.system()}"
    )
    for extra, packages in _EXTRAS.items():
        there = {name: found for name in packages if (found := _version(name)) is not None}
        absent = [name for name in packages if name not in there]
        told = ", ".join(f"{name} {found}" for name, found in there.items())
        if not absent:
            yield Check(f"extra {extra}", "ok", told)
        else:
            status: Status = "problem" if extra == "train" else "warning"
            hint = f"run `pip install 'hubselect[{extra}]'`"
            yield Check(f"extra {extra}", status, f"not installed: {', '.join(absent)}", hint)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _device() -> Iterator[Check]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    cards = visible_cards()
    if cards:
        free = ", ".join(f"card {c.name}: {size(c.free)} free" for c in cards)
        yield _cuda(free)
    elif is_apple_accelerated():
        yield Check("device", "ok", f"Apple silicon, {cores} cores")
    else:
        yield Check("device", "ok", f"no GPU: trains on {cores} CPU cores")


def _cuda(free: str) -> Check:
    """A card is of use to a torch that was built for it only."""
    if find_spec("torch") is None:
        return Check("device", "warning", f"{free}; torch is not installed")
    from hubselect.training.device import cuda_name

    name = cuda_name()
    if name is not None:
        return Check("device", "ok", f"{name} ({free})")
    return Check("device", "warning", f"{free}; this torch cannot use it", "install a torch built for CUDA")


def _hub() -> Iterator[Check]:
    from hubselect.hub import endpoint_notice, hub_endpoint

    where, reason = hub_endpoint(), unreachable()
    if reason is not None:
        hint = "check the network and HF_ENDPOINT; what is in the cache can be used offline"
        yield Check("Hub", "problem", f"{where}: {reason}", hint)
        return
    notice = endpoint_notice()
    yield Check("Hub", "warning" if notice else "ok", f"{where} answers{f'; {notice}' if notice else ''}")
    account = login()
    if account.problem:
        yield Check("login", "warning", account.problem, "log in again with `hf auth login`")
    else:
        told = account.name or "none: public models and datasets only (`hf auth login` for others)"
        yield Check("login", "ok", told)


def _cache() -> Iterator[Check]:
    place = cache_folder()
    there = next(p for p in (place, *place.parents) if p.exists())
    free = shutil.disk_usage(there).free
    if not os.access(there, os.W_OK):
        yield Check("cache", "problem", f"{place} cannot be written", "choose another place with HF_HOME")
    elif free < _LITTLE_DISK:
        yield Check("cache", "warning", f"{place}: {size(free)} free", "make room, or bound --max-disk")
    else:
        yield Check("cache", "ok", f"{place}: {size(free)} free")


def _registry(registry: Registry | str | Path | None) -> Iterator[Check]:
    try:
        with opened(registry, create=False) as store:
            problems = store.check()
            if problems:
                first = problems[0]
                yield Check("registry", "problem", f"{first.what} ({first.where})", first.repair)
                return
            counts = f"{counted(store.count_models(), 'model')}, {counted(len(store.datasets()), 'dataset')}"
            yield Check("registry", "ok", f"{store.location}: {counts}")
    except HubselectError as error:
        yield Check("registry", "warning", error.message, error.hint)
