"""The server: Daphne on a socket that was opened first, so that a busy port is found before anything starts."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from eliot.launch import standstill


class CannotListen(Exception):
    """The address cannot be used; says why and what to do."""


EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - asked for by name, and only for programs with a token


def open_socket(host: str, port: int, *, has_tokens: bool = False) -> socket.socket:
    """Return a listening socket.

    Args:
        host: A loopback address; once there is a token for programs, ``0.0.0.0`` too.
        port: 0 takes a free one.
        has_tokens: Whether there is one.

    Raises:
        CannotListen: Eliot may not listen on that host, or the port is taken.
    """
    require_permitted(host, has_tokens=has_tokens)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as fault:
        listener.close()
        msg = f"Port {port} on {host} is in use or not allowed ({fault.strerror}). Choose another with --port."
        raise CannotListen(msg) from fault
    listener.setblocking(False)
    return listener


def require_permitted(host: str, *, has_tokens: bool) -> None:
    """Refuse every address but this machine's own, since there are no accounts, and all of them for programs with a token.

    Raises:
        CannotListen: It is another one.
    """
    if host == EVERYWHERE and has_tokens:
        return
    name = "127.0.0.1" if host == "localhost" else host
    try:
        is_ours = ip_address(name).is_loopback
    except ValueError:
        is_ours = False
    if not is_ours:
        msg = (
            f"Eliot has no accounts yet, so it listens on this machine only, not on {host}. "
            "Use --host 127.0.0.1, and an SSH tunnel from elsewhere. For programs, make a token with "
            f"`manage.py api_token create NAME`; then --host {EVERYWHERE} lets them in to the API."
        )
        raise CannotListen(msg)


def _endpoint(listener: socket.socket) -> str:
    """Describe the open socket to Twisted, which adopts only IPv4 ones by number."""
    if listener.family == socket.AF_INET:
        return f"fd:fileno={listener.detach()}"  # Twisted owns and closes it from here on
    host, port = listener.getsockname()[:2]
    listener.close()
    escaped = str(host).replace(":", r"\:")
    return f"tcp6:{port}:interface={escaped}"


def serve(listener: socket.socket, when_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; calls ``when_ready`` once pages are answered."""
    from daphne.server import Server

    from eliot.asgi import application

    def begin() -> None:
        loop = asyncio.get_event_loop()  # Daphne has set it and runs it next
        loop.call_soon(standstill.watch, loop)
        when_ready()

    server = Server(
        application=application,
        endpoints=[_endpoint(listener)],
        verbosity=0,
        ready_callable=begin,
        application_close_timeout=2,
        server_name="eliot",
    )
    server.run()
