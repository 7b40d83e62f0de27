"""Several demo nodes at once: the farm of the first run, and one process that serves them all."""

import asyncio
import contextlib
import errno
import json
import signal
import sys
from collections.abc import Callable, Iterable, Sequence

from farm_app.demo.server import NodeServer
from farm_app.demo.spec import NodeSpec
from farm_app.demo.workshop import Workshop

READY_LINE = "ready"


class PortBusy(OSError):
    """Something else listens where a node should."""


async def serve(
    specs: Iterable[NodeSpec],
    stop: asyncio.Event,
    ready: Callable[[Sequence[NodeServer]], None] = lambda servers: None,
) -> None:
    """Serve nodes in this loop until ``stop`` is set.

    Raises:
        PortBusy: nothing is left running.
    """
    workshop = Workshop()
    servers: list[NodeServer] = []
    try:
        for spec in specs:
            server = NodeServer(spec, workshop)
            servers.append(server)
            await _start(server)
        ready(servers)
        await stop.wait()
    finally:
        for server in servers:
            await server.stop()
        workshop.close()


async def _start(server: NodeServer) -> None:
    spec = server.spec
    try:
        await server.start()
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        text = f"{spec.name}: port {spec.port} on {spec.host} is busy; free it or choose another"
        raise PortBusy(error.errno, text) from None


def announce(servers: Sequence[NodeServer]) -> None:
    """Print the line that says that all nodes listen."""
    nodes = [
        {"name": server.spec.name, "host": server.spec.host, "port": server.port}
        for server in servers
    ]
    sys.stdout.write(json.dumps({READY_LINE: True, "nodes": nodes}) + "\n")
    sys.stdout.flush()


def run(specs: Iterable[NodeSpec], until: Callable[[asyncio.Event], None] | None = None) -> int:
    """Serve all nodes in one loop of this process until SIGTERM or SIGINT; return an exit code.

    Args:
        specs: the nodes.
        until: called inside the loop with an event that ends the farm when set.
    """
    sys.setswitchinterval(0.001)  # drawing threads must not hold up the pacing of other nodes

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(number, stop.set)
        if until is not None:
            until(stop)
        await serve(specs, stop, announce)

    try:
        asyncio.run(main())
    except PortBusy as error:
        sys.stderr.write(f"{error.strerror}\n")
        return 1
    return 0
