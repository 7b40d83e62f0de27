"""The one worker of a node: takes prompts, draws them, paces their events as recorded."""

import asyncio
import logging
import random
import string
import traceback
from collections.abc import Callable
from typing import Any

from farm_app.demo import timing
from farm_app.demo.cache import NEVER_CACHED, NodeCache, Result, signatures
from farm_app.demo.classes import IMAGE_LOADERS, SAMPLER_CLASSES
from farm_app.demo.drawing import Drawing, Reel
from farm_app.demo.failures import Interrupted, message_of, shown, type_name
from farm_app.demo.folders import Folders
from farm_app.demo.inventory import Inventory
from farm_app.demo.ledger import Ledger
from farm_app.demo.ordering import execution_order
from farm_app.demo.outputs import save_pictures
from farm_app.demo.prompt_queue import Item, PromptQueue
from farm_app.demo.run import Run
from farm_app.demo.sockets import JPEG, PNG
from farm_app.demo.spec import NodeSpec
from farm_app.demo.teller import Teller
from farm_app.demo.values import Painter, Pictures, Product, Studio
from farm_app.demo.workshop import Workshop

logger = logging.getLogger(__name__)

HIDDEN_INPUT_CLASSES = ("SaveImage", "PreviewImage")
LOADERS = {"CheckpointLoaderSimple": "ckpt_name", "UNETLoader": "unet_name"}


class Engine:
    """Executes prompts one after another.

    A prompt's nominal time runs from ``execution_start`` to ``execution_success`` against
    absolute deadlines. Drawing comes first and is part of it; if drawing alone takes longer, the
    prompt ends late and ``timings`` says so.
    """

    def __init__(
        self,
        spec: NodeSpec,
        *,
        queue: PromptQueue,
        teller: Teller,
        folders: Folders,
        inventory: Inventory,
        ledger: Ledger,
        painter: Painter,
        workshop: Workshop,
    ) -> None:
        """Start idle, with an empty node cache and no model resident."""
        self.spec = spec
        self.queue = queue
        self.teller = teller
        self.folders = folders
        self.inventory = inventory
        self.ledger = ledger
        self.painter = painter
        self.workshop = workshop
        self.cache = NodeCache()
        self.timings = timing.TimingLog()
        self.resident: str | None = None
        self._to_free: list[Callable[[], None]] = []
        letters = random.choices(string.ascii_lowercase, k=5)  # noqa: S311 - a file name
        self._temp_prefix = f"ComfyUI_temp_{''.join(letters)}"

    async def work(self) -> None:
        """Run prompts until cancelled."""
        while True:
            item = await self.queue.take()
            await self._perform(item)
            self._free_now()

    def free(self, unload_models: bool, free_memory: bool) -> None:
        """Forget models or results, as soon as no prompt runs."""
        if unload_models:
            self._to_free.append(self._unload)
        if free_memory:
            self._to_free.append(self.cache.clear)
        if self.queue.running is None:
            self._free_now()

    def _unload(self) -> None:
        self.resident = None

    def _free_now(self) -> None:
        for forget in self._to_free:
            forget()
        self._to_free.clear()

    async def _perform(self, item: Item) -> None:
        run = Run(item, asyncio.get_running_loop().time(), self.spec.modern)
        self.teller.begin(run)
        facts = {"prompt_id": item.prompt_id, "eliot": item.extra_data.get("eliot")}
        self.ledger.write("start", **facts)
        status = await self._outcome(run)
        self.ledger.write("end", status=status, **facts)
        self.teller.sockets.current_node = None
        self._record(run, status)
        self.queue.done(run.entry("success" if status == "success" else "error"))
        await self.teller.tell(run, "executing", {"node": None, "prompt_id": run.prompt_id})

    async def _outcome(self, run: Run) -> str:
        try:
            await self._execute(run)
        except Interrupted:
            run.over = True
            await self._say_interrupted(run)
            return "interrupted"
        except Exception as error:  # noqa: BLE001 - a node may raise anything; clients are told
            run.over = True
            logger.info("%s: node %s failed: %s", self.spec.name, run.node, error)
            await self._say_error(run, error)
            return "error"
        finally:
            run.over = True
            if run.drawing is not None:
                run.drawing.stop()
        return "success"

    async def _execute(self, run: Run) -> None:
        prompt = {"prompt_id": run.prompt_id}
        await self.teller.note(run, "execution_start", prompt)
        await self._prepare(run)
        cached = [node_id for node_id in run.item.graph if node_id in run.cached]
        await self.teller.note(run, "execution_cached", {"nodes": cached, **prompt})
        for node_id in run.plan:
            run.node = node_id
            if node_id in run.cached:
                await self._repeat(run, node_id)
            else:
                await self._node(run, node_id)
        await timing.sleep_until(run.end)
        await self.teller.note(run, "execution_success", prompt)

    async def _prepare(self, run: Run) -> None:
        graph = run.item.graph
        run.signatures = await self._signatures(run)
        found = {node_id: self.cache.get(key) for node_id, key in run.signatures.items()}
        run.cached = {node_id: result for node_id, result in found.items() if result is not None}
        run.plan = execution_order(graph, run.item.outputs, run.cached.__contains__)
        run.drawing = Drawing(
            graph,
            [node_id for node_id in run.plan if node_id not in run.cached],
            run.cached,
            self._studio(run),
            self.teller.previews(run),
        )
        run.drawing.start(self.workshop.draw, in_s=timing.reading_s(self.spec))

    async def _signatures(self, run: Run) -> dict[str, str]:
        graph, file_hash = run.item.graph, self.folders.file_hash
        if not any(node["class_type"] in IMAGE_LOADERS for node in graph.values()):
            return signatures(graph, file_hash)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.workshop.files, signatures, graph, file_hash)

    def _studio(self, run: Run) -> Studio:
        extra = run.item.extra_data.get("extra_pnginfo") or {}
        chunks = {"prompt": run.item.graph, **extra}
        return Studio(self.painter, self.folders, self.inventory, self.spec.name, chunks)

    async def _repeat(self, run: Run, node_id: str) -> None:
        """Tell the old output of a cached output node again."""
        ui = run.cached[node_id].ui
        await self.teller.executed(run, node_id, ui)
        if ui is not None and (self.spec.modern or run.client_id is not None):
            run.outputs[node_id] = ui
        run.board.finish(node_id)
        await self.teller.state(run)

    async def _node(self, run: Run, node_id: str) -> None:
        run.board.start(node_id)
        await self.teller.state(run)
        await self.teller.executing(run, node_id)
        self.teller.check_interrupt()
        product = await self._produce(run, node_id)
        ui = await self._show(run, node_id, product)
        run.executed.add(node_id)
        if ui is not None:
            await self.teller.executed(run, node_id, ui)
            run.outputs[node_id] = ui
        run.board.finish(node_id)
        await self.teller.state(run)
        if run.class_of(node_id) not in NEVER_CACHED:
            kept = Result(product.values, ui)
            self.cache.put(run.signatures[node_id], kept, set(run.signatures.values()))

    async def _produce(self, run: Run, node_id: str) -> Product:
        drawing = _drawing(run)
        if run.class_of(node_id) in SAMPLER_CLASSES:
            return await self._sample(run, node_id)
        product = await drawing.product(node_id)
        cost = self._cost(str(run.class_of(node_id)), drawing.inputs(node_id))
        run.deadline += cost.node_s
        run.tail_s += cost.tail_s
        if cost.node_s:
            await timing.sleep_until(run.deadline)
        return product

    def _cost(self, class_name: str, inputs: dict[str, Any]) -> timing.Cost:
        if class_name in LOADERS:
            return self._loading(inputs[LOADERS[class_name]])
        if class_name == "VAEDecode":
            latent = inputs["samples"]
            family = latent.family or inputs["vae"].family
            pixels = latent.width * latent.height
            return timing.decoding(self.spec, family, pixels=pixels, batch=latent.batch)
        if class_name == "ImageUpscaleWithModel":
            pictures: Pictures = inputs["image"]
            width, height = pictures.size
            return timing.upscaling(self.spec, pixels=width * height, batch=len(pictures.batch))
        return timing.FREE

    def _loading(self, name: str) -> timing.Cost:
        if name == self.resident:
            return timing.FREE
        self.resident = name
        return timing.Cost(self.spec.load_s.get(self.inventory.family(name), 0.0))

    async def _sample(self, run: Run, node_id: str) -> Product:
        """Wait for all drawing, then spread the steps evenly over what is left."""
        drawing = _drawing(run)
        await drawing.everything()
        product = await drawing.product(node_id)
        inputs, latent = drawing.inputs(node_id), product.values[0]
        begin = max(asyncio.get_running_loop().time(), run.deadline)
        run.deadline += timing.sampling(
            self.spec,
            inputs["model"].family,
            steps=sampler_steps(inputs),
            pixels=latent.width * latent.height,
            batch=latent.batch,
        ).node_s
        first = drawing.first_frames.get(node_id)
        reel = self._reel(first, latent.pictures[0]) if first is not None else None
        try:
            await self._steps(run, node_id, sampler_steps(inputs), begin, reel)
        finally:
            if reel is not None:
                reel.stop()
        return product

    def _reel(self, first: bytes, picture: Any) -> Reel:
        return Reel(first, picture, self.painter, self.workshop.preview)

    async def _steps(
        self, run: Run, node_id: str, steps: int, begin: float, reel: Reel | None
    ) -> None:
        for step in range(1, steps + 1):
            await timing.sleep_until(begin + (run.deadline - begin) * step / steps)
            self.teller.check_interrupt()
            frame = reel.frame(step, steps) if reel is not None else None
            await self.teller.step(run, node_id, step, steps, frame, JPEG)

    async def _show(self, run: Run, node_id: str, product: Product) -> dict[str, Any] | None:
        """Save or send what an output node shows; return what ``executed`` will say."""
        class_name = run.class_of(node_id)
        if product.text is not None:
            return {"text": list(product.text)}
        if class_name == "SaveImageWebsocket":
            for index, data in enumerate(product.files):
                await self.teller.step(run, node_id, index, len(product.files), data, PNG)
            return None
        if class_name == "SaveImage":
            prefix = _drawing(run).inputs(node_id)["filename_prefix"]
            return {"images": await self._save("output", prefix, product)}
        if class_name == "PreviewImage":
            return {"images": await self._save("temp", self._temp_prefix, product)}
        return None

    async def _save(self, base: str, prefix: str, product: Product) -> list[dict[str, str]]:
        loop = asyncio.get_running_loop()
        job = (self.folders, base, prefix, product.size, list(product.files))
        return await loop.run_in_executor(self.workshop.files, save_pictures, *job)

    async def _say_interrupted(self, run: Run) -> None:
        facts = {
            "prompt_id": run.prompt_id,
            "node_id": run.node,
            "node_type": run.class_of(run.node),
            "executed": sorted(run.executed),
        }
        await self.teller.note(run, "execution_interrupted", facts, everybody=True)

    async def _say_error(self, run: Run, error: Exception) -> None:
        facts = {
            "prompt_id": run.prompt_id,
            "node_id": run.node,
            "node_type": run.class_of(run.node),
            "executed": sorted(run.executed),
            "exception_message": message_of(error),
            "exception_type": type_name(error),
            "traceback": traceback.format_tb(error.__traceback__),
            "current_inputs": _current_inputs(run),
            "current_outputs": list(run.item.graph),
        }
        await self.teller.note(run, "execution_error", facts)

    def _record(self, run: Run, status: str) -> None:
        ended = asyncio.get_running_loop().time()
        drawing_s = run.drawing.seconds if run.drawing is not None else 0.0
        nominal_s = run.end - run.started
        actual_s = ended - run.started
        self.timings.add(
            timing.Timing(
                run.prompt_id, status, nominal_s * 1000, actual_s * 1000, drawing_s * 1000
            )
        )


def sampler_steps(inputs: dict[str, Any]) -> int:
    """Return how many steps a sampler takes."""
    if "denoise" in inputs:
        return int(inputs["steps"])
    end = min(int(inputs["end_at_step"]), int(inputs["steps"]))
    return max(end - int(inputs["start_at_step"]), 0)


def _drawing(run: Run) -> Drawing:
    if run.drawing is None:
        raise RuntimeError("the prompt is not prepared yet")
    return run.drawing


def _current_inputs(run: Run) -> dict[str, list[Any]]:
    if run.drawing is None or run.node is None:
        return {}
    inputs = run.drawing.inputs(run.node)
    if run.class_of(run.node) in HIDDEN_INPUT_CLASSES:
        extra = run.item.extra_data.get("extra_pnginfo")
        inputs |= {"prompt": run.item.graph, "extra_pnginfo": extra}
    return {name: [shown(value)] for name, value in inputs.items()}
