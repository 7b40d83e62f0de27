"""What somebody has chosen: a live-action or an animation configuration, and the fields that make it up.

Only choices are stored. What follows from them (format, weight, mount, squeeze, angle of view) is worked out, so that
it cannot contradict them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import atan, degrees
from typing import Any, ClassVar, Final, Generic, Self, TypeVar, overload

from sessions_app.cinema.vocabulary import (
    FORMAT_LABELS,
    Body,
    Carrier,
    Lens,
    Move,
    Ratio,
    Stock,
    Term,
    UnknownTerm,
    Vocabularies,
    Vocabulary,
    vocabularies,
)

Value = str | int | float | tuple[str, ...] | tuple[tuple[str, str], ...] | None
Changes = Mapping[str, Value]
V = TypeVar("V")

LIVE_ACTION: Final = "live_action"
ANIMATION: Final = "animation"

FIRST_FILM_YEAR: Final = 1888
LAST_YEAR: Final = 2100
FOCAL_RANGE_MM: Final = (4.0, 2000.0)


class BadValue(ValueError):
    """A field cannot be this; says so in a sentence.

    Attributes:
        field: Its name.
    """

    def __init__(self, field: str, message: str) -> None:
        """Take the field and the sentence."""
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Field:
    """A field of a configuration.

    Attributes:
        panel: The panel of the page that it is in.
        path: What programs of the old console call it.
        terms: The vocabulary that its values are ids of; empty for numbers.
        most: How many values it takes; above one it is a tuple.
    """

    name: str
    label: str
    panel: str
    path: str
    terms: str = ""
    most: int = 1

    @property
    def vocabulary(self) -> Vocabulary[Any]:
        """Its vocabulary.

        Raises:
            AttributeError: It is a number.
        """
        return self._among(vocabularies())

    def _among(self, words: Vocabularies) -> Vocabulary[Any]:
        found: Vocabulary[Any] = getattr(words, self.terms)
        return found

    @property
    def empty(self) -> Value:
        """What it holds while nothing is chosen."""
        return () if self.most > 1 else None

    def read(self, told: Any, among: Vocabularies | None = None) -> Value:
        """Return what is told as a value, ids resolved.

        Args:
            among: Other vocabularies than those in use.

        Raises:
            BadValue: It is none.
        """
        if told is None or told in ("", [], ()):
            return self.empty
        if not self.terms:
            return self._number(told)
        words = list(told) if isinstance(told, (list, tuple)) else [told]
        if len(words) > self.most:
            msg = f"{self.label} takes at most {self.most}; {len(words)} are given."
            raise BadValue(self.name, msg)
        try:
            known = self._among(among or vocabularies())
            ids = tuple(dict.fromkeys(known.find(str(one)).id for one in words))
        except UnknownTerm as error:
            raise BadValue(self.name, str(error)) from error
        return ids if self.most > 1 else ids[0]

    def _number(self, told: Any) -> Value:
        try:
            number = float(told)
        except (TypeError, ValueError, OverflowError):
            msg = f"{self.label} is a number, not {str(told)[:60]}."
            raise BadValue(self.name, msg) from None
        low, high = FOCAL_RANGE_MM if self.name == "focal_mm" else (FIRST_FILM_YEAR, LAST_YEAR)
        if not low <= number <= high:
            msg = f"{self.label} lies between {low:g} and {high:g}."
            raise BadValue(self.name, msg)
        return int(number) if number.is_integer() else number

    def label_of(self, value: Value) -> str:
        """Return a value in words; empty for none."""
        if value is None or value == ():
            return ""
        if self.name == "focal_mm":
            return f"{value:g} mm"
        if not self.terms:
            return str(value)
        words = value if isinstance(value, tuple) else (value,)
        return ", ".join(self.vocabulary[str(one)].label for one in words)


_SHARED: Final = (
    Field("ratio", "Aspect ratio", "stock", "camera.aspect_ratio", "ratios"),
    Field("size", "Shot size", "frame", "visual_grammar.shot_size", "sizes"),
    Field("composition", "Composition", "frame", "visual_grammar.composition", "compositions"),
    Field("height", "Camera height", "frame", "visual_grammar.height", "heights"),
    Field("direction", "Direction", "frame", "visual_grammar.direction", "directions"),
    Field("moods", "Mood", "mood", "visual_grammar.mood", "moods", most=3),
    Field("tone", "Color tone", "mood", "visual_grammar.color_tone", "tones"),
)


@dataclass(frozen=True)
class Configuration:
    """What both kinds share: frame, mood and the preset that it began with.

    Attributes:
        preset: Id of the film or look.
        ratio, size, composition, height, direction, tone: Ids; None where nothing is chosen.
        moods: Ids, the strongest first.
        claims: What a program said of derived fields, to be held against them.
    """

    KIND: ClassVar[str]
    FIELDS: ClassVar[Mapping[str, Field]]

    preset: str | None = None
    ratio: str | None = None
    size: str | None = None
    composition: str | None = None
    height: str | None = None
    direction: str | None = None
    moods: tuple[str, ...] = ()
    tone: str | None = None
    claims: tuple[tuple[str, str], ...] = ()

    def changed(self, changes: Changes) -> Self:
        """Return a copy with these values, which are ids already.

        Raises:
            TypeError: There is no such field.
        """
        names = _held(self.KIND)
        if not changes.keys() <= names:
            msg = f"no such field: {', '.join(changes.keys() - names)}"
            raise TypeError(msg)
        # Hundreds of candidates are made for one answer; `replace` takes three times as long.
        copy = object.__new__(type(self))
        held = self.__dict__
        copy.__dict__.update({name: held[name] for name in names}, **changes)
        return copy

    def with_told(self, told: Mapping[str, Any]) -> Self:
        """Return a copy with values as people and programs write them: ids, aliases or labels, by field or path.

        Raises:
            BadValue: One of them is unknown, or there is no such field.
        """
        changes: dict[str, Any] = {}
        claims = dict(self.claims)
        for name, value in told.items():
            found = self.field(name)
            if found is None:
                claims[name] = self._claim(name, value)
                if value is None:
                    del claims[name]
            else:
                changes[found.name] = found.read(value)
        return replace(self, **changes, claims=tuple(sorted(claims.items())))

    @classmethod
    def field(cls, name: str) -> Field | None:
        """Return the field of this name or path."""
        return cls.FIELDS.get(name) or _by_path(cls).get(name)

    def _claim(self, name: str, value: Any) -> str:
        msg = f"There is no field called {name}."
        raise BadValue(name, msg)

    @property
    def moves(self) -> bool:
        """Whether a camera is to move, which a still cannot show."""
        return False

    def values(self) -> dict[str, Value]:
        """Return what is chosen, by field; what is not is left out."""
        return {
            name: getattr(self, name)
            for name in self.FIELDS
            if getattr(self, name) not in (None, ())
        }

    def has(self, name: str, *ids: str) -> bool:
        """Say whether a field holds one of these."""
        value = getattr(self, name)
        return bool(set(value) & set(ids)) if isinstance(value, tuple) else value in ids


class _Once(Generic[V]):
    """A derived value that is worked out once for each configuration: rules ask for the body nine times over.

    It lies beside the fields, so that neither equality nor a changed copy knows of it. Unlike `cached_property` it holds
    no lock: two threads may work out the same.
    """

    def __init__(self, derive: Callable[[Any], V]) -> None:
        self._derive = derive
        self._name = derive.__name__
        self.__doc__ = derive.__doc__

    @overload
    def __get__(self, held: None, owner: type) -> Self: ...
    @overload
    def __get__(self, held: Any, owner: type) -> V: ...
    def __get__(self, held: Any, owner: type) -> Self | V:
        if held is None:
            return self
        value = self._derive(held)
        held.__dict__[self._name] = value
        return value


@cache
def _held(kind: str) -> frozenset[str]:
    return frozenset((*KINDS[kind].FIELDS, "preset", "claims"))


def _by_path(kind: type[Configuration]) -> Mapping[str, Field]:
    return {one.path: one for one in kind.FIELDS.values()}


def _by_name(found: Iterable[Field]) -> Mapping[str, Field]:
    return {one.name: one for one in found}


@dataclass(frozen=True)
class LiveAction(Configuration):
    """A camera before a scene.

    Attributes:
        year: When the scene's style is set; equipment and lamps are held against it.
        body, lens, stock: Ids.
        focal_mm: Focal length.
        equipment, movement, timing: How the camera moves.
        time, place: When and where.
        sources: What lights it, the key light first.
        styles: How, the strongest first.
    """

    KIND = LIVE_ACTION
    FIELDS = _by_name(
        (
            Field("year", "Year", "camera", "era"),
            Field("body", "Camera", "camera", "camera.body", "bodies"),
            Field("lens", "Lens", "lens", "lens.family", "lenses"),
            Field("focal_mm", "Focal length", "lens", "lens.focal_length_mm"),
            Field("stock", "Film stock", "stock", "camera.film_stock", "stocks"),
            _SHARED[0],
            Field("equipment", "Equipment", "movement", "movement.equipment", "carriers"),
            Field("movement", "Movement", "movement", "movement.movement_type", "moves"),
            Field("timing", "Timing", "movement", "movement.timing", "timings"),
            Field("time", "Time of day", "light", "lighting.time_of_day", "times"),
            Field("place", "Place", "light", "lighting.place", "places"),
            Field("styles", "Style", "light", "lighting.style", "styles", most=2),
            Field("sources", "Sources", "light", "lighting.source", "sources", most=3),
            *_SHARED[1:],
        )
    )
    CLAIMS: ClassVar[Mapping[str, str]] = {
        "camera.manufacturer": "body",
        "camera.camera_type": "body",
        "camera.sensor": "body",
        "camera.weight_class": "body",
        "lens.manufacturer": "lens",
        "lens.is_anamorphic": "lens",
        "lens.squeeze": "lens",
    }
    """Derived fields that programs may send, and what each follows from."""

    year: int | None = None
    body: str | None = None
    lens: str | None = None
    focal_mm: float | None = None
    stock: str | None = None
    equipment: str | None = None
    movement: str | None = None
    timing: str | None = None
    time: str | None = None
    place: str | None = None
    sources: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()

    def _claim(self, name: str, value: Any) -> str:
        if name not in self.CLAIMS:
            return super()._claim(name, value)
        return str(value).strip().lower()

    @_Once
    def the_body(self) -> Body | None:
        """The camera."""
        return vocabularies().bodies[self.body] if self.body else None

    @_Once
    def the_lens(self) -> Lens | None:
        """The lens family."""
        return vocabularies().lenses[self.lens] if self.lens else None

    @_Once
    def the_stock(self) -> Stock | None:
        """The film stock."""
        return vocabularies().stocks[self.stock] if self.stock else None

    @_Once
    def the_carrier(self) -> Carrier | None:
        """What carries the camera."""
        return vocabularies().carriers[self.equipment] if self.equipment else None

    @_Once
    def the_move(self) -> Move | None:
        """How the camera moves."""
        return vocabularies().moves[self.movement] if self.movement else None

    @_Once
    def the_ratio(self) -> Ratio | None:
        """The shape of the frame."""
        return vocabularies().ratios[self.ratio] if self.ratio else None

    @property
    def moves(self) -> bool:
        """Whether the camera is to move."""
        return self.movement not in (None, "static")

    @property
    def sensor(self) -> str:
        """The format of the body, in words."""
        return FORMAT_LABELS[self.the_body.format] if self.the_body else ""

    @property
    def squeeze(self) -> float:
        """By how much the picture is stretched when it is shown."""
        return self.the_lens.squeeze if self.the_lens else 1.0

    @_Once
    def mount(self) -> str | None:
        """The mount on which body and lens meet; None where they do not, or one of them is missing."""
        body, lens = self.the_body, self.the_lens
        if body is None or lens is None:
            return None
        return next((one for one in (*body.mounts, *body.adapts) if one in lens.mounts), None)

    @_Once
    def angle_of_view_deg(self) -> float | None:
        """Horizontally, in the picture as it is shown; None without body or focal length."""
        body = self.the_body
        if body is None or not self.focal_mm:
            return None
        width, height = body.image_area_mm
        shown = width * self.squeeze
        if self.the_ratio and self.the_ratio.ratio < shown / height:
            shown = height * self.the_ratio.ratio  # the sides are cropped
        return degrees(2 * atan(shown / (2 * self.focal_mm)))


@dataclass(frozen=True)
class Animation(Configuration):
    """A drawn, built or computed picture.

    Attributes:
        medium, domain: What it is made of, and in which tradition.
        line, color, lighting, surface: How it is rendered.
        motion, camera: How it moves.
    """

    KIND = ANIMATION
    FIELDS = _by_name(
        (
            Field("medium", "Medium", "medium", "medium", "mediums"),
            Field("domain", "Style domain", "medium", "style_domain", "domains"),
            Field("line", "Line", "rendering", "rendering.line_treatment", "lines"),
            Field("color", "Color", "rendering", "rendering.color_application", "colors"),
            Field("lighting", "Lighting", "rendering", "rendering.lighting_model", "lightings"),
            Field("surface", "Surface", "rendering", "rendering.surface_detail", "surfaces"),
            Field("motion", "Motion", "motion", "motion.motion_style", "motions"),
            Field("camera", "Virtual camera", "motion", "motion.virtual_camera", "cameras"),
            replace(_SHARED[0], panel="frame"),
            *_SHARED[1:],
        )
    )

    medium: str | None = None
    domain: str | None = None
    line: str | None = None
    color: str | None = None
    lighting: str | None = None
    surface: str | None = None
    motion: str | None = None
    camera: str | None = None


KINDS: Final[Mapping[str, type[Configuration]]] = {LIVE_ACTION: LiveAction, ANIMATION: Animation}


def read_config(told: Mapping[str, Any]) -> Configuration:
    """Return the configuration that somebody wrote, flat or nested as the old console did.

    Raises:
        BadValue: A field or value is unknown.
    """
    told = dict(told)
    kind = str(told.pop("kind", told.pop("project_type", LIVE_ACTION))).lower()
    if kind not in KINDS:
        msg = f"A configuration is of the kind {' or '.join(KINDS)}, not {kind}."
        raise BadValue("kind", msg)
    preset = told.pop("preset", None)
    return KINDS[kind](preset=preset).with_told(dict(flat(told)))


def flat(told: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    """Yield names and values as they are told, nested names joined to paths."""
    for name, value in told.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def plain_value(value: Value) -> Any:
    """Return a value of a field as JSON and YAML know it."""
    return list(value) if isinstance(value, tuple) else value


def write_config(config: Configuration) -> dict[str, Any]:
    """Return a configuration as plain data that `read_config` reads again."""
    found: dict[str, Any] = {"kind": config.KIND}
    if config.preset:
        found["preset"] = config.preset
    for name, value in config.values().items():
        found[name] = plain_value(value)
    return found


def term_of(config: Configuration, name: str) -> Term | None:
    """Return the term that a field with one value holds."""
    value = getattr(config, name)
    return config.FIELDS[name].vocabulary[value] if value else None
