"""How a prompt ended on its node, read from the node's own history."""

from collections.abc import Collection, Iterable, Mapping
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
        started_ms, ended_ms: By the node's own clock.
        has_restarted: It is absent because the node's process is another one now.
    """

    outcome: Literal["success", "error", "interrupted", "absent", "superseded"]
    outputs: tuple[dict[str, Any], ...] = ()
    started_ms: int | None = None
    ended_ms: int | None = None
    reason: str = ""
    evidence: str = ""
    is_out_of_memory: bool = False
    has_restarted: bool = False

    def seconds(self, most_s: float) -> float | None:
        """From start to end by the node's clock, if it said both and they can be true.

        Args:
            most_s: By our clock it took no longer: a node whose clock was set meanwhile teaches nothing.
        """
        if self.started_ms is None or self.ended_ms is None:
            return None
        seconds = (self.ended_ms - self.started_ms) / 1000
        return seconds if 0 <= seconds <= most_s else None


def judge(entry: HistoryEntry, sent: Mapping[str, Any]) -> Verdict:
    """Return the verdict on a prompt that ended; a success without the picture it was run for is none."""
    if entry.outcome == "interrupted":
        return Verdict("interrupted")
    if entry.outcome == "error":
        return _judge_failure(entry.failure)
    wanted = expected_outputs(sent)
    files = [one for one in entry.outputs if one.node_id in wanted and one.type == "output"]
    if not files:
        return Verdict("error", reason="It finished without a picture.", evidence="no outputs")
    if missing := _missing(sent, wanted, files):
        said = f"Of {len(wanted)} pictures that were asked for {len(wanted) - len(missing)} came:"
        there = ", ".join(f"{one.subfolder}/{one.filename}".lstrip("/") for one in files)
        reason = f"{said} nothing from node {', '.join(missing)}."
        return Verdict("error", reason=reason, evidence=f"still on the node: {there}")
    outputs = tuple(_plain(one) for one in files)
    return Verdict("success", outputs, started_ms=entry.started_ms, ended_ms=entry.ended_ms)


def _missing(
    sent: Mapping[str, Any], wanted: Collection[str], files: Iterable[OutputFile]
) -> list[str]:
    """Return the nodes that brought nothing although another one of the same class did.

    Of a class that brought nothing at all nobody knows whether it ever does.
    """
    brought = {one.node_id for one in files}
    classes = {sent[node_id]["class_type"] for node_id in brought}
    return sorted(
        node_id for node_id in {*wanted} - brought if sent[node_id]["class_type"] in classes
    )


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
