"""WebSocket connections of one server, and who gets which event."""

import asyncio
import json
import logging
import struct
import uuid
from typing import Any

from aiohttp import ClientError, WSMessage, WSMsgType, web

logger = logging.getLogger(__name__)

JPEG, PNG = 1, 2
IMAGE_TYPES = {JPEG: "image/jpeg", PNG: "image/png"}
PREVIEW_FRAME, PREVIEW_WITH_METADATA = 1, 4

Message = str | bytes


def text_message(event: str, data: Any) -> str:
    """Return a text frame."""
    return json.dumps({"type": event, "data": data})


def preview_frame(image: bytes, image_type: int) -> bytes:
    """Return a kind-1 frame: nobody can tell which prompt it belongs to."""
    return struct.pack(">II", PREVIEW_FRAME, image_type) + image


def preview_with_metadata(image: bytes, image_type: int, node_id: str, prompt_id: str) -> bytes:
    """Return a kind-4 frame, for sockets that announced ``supports_preview_metadata``."""
    about = {
        "node_id": node_id,
        "prompt_id": prompt_id,
        "display_node_id": node_id,
        "parent_node_id": None,
        "real_node_id": node_id,
        "image_type": IMAGE_TYPES[image_type],
    }
    text = json.dumps(about).encode()
    return struct.pack(">II", PREVIEW_WITH_METADATA, len(text)) + text + image


class Sockets:
    """Connections by client id; one outbox and one writer, as on the real server.

    The writer waits for each socket in turn, so one reader that is stuck holds up everybody's
    events. The newest connection of an id replaces the older one, and when *either* of them
    closes, the registration is gone.
    """

    def __init__(self, features: dict[str, Any]) -> None:
        """Start without connections.

        Args:
            features: what the server says in answer to feature flags.
        """
        self.features = features
        self.current_client: str | None = None
        """Whose prompt runs now; None when nobody's."""
        self.current_node: str | None = None
        """What ``executing`` said last; repeated to a client that comes back."""
        self._sockets: dict[str, web.WebSocketResponse] = {}
        self._flags: dict[str, dict[str, Any]] = {}
        self._transports: dict[str, asyncio.BaseTransport | None] = {}
        self._outbox: asyncio.Queue[tuple[Message, str | None]] = asyncio.Queue()

    def send(self, message: Message, client_id: str | None = None) -> None:
        """Put a frame into the outbox: for one client, or for everybody."""
        self._outbox.put_nowait((message, client_id))

    @property
    def has_listeners(self) -> bool:
        """Whether anybody is connected."""
        return bool(self._sockets)

    def supports_metadata(self, client_id: str | None) -> bool:
        """Whether this client's socket announced kind-4 previews."""
        flags = self._flags.get(client_id, {}) if client_id is not None else {}
        return bool(flags.get("supports_preview_metadata"))

    async def publish(self) -> None:
        """Write the outbox to the sockets until cancelled."""
        while True:
            message, client_id = await self._outbox.get()
            if client_id is None:
                targets = list(self._sockets.values())
            else:
                targets = [self._sockets[client_id]] if client_id in self._sockets else []
            for socket in targets:
                await _write(socket, message)

    async def serve(self, request: web.Request, status: dict[str, Any]) -> web.WebSocketResponse:
        """Hold one connection until it closes.

        Args:
            request: the upgrade request; ``clientId`` may be missing.
            status: the ``exec_info`` of the first message.
        """
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        client_id = request.query.get("clientId") or uuid.uuid4().hex
        self._sockets[client_id] = socket
        self._flags[client_id] = {}
        self._transports[client_id] = request.transport
        try:
            await _write(socket, text_message("status", {"status": status, "sid": client_id}))
            if self.current_client == client_id and self.current_node is not None:
                await _write(socket, text_message("executing", {"node": self.current_node}))
            await self._listen(socket, client_id)
        finally:
            self._sockets.pop(client_id, None)  # whoever is registered by now: the known trap
            self._flags.pop(client_id, None)
            self._transports.pop(client_id, None)
        return socket

    async def _listen(self, socket: web.WebSocketResponse, client_id: str) -> None:
        first = True
        async for message in socket:
            if message.type == WSMsgType.ERROR:
                logger.debug("socket %s failed: %s", client_id, socket.exception())
                continue
            said = _object(message)
            if first and said.get("type") == "feature_flags":
                self._flags[client_id] = said.get("data") or {}
                await _write(socket, text_message("feature_flags", self.features))
            first = False

    def drop_all(self) -> None:
        """Cut every connection without a close frame, as a dying process does."""
        for transport in list(self._transports.values()):
            if isinstance(transport, asyncio.Transport):
                transport.abort()


def _object(message: WSMessage) -> dict[str, Any]:
    """Return a JSON object that a client sent; anything else is junk and ignored."""
    if message.type != WSMsgType.TEXT:
        return {}
    try:
        said = json.loads(message.data)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


async def _write(socket: web.WebSocketResponse, message: Message) -> None:
    try:
        if isinstance(message, bytes):
            await socket.send_bytes(message)
        else:
            await socket.send_str(message)
    except (ClientError, ConnectionError) as error:
        logger.debug("a socket is gone: %s", error)
