"""One demo node: its parts put together."""

import importlib
from typing import Any, cast

from PIL import Image

from farm_app.demo import features
from farm_app.demo.engine import Engine
from farm_app.demo.faults import Faults
from farm_app.demo.folders import Folders
from farm_app.demo.inventory import Inventory
from farm_app.demo.ledger import Ledger
from farm_app.demo.monitor import Monitor
from farm_app.demo.prompt_queue import PromptQueue
from farm_app.demo.sockets import Sockets, text_message
from farm_app.demo.spec import NodeSpec
from farm_app.demo.teller import Teller
from farm_app.demo.values import Painter
from farm_app.demo.workshop import Workshop


class DemoNode:
    """A node: everything but the files in its folder is forgotten when it stops."""

    def __init__(self, spec: NodeSpec, workshop: Workshop, painter: Painter | None = None) -> None:
        """Put the parts together, and empty the temp folder.

        Args:
            spec: what the node is like.
            workshop: threads that draw, possibly shared with other nodes.
            painter: draws instead of the module that ``spec.painter`` names.
        """
        self.spec = spec
        self.port = spec.port
        self.folders = Folders(spec.folder)
        self.inventory = Inventory(spec)
        self.ledger = Ledger(spec.ledger, spec.name)
        self.faults = Faults()
        if spec.rules is not None:
            self.faults.load_file(spec.rules)
        self.sockets = Sockets(features.of(spec))
        self.queue = PromptQueue(changed=self._tell_status)
        self.teller = Teller(spec, self.sockets, self.faults)
        self.workshop = workshop
        self.engine = Engine(
            spec,
            queue=self.queue,
            teller=self.teller,
            folders=self.folders,
            inventory=self.inventory,
            ledger=self.ledger,
            painter=painter or load_painter(spec.painter),
            workshop=self.workshop,
        )
        self.monitor = Monitor(spec, self.engine, self.sockets)

    @property
    def exec_info(self) -> dict[str, Any]:
        """What ``status`` says."""
        return {"exec_info": {"queue_remaining": self.queue.remaining}}

    def _tell_status(self) -> None:
        self.sockets.send(text_message("status", {"status": self.exec_info}))

    def names_of(self, kind: str) -> list[str]:
        """Return the choices of a model folder, or of the input folder."""
        if kind == "input files":
            return self.folders.input_images()
        return self.inventory.names(kind)

    def interrupt(self, prompt_id: str | None) -> None:
        """Interrupt what runs: always, or only if it is this prompt."""
        if prompt_id is None or self.queue.is_running(prompt_id):
            self.teller.interrupt()


def load_painter(name: str) -> Painter:
    """Import the module that draws, and the codecs it will need: not in the middle of a prompt."""
    Image.preinit()
    return cast(Painter, importlib.import_module(name))
