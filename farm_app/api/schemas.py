"""What programs post and what they get, as types; the OpenAPI document is made of them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_CHILDREN = 1000
MOST_NODES = 200
LONGEST_S = 7 * 86_400

Seed = Annotated[
    str | int,
    Field(description="Text from 0 to 2^64-1; a number only up to 2^53-1, as JSON has no more."),
]
Priority = Literal["interactive", "refine", "bulk", "background"]
Fallback = Literal["none", "any"]
Strategy = Literal["random", "sequential", "fibonacci", "golden_ratio"]
Metadata = Annotated[
    dict[str, Any], Field(description="Yours: given back as it came, up to 16 kB of JSON.")
]
Key = Annotated[
    str,
    Field(
        max_length=200,
        description="The same key with the same request is the same work; with another one it is refused.",
    ),
]
Timeout = Annotated[
    float | None,
    Field(
        ge=1, le=LONGEST_S, description="Seconds from now after which what is not made is given up."
    ),
]


class Posted(BaseModel):
    """What is posted: strictly of the types that are said, and nothing else."""

    model_config = ConfigDict(extra="forbid", strict=True)


class BaseRequest(Posted):
    """What to make: a graph of yours, or one of the farm's workflow templates, with parameters by name."""

    template: str | None = Field(None, max_length=80, description="Slug of a workflow template.")
    graph: dict[str, Any] | None = Field(None, description="A ComfyUI graph in API form.")
    parameters: dict[str, Any] = Field(
        {}, description="By name, with the limits that GET /api/templates tells."
    )
    capabilities: list[Annotated[str, Field(min_length=1, max_length=60)]] = Field(
        [], max_length=20, description="What a node must have: one model family at most, and tags."
    )
    priority: Priority = "bulk"
    label: str = Field("", max_length=120, description="Shown in the queue.")


class Affinity(Posted):
    """The node that should make it."""

    node: str = Field(max_length=60, description="Its id.")
    fallback: Fallback = Field("none", description="Whether any other may, if it would be sooner.")


class JobPosted(BaseRequest):
    """One picture to make."""

    affinity: Affinity | None = None
    timeout_s: Timeout = None
    idempotency_key: Key = ""
    metadata: Metadata = {}


class SeedPlan(Posted):
    """How the seeds of a group follow from its base."""

    strategy: Strategy = "random"
    base: Seed | None = Field(default=None, description="Drawn when it is not given, and told.")


NodeNames = Annotated[list[Annotated[str, Field(max_length=60)]], Field(max_length=MOST_NODES)]


class GroupPosted(Posted):
    """The same picture several times: with other seeds, on any node or once on each of some."""

    job: BaseRequest
    nodes: Literal["any"] | NodeNames = Field(
        "any", description="One child for each of these nodes, or as many as `count` says on any."
    )
    count: int | None = Field(None, ge=1, le=MOST_CHILDREN)
    fallback: Fallback = Field("none", description="Whether others may make what a node is to.")
    seeds: SeedPlan = SeedPlan()
    timeout_s: Timeout = None
    idempotency_key: Key = ""
    metadata: Metadata = {}


class ProgressSaid(BaseModel):
    """How far it is on its node; `fraction` goes from 0 to 1."""

    node: str
    phase: str
    step: int
    steps: int
    fraction: float
    left_s: float | None


class OutputSaid(BaseModel):
    """A file that was made; `url` changes with its content and may be kept for good."""

    ordinal: int
    role: str
    media_id: str
    url: str
    thumb_url: str
    path: str
    width: int | None
    height: int | None
    mime: str


class AttemptSaid(BaseModel):
    """One submission to one node; `id` is the ComfyUI prompt id."""

    id: str
    number: int
    node: str
    state: str
    failure: str
    reason: str
    reserved: datetime
    started: datetime | None
    ended: datetime | None
    seconds: float | None


class EventSaid(BaseModel):
    """What happened; `id` only grows."""

    id: int
    at: datetime
    before: str
    after: str
    sentence: str
    node: str | None
    actor: str


class NodeReason(BaseModel):
    """Why one node has not begun it."""

    node: str
    sentence: str


class WaitingSaid(BaseModel):
    """Why it has not begun, and its place in the queue, from 1."""

    sentence: str
    position: int
    nodes: list[NodeReason]


class AffinitySaid(BaseModel):
    """The node that should make it; null if that one was removed."""

    node: str | None
    fallback: Fallback


class JobSaid(BaseModel):
    """One job in a list."""

    id: int
    state: str
    timed_out: bool
    reason: str
    advice: str
    label: str
    group: int | None = Field(description="The job group that it is a child of.")
    template: str
    template_version: int
    family: str
    seed: str
    priority: Priority
    capabilities: list[str]
    affinity: AffinitySaid | None
    node: str | None = Field(description="Who makes it, or made it.")
    metadata: dict[str, Any]
    created: datetime
    started: datetime | None
    finished: datetime | None
    deadline: datetime | None
    seconds: float | None
    progress: ProgressSaid | None
    outputs: list[OutputSaid]


class JobInFull(JobSaid):
    """One job with its story."""

    parameters: dict[str, Any]
    waiting: WaitingSaid | None
    attempts: list[AttemptSaid]
    events: list[EventSaid] = Field(description="The last 500, oldest first.")


class JobPage(BaseModel):
    """The newest jobs first; `next` is the `before` of the next page, null on the last."""

    items: list[JobSaid]
    next: int | None


class Counts(BaseModel):
    """How many children stand where."""

    total: int
    open: int
    done: int
    failed: int
    timed_out: int
    cancelled: int


class GroupSaid(BaseModel):
    """One job group in a list."""

    id: int
    is_complete: bool = Field(description="Whether no child is open any more.")
    counts: Counts
    label: str
    nodes: Literal["any"] | list[str]
    fallback: Fallback
    strategy: Strategy
    base_seed: str
    metadata: dict[str, Any]
    created: datetime
    deadline: datetime | None


class GroupInFull(GroupSaid):
    """One job group with its children in order."""

    jobs: list[JobSaid]


class GroupPage(BaseModel):
    """The newest groups first; `next` is the `before` of the next page, null on the last."""

    items: list[GroupSaid]
    next: int | None


class CancelSaid(BaseModel):
    """How many jobs this cancelled; what renders is told to stop, and ends within seconds."""

    cancelled: int


class SpeedSaid(BaseModel):
    """What a node has shown: seconds = load if cold + fixed + rate x steps x megapixels."""

    template: str
    model: str
    fixed_s: float
    rate_s: float
    load_s: float | None = Field(description="Null until a load of that model was seen.")
    count: int


class NodeSaid(BaseModel):
    """One ComfyUI server as it was last seen."""

    id: str
    card: str
    status: str = Field(
        description="ready, rendering, offline, unknown, paused, draining, reserved or disabled"
    )
    health: str
    last_error: str
    is_demo: bool
    tier: str
    vram_gb: float | None
    vram_free_gb: float | None
    capabilities: list[str]
    families: list[str] = Field(description="Model families that it can draw with now.")
    max_resolution: int | None
    version: str
    latency_ms: float | None
    foreign_queue: int = Field(description="Prompts of others in its own queue.")
    warm_model: str
    seen: datetime | None
    job: int | None = Field(description="What it renders for us.")
    progress: ProgressSaid | None


class NodeInFull(NodeSaid):
    """One node with what was learned of its speed."""

    speeds: list[SpeedSaid]


class ParameterSaid(BaseModel):
    """What a template takes under a name; null limits mean none."""

    name: str
    kind: str
    label: str
    default: Any
    minimum: float | int | None
    maximum: float | int | None
    step: float | int | None
    unit: str


class TemplateSaid(BaseModel):
    """A workflow that this farm has."""

    slug: str
    version: int
    description: str
    families: list[str]
    from_picture: bool
    work: str
    parameters: list[ParameterSaid]
