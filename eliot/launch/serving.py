"""The server: Daphne on a socket that was opened first, so that a busy port is found before anything starts."""

import socket
from collections.abc import Callable
from ipaddress import ip_address


class CannotListen(Exception):
    """The address cannot be used; says why and what to do."""


def open_socket(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        CannotListen: The host is not this machine's own, or the port is taken.
    """
    _require_loopback(host)
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


def _require_loopback(host: str) -> None:
    name = "127.0.0.1" if host == "localhost" else host
    try:
        is_ours = ip_address(name).is_loopback
    except ValueError:
        is_ours = False
    if not is_ours:
        msg = (
            f"Eliot has no accounts yet, so it listens on this machine only, not on {host}. "
            "Use --host 127.0.0.1, and an SSH tunnel from elsewhere."
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

    server = Server(
        application=application,
        endpoints=[_endpoint(listener)],
        verbosity=0,
        ready_callable=when_ready,
        application_close_timeout=2,
        server_name="eliot",
    )
    server.run()
