"""The mini hub as an ASGI application: address -> handler -> answer, with journal and faults."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import parse_qs, unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from hubselect.demo.hub_answers import Answer, ApiError, Call, FileAnswer
from hubselect.demo.hub_journal import Fault, Faults, Journal, Request
from hubselect.demo.hub_repos import RepositoryStore
from hubselect.demo.hub_routes import Route, find_route

logger = logging.getLogger(__name__)


class HubApp:
    """Serves a RepositoryStore; every answered request goes to the journal."""

    def __init__(self, store: RepositoryStore, journal: Journal, faults: Faults, page_size: int) -> None:
        self.store = store
        self.journal = journal
        self.faults = faults
        self.page_size = page_size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = HttpRequest(scope, receive)
        found = find_route(http.method, scope["raw_path"].decode("ascii"))
        asked = _describe(http, found[1] if found else {})
        fault = self.faults.take(asked)
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
        if fault is not None and fault.status is not None:
            answer: Answer = ApiError(fault.status, "Fault", "A fault was asked for").response()
        else:
            answer = await self._answer(http, found)
        await _deliver(answer, asked, fault, self.journal, send)

    async def _answer(self, http: HttpRequest, found: tuple[Route, dict[str, str]] | None) -> Answer:
        if found is None:
            return ApiError(404, "NotFound", "No such endpoint in the mini hub").response()
        route, parts = found
        body = await http.body()
        is_form = http.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
        call = Call(
            method=http.method,
            parts=parts,
            query=parse_qs(http.url.query, keep_blank_values=True),
            form=parse_qs(body.decode("utf-8", "replace")) if is_form else {},
            headers=http.headers,
            url=str(http.url.replace(query="")),
            store=self.store,
            page_size=self.page_size,
            body=body,
        )
        try:
            return await run_in_threadpool(route.handler, call)
        except ApiError as error:
            return error.response()
        except Exception as error:
            logger.exception("%s %s", http.method, http.url.path)
            return ApiError(500, "InternalError", f"{type(error).__name__}: {error}").response()


async def _deliver(answer: Answer, asked: Request, fault: Fault | None, journal: Journal, send: Send) -> None:
    """Send an answer; it is in the journal before the client can have seen its end.

    An answer that ends early (a cut, a file that shrank) leaves the response incomplete, on which
    the server closes the connection.
    """
    status, headers, chunks = _parts(answer, fault)
    length = int(headers.get("content-length", 0))
    if asked.method == "HEAD":
        length, chunks = 0, iter(())
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()],
    }
    if length == 0:
        journal.add(replace(asked, status=status))
        await send(start)
        await send({"type": "http.response.body", "body": b""})
        return
    await send(start)
    sent = 0
    for chunk in chunks:
        sent += len(chunk)
        if sent == length:
            journal.add(replace(asked, status=status, bytes_sent=sent))
        await send({"type": "http.response.body", "body": chunk, "more_body": sent < length})
    if sent < length:
        journal.add(replace(asked, status=status, bytes_sent=sent))


def _parts(answer: Answer, fault: Fault | None) -> tuple[int, dict[str, str], Iterator[bytes]]:
    given = {**answer.headers, **(fault.headers if fault is not None else {})}
    headers = {name.lower(): value for name, value in given.items()}
    if isinstance(answer, FileAnswer):
        return answer.status, headers, _spoilt(answer.chunks(), fault)
    return answer.status_code, headers, _spoilt(iter((bytes(answer.body),)), fault)


def _spoilt(chunks: Iterator[bytes], fault: Fault | None) -> Iterator[bytes]:
    left = fault.cut if fault is not None else None
    for chunk in chunks:
        if fault is not None and fault.corrupt:
            chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
        if left is None:
            yield chunk
            continue
        if left > 0:
            yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


def _describe(http: HttpRequest, parts: dict[str, str]) -> Request:
    kind = parts.get("kind")
    return Request(
        method=http.method,
        path=unquote(http.scope["raw_path"].decode("ascii")),
        repo_id=parts.get("id"),
        file=parts.get("path") if "/resolve/" in http.url.path else None,
        range=http.headers.get("range"),
        query=http.url.query,
        repo_type=None if kind is None else (kind.strip("/") or "models"),
        authorized="authorization" in http.headers,
    )
