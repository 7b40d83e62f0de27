"""Which node may run which shape, and for every no a plain sentence and the nearest fix."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from farm_app.planner.inputs import Batch, Needs, NodeView

# Share of the estimated video memory that is weights and stays when the picture gets smaller.
WEIGHTS_SHARE: Final = 0.4
SIZE_GRID_PX: Final = 64
SMALLEST_PX: Final = 256


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a node does not take a job.

    Attributes:
        code: A word for tests and filters: state, choice, excluded, blocked, family, tags, model,
            loras, models, classes, vram, resolution or batch.
        sentence: For people.
        fix: The nearest thing that would make it a yes.
        passing: True if time or a switch on the node cures it; False if the node cannot do it.
    """

    code: str
    sentence: str
    fix: str
    passing: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no node takes a batch now.

    Attributes:
        lasting: True if no node could even if all were up and idle: something must be changed.
        nearest: Id of the node that lacks least; None if there are no nodes.
        reasons: The first reason of every node, by id.
        code: The kind of obstacle that the sentence tells of; see `Reason`.
    """

    sentence: str
    fix: str
    lasting: bool
    nearest: int | None
    reasons: Mapping[int, Reason]
    code: str = ""


# How near a fix is, nearest first: a click on the node, then the job's own form, then files,
# then hardware.
EASE: Final = (
    "state", "choice", "batch", "resolution", "excluded", "blocked",
    "loras", "models", "model", "tags", "classes", "vram", "family",
)  # fmt: skip

_BIGGER: Final = "Use a smaller model, or a node with more video memory."

_STATES: Final = {
    "offline": ("is offline", "Start ComfyUI on it, or check its address."),
    "draining": ("is drained and takes nothing new", "Resume it on the Farm page."),
    "paused": ("is paused", "Resume it on the Farm page."),
    "disabled": ("is switched off in Eliot", "Switch it on, on the Farm page."),
    "reserved": ("is reserved", "Wait until the reservation ends, or change it on the Farm page."),
    "unknown": ("has not answered yet", "Wait for the first answer, or check its address."),
}


def why_unfit(needs: Needs, node: NodeView) -> Reason | None:
    """Return the first reason why the node cannot take this shape now, whoever asks; or None."""
    for check in _CHECKS:
        reason = check(needs, node)
        if reason is not None:
            return _memory_before_family(reason, needs, node)
    return None


def _memory_before_family(reason: Reason, needs: Needs, node: NodeView) -> Reason:
    """Where the card is too small as well, setting it up would not help, nor would a smaller picture."""
    too_small = _vram(needs, node) if reason.code == "family" else None
    return Reason("vram", too_small.sentence, _BIGGER) if too_small else reason


def why_not(batch: Batch, node: NodeView, job_id: int | None = None) -> Reason | None:
    """Return the first reason why the node may not take this batch, or this job of it, now.

    Without `job_id` an earlier failure counts only if every job of the batch failed there.
    """
    unfit = _why_not_chosen(batch, node) or why_unfit(batch.needs, node)
    return unfit or _why_excluded(batch, node, job_id)


def every_reason(batch: Batch, node: NodeView) -> Iterator[Reason]:
    """Yield all that stands between the batch and the node."""
    found = [_why_not_chosen(batch, node), *(check(batch.needs, node) for check in _CHECKS)]
    found.append(_why_excluded(batch, node, None))
    yield from (reason for reason in found if reason is not None)


def refuse(batch: Batch, nodes: Sequence[NodeView]) -> Refusal:
    """Explain a batch that no node takes, by the node that lacks least."""
    if not nodes:
        return Refusal("There is no node yet.", "Add one on the Farm page.", True, None, {})
    reasons = {node.id: tuple(every_reason(batch, node)) for node in nodes}
    lasting = all(any(not one.passing for one in found) for found in reasons.values())
    nearest = _nearest(batch, nodes, reasons)
    first = _hardest(reasons[nearest.id])
    return Refusal(
        sentence=_farm_sentence(batch, nodes, reasons, first),
        fix=first.fix + _or_any_node(batch, first, reasons),
        lasting=lasting,
        nearest=nearest.id,
        reasons={node_id: found[0] for node_id, found in reasons.items()},
        code=first.code,
    )


def refuse_job(batch: Batch, nodes: Sequence[NodeView], job_id: int) -> Refusal:
    """Explain a job that already failed wherever its batch could run."""
    found = {node.id: why_not(batch, node, job_id) for node in nodes}
    reasons = {node_id: reason for node_id, reason in found.items() if reason}
    passing = any(reason.passing for reason in reasons.values())
    failed_on = [node for node in nodes if reasons[node.id].code == "excluded"]
    where = ", ".join(node.name for node in failed_on)
    return Refusal(
        sentence=f"It failed on every node that could run it: {where}.",
        fix="Look at the errors, change the job, or retry it by hand.",
        lasting=not passing,
        nearest=failed_on[0].id if failed_on else None,
        reasons=reasons,
    )


def _nearest(
    batch: Batch, nodes: Sequence[NodeView], reasons: Mapping[int, Sequence[Reason]]
) -> NodeView:
    """Return the node that was chosen, or else the one with the fewest and easiest obstacles."""
    chosen = [node for node in nodes if batch.node_mode == "only" and node.id == batch.node_id]
    return min(chosen or nodes, key=lambda node: (_distance(reasons[node.id]), node.id))


def _distance(reasons: Sequence[Reason]) -> tuple[int, int]:
    hard = sum(not reason.passing for reason in reasons)
    return hard, max(EASE.index(reason.code) for reason in reasons)


def _hardest(reasons: Sequence[Reason]) -> Reason:
    return max(reasons, key=lambda reason: (not reason.passing, EASE.index(reason.code)))


def _or_any_node(batch: Batch, first: Reason, reasons: Mapping[int, Sequence[Reason]]) -> str:
    others = (found for node_id, found in reasons.items() if node_id != batch.node_id)
    if first.code == "choice" or not any(_is_choice_only(found) for found in others):
        return ""
    return " Or let any node run it."


def _is_choice_only(reasons: Sequence[Reason]) -> bool:
    return [reason.code for reason in reasons] == ["choice"]


def _farm_sentence(
    batch: Batch, nodes: Sequence[NodeView], reasons: Mapping[int, Sequence[Reason]], first: Reason
) -> str:
    if batch.node_mode == "only" and batch.node_id not in reasons:
        return "The only node that this may run on no longer exists."
    if batch.node_mode == "only" or len(nodes) == 1:
        return first.sentence
    everywhere = set.intersection(*({one.code for one in found} for found in reasons.values()))
    if first.code in everywhere and first.code in _NOBODY:
        return f"No node {_NOBODY[first.code](batch.needs)}."
    return f"No node can take this now. Nearest: {first.sentence}"


def _files(keys: frozenset[str]) -> str:
    return ", ".join(sorted(key.rpartition("/")[2] for key in keys))


_NOBODY: Final[Mapping[str, Callable[[Needs], str]]] = {
    "family": lambda needs: f"is set up for {needs.family}",
    "model": lambda needs: f"has {_files(frozenset({needs.model or ''}))}",
    "loras": lambda needs: f"has every LoRA that this needs ({_files(needs.loras)})",
    "vram": lambda needs: f"has the {needs.vram_gb or 0:g} GB of video memory that this needs",
}


def _why_not_chosen(batch: Batch, node: NodeView) -> Reason | None:
    if batch.node_mode != "only" or batch.node_id == node.id:
        return None
    return Reason(
        "choice",
        f"This may run on one chosen node only, and {node.name} is another.",
        "Change the node choice to any node.",
    )


def _why_excluded(batch: Batch, node: NodeView, job_id: int | None) -> Reason | None:
    if not batch.excluded:
        return None
    jobs = (job_id,) if job_id is not None else batch.job_ids
    if job_id is None and batch.size > len(batch.job_ids):
        return None
    if not all(node.id in batch.excluded.get(one, ()) for one in jobs):
        return None
    return Reason(
        "excluded",
        f"This failed on {node.name} before and is not tried there again.",
        f"Retry it by hand to allow {node.name} again.",
    )


def _state(needs: Needs, node: NodeView) -> Reason | None:
    if node.state == "ready":
        return None
    said, fix = _STATES.get(node.state, _STATES["unknown"])
    return Reason("state", f"{node.name} {said}.", fix, passing=True)


def _family(needs: Needs, node: NodeView) -> Reason | None:
    if needs.family is None or needs.family in node.families:
        return None
    if node.models is None and not node.families:
        said = f"{node.name} has not told yet which models it has."
        return Reason("family", said, "Wait for its answer, or check its address.", passing=True)
    if node.models is not None and needs.family in (node.meant_for or {needs.family}):
        said = f"{node.name} has no checkpoint of the family {needs.family}."
        fix = "Copy one into its models/checkpoints and have it looked at again on the Farm page, or choose another model family."
        return Reason("family", said, fix)
    return Reason(
        "family",
        f"{node.name} is not set up for {needs.family}.",
        f"Add {needs.family} to the capabilities of a node in the admin, or choose another model family.",
    )


def _tags(needs: Needs, node: NodeView) -> Reason | None:
    if needs.tags <= node.tags:
        return None
    lacking = ", ".join(sorted(needs.tags - node.tags))
    fix = f"Add {lacking} to its capabilities in the admin if it can do that."
    return Reason("tags", f"{node.name} is not marked for {lacking}.", fix)


def _resolution(needs: Needs, node: NodeView) -> Reason | None:
    longest = max(needs.width, needs.height)
    if node.max_resolution is None or longest <= node.max_resolution:
        return None
    return Reason(
        "resolution",
        f"{node.name} takes at most {node.max_resolution} px; this is {longest} px.",
        f"{node.max_resolution} px would fit.",
    )


def _batch(needs: Needs, node: NodeView) -> Reason | None:
    if node.max_batch is None or needs.batch <= node.max_batch:
        return None
    return Reason(
        "batch",
        f"{node.name} makes at most {node.max_batch} at once; this asks for {needs.batch}.",
        f"Ask for {node.max_batch} at once, in more runs.",
    )


def _vram(needs: Needs, node: NodeView) -> Reason | None:
    if needs.vram_gb is None or node.vram_gb is None or needs.vram_gb <= node.vram_gb:
        return None
    said = f"{node.name} has {node.vram_gb:g} GB of video memory; this needs {needs.vram_gb:g} GB."
    return Reason("vram", said, _what_would_fit(needs, node.vram_gb))


def _what_would_fit(needs: Needs, vram_gb: float) -> str:
    share = (vram_gb / (needs.vram_gb or vram_gb) - WEIGHTS_SHARE) / (1 - WEIGHTS_SHARE)
    fewer = int(needs.batch * share)
    if needs.batch > 1 and fewer >= 1:
        return f"{fewer} at once would fit."
    longest = max(needs.width, needs.height) * max(share * needs.batch, 0) ** 0.5
    fitting = int(longest + 1e-6) // SIZE_GRID_PX * SIZE_GRID_PX
    if fitting >= SMALLEST_PX:
        return f"{fitting} px would fit."
    return _BIGGER


def _model(needs: Needs, node: NodeView) -> Reason | None:
    if needs.model is None or node.models is None or needs.model in node.models:
        return None
    return _lacks("model", frozenset({needs.model}), node)


def _loras(needs: Needs, node: NodeView) -> Reason | None:
    if node.models is None or needs.loras <= node.models:
        return None
    return _lacks("loras", needs.loras - node.models, node)


def _models(needs: Needs, node: NodeView) -> Reason | None:
    if node.models is None or needs.models <= node.models:
        return None
    return _lacks("models", needs.models - node.models, node)


def _lacks(code: str, keys: frozenset[str], node: NodeView) -> Reason:
    folders = ", ".join(sorted({key.rpartition("/")[0] for key in keys} - {""}))
    where = f" into {folders}" if folders else ""
    fix = f"Copy it to {node.name}{where}, or choose one that a node has."
    return Reason(code, f"{node.name} does not have {_files(keys)}.", fix)


def _classes(needs: Needs, node: NodeView) -> Reason | None:
    if node.node_classes is None or needs.node_classes <= node.node_classes:
        return None
    lacking = ", ".join(sorted(needs.node_classes - node.node_classes))
    return Reason(
        "classes",
        f"ComfyUI on {node.name} does not know {lacking}.",
        f"Install the custom nodes that bring {lacking}, or update ComfyUI there.",
    )


def _blocked(needs: Needs, node: NodeView) -> Reason | None:
    asked = (needs.template, needs.model)
    if not any(asked[: len(entry)] == entry for entry in node.blocked):
        return None
    return Reason(
        "blocked",
        f"{node.name} is blocked for {needs.template} after it kept failing there.",
        "Lift the block on the Farm page.",
    )


_CHECKS: Final[tuple[Callable[[Needs, NodeView], Reason | None], ...]] = (
    # What time cures comes last: a node that could not do it anyway need not be started or resumed for it.
    _family, _tags, _resolution, _batch, _vram, _model, _loras, _models, _classes, _blocked, _state,
)  # fmt: skip
