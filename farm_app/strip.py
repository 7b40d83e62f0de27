"""The farm strip: every node with its state, what it renders and when it is free, for every page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Value
from django.urls import reverse

from eliot.live import kept_briefly
from eliot.statements import Question
from farm_app import planning
from farm_app.models import Attempt, GpuNode, Job, JobEvent
from farm_app.models.nodes import Health
from farm_app.models.states import JobState
from farm_app.moments import clock
from farm_app.progress import Glimpse, glimpses

FEW = (
    6  # so many stand in the order in which they were added: they do not change places under a hand
)
WORDS = {
    "ready": "Ready",
    "rendering": "Rendering",
    "loading": "Loading",
    "slow": "Slow",
    "draining": "Draining",
    "reserved": "Reserved",
    "paused": "Paused",
    "held": "Paused",
    "offline": "Offline",
    "disabled": "Disabled",
}


@dataclass(frozen=True)
class NodeCard:
    """One node as the strip shows it."""

    pk: int
    name: str
    state: str
    fact: str
    eta: str
    percent: int | None
    url: str

    @property
    def state_word(self) -> str:
        """The state in the word that every page uses."""
        return WORDS[self.state]


@dataclass(frozen=True)
class Strip:
    """The whole farm in one line."""

    nodes: tuple[NodeCard, ...]
    waiting: int
    is_held: bool = False
    """Somebody holds the whole queue back."""

    @property
    def total(self) -> int:
        """Nodes that are switched on."""
        return sum(node.state != "disabled" for node in self.nodes)

    @property
    def rendering(self) -> int:
        """Nodes at work."""
        return sum(node.percent is not None for node in self.nodes)

    @property
    def figures(self) -> tuple[int, int, int, bool]:
        """What its headline shows."""
        return self.rendering, self.total, self.waiting, self.is_held


def draw_strip() -> Strip:
    """Read the farm in a fixed number of queries; pinned nodes come first, then, of more than six, the busy ones."""
    held = {one.node_id: one for one in _holding()}
    seen = glimpses([one.job_id for one in held.values()])
    nodes = _nodes()
    is_held = planning.is_queue_paused()
    cards = [card_of(node, held.get(node.pk), seen, is_held=is_held) for node in nodes]
    unpinned = {node.pk for node in nodes if not node.is_pinned}
    order = {"rendering": 0, "loading": 0, "disabled": 9}
    by_state = len(cards) > FEW
    cards.sort(
        key=lambda card: (
            card.pk in unpinned,
            order.get(card.state, 1) if by_state else 0,
            card.pk,
        )
    )
    return Strip(tuple(cards), count_waiting(), is_held)


def count_waiting() -> int:
    """Count the jobs that wait."""
    return _waiting.first() or 0


# Read several times a second while anybody looks.
_nodes: Final[Question[GpuNode]] = Question(lambda: GpuNode.objects.without_lists())
_holding: Final[Question[Attempt]] = Question(
    lambda: Attempt.objects.holding().only("node_id", "job_id").order_by()
)
_waiting: Final[Question[int]] = Question(
    lambda: (
        Job.objects.filter(state__in=(JobState.QUEUED, JobState.WAITING))
        .order_by()
        .annotate(all=Value(1))
        .values("all")
        .annotate(count=Count("pk"))
        .values_list("count", flat=True)
    )
)
_newest: Final[Question[int]] = Question(
    lambda: JobEvent.objects.order_by("-pk").values_list("pk", flat=True)[:1]
)


@kept_briefly(0.2)
def recent_strip() -> Strip:
    """Return the strip as it was a moment ago, read once for all pages."""
    return draw_strip()


def card_of(
    node: GpuNode, attempt: Attempt | None, seen: Mapping[int, Glimpse], *, is_held: bool = False
) -> NodeCard:
    """Return one node, with what it renders now if it renders; ``is_held`` if the queue gives it nothing."""
    state, fact, eta, percent = _standing(node)
    if is_held and attempt is None and state in ("ready", "slow"):
        state, fact = "held", ""
    if attempt is not None:
        glimpse = seen.get(attempt.job_id)
        if glimpse is not None and glimpse.node_name != node.slug:
            glimpse = None  # of a copy that another node renders
        loading = glimpse is not None and glimpse.phase == "loading" and glimpse.is_cold
        if state in ("ready", "slow"):
            state = "loading" if loading else "rendering"
        fact, percent = _doing(glimpse), glimpse.percent if glimpse else 0
        eta = spell_left(glimpse.left_s) if glimpse else ""
    url = f"{reverse('farm:nodes')}#card-{node.pk}"
    return NodeCard(node.pk, node.slug, state, fact, eta, percent, url)


def _doing(glimpse: Glimpse | None) -> str:
    if glimpse is None:
        return ""
    if glimpse.phase == "sampling" and glimpse.steps:
        return f"{glimpse.step}/{glimpse.steps}"
    if glimpse.phase == "loading":
        return "model" if glimpse.is_cold else ""
    return {"decoding": "VAE", "saving": "saving"}.get(glimpse.phase, "")


def _standing(node: GpuNode) -> tuple[str, str, str, int | None]:
    standing = node.standing
    if standing == "unknown":
        return "loading", "first look", "", None
    if standing == "offline":
        return "offline", _trouble(node), "", None
    if standing == "reserved" and (end := node.reserved_end):
        return "reserved", f"until {clock(end)}", "", None
    if standing == "ready" and node.is_slow:
        return "slow", f"answers in {(node.latency_ms or 0) / 1000:.1f} s", "", None
    return standing, _warmth(node) if standing == "ready" else "", "", None


def _trouble(node: GpuNode) -> str:
    if node.let_go_at is not None:
        return "asleep"
    since = f"since {clock(node.unseen_since)}" if node.unseen_since else ""
    return {Health.LOCKED: "asks for credentials", Health.STRANGE: "not a ComfyUI"}.get(
        Health(node.health), since
    )


def _warmth(node: GpuNode) -> str:
    stem = node.warm_model.rpartition("/")[2].rpartition(".")[0]
    return f"{stem} warm" if stem else ""


def spell_left(seconds: float | None) -> str:
    """Return seconds in the words of every page: ``4 s``, ``1:09``, ``2 h 05``; unknown is empty."""
    if seconds is None:
        return ""
    whole = max(1, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d}"
    return f"{whole // 3600} h {whole % 3600 // 60:02d}"


def newest_event() -> int:
    """Return the cursor of this moment."""
    return _newest.first() or 0
