"""What programs post to the cinema engine and what they get, as types; the OpenAPI document is made of them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from farm_app.api.schemas import Posted
from farm_app.parameters import MOST_CHARACTERS

MOST_TARGETS = 30
# Longer scenes cost the counting of tokens more than they tell any model.
MOST_OF_A_SCENE = 5_000
MOST_NAMES = 50

Kind = Literal["live_action", "animation"]
Status = Literal["valid", "warning", "invalid"]
Severity = Literal["hard", "warning", "info"]
Certainty = Literal["high", "medium", "low"]
Value = str | int | float | list[str] | None
Name = Annotated[str, Field(min_length=1, max_length=120)]
Names = Annotated[list[Name], Field(max_length=MOST_NAMES)]
Text = Annotated[str, Field(max_length=MOST_CHARACTERS)]
Color = Annotated[str, Field(description="As #rrggbb.")]
ConfigPosted = Annotated[
    dict[str, Any],
    Field(
        description=(
            "Choices by field, as GET /api/cinema/fields lists them, or nested by their old paths, such as "
            '{"camera": {"body": ...}}; ids, aliases or labels. `kind` says live_action, as usual, or animation; '
            "`preset` is what it began with."
        )
    ),
]
ConfigSaid = Annotated[
    dict[str, Value],
    Field(description="`kind`, `preset` if there is one, and what is chosen, by field."),
]


class OptionsPosted(Posted):
    """Which field, and what stands beside it."""

    config: ConfigPosted = Field({})
    kind: Kind | None = Field(None, description="Of a config that does not say it.")
    field: Name = Field(description="By name or path.")
    locked: Names = Field([], description="Fields that no repair may change.")


class ValidatePosted(Posted):
    """What to check."""

    config: ConfigPosted
    target: Name | None = Field(None, description="Also says what this target cannot use.")


class RepairPosted(Posted):
    """What to mend."""

    config: ConfigPosted
    locked: Names = Field([], description="Fields that must stay.")


class PromptPosted(Posted):
    """What to write, and for which models; it begins with a config or a preset."""

    config: ConfigPosted | None = None
    preset: Name | None = Field(None, description="Instead of a config.")
    overrides: ConfigPosted = Field({}, description="What to change in the preset.")
    scene: str = Field(
        "", max_length=MOST_OF_A_SCENE, description="What happens, in your words; they are kept."
    )
    target: Name | None = None
    targets: Annotated[list[Name], Field(min_length=1, max_length=MOST_TARGETS)] | None = Field(
        None, description="Instead of a target."
    )
    without: Names = Field([], description="Panels and fields whose words are left out.")
    negative: Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=50)] = Field(
        [], description="What else to keep out."
    )


class ConvertPosted(Posted):
    """A prompt for one target, wanted for another."""

    text: Text
    source: Name = Field(alias="from", description="The target that it was written for.")
    target: Name = Field(alias="to", description="The target that it is wanted for.")


class ApplyPosted(Posted):
    """What to change in the preset."""

    overrides: ConfigPosted = Field({})


class VocabularySaid(BaseModel):
    """A list of terms that a field takes."""

    name: str
    label: str
    count: int


class TermSaid(BaseModel):
    """Something that can be chosen; `line` says what it is."""

    id: str
    label: str
    line: str


class CountedTerm(TermSaid):
    """A term, and how many presets have it."""

    count: int


class FieldSaid(BaseModel):
    """A field of a configuration."""

    name: str
    label: str
    panel: str
    path: str = Field(description="What a nested config calls it.")
    enum: str = Field(description="The vocabulary of its values; empty for numbers.")
    many: bool = Field(description="Whether it takes a list.")
    most: int = Field(description="How many values it takes.")


class KindSaid(BaseModel):
    """The fields of one kind of configuration."""

    kind: Kind
    fields: list[FieldSaid]


class RepairSaid(BaseModel):
    """A way out: what a button would say, and what it changes."""

    label: str
    changes: dict[str, Value] = Field(description="By field; null takes back.")


class OptionSaid(BaseModel):
    """A value that a field could have, and if it does not fit, why and what would make it fit."""

    value: str | int | float
    label: str
    line: str
    chosen: bool
    allowed: bool
    reason: str
    rule: str
    repair: RepairSaid | None = Field(
        description="What else must change; null if nothing would help."
    )


class FindingSaid(BaseModel):
    """What a rule has to say about a field."""

    rule: str
    severity: Severity
    field: str
    reason: str


class MessageSaid(FindingSaid):
    """What a rule has to say, with the ways out."""

    repairs: list[RepairSaid]


class CheckSaid(BaseModel):
    """Whether it all fits; `invalid` if one of the messages is hard."""

    status: Status
    messages: list[MessageSaid] = Field(description="The worst first.")


class MendedSaid(CheckSaid):
    """What mends a configuration, the configuration then, and what is left to say of it."""

    repair: RepairSaid | None = Field(description="Null if nothing is hard, or nothing would help.")
    config: ConfigSaid


class AppliedSaid(CheckSaid):
    """The configuration that a preset begins with."""

    config: ConfigSaid


class ClauseSaid(BaseModel):
    """A piece of a prompt, and the choices that it came from; joined, the pieces are the prompt."""

    text: str
    panel: str
    fields: list[str]


class PromptSaid(BaseModel):
    """A prompt for one target."""

    target: str
    prompt: str
    negative: str
    words: int
    tokens: int | None = Field(description="Null where nobody outside can count them.")
    size: tuple[int, int] | None = Field(description="Width and height in pixels.")
    shape: str = Field(description="The ratio as the service's menu calls it.")
    clauses: list[ClauseSaid]
    notes: list[str] = Field(description="What was left out, and why.")
    messages: list[FindingSaid]


class PromptsSaid(BaseModel):
    """The prompts in the order of their targets, and the configuration that they say."""

    config: ConfigSaid
    prompts: list[PromptSaid]


class ConvertedSaid(BaseModel):
    """A prompt in the words of another target; `notes` say what was lost or changed."""

    text: str
    notes: list[str]


class TargetSaid(BaseModel):
    """A model or service that a prompt can be written for."""

    id: str
    label: str
    line: str
    medium: Literal["image", "video"]
    form: Literal["tags", "prose", "motion", "edit"]
    family: str | None = Field(description="The model family of the farm that draws with it.")


class BudgetSaid(BaseModel):
    """How much text it reads; null where no bound is known."""

    tokens: int | None
    words: tuple[int, int] | None = Field(description="The fewest and the most that work best.")


class TargetInFull(TargetSaid):
    """A target with what is known of it."""

    aliases: list[str]
    encoder: Literal["clip", "t5", "llm", "none"]
    budget: BudgetSaid
    weights: Literal["emphasis", "weak", "literal", "none"]
    weight_max: float
    negative: Literal["strong", "weak", "none"] = Field(description="How far it heeds negatives.")
    prefix: list[str]
    suffix: list[str]
    sizes: list[tuple[int, int]] = Field(description="Sizes that it was trained on.")
    shapes: list[str] = Field(description="Ratios in the service's menu.")
    names_gear: bool = Field(description="Whether names of cameras and lenses help it.")
    certainty: Certainty


class AngleSaid(BaseModel):
    """Where the camera stands; `token` calls it in the multi-angle LoRA, empty where that knows no such view."""

    id: str
    label: str
    prose: str
    token: str
    direction: str
    height: str
    distance: str


class PresetSaid(BaseModel):
    """A film, an animation look or an own preset in a list."""

    id: str
    kind: Kind
    label: str = Field(description="“In the style of …” where little of its making is known.")
    line: str
    era: str
    year: int | None
    palette: list[Color]


class PresetPage(BaseModel):
    """Films, oldest first, then looks, then own presets; `next` is the `offset` of the next page, null on the last."""

    items: list[PresetSaid]
    total: int
    next: int | None


class LampSaid(BaseModel):
    """One light: `azimuth` in degrees around the subject, 0 from the camera, 90 from its right, 180 from behind."""

    azimuth: float
    height: str
    hard: bool


class LightSaid(BaseModel):
    """Where the light comes from; `practicals` counts lamps in the picture."""

    key: LampSaid
    fill: LampSaid | None
    back: LampSaid | None
    practicals: int
    certainty: Certainty


class CardSaid(PresetSaid):
    """What films and looks share."""

    aliases: list[str]
    note: str
    moods: list[TermSaid]
    tones: list[TermSaid]
    sizes: list[TermSaid]
    compositions: list[TermSaid]
    light: LightSaid | None


class FilmSaid(CardSaid):
    """A film: who made it, what it looks like and what would break that; how sure we are of its making."""

    kind: Literal["live_action"]
    title: str
    director: list[str]
    cinematographer: list[str]
    certainty: Certainty
    look_certainty: Certainty
    styles: list[TermSaid]
    sources: list[TermSaid]
    times: list[TermSaid]
    avoids_moods: list[TermSaid]
    avoids_sources: list[TermSaid]


class LookSaid(CardSaid):
    """An animation look, with works that show it."""

    kind: Literal["animation"]
    medium: TermSaid
    domain: TermSaid
    rendering: dict[str, TermSaid] = Field(
        description="By field: line, color, lighting, surface, motion, camera."
    )
    reference_works: list[str]


class OwnSaid(CardSaid):
    """A configuration that somebody kept in the studio."""

    based_on: str | None = Field(description="The film or look that it was begun with.")
    config: ConfigSaid


class GearSaid(TermSaid):
    """Something that pictures are made with, and how sure its facts are."""

    certainty: Certainty


class CameraSaid(GearSaid):
    """A camera body."""

    manufacturer: str
    type: Literal["film", "digital"]
    format: str = Field(description="Its film or sensor, in words.")
    year: int = Field(description="Since when.")
    mounts: list[str] = Field(description="In words.")
    image_area_mm: tuple[float, float]
    weight_kg: float


class LensSaid(GearSaid):
    """A family of lenses."""

    manufacturer: str
    year: int
    zoom: bool
    anamorphic: bool
    squeeze: float
    image_circle_mm: float
    focal_lengths_mm: list[float]
    t_stop: float | None
    mounts: list[str]


class FittingLens(LensSaid):
    """A lens that a camera takes, and the mount on which they meet."""

    mount: str


class StockSaid(GearSaid):
    """A film stock, made from one year to another, or until now."""

    manufacturer: str
    code: str | None
    black_and_white: bool
    balance_k: int | None
    ei_tungsten: float | None
    ei_daylight: float | None
    formats_mm: list[int]
    since: int
    until: int | None


class RatioSaid(TermSaid):
    """A shape of the frame, width by height."""

    ratio: float
    since: int | None


class TechnicalSaid(BaseModel):
    """What a preset was made with, what made most of it first; a drawn one has a ratio at most."""

    id: str
    kind: Kind
    certainty: Certainty | None
    lens_certainty: Certainty | None
    stock_certainty: Certainty | None
    process: str
    cameras: list[CameraSaid]
    lenses: list[LensSaid]
    stocks: list[StockSaid]
    ratios: list[RatioSaid]
    focal_lengths_mm: list[float]
