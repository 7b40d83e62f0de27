"""Placing an order: a round, its generations, their jobs, in one transaction; a nudge when it is committed."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils import timezone
from django.utils.text import slugify

from eliot.failpoints import failpoint, failpoint_on_commit
from eliot.writing import written
from farm_app import planning
from farm_app.asking import Wanted, ask, recipe_of
from farm_app.models import GpuNode, JobGroup, Priority, TemplateVersion, WorkflowTemplate
from farm_app.models.jobs import NodeMode
from farm_app.planner import Refusal
from farm_app.seed_strategies import SeedStrategy, draw_seed, seeds
from gallery_app.models import MediaFile
from sessions_app.models import Generation, Round, WorkSession

FIRST_STAGE: Final = 0
# Which field of the form puts right what stands between an order and the farm.
_FIELD_OF: Final = {"model": "checkpoint", "choice": "node"}


class CannotPlace(Exception):
    """The order cannot be placed; says why and, when one is at hand, what would help.

    Attributes:
        field_name: Where the form says so; empty for all of it.
        use: A value of that field that would do; empty when none is known.
    """

    def __init__(
        self, sentence: str, *, field_name: str = "", fix: str = "", use: str = ""
    ) -> None:
        """Keep what the form will say."""
        super().__init__(sentence)
        self.sentence = sentence
        self.field_name = field_name
        self.fix = fix
        self.use = use


@dataclass(frozen=True)
class Order:
    """What somebody asks for in one press.

    Attributes:
        values: Template parameters that all pictures share: prompt, negative, steps, cfg, ...
        seed: Text of the first seed; empty draws one for each picture.
        sources: The picture each one starts from, in order; empty draws from words alone.
    """

    stage: int
    stage_name: str
    family: str
    work: str
    count: int
    values: Mapping[str, Any]
    seed: str = ""
    sources: Sequence[MediaFile] = ()
    node_mode: str = NodeMode.ANY
    node: GpuNode | None = None
    submission_key: str = ""
    form: Mapping[str, Any] = field(default_factory=dict)


def place_round(session: WorkSession, order: Order, *, owner: Any = None) -> Round:
    """Place an order; the same submission key twice gives the same round.

    Raises:
        CannotPlace: No template can do it, or the session was deleted meanwhile.
    """
    key = order.submission_key or uuid.uuid4().hex
    version = _version_for(order)
    with written():
        _lock(session)
        existing = Round.objects.filter(submission_key=key).first()
        if existing is not None and existing.session_id == session.pk:
            return existing
        if existing is not None:
            key = uuid.uuid4().hex  # another session's form, sent to this one, is another press
        round_ = _write_round(session, order, version, key, owner)
        failpoint_on_commit("order after")
        _write_generations(round_, order, version)
        session.touch()
        failpoint("order before")
    return round_


def possible(order: Order) -> Order:
    """Return the order, once it is sure that some node of this farm could take it.

    Raises:
        CannotPlace: No template can do it, or no node.
    """
    version = _version_for(order)
    refusal = planning.refuse_beforehand(
        order.family,
        version,
        _values_for(version, order),
        node_mode=order.node_mode,
        node=order.node,
    )
    if refusal is not None:
        raise _no_node(order, refusal)
    return order


def _no_node(order: Order, refusal: Refusal) -> CannotPlace:
    if refusal.code == "tags" and order.work == "upscale" and order.node_mode != NodeMode.ONLY:
        return CannotPlace("No node has an upscale model.", fix="Copy one to a node.")
    if refusal.code == "resolution":
        width, height = (int(order.values.get(name) or 0) for name in ("width", "height"))
        nearest = GpuNode.objects.filter(pk=refusal.nearest or 0)
        most = nearest.values_list("max_resolution", flat=True).first()
        return CannotPlace(
            refusal.sentence,
            field_name="width" if width >= height else "height",
            fix=refusal.fix,
            use=str(most or ""),
        )
    name = _FIELD_OF.get(refusal.code, "family")
    return CannotPlace(refusal.sentence, field_name=name, fix=refusal.fix)


def _lock(session: WorkSession) -> None:
    """Let one order after the other be placed in a session, so that a double press waits here and finds the first.

    PostgreSQL locks the session's row; SQLite has let one transaction in to begin with.

    Raises:
        CannotPlace: The session was deleted meanwhile: nobody could see or cancel what is asked for in it.
    """
    row = WorkSession.objects.there().filter(pk=session.pk).select_for_update().only("pk")
    if row.first() is None:
        raise CannotPlace("This session was deleted. Bring it back first.")


def _version_for(order: Order) -> TemplateVersion:
    templates = WorkflowTemplate.objects
    if order.work == "upscale":
        found = templates.for_upscale()
    else:
        found = templates.for_family(order.family, from_picture=bool(order.sources))
    if found is None or found.current is None:
        what = "upscales a picture" if order.work == "upscale" else f"draws with {order.family}"
        raise CannotPlace(
            f"No workflow template {what}.", field_name="family", fix="Enable one in the admin."
        )
    return found.current


def _write_round(
    session: WorkSession, order: Order, version: TemplateVersion, key: str, owner: Any
) -> Round:
    last = session.rounds.order_by("-number").values_list("number", flat=True).first() or 0
    group = JobGroup.objects.create(
        version=version,
        family=order.family,
        label=f"{session.title} · {order.stage_name}"[:200],
        origin_name="sessions:session",
        origin_args=[session.slug],
        share_key=session.share_key,
        owner=owner,
        priority=Priority.INTERACTIVE if order.stage == FIRST_STAGE else Priority.REFINE,
        work=order.work,
        node_mode=order.node_mode,
        node=order.node,
        **_what_follows(session, order),
    )
    return Round.objects.create(
        session=session,
        number=last + 1,
        stage=order.stage,
        stage_name=order.stage_name,
        group=group,
        values=dict(order.form),
        submission_key=key,
    )


def _what_follows(session: WorkSession, order: Order) -> dict[str, str]:
    """Return what the next stage draws with, where the session wants nodes to load it beforehand."""
    following = session.stages[order.stage + 1 : order.stage + 2]
    if not session.prewarms or not following or following[0].kind != "draw":
        return {}
    form = session.last_form(order.stage + 1)
    return {
        "next_family": str(form.get("family") or following[0].family),
        "next_checkpoint": str(form.get("checkpoint") or ""),
    }


def _write_generations(round_: Round, order: Order, version: TemplateVersion) -> None:
    values = _values_for(version, order)
    # Pictures of the stage that were asked for earlier come first.
    before = Generation.objects.of_stage(round_.session, order.stage).count()
    wanted = [
        _wanted(round_, order, place, before + place + 1, seed)
        for place, seed in enumerate(_seeds(order))
    ]
    recipe = recipe_of(version, order.family, values, order.values)
    recipe |= {"session": round_.session.slug, "round": round_.number}
    jobs = ask(round_.group, values, wanted, recipe=recipe)
    Generation.objects.bulk_create(
        Generation(round=round_, job=job, number=before + job.ordinal + 1) for job in jobs
    )


def _wanted(round_: Round, order: Order, place: int, number: int, seed: str) -> Wanted:
    """Return what makes the picture at a place of a round, from 0, unlike its neighbours."""
    return Wanted(
        seed=seed,
        destination=f"{_folder(round_)}/{number:04d}.png",
        recipe={"generation": number},
        source=order.sources[place] if order.sources else None,
    )


def _seeds(order: Order) -> list[str]:
    """Return one seed for each picture: counted up from the given one, or drawn."""
    if order.seed:
        return seeds(SeedStrategy.SEQUENTIAL, order.count, int(order.seed))
    return [str(draw_seed()) for _ in range(order.count)]


def _values_for(version: TemplateVersion, order: Order) -> dict[str, Any]:
    """Return the template's parameters: words alone need no denoise, an upscale no prompt."""
    values = {
        name: value
        for name, value in order.values.items()
        if name in version.parameters and value is not None
    }
    if order.sources and "steps" in values and "denoise" in values:
        values["steps"] = sampled_steps(int(values["steps"]), float(values["denoise"]))
    return values


def sampled_steps(steps: int, denoise: float) -> int:
    """Return how many of a schedule's steps a picture that starts from another one runs.

    ComfyUI's KSampler stretches its schedule to steps / denoise and runs the last ``steps`` of it. So this share of
    the steps gives the same schedule as a picture from nothing, and only the time that the change needs.
    """
    return max(1, round(steps * min(denoise, 1.0)))


def _folder(round_: Round) -> str:
    month = timezone.localtime(round_.created).strftime("%Y-%m")
    stage = slugify(round_.stage_name) or f"stage-{round_.stage + 1}"
    return f"sessions/{month}/{round_.session.slug}/{stage}"
