"""Pages of listings: where they may lead, how long to wait, what an entry becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from hubselect.errors import HubError, HubUnreachable, UnsupportedModel
from hubselect.hub.listings import listed_model, moment, tensor_bytes
from hubselect.hub.walking import ListQuery, Patience, check_origin, pages, wanted_wait

TEXT = "text-classification"


@pytest.mark.parametrize(
    "address",
    [
        "https://huggingface.co/api/models?cursor=1",
        "https://huggingface.co:443/api/models?cursor=1",
        "https://HuggingFace.co/api/datasets?cursor=x%3D",
    ],
)
def test_pages_of_the_endpoint_are_followed(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default port and the case of the host make no difference."""
    monkeypatch.setenv("HF_ENDPOINT", "https://huggingface.co")
    assert check_origin(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/api/models?cursor=1",
        "http://huggingface.co/api/models",
        "https://huggingface.co:8443/api/models",
        "https://huggingface.co.evil.example/api/models",
        "https://huggingface.co@evil.example/api/models",
        "https://user:pass@huggingface.co/api/models",
        "https://huggingface.co/other/models",
        "https://huggingface.co/api/../login",
        "https://huggingface.co:port/api/models",
        "/api/models?cursor=1",
        "",
    ],
)
def test_pages_elsewhere_are_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another host, scheme, port or path, and addresses with credentials."""
    monkeypatch.setenv("HF_ENDPOINT", "https://huggingface.co")
    with pytest.raises(HubError, match="not followed"):
        check_origin(address)


def test_answers_say_how_long_to_wait() -> None:
    """Retry-After in seconds or as a date, then the reset of an exhausted RateLimit."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert wanted_wait({"retry-after": "17"}) == 17
    assert 80 < (wanted_wait({"retry-after": later}) or 0) <= 90
    assert wanted_wait({"retry-after": "Mon, 01 Jan 2024 00:00:00 GMT"}) == 0
    assert wanted_wait({"retry-after": "soon"}) is None
    assert wanted_wait({"ratelimit": '"api";r=0;t=55'}) == 55
    assert wanted_wait({"ratelimit": '"api";r=3;t=55'}) is None
    assert wanted_wait({}) is None


def test_an_endpoint_that_never_answered_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection at the first page fails at once."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    waits: list[float] = []
    with pytest.raises(HubUnreachable):
        list(pages(ListQuery("models", TEXT), patience=Patience(), waiting=lambda s, _: waits.append(s)))
    assert waits == []


def test_the_size_is_that_of_the_tensors() -> None:
    """Two bytes for half precision, one for what is packed."""
    assert tensor_bytes({"parameters": {"F32": 10, "BF16": 5, "I8": 3, "F8_E4M3": 1}}) == 54
    assert tensor_bytes({"total": 5}) is None


def test_times_are_comparable_as_text() -> None:
    """Fractions of seconds sort after the whole second."""
    whole, part = moment("2024-05-01T00:00:00.000Z"), moment("2024-05-01T00:00:00.500Z")
    assert whole == "2024-05-01T00:00:00+00:00"
    assert part is not None
    assert whole < part
    assert moment("yesterday") is None
    assert moment(None) is None


def test_hostile_entries_are_refused_or_read_as_unknown() -> None:
    """Wrong types become unknown values; an entry without commit or files is no candidate."""
    item = {
        "id": "o/m",
        "sha": "a" * 40,
        "siblings": [{"rfilename": "config.json"}, {"rfilename": "pytorch_model.bin"}, "x", {}],
        "config": {"architectures": "Bert", "model_type": 5},
        "pipeline_tag": TEXT,
        "downloads": -4,
        "likes": 1 << 70,
        "tags": "none",
        "safetensors": [],
        "lastModified": 12,
        "model-index": [{"results": [{"dataset": None, "metrics": [{"type": "f1", "value": 1}]}]}, None],
        "evalResults": {"error": "x"},
    }
    found = listed_model(item, "text-classification")
    assert (found.model.downloads, found.model.likes, found.model.tags) == (0, 0, ())
    assert (found.model.weights_format, found.model.weights_bytes) == ("bin", None)
    assert (found.model.architecture, found.model.last_modified, found.claims) == (None, None, ())
    with pytest.raises(UnsupportedModel, match="no commit"):
        listed_model({**item, "sha": "main"}, "text-classification")
    with pytest.raises(UnsupportedModel, match="no complete weights"):
        listed_model({**item, "siblings": [{"rfilename": "config.json"}]}, "text-classification")
