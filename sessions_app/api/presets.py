"""Presets: films and animation looks, what they were made with, and the configuration that each begins."""

from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router
from pydantic import BaseModel, Field

from farm_app.api.errors import ErrorAnswer, Fault, invalid, require_known
from farm_app.models.tokens import May
from sessions_app.api.cameras import camera_said, lens_said, ratio_said, stock_said
from sessions_app.api.engine import REFUSALS, check
from sessions_app.api.entrance import Entrance
from sessions_app.api.prompts import applied
from sessions_app.api.reading import kind_of, known, there
from sessions_app.api.schemas import (
    AppliedSaid,
    ApplyPosted,
    CountedTerm,
    FilmSaid,
    Kind,
    LampSaid,
    LightSaid,
    LookSaid,
    Name,
    OwnSaid,
    PresetPage,
    PresetSaid,
    TechnicalSaid,
)
from sessions_app.api.words import term_said, terms_said
from sessions_app.cinema.config import write_config
from sessions_app.cinema.films import Film, Lamp, LightPlan
from sessions_app.cinema.looks import Look
from sessions_app.cinema.own_presets import Own
from sessions_app.cinema.presets import Preset, begun_with, find_preset, presets
from sessions_app.cinema.vocabulary import Vocabulary, vocabularies

MISSING = {404: ErrorAnswer}
RENDERING = ("line", "color", "lighting", "surface", "motion", "camera")

router = Router(tags=["cinema"])


class PresetFilters(BaseModel):
    """Which presets to list; terms by id, alias or label."""

    kind: Kind | None = None
    era: Name | None = Field(None, description="A decade, such as 1980s.")
    mood: Name | None = None
    domain: Name | None = Field(None, description="The tradition of a look; films have none.")
    medium: Name | None = Field(None, description="What a look is made of; films have none.")
    q: Annotated[str, Field(max_length=120)] = Field(
        "", description="Words that must be in its title, people, works, line or aliases."
    )
    offset: int = Field(0, ge=0, le=10_000)
    limit: int = Field(50, ge=1, le=200)

    def found(self) -> list[Preset]:
        """Return what they let through, in the order of menus.

        Raises:
            Refused: There is no such era or term.
        """
        words = vocabularies()
        mood = _wanted(words.moods, self.mood, "mood")
        domain = _wanted(words.domains, self.domain, "domain")
        medium = _wanted(words.mediums, self.medium, "medium")
        era = self._era()
        return [
            one
            for one in presets()
            if self.kind in (None, kind_of(one))
            and era in (None, one.era)
            and (mood is None or mood in _ids(words.moods, _moods(one)))
            and domain in (None, _id_of(words.domains, one, "domain"))
            and medium in (None, _id_of(words.mediums, one, "medium"))
            and self._is_named(one)
        ]

    def _era(self) -> str | None:
        if self.era is None:
            return None
        known_ones = sorted({one.era for one in presets() if one.era})
        found = f"{self.era.strip().removesuffix('s')}s"
        if found not in known_ones:
            said = f"There is no era called {self.era}. There are {', '.join(known_ones)}."
            raise invalid([Fault("era", said)])
        return found

    def _is_named(self, one: Preset) -> bool:
        text = " ".join(_said_of(one)).casefold()
        return all(word in text for word in self.q.casefold().split())


def _wanted(vocabulary: Vocabulary[Any], told: str | None, at: str) -> str | None:
    return known(lambda: vocabulary.find(told), at).id if told else None


def _moods(one: Preset) -> tuple[str, ...]:
    return _grammar(one, "moods")


def _grammar(one: Preset, name: str) -> tuple[str, ...]:
    """Return what it looks like by one of moods, tones, sizes and compositions, the first choice first."""
    if isinstance(one, Own):
        return one.ids(name) or one.ids(name.removesuffix("s"))
    found: tuple[str, ...] = getattr(one.look if isinstance(one, Film) else one, name)
    return found


def _ids(vocabulary: Vocabulary[Any], names: tuple[str, ...]) -> list[str]:
    return [vocabulary.find(name).id for name in names]


def _id_of(vocabulary: Vocabulary[Any], one: Preset, name: str) -> str | None:
    if isinstance(one, Own):
        return next(iter(one.ids(name)), None)
    return vocabulary.find(getattr(one, name)).id if isinstance(one, Look) else None


def _said_of(one: Preset) -> Iterator[str]:
    yield from (one.id, one.label, *one.aliases, one.era)
    if isinstance(one, Film):
        yield from (one.title, str(one.year), *one.director, *one.cinematographer, one.line)
    elif isinstance(one, Look):
        yield from (*one.reference_works, one.says)
    else:
        yield one.line


@router.get(
    "",
    auth=Entrance(May.READ),
    response={200: PresetPage, 422: ErrorAnswer},
    summary="List the presets",
)
def list_presets(request: HttpRequest, filters: Query[PresetFilters]) -> PresetPage:
    """Films, oldest first, then looks, then what was kept in the studio."""
    require_known(request.GET, PresetFilters.model_fields)
    found = filters.found()
    end = filters.offset + filters.limit
    return PresetPage(
        items=[PresetSaid(**_card(one)) for one in found[filters.offset : end]],
        total=len(found),
        next=end if end < len(found) else None,
    )


@router.get(
    "/eras", auth=Entrance(May.READ), response=list[CountedTerm], summary="The presets' decades"
)
def list_eras(request: HttpRequest) -> list[CountedTerm]:
    """Oldest first."""
    counts = Counter(one.era for one in presets() if one.era)
    return [CountedTerm(id=era, label=era, line="", count=counts[era]) for era in sorted(counts)]


@router.get(
    "/moods", auth=Entrance(May.READ), response=list[CountedTerm], summary="The presets' moods"
)
def list_moods(request: HttpRequest) -> list[CountedTerm]:
    """In the order of menus; only those that a preset has."""
    moods = vocabularies().moods
    return _counted(moods, [name for one in presets() for name in _ids(moods, _moods(one))])


@router.get(
    "/domains", auth=Entrance(May.READ), response=list[CountedTerm], summary="The looks' traditions"
)
def list_domains(request: HttpRequest) -> list[CountedTerm]:
    """In the order of menus; only those that a look has."""
    domains = vocabularies().domains
    return _counted(domains, [_id_of(domains, one, "domain") for one in presets()])


@router.get(
    "/mediums",
    auth=Entrance(May.READ),
    response=list[CountedTerm],
    summary="What the looks are made of",
)
def list_mediums(request: HttpRequest) -> list[CountedTerm]:
    """In the order of menus; only those that a look has."""
    mediums = vocabularies().mediums
    return _counted(mediums, [_id_of(mediums, one, "medium") for one in presets()])


def _counted(vocabulary: Vocabulary[Any], ids: list[Any]) -> list[CountedTerm]:
    counts = Counter(ids)
    return [
        CountedTerm(**dict(term_said(one)), count=counts[one.id])
        for one in vocabulary.values()
        if counts[one.id]
    ]


@router.get(
    "/{name}",
    auth=Entrance(May.READ),
    response={200: FilmSaid | LookSaid | OwnSaid, **MISSING},
    summary="One preset",
)
def get_preset(request: HttpRequest, name: str) -> FilmSaid | LookSaid | OwnSaid:
    """By id, alias or label: the whole card."""
    found = there(lambda: find_preset(name))
    if isinstance(found, Own):
        return _own(found)
    return _film(found) if isinstance(found, Film) else _look(found)


def _card(one: Preset) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": kind_of(one),
        "label": one.label,
        "line": one.says if isinstance(one, Look) else one.line,
        "era": one.era,
        "year": one.year if isinstance(one, Film) else None,
        "palette": list(one.palette),
    }


def _in_full(one: Preset) -> dict[str, Any]:
    light = None if isinstance(one, Own) else one.light
    return {
        **_card(one),
        "aliases": list(one.aliases),
        "note": one.note,
        "moods": terms_said("moods", _grammar(one, "moods")),
        "tones": terms_said("tones", _grammar(one, "tones")),
        "sizes": terms_said("sizes", _grammar(one, "sizes")),
        "compositions": terms_said("compositions", _grammar(one, "compositions")),
        "light": _light(light) if light else None,
    }


def _film(one: Film) -> FilmSaid:
    sure: dict[str, Any] = {"certainty": one.certainty, "look_certainty": one.look.certainty}
    return FilmSaid(
        **_in_full(one),
        **sure,
        title=one.title,
        director=list(one.director),
        cinematographer=list(one.cinematographer),
        styles=terms_said("styles", one.look.styles),
        sources=terms_said("sources", one.look.sources),
        times=terms_said("times", one.look.times),
        avoids_moods=terms_said("moods", one.avoids_moods),
        avoids_sources=terms_said("sources", one.avoids_sources),
    )


def _look(one: Look) -> LookSaid:
    words = vocabularies()
    return LookSaid(
        **_in_full(one),
        medium=term_said(words.mediums.find(one.medium)),
        domain=term_said(words.domains.find(one.domain)),
        rendering={
            name: term_said(getattr(words, f"{name}s").find(getattr(one, name)))
            for name in RENDERING
        },
        reference_works=list(one.reference_works),
    )


def _own(one: Own) -> OwnSaid:
    return OwnSaid(
        **_in_full(one), based_on=one.based_on or None, config=write_config(begun_with(one))
    )


def _light(plan: LightPlan) -> LightSaid:
    facts: dict[str, Any] = {"practicals": plan.practicals, "certainty": plan.certainty}
    return LightSaid(
        key=_lamp(plan.key),
        fill=_lamp(plan.fill) if plan.fill else None,
        back=_lamp(plan.back) if plan.back else None,
        **facts,
    )


def _lamp(one: Lamp) -> LampSaid:
    return LampSaid(azimuth=one.azimuth, height=one.height, hard=one.hard)


@router.get(
    "/{name}/technical",
    auth=Entrance(May.READ),
    response={200: TechnicalSaid, **MISSING},
    summary="What a preset was made with",
)
def get_technical(request: HttpRequest, name: str) -> TechnicalSaid:
    """Cameras, lenses, stocks and shapes with their years; what made most of it first."""
    found = there(lambda: find_preset(name))
    if isinstance(found, Film):
        return _gear_of_film(found)
    return _gear(found.id, kind_of(found), _chosen_gear(found))


def _gear_of_film(one: Film) -> TechnicalSaid:
    words = vocabularies()
    sure: dict[str, Any] = {
        "certainty": one.certainty,
        "lens_certainty": one.lens_certainty or one.certainty,
        "stock_certainty": one.stock_certainty or one.certainty,
    }
    return TechnicalSaid(
        id=one.id,
        kind="live_action",
        **sure,
        process=one.process,
        cameras=[camera_said(words.bodies.find(name)) for name in one.cameras],
        lenses=[lens_said(words.lenses.find(name)) for name in one.lenses],
        stocks=[stock_said(words.stocks.find(name)) for name in one.film_stocks],
        ratios=[ratio_said(words.ratios.find(name)) for name in one.aspect_ratios],
        focal_lengths_mm=list(one.focal_lengths_mm),
    )


def _chosen_gear(one: Look | Own) -> dict[str, tuple[str, ...]]:
    """Return ids by vocabulary; a look has a shape at most."""
    if isinstance(one, Look):
        return {"ratios": (one.ratio,) if one.ratio else ()}
    fields = {"bodies": "body", "lenses": "lens", "stocks": "stock", "ratios": "ratio"}
    return {terms: one.ids(name) for terms, name in fields.items()}


def _gear(name: str, kind: Kind, chosen: dict[str, tuple[str, ...]]) -> TechnicalSaid:
    words = vocabularies()
    return TechnicalSaid(
        id=name,
        kind=kind,
        certainty=None,
        lens_certainty=None,
        stock_certainty=None,
        process="",
        cameras=[camera_said(words.bodies.find(one)) for one in chosen.get("bodies", ())],
        lenses=[lens_said(words.lenses.find(one)) for one in chosen.get("lenses", ())],
        stocks=[stock_said(words.stocks.find(one)) for one in chosen.get("stocks", ())],
        ratios=[ratio_said(words.ratios.find(one)) for one in chosen["ratios"]],
        focal_lengths_mm=[],
    )


@router.post(
    "/{name}/apply",
    auth=Entrance(May.READ),
    response={200: AppliedSaid, **MISSING, REFUSALS: ErrorAnswer},
    summary="The configuration that a preset begins",
)
def post_application(request: HttpRequest, name: str, posted: ApplyPosted) -> AppliedSaid:
    """With what you change in it, and what the rules have to say of that."""
    config = applied(there(lambda: find_preset(name)), posted.overrides)
    return AppliedSaid(config=write_config(config), **dict(check(config)))
