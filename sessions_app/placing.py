"""From a form or a Continue to an order: which values every picture gets, and which kept pixels it starts from."""

import hashlib
import json
from dataclasses import replace
from typing import Any

from django.db import transaction

from farm_app import families
from farm_app.models import GpuNode
from farm_app.models.jobs import NodeMode
from gallery_app.models import MediaFile
from sessions_app.forms import AskForm, starting_values, usual_checkpoint
from sessions_app.funnel import advance
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import CannotPlace, Order, place_round, possible
from sessions_app.table import Table

_FORM_VALUES = (
    "prompt",
    "negative",
    "steps",
    "cfg",
    "sampler",
    "scheduler",
    "width",
    "height",
    "checkpoint",
)


def order_from_form(form: AskForm, table: Table) -> Order:
    """Return what the form asks for; from the second stage on it starts from the kept pictures of the one before.

    Raises:
        CannotPlace: The stage starts from pictures, and none is kept in the stage before; or no node could take it.
    """
    found = form.cleaned_data
    values = {name: found[name] for name in _FORM_VALUES}
    sources: list[MediaFile] = []
    if table.index > 0:
        values["denoise"] = found["denoise"]
        sources = _spread(kept_pictures(table.session, table.index - 1), found["count"])
        if not sources:
            before = table.session.stages[table.index - 1].name
            said = f"{table.stage.name} starts from kept pictures, and none is kept in {before}."
            raise CannotPlace(said, field_name="prompt", fix=f"Keep one in {before}.")
    order = Order(
        stage=table.index,
        stage_name=table.stage.name,
        family=found["family"],
        work=table.stage.work,
        count=found["count"],
        values={**values, **_guidance(found["family"], found["cfg"])},
        seed=found["seed"],
        sources=sources,
        node_mode=found["node_mode"] or "any",
        node=found["node"],
        submission_key=found["submission_key"],
        form=form.remembered(),
    )
    return possible(order)


def _guidance(family: str, cfg: float) -> dict[str, float]:
    """Flux has a guidance of its own in place of cfg, which stays at 1."""
    known = families.FAMILIES.get(family)
    if known is None or known.guidance is None:
        return {}
    return {"guidance": cfg, "cfg": 1.0}


def place_asked(session: WorkSession, order: Order, form: AskForm, *, owner: Any) -> Round:
    """Place what the form asks for, remember the form, and name a session that has no name yet."""
    with transaction.atomic():
        session.name_after(str(order.values.get("prompt", "")))
        placed = place_round(session, _under_its_own_key(order), owner=owner)
        session.remember_form(order.stage, form.remembered())
    return placed


def _under_its_own_key(order: Order) -> Order:
    """Give a form that was sent before and has been changed since a key of its own, which sent twice is the same again.

    Without scripts the browser's Back shows the form as it was sent, with its old key, and lets one change the words.
    """
    sent = Round.objects.filter(submission_key=order.submission_key).first()
    if sent is None or (sent.stage, sent.values) == (order.stage, dict(order.form)):
        return order
    asked = json.dumps([order.submission_key, order.stage, dict(order.form)], sort_keys=True)
    return replace(order, submission_key=hashlib.sha256(asked.encode()).hexdigest()[:40])


def kept_pictures(session: WorkSession, stage: int) -> list[MediaFile]:
    """Return the kept pictures of a stage in their order."""
    kept = Generation.objects.of_stage(session, stage).kept().with_pictures()
    return [picture for one in kept if (picture := one.picture) is not None]


def _spread(pictures: list[MediaFile], count: int) -> list[MediaFile]:
    """Return ``count`` sources: the pictures in turn, as evenly as can be, neighbours together."""
    if not pictures:
        return []
    each, more = divmod(count, len(pictures))
    return [one for place, one in enumerate(pictures) for _ in range(each + (place < more))]


def continue_session(session: WorkSession, table: Table, *, owner: Any, after: int) -> Round:
    """Place the next stage's round from the kept pixels.

    Two presses after the same number of pictures in the next stage are one press.

    Raises:
        CannotPlace: Nothing is kept, or the farm lacks what it needs.
    """
    kept = kept_pictures(session, table.index)
    step = advance(session.stages, table.index, len(kept))
    if problem := table.cannot_continue or step.problem:
        raise CannotPlace(problem)
    sources = [one for one, times in zip(kept, step.variations, strict=True) for _ in range(times)]
    key = f"continue-{session.pk}-{table.index}-{after}"
    order = _next_order(session, table.index + 1, sources, key)
    with transaction.atomic():
        placed = place_round(session, order, owner=owner)
        session.remember_form(table.index + 1, dict(order.form))
    return placed


def _next_order(
    session: WorkSession, index: int, sources: list[MediaFile], submission_key: str
) -> Order:
    stage = session.stages[index]
    form = {**starting_values(session, index), "count": len(sources)}
    # The stage says how it is drawn; the words come from the form of the stage before.
    before = session.last_form(index - 1)
    form |= session.words_for(str(form["family"]), before)
    form.pop("submission_key", None)
    if stage.kind == "upscale":
        values: dict[str, Any] = {"prompt": form["prompt"], "negative": form["negative"]}
    else:
        form["checkpoint"] = form.get("checkpoint") or usual_checkpoint(str(form["family"]))
        values = {name: form[name] for name in (*_FORM_VALUES, "denoise")}
        values |= _guidance(str(form["family"]), float(form["cfg"]))
    node = GpuNode.objects.enabled().without_lists().filter(slug=form.get("node") or "").first()
    order = Order(
        stage=index,
        stage_name=stage.name,
        family="" if stage.kind == "upscale" else str(form["family"]),
        work=stage.work,
        count=len(sources),
        values=values,
        sources=sources,
        node_mode=str(form["node_mode"]) if node else NodeMode.ANY,
        node=node,
        submission_key=submission_key,
        form=form,
    )
    return possible(order)
