"""What can be chosen: bodies, lenses, stocks, light, movement, framing, moods and the terms of drawn pictures.

Read once from `data/*.yaml`; every entry has words for people and words for prompts. Ids never reach either. People
may have terms of their own beside these (`own_terms.py`).
"""

from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, ValuesView
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import cache, lru_cache, wraps
from pathlib import Path
from threading import Lock
from typing import Any, Final, Generic, ParamSpec, TypeVar, cast

import yaml

DATA: Final = Path(__file__).with_name("data")
Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

GAUGES_MM: Final[Mapping[str, int]] = {
    "film_16mm": 16,
    "film_35mm": 35,
    "film_vistavision": 35,
    "film_65mm": 65,
    "imax_15_70": 65,
}
"""The width of the film that a format runs; digital formats are missing."""
FORMAT_LABELS: Final[Mapping[str, str]] = {
    "film_16mm": "16 mm film",
    "film_35mm": "35 mm film",
    "film_vistavision": "VistaVision",
    "film_65mm": "65 mm film",
    "imax_15_70": "IMAX film",
    "micro_four_thirds": "Micro Four Thirds",
    "super35": "Super 35",
    "full_frame": "full frame",
    "large_format": "large format",
    "digital_65": "65 mm digital",
}
MOUNT_LABELS: Final[Mapping[str, str]] = {
    "arri_b": "Arri bayonet",
    "arri_s": "Arri standard",
    "bncr": "BNCR",
    "c": "C",
    "ca1": "Eclair CA-1",
    "debrie": "Debrie",
    "dl": "DL",
    "e": "E",
    "eclair": "Cameflex",
    "ef": "EF",
    "f": "F",
    "fixed": "fixed",
    "imax": "IMAX",
    "l": "L",
    "lpl": "LPL",
    "mft": "Micro Four Thirds",
    "mitchell": "Mitchell",
    "mitchell_65": "Mitchell 65",
    "mitchell_bnc": "Mitchell BNC",
    "mitchell_vv": "VistaVision",
    "oct18": "OCT-18",
    "oct19": "OCT-19",
    "pathe": "Pathé",
    "pl": "PL",
    "pv": "PV",
    "pv65": "PV 65",
    "pv70": "PV 70",
    "rf": "RF",
    "xpl": "XPL",
    "z": "Z",
}
WEIGHT_CLASSES: Final = (
    (2, "ultra light"),
    (3, "light"),
    (4, "medium"),
    (9, "heavy"),
    (20, "very heavy"),
)
"""Kilograms below which a body, ready to shoot, is called so; what is heavier is a studio camera."""


class UnknownTerm(ValueError):
    """Nothing in a vocabulary is called so; the message names what comes near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Something that can be chosen.

    Attributes:
        line: One sentence for whoever points at it.
        prose: The words of prompts in sentences; what part of speech, each vocabulary says for itself.
        tag: The words of prompts in tags.
        certainty: high, medium or low.
    """

    id: str
    label: str
    line: str = ""
    prose: str = ""
    tag: str = ""
    aliases: tuple[str, ...] = ()
    certainty: str = "high"
    note: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body(Term):
    """A camera body; prose is its name.

    Attributes:
        look: What its picture is like.
        format: A key of `FORMAT_LABELS`.
        image_area_mm: Width and height that are exposed.
        mounts: What a lens may have, at once; `adapts` with a common adapter or as rental houses change it.
        weight_kg: Ready to shoot, without lens.
        introduced: Year.
        photosites_k: Thousands of photosites across; None for film.
    """

    look: str = ""
    manufacturer: str
    format: str
    image_area_mm: tuple[float, float]
    diagonal_mm: float
    mounts: tuple[str, ...]
    adapts: tuple[str, ...] = ()
    weight_kg: float
    introduced: int
    medium: str
    photosites_k: float | None = None

    @property
    def is_film(self) -> bool:
        """Whether it runs film."""
        return self.medium == "film"

    @property
    def is_aircraft(self) -> bool:
        """Whether it flies, and can do nothing else."""
        return "dl" in self.mounts or "aircraft" in self.note

    @property
    def gauge_mm(self) -> int | None:
        """The width of its film; None for a sensor."""
        return GAUGES_MM.get(self.format)

    @property
    def weight_class(self) -> str:
        """In words, as crews say it."""
        return next(
            (name for below, name in WEIGHT_CLASSES if self.weight_kg < below), "studio weight"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens(Term):
    """A family of lenses; prose is its name.

    Attributes:
        look: What it does to the picture.
        squeeze: How much wider the picture is than what it exposes; 1.0 for spherical lenses.
        image_circle_mm: Diameter that it lights, about.
        introduced: Year.
        focal_lengths_mm: Those made, ascending; the ends of the range of a zoom.
        t_stop: Its widest.
    """

    look: str = ""
    manufacturer: str
    optics: str
    zoom: bool
    squeeze: float
    image_circle_mm: float
    coverage: str
    mounts: tuple[str, ...]
    introduced: int
    focal_lengths_mm: tuple[float, ...] = ()
    t_stop: float | None = None

    @property
    def is_anamorphic(self) -> bool:
        """Whether it squeezes."""
        return self.squeeze > 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock(Term):
    """A film stock; prose is its name.

    Attributes:
        look: Grain, contrast and balance, in words.
        balance_k: Color temperature for which its colors are true; None in black and white.
        ei_tungsten: Exposure index; `ei_daylight` by day, with the filter that this takes.
        formats_mm: Gauges in which it was made.
        since: First year, and `until`, the last year of manufacture; None while it is made.
        gauge_from: Since when it is made in a gauge, where that was later.
    """

    look: str = ""
    manufacturer: str
    code: str | None
    kind: str
    balance_k: int | None
    ei_tungsten: float | None
    ei_daylight: float | None
    formats_mm: tuple[int, ...]
    since: int
    until: int | None
    gauge_from: Mapping[int, int] = field(default_factory=dict)

    @property
    def is_black_and_white(self) -> bool:
        """Whether it records no color."""
        return self.kind.startswith("bw")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio(Term):
    """The shape of the frame; prose is a noun phrase.

    Attributes:
        ratio: Width by height.
        since: Year; None for shapes older than film.
    """

    ratio: float
    origin: str = ""
    since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Time(Term):
    """A time of day; prose says when.

    Attributes:
        sun_elevation_deg: Lowest and highest.
    """

    sun_elevation_deg: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Term):
    """What lights the scene; prose is a noun phrase.

    Attributes:
        first_year: Since when there is such a lamp; 0 for what there always was.
        cct_k: Color temperature; None where it may be any.
        color: About what its light looks like, as #rrggbb.
    """

    kind: str
    first_year: int
    cct_k: int | None = None
    color: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Style(Term):
    """A way to light.

    Attributes:
        adjective: What stands before the word light.
        result: What it leaves, after a comma.
    """

    adjective: str = ""
    result: str = ""
    contrast: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier(Term):
    """What carries the camera; its own name never stands in a picture's prompt.

    Attributes:
        manner: How its moves feel, without the machine.
        movements: Ids of the moves that it can make.
        warn_above_kg: What weighs more is hard on it, and above `block_above_kg` impossible.
        travels: Whether it leaves its place.
    """

    manner: str = ""
    carrier: str
    movements: tuple[str, ...]
    warn_above_kg: float | None = None
    block_above_kg: float | None = None
    travels: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Term):
    """A movement; prose is what the camera does, in the third person, and noun names it."""

    kind: str
    noun: str = ""

    @property
    def travels(self) -> bool:
        """Whether the camera leaves its place."""
        return self.kind.startswith("travel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing(Term):
    """How fast; prose is an adverb."""

    order: int
    adjective: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size(Term):
    """A shot size; prose is a noun phrase.

    Attributes:
        width: extreme_wide, wide, medium, close or extreme_close.
    """

    width: str = "medium"


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition(Term):
    """A composition; prose follows the shot, after a comma.

    Attributes:
        core: One of the sixteen of the handbooks.
        really: What else it is, where it is not a composition.
    """

    core: bool = False
    really: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mood(Term):
    """A mood; prose is an adjective."""

    group: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tone(Term):
    """The colors of the picture; prose is a noun phrase."""

    black_and_white: bool
    swatch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AngleTerm(Term):
    """A direction, height or distance of the camera; prose says from where.

    Attributes:
        token: How the multi-angle edit LoRA calls it; empty where it knows no such view. What it means by it may
            be turned a little: `token_azimuth_deg`.
    """

    token: str = ""
    token_azimuth_deg: float | None = None
    azimuth_deg: float | None = None
    elevation_deg: float | None = None
    factor: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class VirtualCamera(Term):
    """How the frame moves over a drawn scene; prose is what the camera does, and noun names it."""

    noun: str = ""


T = TypeVar("T", bound=Term)
B = TypeVar("B")
P = ParamSpec("P")


class Vocabulary(Mapping[str, T], Generic[T]):
    """Terms by id, in the order in which menus show them."""

    def __init__(self, name: str, terms: Iterable[T]) -> None:
        """Take the terms; ids and aliases must be unique.

        Raises:
            ValueError: Two of them have one name.
        """
        self.name = name
        self._terms = {term.id: term for term in terms}
        self._ids: dict[str, str] = {}
        for term in self._terms.values():
            for spelled in (term.id, *term.aliases):
                if self._ids.setdefault(spelled, term.id) != term.id:
                    msg = f"{name}: {spelled} is both {self._ids[spelled]} and {term.id}"
                    raise ValueError(msg)

    def __getitem__(self, key: str) -> T:
        """Return the term with this id."""
        return self._terms[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the ids."""
        return iter(self._terms)

    def __len__(self) -> int:
        """Return how many terms there are."""
        return len(self._terms)

    def find(self, spelled: str) -> T:
        """Return the term with this id, alias or label, in whatever case.

        Raises:
            UnknownTerm: There is none.
        """
        key = plainly(spelled)
        found = self._ids.get(key) or self._by_label().get(spelled.strip().casefold())
        if found is None:
            near = get_close_matches(key, self._ids, n=3, cutoff=0.6)
            hint = f" Near: {', '.join(near)}." if near else ""
            msg = f"There is no {self.name} called {spelled}.{hint}"
            raise UnknownTerm(msg)
        return self._terms[found]

    def named(self, spelled: str) -> T | None:
        """Return the term with exactly this id or alias."""
        found = self._ids.get(spelled)
        return None if found is None else self._terms[found]

    def _by_label(self) -> dict[str, str]:
        # The first one keeps a label: own terms come last, and take none away.
        return {term.label.casefold(): term.id for term in reversed(self._terms.values())}


def plainly(spelled: str) -> str:
    """Return how an id is spelled by which somebody means this."""
    return spelled.strip().casefold().replace(" ", "_").replace("-", "_")


class ReadOnce(Mapping[str, B]):
    """A mapping that is read at the first look, as nobody needs it before."""

    def __init__(self, read: Callable[[], Mapping[str, B]]) -> None:
        """Take what reads it."""
        self._first: Callable[[], Mapping[str, B]] = cache(read)
        self._read: Callable[[], Mapping[str, B]] = self._first

    @property
    def shipped(self) -> Mapping[str, B]:
        """What was read, whatever is shown."""
        return self._first()

    def show(self, other: Mapping[str, B] | None) -> None:
        """Be another mapping from now on, which nobody changes any more; None: be what was read.

        Whoever looks meanwhile sees the one or the other.
        """
        self._read = self._first if other is None else lambda: other

    def __getitem__(self, key: str) -> B:
        """Return what has this key."""
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys, in their order."""
        return iter(self._read())

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._read())

    def values(self) -> ValuesView[B]:
        """Return the values, all of one mapping, even if another is shown meanwhile."""
        return self._read().values()

    def items(self) -> ItemsView[str, B]:
        """Return keys and values, all of one mapping, even if another is shown meanwhile."""
        return self._read().items()


@dataclass(frozen=True, eq=False)
class Vocabularies:
    """All of them; no two are equal, so that what is remembered of one is not said of another."""

    bodies: Vocabulary[Body] = field(repr=False)
    lenses: Vocabulary[Lens] = field(repr=False)
    stocks: Vocabulary[Stock] = field(repr=False)
    ratios: Vocabulary[Ratio] = field(repr=False)
    times: Vocabulary[Time] = field(repr=False)
    places: Vocabulary[Term] = field(repr=False)
    sources: Vocabulary[Source] = field(repr=False)
    styles: Vocabulary[Style] = field(repr=False)
    carriers: Vocabulary[Carrier] = field(repr=False)
    moves: Vocabulary[Move] = field(repr=False)
    timings: Vocabulary[Timing] = field(repr=False)
    sizes: Vocabulary[Size] = field(repr=False)
    compositions: Vocabulary[Composition] = field(repr=False)
    moods: Vocabulary[Mood] = field(repr=False)
    tones: Vocabulary[Tone] = field(repr=False)
    directions: Vocabulary[AngleTerm] = field(repr=False)
    heights: Vocabulary[AngleTerm] = field(repr=False)
    distances: Vocabulary[AngleTerm] = field(repr=False)
    mediums: Vocabulary[Term] = field(repr=False)
    domains: Vocabulary[Term] = field(repr=False)
    lines: Vocabulary[Term] = field(repr=False)
    colors: Vocabulary[Term] = field(repr=False)
    lightings: Vocabulary[Term] = field(repr=False)
    surfaces: Vocabulary[Term] = field(repr=False)
    motions: Vocabulary[Term] = field(repr=False)
    cameras: Vocabulary[VirtualCamera] = field(repr=False)


# attribute: what people call one, file, key in it, class of its entries
FILES: Final[Mapping[str, tuple[str, str, str, type[Term]]]] = {
    "bodies": ("body", "cameras", "cameras", Body),
    "lenses": ("lens", "lenses", "lenses", Lens),
    "stocks": ("stock", "film_stocks", "film_stocks", Stock),
    "ratios": ("aspect ratio", "aspect_ratios", "aspect_ratios", Ratio),
    "times": ("time of day", "lighting", "times", Time),
    "places": ("place", "lighting", "places", Term),
    "sources": ("light source", "lighting", "sources", Source),
    "styles": ("lighting style", "lighting", "styles", Style),
    "carriers": ("equipment", "movement", "equipment", Carrier),
    "moves": ("movement", "movement", "types", Move),
    "timings": ("timing", "movement", "timings", Timing),
    "sizes": ("shot size", "grammar", "shot_sizes", Size),
    "compositions": ("composition", "grammar", "compositions", Composition),
    "moods": ("mood", "grammar", "moods", Mood),
    "tones": ("color tone", "grammar", "tones", Tone),
    "directions": ("direction", "angles", "directions", AngleTerm),
    "heights": ("camera height", "angles", "heights", AngleTerm),
    "distances": ("distance", "angles", "distances", AngleTerm),
    "mediums": ("medium", "animation", "mediums", Term),
    "domains": ("style domain", "animation", "style_domains", Term),
    "lines": ("line treatment", "animation", "line_treatments", Term),
    "colors": ("color application", "animation", "color_applications", Term),
    "lightings": ("lighting model", "animation", "lighting_models", Term),
    "surfaces": ("surface detail", "animation", "surface_details", Term),
    "motions": ("motion style", "animation", "motion_styles", Term),
    "cameras": ("virtual camera", "animation", "virtual_cameras", VirtualCamera),
}
RENAMED: Final = {"from": "since"}
"""What our data call otherwise, as it is no name in Python."""
KEPT: Final = 8192
"""So much that was found is remembered of each question: it never changes, and repairs ask again and again."""

_current: Vocabularies | None = None
_changing: Final = Lock()
_remembering: Final[list[Callable[[], None]]] = []


@cache
def read_file(name: str) -> Mapping[str, Any]:
    """Return what a file of our data holds."""
    found: Mapping[str, Any] = yaml.load((DATA / f"{name}.yaml").read_text("utf-8"), Loader)  # noqa: S506 - safe loaders only
    return found


def vocabularies() -> Vocabularies:
    """Return all vocabularies, those that were shipped unless others are used; read at the first call.

    Raises:
        ValueError: An entry of our data has a key that nothing reads, or lacks one.
    """
    return _current or _begun()


def _begun() -> Vocabularies:
    global _current
    with _changing:
        _current = _current or shipped()
        return _current


def use(words: Vocabularies | None) -> None:
    """Use these vocabularies from now on, and forget what was found in others; None: the shipped ones."""
    global _current
    with _changing:
        if _current is None and words is None:
            return
        other = words or shipped()
        if other is _current:
            return
        _current = other
    for forget in _remembering:
        forget()


def remembered(find: Callable[P, B]) -> Callable[P, B]:
    """Remember what a function finds in the vocabularies, for as long as they are the same ones."""

    @lru_cache(KEPT)
    def found(_words: Vocabularies, *asked: Any, **named: Any) -> B:
        return find(*asked, **named)

    _remembering.append(found.cache_clear)
    # The vocabularies are part of what is asked: what a thread finds in old ones is never taken for an answer of new ones.
    ask: Callable[..., B] = found

    @wraps(find)
    def answer(*asked: P.args, **named: P.kwargs) -> B:
        return ask(vocabularies(), *asked, **named)

    return answer


@cache
def shipped() -> Vocabularies:
    """Return the vocabularies of our data alone.

    Raises:
        ValueError: An entry of our data has a key that nothing reads, or lacks one.
    """
    return Vocabularies(**{name: _read(*FILES[name]) for name in FILES})


def _read(said: str, file: str, key: str, kind: type[Any]) -> Vocabulary[Any]:
    return Vocabulary(said, (build(kind, row, f"{file}.yaml") for row in read_file(file)[key]))


def build(kind: type[B], row: Mapping[str, Any], where: str) -> B:
    """Return an entry as an object of this class, its lists as tuples.

    Raises:
        ValueError: It has a key that the class lacks, or the reverse.
    """
    known = {one.name for one in fields(cast("Any", kind))}
    values = {RENAMED.get(key, key): frozen(value) for key, value in row.items()}
    unknown = values.keys() - known
    if unknown:
        msg = f"{where}: {row.get('id')} has {', '.join(sorted(unknown))}, which nothing reads"
        raise ValueError(msg)
    try:
        return kind(**values)
    except TypeError as error:
        msg = f"{where}: {row.get('id')}: {error}"
        raise ValueError(msg) from error


def frozen(value: Any) -> Any:
    """Return a value with its lists as tuples."""
    if isinstance(value, list):
        return tuple(frozen(one) for one in value)
    return value
