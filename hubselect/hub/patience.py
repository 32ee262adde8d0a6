"""How long a Hub that says "later" is waited for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from re import search
from typing import TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Patience:
    """How long to wait for a Hub that says "later".

    After a 429 or 5xx answer, or a lost connection, the same is asked again, up to `tries` times in
    all: after as many seconds as the answer asks for (`Retry-After`, or the reset of `RateLimit`),
    else after `first`, doubled each time. Longer than `longest` is not waited.
    """

    tries: int = 6
    first: float = 1.0
    longest: float = 900.0


PATIENCE = Patience(tries=4, longest=300.0)
"""For single requests and downloads: the Hub counts its requests in windows of five minutes."""

_SILENT_TRIES = 2
_LASTING = ("ConnectError", "ConnectTimeout", "ProxyError", "UnsupportedProtocol", "TooManyRedirects")
_WORTH_SAYING = 2.0


def persistent(call: Callable[[], T], *, rate_limits: bool = True) -> T:
    """What `call` returns, asked again as `PATIENCE` says; in the end its own error is raised.

    An endpoint that refuses connections is not waited for, one that accepts them and stays silent is
    asked twice. `rate_limits` is False for calls that wait for the end of a rate limit themselves, as
    downloads do. `call` must be safe to repeat.
    """
    delay = PATIENCE.first
    attempt = 1
    while True:
        try:
            return call()
        except Exception as error:
            seconds = _pause(error, attempt, delay, rate_limits)
            if seconds is None:
                raise
            if seconds >= _WORTH_SAYING:
                logger.warning("hubselect: %s; asking again in %.0f s", _why(error), seconds)
        time.sleep(seconds)
        delay = min(2 * delay, PATIENCE.longest)
        attempt += 1


def wanted_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds an answer asks to wait: `Retry-After` (seconds or a date), else the reset time `t` of an
    exhausted `RateLimit`; None when it does not say."""
    given = headers.get("retry-after", "").strip()
    if given.isdecimal():
        return float(given)
    if given:
        try:
            until = parsedate_to_datetime(given)
        except ValueError:
            return None
        return max(0.0, (until.astimezone(UTC) - datetime.now(UTC)).total_seconds())
    reset = search(r";\s*r\s*=\s*0\b.*;\s*t\s*=\s*(\d+)", headers.get("ratelimit", ""))
    return float(reset[1]) if reset else None


def passes_by_itself(status: int) -> bool:
    """Whether an answer of this status may be another one later."""
    return status == 429 or status >= 500


def _pause(error: Exception, attempt: int, delay: float, rate_limits: bool) -> float | None:
    """Seconds until the next try, None when there is none."""
    from huggingface_hub import errors as hf

    transport_error: type[Exception] = hf.HTTPError  # type: ignore[attr-defined]
    if attempt >= PATIENCE.tries:
        return None
    if isinstance(error, hf.HfHubHTTPError):
        status, asked = error.response.status_code, wanted_wait(error.response.headers)
        seconds = delay if asked is None else asked
        passes = passes_by_itself(status) and (rate_limits or status != 429)
        return seconds if passes and seconds <= PATIENCE.longest else None
    if isinstance(error, transport_error):
        name = type(error).__name__
        over = name in _LASTING or ("Timeout" in name and attempt >= _SILENT_TRIES)
        return None if over else delay
    return delay if cut_short(error) else None


def cut_short(error: Exception) -> bool:
    """Whether the client got a file of another length than was announced."""
    return type(error) is OSError and "Consistency check failed" in str(error)


def _why(error: Exception) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status == 429:
        return "the Hub limits the rate of requests (429)"
    return f"the Hub failed with status {status}" if status else "the connection to the Hub was lost"
