"""Tell clients what a running prompt does: payloads, recipients, scripted event faults."""

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any

from farm_app.demo.failures import Interrupted, NodeFailure, out_of_memory
from farm_app.demo.faults import EventFacts, Faults, Rule
from farm_app.demo.mischief import hang
from farm_app.demo.run import Run
from farm_app.demo.sockets import Sockets, preview_frame, preview_with_metadata, text_message
from farm_app.demo.spec import NodeSpec

logger = logging.getLogger(__name__)

THROTTLE_S, THROTTLE_SHARE = 0.1, 0.005
"""Without previews, steps between the first and the last may be left out (0.33)."""

PREVIEW_METHODS = ("auto", "latent2rgb", "taesd")


class Teller:
    """Sends the events of the running prompt, and holds the interrupt flag."""

    def __init__(self, spec: NodeSpec, sockets: Sockets, faults: Faults) -> None:
        """Start with the flag down."""
        self.spec = spec
        self.sockets = sockets
        self.faults = faults
        self._interrupt = asyncio.Event()

    def begin(self, run: Run) -> None:
        """A prompt starts: an interrupt that came while idle is forgotten."""
        self._interrupt.clear()
        self.sockets.current_client = run.client_id
        self.sockets.current_node = None

    def interrupt(self) -> None:
        """Raise the flag; the worker looks at it between nodes and at each step."""
        self._interrupt.set()

    def check_interrupt(self) -> None:
        """Stop here if somebody asked for it.

        Raises:
            Interrupted: the flag is up.
        """
        if self._interrupt.is_set():
            raise Interrupted

    def previews(self, run: Run) -> bool:
        """Whether samplers of this prompt show previews."""
        asked = run.item.extra_data.get("preview_method") if run.modern else None
        return self.spec.previews if asked is None else asked in PREVIEW_METHODS

    async def note(
        self, run: Run, event: str, data: dict[str, Any], *, everybody: bool = False
    ) -> None:
        """Send a message that the history keeps as well."""
        await self.tell(run, event, run.note(event, data), everybody=everybody)

    async def state(self, run: Run) -> None:
        """Send ``progress_state``; everybody gets those of a prompt without a client."""
        await self.tell(run, "progress_state", run.board.payload(), everybody=True)

    async def executing(self, run: Run, node_id: str) -> None:
        """Say which node runs now."""
        self.sockets.current_node = node_id
        data = {"node": node_id, "display_node": node_id, "prompt_id": run.prompt_id}
        await self.tell(run, "executing", data)

    async def executed(self, run: Run, node_id: str, ui: dict[str, Any] | None) -> None:
        """Say what an output node shows; None for one that shows nothing."""
        await self.tell(
            run,
            "executed",
            {"node": node_id, "display_node": node_id, "output": ui, "prompt_id": run.prompt_id},
        )

    async def step(
        self, run: Run, node_id: str, value: int, total: int, image: bytes | None, kind: int
    ) -> None:
        """Tell one step of a node, with a picture if there is one."""
        if image is None and self._throttled(run, node_id, value, total):
            return
        run.board.step(node_id, value, total)
        await self.state(run)
        metadata = self.sockets.supports_metadata(run.client_id)
        if image is not None and metadata:
            await self._send_frame(
                run, image, lambda data: preview_with_metadata(data, kind, node_id, run.prompt_id)
            )
        data = {"value": value, "max": total, "prompt_id": run.prompt_id, "node": node_id}
        await self.tell(run, "progress", data, everybody=True, value=value)
        if image is not None and not metadata:
            await self._send_frame(run, image, lambda data: preview_frame(data, kind))

    def _throttled(self, run: Run, node_id: str, value: int, total: int) -> bool:
        now = asyncio.get_running_loop().time()
        said_at, said = run.progress_said.get(node_id, (0.0, -total))
        soon = now - said_at < THROTTLE_S or (value - said) / total < THROTTLE_SHARE
        if run.modern and said >= 0 and value < total and soon:
            return True
        run.progress_said[node_id] = (now, value)
        return False

    async def _send_frame(self, run: Run, image: bytes, framed: Callable[[bytes], bytes]) -> None:
        copies, wrong = await self._faulty(run, "preview", {}, None)
        if wrong:
            image = bytes.fromhex(wrong["starts"]).ljust(wrong["bytes"], b"?")
        for _copy in range(copies):
            self.sockets.send(framed(image), run.client_id)

    async def tell(
        self,
        run: Run,
        event: str,
        data: dict[str, Any],
        *,
        everybody: bool = False,
        value: float | None = None,
    ) -> None:
        """Send one event to the prompt's client.

        Args:
            run: the running prompt.
            event: the event's type.
            data: its payload.
            everybody: send to all if the prompt has no client; otherwise to nobody.
            value: the step, for rules that wait for one.
        """
        copies, data = await self._faulty(run, event, data, value)
        if run.client_id is None and not everybody:
            return
        for _ in range(copies):
            self.sockets.send(text_message(event, data), run.client_id)
        for later, facts in run.said_too:
            self.sockets.send(
                text_message(later, {"prompt_id": run.prompt_id, **facts}), run.client_id
            )
        run.said_too = []

    async def _faulty(
        self, run: Run, event: str, data: dict[str, Any], value: float | None
    ) -> tuple[int, dict[str, Any]]:
        if not self.faults.rules:
            return 1, data
        class_name = run.class_of(run.node)
        facts = EventFacts(event, run.prompt_id, run.node, class_name, value, run.graph_text)
        rule = self.faults.for_event(facts)
        if rule is None:
            return 1, data
        logger.info("%s: fault on %s: %s", self.spec.name, event, dict(rule.do))
        await self._act(rule)
        if not run.over:
            await self._disturb(rule)
        run.said_too = list(rule.do.get("follow", ()))
        copies = 0 if rule.do.get("drop") else 1 + int(rule.do.get("duplicate", 0))
        return copies, {**data, **rule.do.get("data", {})}

    async def _act(self, rule: Rule) -> None:
        do = rule.do
        if "latency_ms" in do:
            await asyncio.sleep(do["latency_ms"] / 1000)
        if "exit" in do:
            os._exit(int(do["exit"]))
        if do.get("interrupt"):
            self.interrupt()
        if do.get("close_sockets"):
            self.sockets.drop_all()
        if "hang" in do:
            await hang(do["hang"])

    async def _disturb(self, rule: Rule) -> None:
        """Make the running node fail."""
        do = rule.do
        if do.get("stop_progress"):
            await self._interrupt.wait()
            raise Interrupted
        if do.get("oom"):
            raise out_of_memory()
        if "raise" in do:
            raise NodeFailure(do["raise"].get("type", "RuntimeError"), do["raise"]["message"])
