"""Exceptions of a running prompt, and how the server names them."""

from typing import Any

OOM_TYPE = "torch.OutOfMemoryError"
OOM_TIPS = (
    "This error means you ran out of memory on your GPU.\n\nTIPS: If the workflow worked before "
    "you might have accidentally set the batch_size to a large number."
)


class Interrupted(Exception):
    """Somebody asked the node to stop what it runs."""


class NodeFailure(Exception):
    """A node raises; ``kind`` is the exception type that clients get to see."""

    def __init__(self, kind: str, message: str) -> None:
        """Remember the type to show."""
        super().__init__(message)
        self.kind = kind


def out_of_memory() -> NodeFailure:
    """Return what a card without room raises."""
    return NodeFailure(
        OOM_TYPE, "Allocation on device 0 would exceed allowed memory. (out of memory)"
    )


def type_name(error: Exception) -> str:
    """Return the ``exception_type`` of an error event: built-in types without a module."""
    if isinstance(error, NodeFailure):
        return error.kind
    kind = type(error)
    module = "" if kind.__module__ == "builtins" else f"{kind.__module__}."
    return module + kind.__qualname__


def message_of(error: Exception) -> str:
    """Return the ``exception_message``: the text, a line break, and tips if memory ran out."""
    tips = OOM_TIPS if isinstance(error, NodeFailure) and error.kind == OOM_TYPE else ""
    return f"{error}\n{tips}"


def shown(value: Any) -> Any:
    """Return an input value as an error event shows it."""
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
