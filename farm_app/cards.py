"""The nodes as the farm page shows them: one card each, made of parts that are sent when they differ."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from django.db.models.fields.json import KT
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from eliot.live import kept_briefly
from eliot.statements import Question
from farm_app import metrics, paces, planning
from farm_app.comfy.monitors import Monitored
from farm_app.health_spans import Past, pasts
from farm_app.models import Attempt, GpuNode, Job, NodeBlock
from farm_app.models.jobs import split_label
from farm_app.models.nodes import Health
from farm_app.node_faults import NodeFault, recent_faults
from farm_app.paces import Pace
from farm_app.progress import Glimpse, glimpses
from farm_app.strip import WORDS, NodeCard, card_of, count_waiting, spell_left

HEADLINES: Final = (
    "rendering",
    "loading",
    "slow",
    "draining",
    "reserved",
    "paused",
    "offline",
    "disabled",
)
"""States that the page's head counts, in this order; ready nodes need no word."""
_TAKES_WORK: Final = ("ready", "rendering", "loading", "slow")
HOT_C: Final = 83.0
PHASES: Final = {"decoding": "Decoding picture", "saving": "Saving"}
_FIXES: Final = {
    Health.OFFLINE: "Start ComfyUI on it, or check its address. What other nodes can do of its work they do.",
    Health.SILENT: "It may be off, asleep, or too busy to answer. What it had may go to the others.",
    Health.LOCKED: "Let this machine through without a password, or give the address behind it.",
    Health.STRANGE: "Something else answers there. Check the port: ComfyUI's usual one is 8188.",
}


_PRETENDED: Final = "It is a pretend node of Eliot's own: start Eliot anew to have it back."


@dataclass(frozen=True)
class Total:
    """How many nodes stand in one state."""

    state: str
    count: int

    @property
    def word(self) -> str:
        """The state in the word that every page uses, within a sentence."""
        return WORDS[self.state].lower()


@dataclass(frozen=True)
class Head:
    """The farm in one line, and what can be done to all of it."""

    nodes: int
    totals: tuple[Total, ...]
    waiting: int
    done_at: str
    is_paused: bool
    """Every node that is switched on is."""
    is_held: bool = False
    """Somebody holds the whole queue back."""


@dataclass(frozen=True)
class Title:
    """Who it is and how it stands; with what can be done to it, in the menu."""

    pk: int
    name: str
    device: str
    tier: str
    state: str
    fact: str
    hours: str
    """Its owner's hours in words, where it has any."""
    is_demo: bool
    is_enabled: bool
    is_draining: bool
    is_pinned: bool
    is_working: bool
    is_measured: bool
    has_mac: bool
    can_resume: bool
    can_measure: bool

    @property
    def word(self) -> str:
        """The state in the word that every page uses."""
        return WORDS[self.state]


@dataclass(frozen=True)
class _OfAPicture:
    """A part of a card that names a picture: who asked, and which one of it."""

    title: str = ""
    number: str = ""
    """Of the picture, among those that were asked for with it."""

    @property
    def session(self) -> str:
        """The title without its stage: what may be cut where there is little room."""
        return split_label(self.title)[0]

    @property
    def stage(self) -> str:
        """The stage with the picture's number, which are never cut."""
        stage = split_label(self.title)[1]
        return f"{f'· {stage}' if stage else ''} {self.number}".strip()


@dataclass(frozen=True, kw_only=True)
class Now(_OfAPicture):
    """What it renders for us, or what is wrong, or that it is free."""

    pk: int
    kind: str
    """work, trouble or rest."""
    line: str = ""
    url: str = ""
    preview: str = ""
    percent: int | None = None
    left: str = ""
    others: int = 0
    """Prompts of other people in its own queue."""


@dataclass(frozen=True)
class Gauges:
    """Memory, load and heat, as far as the node tells."""

    pk: int
    vram_used: str = ""
    vram_total: str = ""
    vram_percent: int | None = None
    load: int | None = None
    heat: int | None = None

    @property
    def is_hot(self) -> bool:
        """Whether the card is near the temperature at which it slows down."""
        return self.heat is not None and self.heat >= HOT_C

    @property
    def is_told(self) -> bool:
        """Whether there is anything to show."""
        return (self.vram_percent, self.load, self.heat) != (None, None, None)


@dataclass(frozen=True)
class Paces:
    """Seconds for one picture of each family of the farm."""

    pk: int
    rows: tuple[Pace, ...]

    @property
    def has_guesses(self) -> bool:
        """Whether some of them were never measured."""
        return any(row.seconds and not row.is_learned for row in self.rows)


@dataclass(frozen=True)
class Blocks:
    """Templates that it takes no more of."""

    pk: int
    rows: tuple[tuple[int, str, str], ...]
    """Id, template, reason."""


@dataclass(frozen=True, kw_only=True)
class Ahead(_OfAPicture):
    """What the plan has for it next."""

    pk: int
    count: int = 0
    url: str = ""


@dataclass(frozen=True)
class Fault:
    """What went wrong there during the last hour, though it is well again."""

    pk: int
    found: NodeFault | None = None


@dataclass(frozen=True)
class History:
    """Its last hour."""

    pk: int
    past: Past


@dataclass(frozen=True)
class Acts:
    """The few things that are at hand without the menu."""

    pk: int
    name: str
    state: str
    is_pinned: bool
    is_working: bool
    is_measured: bool
    has_mac: bool
    can_resume: bool


@dataclass(frozen=True)
class Card:
    """One node, part by part; each part is a fragment of its own."""

    pk: int
    title: Title
    now: Now
    ahead: Ahead
    fault: Fault
    gauges: Gauges
    paces: Paces
    blocks: Blocks
    history: History
    acts: Acts

    def parts(self) -> dict[str, Any]:
        """Return the parts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name != "pk"}


@dataclass(frozen=True)
class Farm:
    """All that the page shows of the nodes."""

    head: Head
    cards: tuple[Card, ...]


_nodes: Final[Question[GpuNode]] = Question(
    lambda: GpuNode.objects.without_lists().order_by("-is_pinned", "-is_enabled", "pk")
)
_held: Final[Question[Attempt]] = Question(
    lambda: (
        Attempt.objects.holding()
        .select_related("job__group")
        .defer("sent", "outputs", "job__values")
        .order_by()
    )
)
_measured: Final[Question[Any]] = Question(
    lambda: (
        Job.objects.open()
        .filter(group__share_key__startswith="benchmark.")
        .order_by()
        .values_list("group__node_id", flat=True)
        .distinct()
    )
)
_blocks: Final[Question[NodeBlock]] = Question(
    lambda: NodeBlock.objects.filter(is_active=True).order_by("template")
)


def draw_farm() -> Farm:
    """Read the farm in a fixed number of queries; pinned nodes come first."""
    nodes = _nodes()
    held = {one.node_id: one for one in _held()}
    is_held = planning.is_queue_paused()
    reading = _Reading(
        is_held=is_held,
        held=held,
        seen=glimpses([one.job_id for one in held.values()]),
        told=metrics.latest([node.pk for node in nodes]),
        paces=paces.by_node(),
        pasts=recent_pasts(),
        blocks=_blocks(),
        ahead=_ahead(),
        faults=recent_faults(),
        measured=frozenset(_measured()),
    )
    cards = tuple(reading.card(node) for node in nodes)
    return Farm(_head(nodes, cards, is_held=is_held), cards)


@kept_briefly(0.2)
def recent_farm() -> Farm:
    """Return the farm as it was a moment ago, read once for all pages."""
    return draw_farm()


@kept_briefly(5.0)
def recent_pasts() -> Mapping[int, Past]:
    """Return the last hour of every node; a look is written every few seconds."""
    return pasts(GpuNode.objects.only("pk"))


def _head(nodes: Sequence[GpuNode], cards: Iterable[Card], *, is_held: bool) -> Head:
    counted = Counter(card.title.state for card in cards)
    totals = tuple(Total(state, counted[state]) for state in HEADLINES if counted[state])
    waiting = count_waiting()
    on = [node for node in nodes if node.is_enabled]
    is_paused = bool(on) and all(node.is_paused for node in on)
    return Head(
        len(nodes),
        totals,
        waiting,
        _done_at() if waiting else "",
        is_paused,
        is_held and waiting > 0,
    )


def _ahead() -> Mapping[int, Ahead]:
    """Return what the plan has for each node: how many jobs, and the first of them."""
    firsts: dict[int, tuple[float, int]] = {}
    counts: Counter[int] = Counter()
    for job_id, expected in planning.recent_plan().plan.expected.items():
        counts[expected.node_id] += 1
        first = firsts.get(expected.node_id)
        if first is None or expected.start_s < first[0]:
            firsts[expected.node_id] = (expected.start_s, job_id)
    labels = _labels(job_id for _, job_id in firsts.values())
    return {
        node_id: Ahead(
            pk=node_id,
            count=counts[node_id],
            title=title,
            number=number,
            url=reverse("farm:job", args=[job_id]),
        )
        for node_id, (_, job_id) in firsts.items()
        for title, number in [labels.get(job_id, (f"job {job_id}", ""))]
    }


def _labels(jobs: Iterable[int]) -> Mapping[int, tuple[str, str]]:
    rows = Job.objects.filter(pk__in=list(jobs)).order_by()
    facts = rows.values_list("pk", "group__label", "ordinal", KT("recipe__generation"))
    return {pk: (label, str(number or ordinal + 1)) for pk, label, ordinal, number in facts}


def _done_at() -> str:
    """Return the clock time at which everything that is planned should be there; empty if nothing is."""
    ends = planning.recent_plan().plan.batch_done_s.values()
    known = [end for end in ends if end is not None]
    if not known:
        return ""
    end = datetime.fromtimestamp(max(known), tz=timezone.get_current_timezone())
    return f"{end:%H:%M}"


@dataclass(frozen=True)
class _Reading:
    """What was read for all cards at once."""

    is_held: bool
    held: Mapping[int, Attempt]
    seen: Mapping[int, Glimpse]
    told: Mapping[int, Monitored]
    paces: Mapping[int, tuple[Pace, ...]]
    pasts: Mapping[int, Past]
    blocks: Sequence[NodeBlock]
    ahead: Mapping[int, Ahead]
    faults: Mapping[int, NodeFault]
    measured: frozenset[int]

    def card(self, node: GpuNode) -> Card:
        attempt = self.held.get(node.pk)
        standing = card_of(node, attempt, self.seen, is_held=self.is_held)
        is_measured = node.pk in self.measured
        rows = [(one.pk, one.template, one.reason) for one in self.blocks if one.node_id == node.pk]
        now = self._now(node, standing, attempt)
        fault = self.faults.get(node.pk) if now.kind != "trouble" and node.is_enabled else None
        return Card(
            pk=node.pk,
            title=_title(node, standing, attempt, is_measured=is_measured),
            now=now,
            ahead=self._ahead(node, standing.state),
            fault=Fault(node.pk, fault),
            gauges=_gauges(node, standing.state, self.told.get(node.pk)),
            paces=Paces(node.pk, self.paces.get(node.pk, ())),
            blocks=Blocks(node.pk, tuple(rows)),
            history=History(node.pk, self.pasts.get(node.pk, Past((), "", ""))),
            acts=Acts(
                pk=node.pk,
                name=node.slug,
                state=standing.state,
                is_pinned=node.is_pinned,
                is_working=attempt is not None,
                is_measured=is_measured,
                has_mac=bool(node.mac),
                can_resume=node.can_resume,
            ),
        )

    def _ahead(self, node: GpuNode, state: str) -> Ahead:
        """Return what is planned there; a plan may be a moment older than what somebody did to the node."""
        found = self.ahead.get(node.pk) if state in _TAKES_WORK else None
        return found or Ahead(pk=node.pk)

    def _now(self, node: GpuNode, standing: NodeCard, attempt: Attempt | None) -> Now:
        if attempt is not None:
            glimpse = self.seen.get(attempt.job_id)
            is_own = glimpse is not None and glimpse.node_name == node.slug
            return _work(node, attempt, glimpse if is_own else None)
        if node.is_enabled and (standing.state == "offline" or node.health in _FIXES):
            return _trouble(node)
        return Now(
            pk=node.pk, kind="rest", title=_rest(node, standing.state), others=node.foreign_queue
        )


def _title(
    node: GpuNode, standing: NodeCard, attempt: Attempt | None, *, is_measured: bool
) -> Title:
    hours = node.own_hours
    return Title(
        pk=node.pk,
        name=node.slug,
        device=" ".join(filter(None, (node.card, _whole_gb(node.vram_gb)))),
        tier=node.tier,
        state=standing.state,
        fact=_fact(node, standing, attempt),
        hours=hours.sentence if hours else "",
        is_demo=node.is_demo,
        is_enabled=node.is_enabled,
        is_draining=node.is_draining,
        is_pinned=node.is_pinned,
        is_working=attempt is not None,
        is_measured=is_measured,
        has_mac=bool(node.mac),
        can_resume=node.is_enabled and node.can_resume,
        can_measure=node.standing == "ready",
    )


def _fact(node: GpuNode, standing: NodeCard, attempt: Attempt | None) -> str:
    """Return what stands beside the state, of what does not change with every step."""
    if attempt is None:
        return "with the queue" if standing.state == "held" else standing.fact
    if standing.state in ("draining", "paused", "reserved", "disabled"):
        return "stops after this picture"
    return f"job {attempt.job_id}"


def _whole_gb(size: float | None) -> str:
    return f"{size:g} GB" if size else ""


def _work(node: GpuNode, attempt: Attempt, glimpse: Glimpse | None) -> Now:
    job = attempt.job
    frame = glimpse.frame if glimpse else 0
    return Now(
        pk=node.pk,
        kind="work",
        title=job.group.label,
        number=str(job.number),
        line=_doing(glimpse),
        url=_origin(job.group.origin_name, job.group.origin_args),
        preview=reverse("farm:preview", args=[job.pk, frame]) if frame else "",
        percent=glimpse.percent if glimpse else 0,
        left=spell_left(glimpse.left_s) if glimpse else "",
        others=node.foreign_queue,
    )


def _origin(name: str, args: Sequence[Any]) -> str:
    try:
        return reverse(name, args=args) if name else ""
    except NoReverseMatch:
        return ""


def _doing(glimpse: Glimpse | None) -> str:
    if glimpse is None:
        return "Starting"
    if glimpse.phase == "sampling" and glimpse.steps:
        return f"Sampling, step {glimpse.step} of {glimpse.steps}"
    if glimpse.phase == "loading":
        return "Loading model" if glimpse.is_cold else "Starting"
    return PHASES.get(glimpse.phase, "Starting")


def _trouble(node: GpuNode) -> Now:
    if node.let_go_at is not None:
        said = (
            "Woken when a job waits for it." if node.wakes_for_jobs else "Wake it when you need it."
        )
        return Now(pk=node.pk, kind="rest", title=f"Eliot lets it sleep. {said}")
    health = Health(node.health)
    title = node.last_error or f"{node.slug} does not answer."
    return Now(
        pk=node.pk,
        kind="trouble",
        title=title,
        line=_PRETENDED if node.is_demo else _FIXES.get(health, "It is asked again in a moment."),
    )


def _rest(node: GpuNode, state: str) -> str:
    if state == "disabled":
        return "Switched off in Eliot: it takes nothing and is not looked at."
    if state in ("draining", "paused"):
        return "It takes nothing new until you resume it."
    if state == "held":
        return "Free, but the queue is paused: it takes nothing until that goes on."
    if state == "reserved":
        return "It is its owner's until then, and takes nothing new."
    if node.warming_until is not None:
        return "It loads the model of the next stage, before anybody asks for it."
    if state == "loading":
        return "Eliot looks at it for the first time."
    if node.foreign_queue:
        return "Somebody else's work runs there."
    return "Free for the next picture."


def _gauges(node: GpuNode, state: str, told: Monitored | None) -> Gauges:
    if state in ("offline", "disabled"):
        return Gauges(node.pk)
    used, total = _memory(node, told)
    has_memory = used is not None and total is not None
    return Gauges(
        pk=node.pk,
        vram_used=f"{used:.1f}" if has_memory else "",
        vram_total=f"{total:g}" if has_memory else "",
        vram_percent=round(100 * (used or 0) / total) if has_memory and total else None,
        load=_rounded(told.load_percent) if told else None,
        heat=_rounded(told.temperature_c) if told else None,
    )


def _memory(node: GpuNode, told: Monitored | None) -> tuple[float | None, float | None]:
    """Return used and total from a node pack a moment ago, else from the last look."""
    if told is not None and told.vram_total_gb is not None:
        return told.vram_used_gb, round(told.vram_total_gb, 1)
    if node.health != Health.READY or node.vram_total_gb is None or node.vram_free_gb is None:
        return None, None
    return max(node.vram_total_gb - node.vram_free_gb, 0.0), round(node.vram_total_gb, 1)


def _rounded(value: float | None) -> int | None:
    return None if value is None else round(value)
