"""Sending a shot to a session: its words become the form's, each stage's in the manner of the model that draws it."""

from dataclasses import replace

from django.http import QueryDict

from farm_app import families
from sessions_app.cinema.prompt import compile_prompt, ratio_of
from sessions_app.cinema.targets import TARGETS, Target, size_for
from sessions_app.funnel import Stage
from sessions_app.models import WorkSession
from sessions_app.studio.shot import Shot, fitting


def send(shot: Shot, session: WorkSession) -> int:
    """Put a shot into the form of the stage that somebody works on; later stages find their words when it comes to them.

    Every stage that draws takes the shape of the frame, in a size that its model draws well. Nothing is placed.

    Returns:
        The stage whose form has it now, from 0.
    """
    written = {one: _words(shot, one) for one in families.FAMILIES}
    session.keep_shot(shot.kept_query, written)
    _shape(session, shot)
    index = _stage_for(session)
    form = session.last_form(index)
    family = str(form.get("family") or session.stages[index].family)
    prompt, negative = written.get(family) or _words(shot, family)
    session.remember_form(index, {**form, "prompt": prompt, "negative": negative})
    session.name_after(shot.scene)
    return index


def shot_for(session: WorkSession, *, typed: str = "", composed: str = "") -> Shot:
    """Return the shot of a session, to be changed inside it and for the model of its stage.

    Args:
        typed: The prompt as it stands in the form; where no shot was sent, it is the scene.
        composed: The query of a shot that was composed there and not sent; else it is the one that was sent last.
    """
    index = _stage_for(session)
    form = session.last_form(index)
    query = composed or session.shot_query
    shot = Shot.asked(QueryDict(query))
    if not query:
        shot = _of_words(shot, typed or str(form.get("prompt", "")))
    target = target_of(str(form.get("family") or session.stages[index].family))
    return replace(
        shot, target=shot.target if composed else target, session=session.slug, is_inside=True
    )


def _of_words(shot: Shot, words: str) -> Shot:
    """Return a shot whose scene are these words; what is too long for one is said."""
    scene = fitting(words)
    cut = "Only the beginning of the prompt fits into a scene; the rest is left out."
    return replace(shot, scene=scene, faults=(cut,) if scene != words else ())


def _shape(session: WorkSession, shot: Shot) -> None:
    """Give the stages the shape of the frame, where one is chosen."""
    ratio = ratio_of(shot.config)
    if ratio is not None:
        shaped = tuple(_shaped(one, ratio) for one in session.stages)
        session.set_stages(shaped, prewarms=session.prewarms)


def _shaped(stage: Stage, ratio: float) -> Stage:
    size = size_for(target_of(stage.family), ratio) if stage.kind == "draw" else None
    return replace(stage, width=size[0], height=size[1]) if size else stage


def _stage_for(session: WorkSession) -> int:
    """Return the stage at work; the last one that is drawn where that only enlarges."""
    index = session.current_stage()
    while index and session.stages[index].kind == "upscale":
        index -= 1
    return index


def target_of(family: str) -> Target:
    """Return the target that writes for a family of the farm."""
    found = (one for one in TARGETS.values() if one.family == family and one.is_still)
    return next(found, TARGETS["generic"])


def _words(shot: Shot, family: str) -> list[str]:
    """Return prompt and negative as written for a family."""
    made = compile_prompt(target_of(family), shot.config, shot.scene)
    return [made.text, made.negative]
