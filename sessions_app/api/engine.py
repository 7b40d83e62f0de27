"""Ask the rule engine: what a field could be, whether it all fits, and what would mend it."""

from django.http import HttpRequest
from ninja import Router

from farm_app.api.errors import ErrorAnswer
from farm_app.models.tokens import May
from sessions_app.api.entrance import Entrance
from sessions_app.api.reading import config_of, known, names_of, target_of
from sessions_app.api.schemas import (
    CheckSaid,
    MendedSaid,
    MessageSaid,
    OptionSaid,
    OptionsPosted,
    RepairPosted,
    RepairSaid,
    Status,
    ValidatePosted,
)
from sessions_app.cinema import engine, plain
from sessions_app.cinema.config import Configuration, write_config
from sessions_app.cinema.engine import Finding

REFUSALS = frozenset({400, 413, 415, 422})

router = Router(tags=["cinema"])


@router.post(
    "/options",
    auth=Entrance(May.READ),
    response={200: list[OptionSaid], REFUSALS: ErrorAnswer},
    summary="What a field could be",
)
def post_options(request: HttpRequest, posted: OptionsPosted) -> list[OptionSaid]:
    """In the order of menus; what does not fit says why, and what else would have to change."""
    config = config_of(_with_kind(posted))
    field = known(lambda: plain.field_called(config, posted.field), "field")
    locked = names_of(posted.locked, config, "locked")
    found = engine.options(field.name, config, locked=locked)
    return [OptionSaid(**plain.option(one, config)) for one in found]


def _with_kind(posted: OptionsPosted) -> dict[str, object]:
    says = "kind" in posted.config or "project_type" in posted.config
    return posted.config if says or posted.kind is None else {**posted.config, "kind": posted.kind}


@router.post(
    "/validate",
    auth=Entrance(May.READ),
    response={200: CheckSaid, REFUSALS: ErrorAnswer},
    summary="Whether it all fits",
)
def post_validate(request: HttpRequest, posted: ValidatePosted) -> CheckSaid:
    """What is hard cannot be made; a warning is unusual; repairs break nothing else."""
    config = config_of(posted.config)
    target = target_of(posted.target, "target") if posted.target else None
    return check(config, is_still=target is not None and target.is_still)


@router.post(
    "/repair",
    auth=Entrance(May.READ),
    response={200: MendedSaid, REFUSALS: ErrorAnswer},
    summary="Mend what does not fit",
)
def post_repair(request: HttpRequest, posted: RepairPosted) -> MendedSaid:
    """The least surprising changes after which nothing is hard."""
    config = config_of(posted.config)
    locked = names_of(posted.locked, config, "locked")
    way = engine.repair(config, locked=locked)
    mended = way.config if way else config
    return MendedSaid(
        repair=RepairSaid(**plain.repair(way, config)) if way else None,
        config=write_config(mended),
        **dict(check(mended)),
    )


def check(config: Configuration, *, is_still: bool = False) -> CheckSaid:
    """Return what the rules have to say of a configuration."""
    found = engine.validate(config, is_still=is_still)
    messages = [_message(one, config) for one in found]
    return CheckSaid(status=_status(found), messages=messages)


def _status(found: tuple[Finding, ...]) -> Status:
    severities = {one.severity for one in found}
    if "hard" in severities:
        return "invalid"
    return "warning" if "warning" in severities else "valid"


def _message(one: Finding, config: Configuration) -> MessageSaid:
    ways = [RepairSaid(**plain.repair(way, config)) for way in engine.repairs(one, config)]
    return MessageSaid(**plain.finding(one), repairs=ways)
