"""How a prompt ended on its node, read from the node's own history."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from farm_app.comfy.client import HistoryEntry, NodeFailure, OutputFile
from farm_app.comfy.workflow import expected_outputs

OUT_OF_MEMORY: Final = ("outofmemory", "out of memory", "allocation on device")


@dataclass(frozen=True)
class Verdict:
    """How a prompt ended on its node.

    Attributes:
        outcome: ``superseded`` means that nobody waits for it any more.
        seconds: From the node's own start and end.
        has_restarted: It is absent because the node's process is another one now.
    """

    outcome: Literal["success", "error", "interrupted", "absent", "superseded"]
    outputs: tuple[dict[str, Any], ...] = ()
    seconds: float | None = None
    reason: str = ""
    evidence: str = ""
    is_out_of_memory: bool = False
    has_restarted: bool = False


def judge(entry: HistoryEntry, sent: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a prompt that ended; a success without the picture it was run for is none."""
    seconds = None
    if entry.started_ms is not None and entry.ended_ms is not None:
        seconds = (entry.ended_ms - entry.started_ms) / 1000
    if entry.outcome == "interrupted":
        return Verdict("interrupted", seconds=seconds)
    if entry.outcome == "error":
        return _judge_failure(entry.failure)
    wanted = expected_outputs(sent)
    files = [one for one in entry.outputs if one.node_id in wanted and one.type == "output"]
    if not files:
        return Verdict("error", reason="It finished without a picture.", evidence="no outputs")
    return Verdict("success", outputs=tuple(_plain(one) for one in files), seconds=seconds)


def _plain(file: OutputFile) -> dict[str, Any]:
    return {
        "node_id": file.node_id,
        "index": file.index,
        "filename": file.filename,
        "subfolder": file.subfolder,
        "type": file.type,
        "animated": file.animated,
    }


def _judge_failure(failure: NodeFailure | None) -> Verdict:
    if failure is None:
        return Verdict("error", reason="The node says it failed, not why.")
    evidence = failure.message[:400]
    words = f"{failure.exception_type} {failure.message}".casefold()
    if any(sign in words for sign in OUT_OF_MEMORY):
        reason = f"Out of memory in {failure.node_type}."
        return Verdict("error", reason=reason, evidence=evidence, is_out_of_memory=True)
    first_line = failure.message.strip().split("\n", 1)[0][:300].rstrip(". ")
    return Verdict("error", reason=f"{failure.node_type} failed: {first_line}.", evidence=evidence)
