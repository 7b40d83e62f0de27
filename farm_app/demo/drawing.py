"""Draw everything a prompt needs in one go on a thread, before the steps are paced."""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from farm_app.demo.cache import Result
from farm_app.demo.classes import SAMPLER_CLASSES
from farm_app.demo.ordering import links
from farm_app.demo.outputs import jpeg_bytes
from farm_app.demo.rendering import make
from farm_app.demo.values import Painter, Picture, Product, Studio

Graph = dict[str, Any]

PREVIEW_FRAMES = 6
"""Different preview frames per sampler; more steps than that repeat the newest frame."""
PREVIEW_SIDE = 512


@dataclass
class Drawing:
    """The results of one prompt's nodes, made in execution order on one thread.

    Args:
        graph: the graph, its literals cast.
        plan: the ids to make, in execution order.
        cached: results at hand.
        studio: what to draw with.
        previews: whether samplers need a first preview frame.
    """

    graph: Graph
    plan: list[str]
    cached: Mapping[str, Result]
    studio: Studio
    previews: bool
    seconds: float = 0.0
    """From the start to the last result; 0 until then."""
    first_frames: dict[str, bytes] = field(default_factory=dict)
    _products: dict[str, Product] = field(default_factory=dict)
    _futures: dict[str, "asyncio.Future[Product]"] = field(default_factory=dict)
    _finished: asyncio.Event = field(default_factory=asyncio.Event)
    _stopped: threading.Event = field(default_factory=threading.Event)
    _timer: asyncio.TimerHandle | None = None

    def start(self, pool: Executor, *, in_s: float = 0.0) -> None:
        """Begin on a thread of ``pool``, a while from now."""
        loop = asyncio.get_running_loop()
        self._futures = {node_id: loop.create_future() for node_id in self.plan}
        self._timer = loop.call_later(in_s, pool.submit, self._work, loop)

    def stop(self) -> None:
        """Give up after the node that is being made."""
        if self._timer is not None:
            self._timer.cancel()
        self._stopped.set()

    async def product(self, node_id: str) -> Product:
        """Wait for one node's result.

        Raises:
            Exception: whatever the node raised.
        """
        return await self._futures[node_id]

    async def everything(self) -> None:
        """Wait until all is made, or the first node has failed."""
        await self._finished.wait()

    def inputs(self, node_id: str) -> dict[str, Any]:
        """Return a node's inputs with links replaced by values; those not made yet are left out."""
        node = self.graph[node_id]
        linked = {name: (source, slot) for name, source, slot in links(node)}
        inputs: dict[str, Any] = {}
        for name, value in node["inputs"].items():
            if name not in linked:
                inputs[name] = value
                continue
            source, slot = linked[name]
            made = self._products.get(source) or self.cached.get(source)
            if made is not None:
                inputs[name] = made.values[slot]
        return inputs

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        begun = time.perf_counter()
        for node_id in self.plan:
            if self._stopped.is_set() or not self._make(loop, node_id):
                break
        self.seconds = time.perf_counter() - begun
        _in_loop(loop, self._finished.set)

    def _make(self, loop: asyncio.AbstractEventLoop, node_id: str) -> bool:
        class_name = self.graph[node_id]["class_type"]
        try:
            product = make(class_name, self.inputs(node_id), self.studio)
            if self.previews and class_name in SAMPLER_CLASSES:
                self.first_frames[node_id] = self._first_frame(product)
        except Exception as error:  # noqa: BLE001 - a node may raise anything; clients are told
            _in_loop(loop, _fail, self._futures[node_id], error)
            return False
        self._products[node_id] = product
        _in_loop(loop, _settle, self._futures[node_id], product)
        return True

    def _first_frame(self, product: Product) -> bytes:
        picture = small(product.values[0].pictures[0])
        return render_frame(self.studio.painter, picture, 1 / PREVIEW_FRAMES, 0)


def _settle(future: "asyncio.Future[Product]", product: Product) -> None:
    if not future.done():
        future.set_result(product)


def _fail(future: "asyncio.Future[Product]", error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # seen: that nobody came for the result is no mistake


def _in_loop(loop: asyncio.AbstractEventLoop, call: Any, *args: Any) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(call, *args)


def small(picture: Picture) -> Picture:
    """Return the picture no larger than a preview may be."""
    reduced = picture.copy()
    # By averages, whole ones first: a latent's cells are coarser than what a finer filter would save.
    reduced.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BOX, reducing_gap=1.0)
    return reduced


def render_frame(painter: Painter, picture: Picture, fraction: float, seed: int) -> bytes:
    """Return one preview frame as JPEG."""
    return jpeg_bytes(painter.preview(picture, fraction, seed))


class Reel:
    """Preview frames of one sampler; further ones are made aside and used once they are ready."""

    def __init__(self, first: bytes, picture: Picture, painter: Painter, pool: Executor) -> None:
        """Start making the other frames.

        Args:
            first: the frame that is there already.
            picture: what the sampler is going to show at the end.
            painter: draws the frames.
            pool: where they are drawn.
        """
        self._frames = [first]
        self._painter = painter
        self._stopped = threading.Event()
        pool.submit(self._render, picture)

    def _render(self, picture: Picture) -> None:
        reduced = small(picture)
        for number in range(2, PREVIEW_FRAMES + 1):
            if self._stopped.is_set():
                return
            fraction = number / PREVIEW_FRAMES
            self._frames.append(render_frame(self._painter, reduced, fraction, number))

    def frame(self, step: int, steps: int) -> bytes:
        """Return the frame for a step, or the newest there is."""
        wanted = -(-step * PREVIEW_FRAMES // steps) - 1
        return self._frames[min(wanted, len(self._frames) - 1)]

    def stop(self) -> None:
        """Make no more frames."""
        self._stopped.set()
