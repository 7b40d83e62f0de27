"""The media route inside Django, for servers and tests that have no ASGI in front."""

import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO
from uuid import UUID

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from gallery_app.media.answer import Answer, ask_from_scope, busy, not_found
from gallery_app.media.app import CHUNK_BYTES
from gallery_app.media.look import first_look, second_look


@require_safe
def thumb(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Answer like ``media_app``."""
    return _respond(request)


@require_safe
def file(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """Answer like ``media_app``."""
    return _respond(request)


def _respond(request: HttpRequest) -> HttpResponseBase:
    answer = _answer(_scope(request))
    response: HttpResponseBase = HttpResponse(answer.body, status=answer.status)
    if answer.stream is not None and request.method != "HEAD":
        chunks = _chunks(answer.stream, answer.start, answer.length)
        response = StreamingHttpResponse(chunks, status=answer.status)
    else:
        answer.close()
    del response["Content-Type"]
    for name, value in answer.headers:
        response[name.decode()] = value.decode()
    return response


def _answer(scope: Mapping[str, Any]) -> Answer:
    ask = ask_from_scope(scope)
    if ask is None:
        return not_found()
    found = first_look(scope, ask)
    if isinstance(found, Answer):
        return found
    try:
        return second_look(ask, found)
    except OSError:
        return busy()


def _scope(request: HttpRequest) -> Mapping[str, Any]:
    """Return the ASGI scope, or under WSGI what the policy and the answer read of one."""
    scope: Mapping[str, Any] | None = getattr(request, "scope", None)
    if scope is not None:
        return scope
    meta = request.META
    names = [(name.lower().encode(), text.encode("latin-1")) for name, text in _headers(request)]
    return {
        "type": "http",
        "method": request.method,
        "path": request.path,
        "root_path": meta.get("SCRIPT_NAME", ""),
        "query_string": meta.get("QUERY_STRING", "").encode("latin-1"),
        "headers": names,
        "client": (meta.get("REMOTE_ADDR", ""), 0),
        "server": (meta.get("SERVER_NAME", ""), int(meta.get("SERVER_PORT", 80))),
    }


def _headers(request: HttpRequest) -> Iterator[tuple[str, str]]:
    yield from request.headers.items()


def _chunks(stream: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with stream:
        at, end = start, start + length
        while at < end and (block := os.pread(stream.fileno(), min(CHUNK_BYTES, end - at), at)):
            at += len(block)
            yield block
