"""What can be chosen and what it can be written for: vocabularies, fields and targets."""

from dataclasses import fields
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel

from farm_app.api.errors import ErrorAnswer, Refused, require_known
from farm_app.models.tokens import May
from sessions_app.api.entrance import Entrance
from sessions_app.api.reading import there
from sessions_app.api.schemas import (
    BudgetSaid,
    FieldSaid,
    Kind,
    KindSaid,
    TargetInFull,
    TargetSaid,
    TermSaid,
    VocabularySaid,
)
from sessions_app.cinema.config import KINDS, Configuration, Field
from sessions_app.cinema.targets import TARGETS, Target, find_target
from sessions_app.cinema.vocabulary import Term, Vocabulary, vocabularies

router = Router(tags=["cinema"])


class FieldFilters(BaseModel):
    """Which fields to list."""

    kind: Kind | None = None


@router.get(
    "/enums",
    auth=Entrance(May.READ),
    response=list[VocabularySaid],
    summary="List the vocabularies",
)
def list_vocabularies(request: HttpRequest) -> list[VocabularySaid]:
    """Each is the list of terms of one field, or of several."""
    return [
        VocabularySaid(name=name, label=one.name, count=len(one))
        for name, one in _vocabularies().items()
    ]


@router.get(
    "/enums/{name}",
    auth=Entrance(May.READ),
    response={200: list[TermSaid], 404: ErrorAnswer},
    summary="The terms of one vocabulary",
)
def get_vocabulary(request: HttpRequest, name: str) -> list[TermSaid]:
    """By its name or by that of a field that it is for; in the order of menus."""
    return [term_said(one) for one in _vocabulary(name).values()]


def term_said(one: Term) -> TermSaid:
    """Return a term as programs see it."""
    return TermSaid(id=one.id, label=one.label, line=one.line)


def terms_said(vocabulary: str, names: tuple[str, ...]) -> list[TermSaid]:
    """Return terms of one vocabulary by what our data call them: ids or aliases."""
    found = _vocabularies()[vocabulary]
    return [term_said(found.find(name)) for name in names]


def _vocabularies() -> dict[str, Vocabulary[Any]]:
    found = vocabularies()
    return {one.name: getattr(found, one.name) for one in fields(found)}


def _vocabulary(name: str) -> Vocabulary[Any]:
    """Return a vocabulary.

    Raises:
        Refused: There is none.
    """
    known = _vocabularies()
    called = {one.name: one.terms for kind in KINDS.values() for one in kind.FIELDS.values()}
    found = known.get(name) or known.get(called.get(name, ""))
    if found is None:
        said = f"There is no vocabulary called {name[:60]}. There are {', '.join(known)}."
        raise Refused(404, "not_found", said)
    return found


@router.get(
    "/fields",
    auth=Entrance(May.READ),
    response={200: list[KindSaid], 422: ErrorAnswer},
    summary="List the fields",
)
def list_fields(request: HttpRequest, filters: Query[FieldFilters]) -> list[KindSaid]:
    """What a configuration of each kind is made of."""
    require_known(request.GET, FieldFilters.model_fields)
    wanted = [filters.kind] if filters.kind else list(KINDS)
    return [_kind_said(KINDS[kind]) for kind in wanted]


def _kind_said(kind: type[Configuration]) -> KindSaid:
    return KindSaid.model_validate(
        {"kind": kind.KIND, "fields": [_field_said(one) for one in kind.FIELDS.values()]}
    )


def _field_said(one: Field) -> FieldSaid:
    return FieldSaid(
        name=one.name,
        label=one.label,
        panel=one.panel,
        path=one.path,
        enum=one.terms,
        many=one.most > 1,
        most=one.most,
    )


@router.get(
    "/targets", auth=Entrance(May.READ), response=list[TargetSaid], summary="List the targets"
)
def list_targets(request: HttpRequest) -> list[TargetSaid]:
    """The models and services that prompts can be written for."""
    return [TargetSaid(**_target(one)) for one in TARGETS.values()]


@router.get(
    "/targets/{name}",
    auth=Entrance(May.READ),
    response={200: TargetInFull, 404: ErrorAnswer},
    summary="One target",
)
def get_target(request: HttpRequest, name: str) -> TargetInFull:
    """By id, alias or label: what it reads, how long, and in which shapes."""
    found = there(lambda: find_target(name))
    return TargetInFull(
        **_target(found),
        aliases=list(found.aliases),
        encoder=found.encoder,
        budget=BudgetSaid(tokens=found.budget.tokens, words=found.budget.words),
        weights=found.weights,
        weight_max=found.weight_max,
        negative=found.negative.strength,
        prefix=list(found.prefix),
        suffix=list(found.suffix),
        sizes=list(found.ratio.buckets),
        shapes=list(found.ratio.named),
        names_gear=found.names_gear,
        certainty=found.certainty,
    )


def _target(one: Target) -> dict[str, Any]:
    return {
        "id": one.id,
        "label": one.label,
        "line": one.line,
        "medium": one.medium,
        "form": one.form,
        "family": one.family,
    }
