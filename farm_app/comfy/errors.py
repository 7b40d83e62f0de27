"""Everything that can go wrong between us and a ComfyUI server.

ComfyError                any of these; ``sentence`` is for people, ``evidence`` for the log
 ├── Unreachable          no answer came: refused, no route, timed out, cut off
 ├── BadResponse          an answer came that no ComfyUI gives
 ├── NeedsCredentials     401 or 403: something stands in front of the node
 ├── Busy                 429 or 5xx: the server cannot answer properly now
 ├── Rejected             the node looked at the graph and will not run it as it is
 ├── AlreadyKnown         409: the node has seen this prompt id before
 ├── NotFound             the node has no such file or route
 ├── Truncated            a file came, but not all of it
 └── TooLarge             larger than we or the node are willing to move
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AlreadyKnown",
    "BadResponse",
    "Busy",
    "ComfyError",
    "GraphProblem",
    "NeedsCredentials",
    "NotFound",
    "Rejected",
    "TooLarge",
    "Truncated",
    "Unreachable",
]

EVIDENCE_CHARACTERS = 200


def escaped(evidence: str | bytes) -> str:
    """Makes a foreign text safe to log: ASCII only, controls escaped, at most 200 characters."""
    head = evidence[:EVIDENCE_CHARACTERS]
    text = head.decode("utf-8", "backslashreplace") if isinstance(head, bytes) else head
    return text.encode("unicode_escape").decode("ascii")[:EVIDENCE_CHARACTERS]


class ComfyError(Exception):
    """Base of all failures that talking to a node may have."""

    sentence: str
    """One sentence for a person, with the node's address and what to do where that is known."""

    evidence: str
    """What the server really sent: ASCII, escaped, at most 200 characters. May be empty."""

    ambiguous: bool
    """Whether the node may have carried out the request all the same.

    After an ambiguous POST look at the node's queue and history before sending anything again.
    """

    def __init__(
        self, sentence: str, *, evidence: str | bytes = "", ambiguous: bool = False
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.evidence = escaped(evidence)
        self.ambiguous = ambiguous


class Unreachable(ComfyError):
    """No answer, or only a part of one."""

    refused: bool
    """The port is closed. That proves that the process is gone, and its queue with it."""

    def __init__(
        self,
        sentence: str,
        *,
        refused: bool = False,
        evidence: str | bytes = "",
        ambiguous: bool = False,
    ) -> None:
        super().__init__(sentence, evidence=evidence, ambiguous=ambiguous)
        self.refused = refused


class BadResponse(ComfyError):
    """Not JSON, the wrong shape, an unexpected redirect, too much of it: not a ComfyUI's answer."""


class NeedsCredentials(ComfyError):
    """401 or 403. ComfyUI has no accounts, so a proxy in front of it asks for them."""


class Busy(ComfyError):
    """429 or 5xx. On a POST /prompt a 5xx is ambiguous: some servers queue the prompt anyway."""

    retry_after_s: float | None
    """How long the server asks us to wait, at most 300 s. None when it does not say."""

    def __init__(
        self,
        sentence: str,
        *,
        retry_after_s: float | None = None,
        evidence: str | bytes = "",
        ambiguous: bool = False,
    ) -> None:
        super().__init__(sentence, evidence=evidence, ambiguous=ambiguous)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class GraphProblem:
    """One thing that a node holds against a graph. Texts are the server's, cleaned and capped."""

    node_id: str
    class_type: str
    title: str
    """What the person called the node in the editor, or its class."""
    input_name: str
    """Empty when the server does not name one, or names that of another node."""
    type: str
    message: str
    details: str


class Rejected(ComfyError):
    """The node refuses the graph, or would leave out an output that we asked for."""

    kind: Literal["graph", "capability"]
    """``capability``: this node lacks a model or a node class, another may have it.
    ``graph``: no node would take it."""

    problems: tuple[GraphProblem, ...]

    missing: tuple[str, ...]
    """Model files or node classes that this node lacks, as the graph spells them."""

    accepted_as: str | None
    """Id under which the server queued the graph all the same, without the outputs it dropped.

    We have asked it to cancel that prompt; whoever catches this should see that it is gone.
    """

    def __init__(
        self,
        sentence: str,
        *,
        kind: Literal["graph", "capability"] = "graph",
        problems: tuple[GraphProblem, ...] = (),
        missing: tuple[str, ...] = (),
        accepted_as: str | None = None,
        evidence: str | bytes = "",
    ) -> None:
        super().__init__(sentence, evidence=evidence)
        self.kind = kind
        self.problems = problems
        self.missing = missing
        self.accepted_as = accepted_as


class AlreadyKnown(ComfyError):
    """The server refuses a prompt id that it has seen. Not a success: look up what became of it."""


class NotFound(ComfyError):
    """404 or 405: no such file, job or route."""


class Truncated(ComfyError):
    """A file ended early, came too slowly to wait for, or was empty. Fetching again may help."""


class TooLarge(ComfyError):
    """A file above the caller's cap, or a request above the node's own limit (413)."""
