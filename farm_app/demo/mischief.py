"""Carry out request faults: wrong answers, cut answers, no answers."""

import asyncio
import base64
import json
import logging
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from farm_app.demo.faults import Rule
from farm_app.demo.validation import prompt_error

logger = logging.getLogger(__name__)

Deeds = Mapping[str, Any]

STREAMING = {"flood", "drip", "claim"}
SPOILING = {"merge", "set", "truncate", "headers", "flip"} | STREAMING
NOTHING = b" " * 2**20

SERVED_FILE = web.RequestKey("served_file", Path)
"""Which file a handler is about to send; its bytes are not in the answer yet."""


async def misbehave(rule: Rule, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer a request as the rule says."""
    deeds = rule.do
    logger.info("fault on %s %s: %s", request.method, request.path, dict(deeds))
    await _wait(rule, deeds)
    if "exit" in deeds:
        os._exit(int(deeds["exit"]))
    if "hang" in deeds:
        await hang(deeds["hang"])
    if _resets(rule, deeds):
        return _cut(request, reset=True)
    if "reject" in deeds:
        return _reject(str(deeds["reject"]))
    if deeds.get("accept"):
        answer = await handler(request)
        then = deeds.get("then", {})
        await _wait(rule, then)
        return await _spoil(then, request, answer)
    if _canned(deeds):
        return await _spoil(deeds, request, web.Response())
    if deeds.get("drop_response"):
        return _cut(request, reset=False)
    return await _spoil(deeds, request, await handler(request))


async def hang(seconds: Any) -> None:
    """Wait for that many seconds; for ever if it is just ``true``."""
    if seconds is True:
        await asyncio.Event().wait()
    await asyncio.sleep(float(seconds))


async def _wait(rule: Rule, deeds: Deeds) -> None:
    delay = deeds.get("latency_ms", 0) + deeds.get("jitter_ms", 0) * rule.chance.random()
    if delay:
        await asyncio.sleep(delay / 1000)


def _resets(rule: Rule, deeds: Deeds) -> bool:
    return bool(deeds.get("reset")) or rule.chance.random() < deeds.get("reset_probability", 0)


def _canned(deeds: Deeds) -> bool:
    return any(key in deeds for key in ("status", "json", "body", "body_base64"))


def _reject(kind: str) -> web.Response:
    """Refuse a graph; types that belong to a node are put under one."""
    if kind.startswith(("prompt_", "missing_node", "invalid_prompt", "no_prompt")):
        error, node_errors = prompt_error(kind, kind.replace("_", " ").capitalize()), {}
    else:
        error = prompt_error("prompt_outputs_failed_validation", "Prompt outputs failed validation")
        problem = prompt_error(kind, kind.replace("_", " ").capitalize(), "scripted fault")
        node_errors = {
            "4": {
                "errors": [problem],
                "dependent_outputs": [],
                "class_type": "CheckpointLoaderSimple",
            }
        }
    return web.json_response({"error": error, "node_errors": node_errors}, status=400)


async def _spoil(
    deeds: Deeds, request: web.Request, answer: web.StreamResponse
) -> web.StreamResponse:
    if deeds.get("drop_response"):
        return _cut(request, reset=False)
    if not _canned(deeds) and not SPOILING & set(deeds):
        return answer
    body, content_type = _body(deeds, request, answer)
    status = int(deeds.get("status", answer.status))
    headers = {"Content-Type": content_type, **deeds.get("headers", {})}
    if STREAMING & set(deeds):
        return await _stream(request, body, deeds, status, headers)
    if "truncate" not in deeds:
        return web.Response(status=status, body=body, headers=headers)
    return await _send_cut(request, body, deeds, status, headers)


def _body(deeds: Deeds, request: web.Request, answer: web.StreamResponse) -> tuple[bytes, str]:
    if "json" in deeds:
        return json.dumps(deeds["json"]).encode(), "application/json; charset=utf-8"
    if "body_base64" in deeds:
        return base64.b64decode(deeds["body_base64"]), answer.headers.get("Content-Type", "")
    if "body" in deeds:
        return str(deeds["body"]).encode(), "text/html; charset=utf-8"
    body = _real_body(request, answer)
    if "merge" in deeds:
        body = json.dumps({**json.loads(body), **deeds["merge"]}).encode()
    if "set" in deeds:
        body = _with_values(body, deeds["set"])
    if "flip" in deeds:
        body = flipped(body, deeds["flip"])
    return body, answer.headers.get("Content-Type", answer.content_type)


def _with_values(body: bytes, values: Mapping[str, Any]) -> bytes:
    answer = json.loads(body)
    for path, value in values.items():
        *way, last = path.split(".")
        found = [answer]
        for key in way:
            found = [inner for one in found for inner in _under(one, key)]
        for one in found:
            one.update(dict.fromkeys(one if last == "*" else [last], value))
    return json.dumps(answer).encode()


def _under(found: Any, key: str) -> list[Any]:
    inner = list(found.values()) if key == "*" else [found.get(key)]
    return [one for one in inner if isinstance(one, dict)]


def flipped(body: bytes, where: float) -> bytes:
    """Return the bytes with one bit changed."""
    at = cut_length(len(body) - 1, where)
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] if body else body


async def _stream(
    request: web.Request, body: bytes, deeds: Deeds, status: int, headers: dict[str, str]
) -> web.StreamResponse:
    """Send more than is good, more slowly, or less than was announced."""
    response = web.StreamResponse(status=status, headers=headers)
    drip = deeds.get("drip", {})
    if "claim" in deeds:
        response.content_length = int(deeds["claim"])
    elif "flood" not in deeds:
        response.content_length = len(body)
    await response.prepare(request)
    size = int(drip.get("bytes", 65536))
    for begin in range(0, len(body), size):
        await response.write(body[begin : begin + size])
        await asyncio.sleep(drip.get("pause_ms", 0) / 1000)
    for _ in range(int(deeds.get("flood", 0)) // len(NOTHING)):
        await response.write(NOTHING)
    return _cut(request, reset=False, answer=response) if "claim" in deeds else response


def _real_body(request: web.Request, answer: web.StreamResponse) -> bytes:
    if SERVED_FILE in request:
        return request[SERVED_FILE].read_bytes()
    body = answer.body if isinstance(answer, web.Response) else b""
    return body if isinstance(body, bytes) else b""


async def _send_cut(
    request: web.Request, body: bytes, deeds: Deeds, status: int, headers: dict[str, str]
) -> web.StreamResponse:
    kept = body[: cut_length(len(body), deeds["truncate"])]
    if not deeds.get("keep_content_length"):
        return web.Response(status=status, body=kept, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(kept)
    return _cut(request, reset=False, answer=response)


def cut_length(whole: int, cut: float) -> int:
    """Return how many bytes stay: a share below 1, a count, or minus what is dropped."""
    if isinstance(cut, float) and 0 < cut < 1:
        return int(whole * cut)
    return max(whole + int(cut), 0) if cut < 0 else min(int(cut), whole)


def _cut(
    request: web.Request, *, reset: bool, answer: web.StreamResponse | None = None
) -> web.StreamResponse:
    """Close the connection without an answer: politely, or with a TCP reset."""
    transport = request.transport
    if transport is not None and reset:
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    elif transport is not None:
        transport.close()
    return answer or web.Response()
