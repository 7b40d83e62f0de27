"""A page under watch: whatever a browser finds wrong with it makes the test fail."""

import re
from collections.abc import Sequence

from playwright.sync_api import ConsoleMessage, Page, Request, Response, WebSocket

FLEETING = (
    # A frame lives as long as its render: one that ended while the browser asked for it has none any more.
    r"404.*/farm/jobs/\d+/preview/\d+",
    # So htmx tells that one left while it asked; what else fails is seen as a failed or refused request.
    r"^console: htmx:(afterRequest|sendError|sendAbort),",
)
SIZES = {"desk": (1440, 900), "phone": (390, 844)}


class Watch:
    """Collects console errors, refusals of the content policy, failed, foreign and refused requests."""

    def __init__(self, page: Page, address: str, *, expected: Sequence[str] = ()) -> None:
        self.faults: list[str] = []
        self.address = address
        self.expected = [re.compile(pattern) for pattern in (*expected, *FLEETING)]
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._note(f"script: {error}"))
        page.on("request", self._request)
        page.on("requestfailed", self._failed)
        page.on("response", self._response)
        page.on("websocket", self._socket)

    def _note(self, fault: str) -> None:
        if not any(pattern.search(fault) for pattern in self.expected):
            self.faults.append(fault)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._note(f"console: {message.text} {message.location['url']}")

    def _request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.address}/", "data:", "blob:")):
            self._note(f"foreign: {request.url}")

    def _socket(self, socket: WebSocket) -> None:
        if not socket.url.startswith(self.address.replace("http", "ws", 1)):
            self._note(f"foreign: {socket.url}")

    def _failed(self, request: Request) -> None:
        # What a page still loads when one leaves it is aborted, which is no fault.
        if request.failure != "net::ERR_ABORTED":
            self._note(f"failed: {request.method} {request.url} {request.failure}")

    def _response(self, response: Response) -> None:
        if response.status >= 400:
            self._note(f"refused: {response.status} {response.request.method} {response.url}")
