"""The queue and the history of one server: all in RAM, gone with the process."""

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

HISTORY_CAPACITY = 10_000

Entry = dict[str, Any]


class Item(NamedTuple):
    """One queued prompt; ordered as the real server orders it.

    Two items with the same number and id compare their graphs, which raises ``TypeError`` after
    the item is already in the heap: the request answers 500, and the prompt runs all the same.
    """

    number: float
    prompt_id: str
    graph: dict[str, Any]
    extra_data: dict[str, Any]
    outputs: list[str]

    @property
    def client_id(self) -> str | None:
        """Who gets the events."""
        return self.extra_data.get("client_id")

    def to_json(self) -> list[Any]:
        """Return the item as ``/queue`` and the history show it."""
        return list(self)


@dataclass
class PromptQueue:
    """Pending heap, the running prompt, finished prompts.

    Args:
        changed: called after every change of what is running or pending.
    """

    changed: Callable[[], None]
    pending: list[Item] = field(default_factory=list)
    running: Item | None = None
    history: dict[str, Entry] = field(default_factory=dict)
    counter: int = 0
    _filled: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def remaining(self) -> int:
        """Running plus pending."""
        return len(self.pending) + (self.running is not None)

    def next_number(self) -> int:
        """Use up one number; rejected prompts use one too."""
        number = self.counter
        self.counter += 1
        return number

    def put(self, item: Item) -> None:
        """Queue a prompt.

        Raises:
            TypeError: same number and id as a pending one; it is queued nevertheless.
        """
        self._filled.set()
        heapq.heappush(self.pending, item)
        self.changed()

    async def take(self) -> Item:
        """Wait for the next prompt and make it the running one."""
        while not self.pending:
            self._filled.clear()
            await self._filled.wait()
        try:
            self.running = heapq.heappop(self.pending)
        except TypeError:  # graphs cannot be compared: twins of one number and id
            self.pending.sort(key=lambda item: (item.number, item.prompt_id))
            self.running = self.pending.pop(0)
        self.changed()
        return self.running

    def done(self, entry: Entry) -> None:
        """Store what became of the running prompt; it replaces an entry of the same id."""
        if self.running is None:
            return
        prompt_id = self.running.prompt_id
        self.history.pop(prompt_id, None)
        while len(self.history) >= HISTORY_CAPACITY:
            self.history.pop(next(iter(self.history)))
        self.history[prompt_id] = {"prompt": self.running.to_json(), **entry}
        self.running = None
        self.changed()

    def delete(self, prompt_id: str) -> bool:
        """Drop one pending prompt; it leaves no trace. Says whether there was one."""
        for item in self.pending:
            if item.prompt_id == prompt_id:
                self.pending.remove(item)
                self.pending.sort(key=lambda kept: (kept.number, kept.prompt_id))
                self.changed()
                return True
        return False

    def clear(self) -> None:
        """Drop all pending prompts of everybody."""
        self.pending.clear()
        self.changed()

    def knows(self, prompt_id: str) -> bool:
        """Whether the id is running, pending or in the history."""
        return (
            prompt_id in self.history
            or self.is_running(prompt_id)
            or any(item.prompt_id == prompt_id for item in self.pending)
        )

    def is_running(self, prompt_id: str) -> bool:
        """Whether this is the prompt that runs now."""
        return self.running is not None and self.running.prompt_id == prompt_id

    def page(self, max_items: int | None, offset: int) -> dict[str, Entry]:
        """Return part of the history in order; a negative offset means the last ones."""
        if offset < 0 and max_items is not None:
            offset = len(self.history) - max_items
        ids = list(self.history)[max(offset, 0) :]
        return {prompt_id: self.history[prompt_id] for prompt_id in ids[:max_items]}
