"""The HTTP server of one demo node: started, stopped."""

import asyncio
import logging

from aiohttp import web

from farm_app.demo.features import MAX_UPLOAD_BYTES
from farm_app.demo.guard import MIDDLEWARES, NODE
from farm_app.demo.node import DemoNode
from farm_app.demo.routes import ALL_ROUTES
from farm_app.demo.spec import NodeSpec
from farm_app.demo.values import Painter
from farm_app.demo.workshop import Workshop

logger = logging.getLogger(__name__)


class NodeServer:
    """A node that listens; everything but the files in its folder is forgotten when it stops."""

    def __init__(
        self, spec: NodeSpec, workshop: Workshop | None = None, painter: Painter | None = None
    ) -> None:
        """Prepare, without listening yet.

        Args:
            spec: what the node is like.
            workshop: threads shared with other nodes; its own if missing.
            painter: draws instead of the module that ``spec.painter`` names.
        """
        self.spec = spec
        self.port = spec.port
        """The real port, once started."""
        self._own_workshop = workshop is None
        self._workshop = workshop or Workshop()
        self.node = DemoNode(spec, self._workshop, painter)
        self._tasks: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen, and begin to work.

        Raises:
            OSError: the port is busy.
        """
        app = web.Application(middlewares=MIDDLEWARES, client_max_size=MAX_UPLOAD_BYTES)
        app[NODE] = self.node
        for routes in ALL_ROUTES:
            app.add_routes(routes)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.spec.host, self.spec.port).start()
        self.port = self.node.port = self._runner.addresses[0][1]
        self._workshop.warm_up(self.node.engine.painter)
        self._tasks = [
            asyncio.create_task(self.node.engine.work(), name=f"{self.spec.name} worker"),
            asyncio.create_task(self.node.sockets.publish(), name=f"{self.spec.name} sockets"),
            asyncio.create_task(self.node.monitor.tell(), name=f"{self.spec.name} monitor"),
        ]
        logger.info("%s listens on %s:%s", self.spec.name, self.spec.host, self.port)

    async def stop(self) -> None:
        """Stop as a killed process does: sockets are cut, the running prompt leaves no record."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.node.sockets.drop_all()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._own_workshop:
            self._workshop.close()
        self.node.ledger.close()
