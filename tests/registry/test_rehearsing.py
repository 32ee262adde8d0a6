"""A registry to try things out in, of which nothing stays."""

from __future__ import annotations

from hubselect.records import Model
from hubselect.registry import Registry
from tests.registry.conftest import TEXT, fill


def test_what_is_written_meanwhile_is_gone_afterwards(registry: Registry) -> None:
    """The copy holds everything and takes writes; the registry sees none, and can be written itself."""
    fill(registry)
    before = registry.models()
    with registry.unchanged() as copy:
        assert type(copy) is type(registry)
        assert copy.models() == before
        assert copy.location != registry.location
        copy.add_model(Model("org/new", TEXT))
        registry.add_model(Model("org/other", TEXT))
        assert "org/other" not in {m.id for m in copy.models()}
    assert {m.id for m in registry.models()} == {*(m.id for m in before), "org/other"}
