"""What stands in the way is found and named with its remedy; nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubselect import Registry, doctor
from hubselect.api.doctor import Check
from hubselect.demo.server import MiniHub


def by_name(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.name: check for check in checks}


def test_where_all_is_well_nothing_is_a_problem(hub: MiniHub, tmp_path: Path) -> None:
    with Registry.open(tmp_path / "registry.db") as store:
        found = by_name(doctor(registry=store))
    assert {check.status for check in found.values()} <= {"ok", "warning"}
    assert found["registry"].status == "ok"
    assert "0 models" in found["registry"].found
    assert hub.url in found["Hub"].found
    assert found["Hub"].status == "warning"  # it is not the public one
    assert found["login"].found.startswith("none")
    assert found["extra train"].status == "ok"
    assert all(check.hint for check in found.values() if check.status == "problem")


def test_a_hub_that_does_not_answer_is_a_problem(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("HUBSELECT_NAMED_ENDPOINT", "")  # set by the client, and as it was afterwards
    found = by_name(doctor(registry=tmp_path / "registry.db"))
    assert found["Hub"].status == "problem"
    assert "HF_ENDPOINT" in (found["Hub"].hint or "")
    assert "login" not in found


def test_a_token_that_the_hub_does_not_know_is_named(
    hub: MiniHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    hub.fault("/api/whoami-v2", status=401, times=None)
    found = by_name(doctor(registry=tmp_path / "registry.db"))
    assert found["login"].status == "warning"
    assert "hf auth login" in (found["login"].hint or "")
    assert "hf_wrong" not in repr(found)


def test_a_registry_that_is_none_or_broken_says_so_and_stays_as_it_is(hub: MiniHub, tmp_path: Path) -> None:
    assert by_name(doctor(registry=tmp_path / "none.db"))["registry"].status == "warning"
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "broken.db").write_bytes(b"this is no database, but long enough to be looked at" * 40)
    broken = by_name(doctor(registry=tmp_path / "broken.db"))["registry"]
    assert broken.status != "ok"
    assert broken.hint


def test_an_extra_that_is_missing_says_how_to_install_it(
    hub: MiniHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from hubselect.api import doctor as module

    found = module._version
    monkeypatch.setattr(module, "_version", lambda name: None if name == "torch" else found(name))
    checks = by_name(doctor(registry=tmp_path / "registry.db"))
    assert checks["extra train"].status == "problem"
    assert "pip install 'hubselect[train]'" in (checks["extra train"].hint or "")
