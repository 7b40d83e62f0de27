"""Values for a workflow's parameters, as somebody typed or sent them: each is checked, and what is wrong said by name."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from farm_app import families
from farm_app.abilities import samplers_for
from farm_app.binding import MODEL_FOLDERS
from farm_app.comfy.workflow import Parameter, read_value
from farm_app.models import NodeModel, WorkflowTemplate
from gallery_app.models import MediaFile

MOST_CHARACTERS: Final = 20_000
# Beyond this a number in JSON is no longer the one that was meant.
LARGEST_EXACT: Final = 2**53 - 1
MOST_LISTED: Final = 10
_WORDS: Final = ("prompt", "negative", "text")


class WrongValue(ValueError):
    """A value that will not do; ``use`` is one that would, if any is known."""

    def __init__(self, sentence: str, use: str = "") -> None:
        """Keep both."""
        super().__init__(sentence)
        self.use = use


@dataclass
class Settled:
    """What came of the values: those that are good, the picture to start from, and what is wrong, by name."""

    values: dict[str, Any] = field(default_factory=dict)
    source: MediaFile | None = None
    wrong: dict[str, WrongValue] = field(default_factory=dict)


def settle(fields: Sequence[Parameter], given: Mapping[str, Any], *, family: str) -> Settled:
    """Check what is given for a workflow's parameters; what is not given stays out."""
    known = {one.name: one for one in fields if one.kind != "prefix"}
    found = Settled()
    for name, value in given.items():
        try:
            if name not in known:
                listed = ", ".join(known) or "none"
                raise WrongValue(f"The workflow has no parameter {name[:50]}; it has {listed}.")
            _settle(known[name], value, family, found)
        except WrongValue as fault:
            found.wrong[name] = fault
    return found


def _settle(parameter: Parameter, value: object, family: str, found: Settled) -> None:
    if parameter.kind == "image":
        found.source = _picture(value)
        return
    if parameter.kind == "seed":
        value = exact_seed(value)
    if parameter.kind in _WORDS and isinstance(value, str) and len(value) > MOST_CHARACTERS:
        raise WrongValue(f"{len(value):,} characters are too many; at most {MOST_CHARACTERS:,}.")
    if parameter.name in MODEL_FOLDERS:
        found.values[parameter.name] = _model(parameter, value, family)
        return
    try:
        read = read_value(parameter, value)
    except ValueError as fault:
        raise WrongValue(str(fault), _nearest(parameter, value)) from fault
    if parameter.kind in ("sampler", "scheduler"):
        _require_known(parameter, str(read), family)
    found.values[parameter.name] = str(read) if parameter.kind == "seed" else read


def exact_seed(value: object) -> object:
    """Return a seed as it was meant.

    Raises:
        WrongValue: A number that JSON cannot hold exactly.
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > LARGEST_EXACT:
        raise WrongValue("Write a seed above 2^53-1 as text: JSON numbers are not exact there.")
    return value


def _picture(value: object) -> MediaFile:
    try:
        pk = UUID(value) if isinstance(value, str) else None
    except ValueError:
        pk = None
    picture = MediaFile.objects.shown().filter(pk=pk).first() if pk else None
    if picture is None:
        raise WrongValue("Name a picture of Eliot by its media id.")
    return picture


def _model(parameter: Parameter, value: object, family: str) -> str:
    """Return the key of a model file that some node has; empty lets each node take its own first choice."""
    if not isinstance(value, str) or len(value) > 400:
        raise WrongValue(f"{parameter.label} must be the name of a file.")
    key = families.model_key(value)
    there = NodeModel.objects.on_hand().filter(folder=MODEL_FOLDERS[parameter.name])
    if parameter.name == "checkpoint" and family:
        there = there.filter(family=family)
    if key and not there.filter(key=key).exists():
        usual = there.order_by("-is_preferred", "name").values_list("key", flat=True).first()
        raise WrongValue(f"No node has {value[:100]}{_for(family)}.", usual or "")
    return key


def _for(family: str) -> str:
    known = families.FAMILIES.get(family)
    return f" for {known.label}" if known else ""


def _require_known(parameter: Parameter, name: str, family: str) -> None:
    samplers, schedulers = samplers_for(family)
    names = samplers if parameter.kind == "sampler" else schedulers
    if name not in names:
        listed = ", ".join(names[:MOST_LISTED]) + (" and others" if names[MOST_LISTED:] else "")
        raise WrongValue(
            f"No node has the {parameter.kind} {name[:50]}; there are {listed}.", names[0]
        )


def _nearest(parameter: Parameter, value: object) -> str:
    """Return the number within the limits that is nearest to one outside."""
    if not isinstance(value, int | float) or isinstance(value, bool) or parameter.maximum is None:
        return ""
    if value != value:
        return ""
    # Compared as it is: a whole number may be too large for a float.
    number = float(min(max(value, parameter.minimum or 0), parameter.maximum))
    if parameter.kind == "integer" and parameter.step:
        number = round(number / parameter.step) * parameter.step
    return f"{number:g}" if abs(number) < LARGEST_EXACT else ""


def usual_values(template: WorkflowTemplate, names: Iterable[str], family: str) -> dict[str, Any]:
    """Return what a template takes where nothing is said: its own defaults, else the family's."""
    known = families.FAMILIES.get(family)
    usual: dict[str, Any] = {"negative": ""}
    if known is not None:
        width, height = known.native
        usual |= {"width": width, "height": height, "steps": known.steps, "cfg": known.cfg}
        usual |= {"sampler": known.sampler, "scheduler": known.scheduler}
        usual["guidance"] = known.guidance
    said = template.default_params if isinstance(template.default_params, dict) else {}
    usual |= said
    wanted = (name for name in names if name not in MODEL_FOLDERS)  # those each node chooses
    return {name: usual[name] for name in wanted if usual.get(name) is not None}


def family_of_file(folder: str, name: str) -> str:
    """Return the model family of a file as the nodes' inventories have it; empty if they do not tell."""
    rows = NodeModel.objects.on_hand().filter(folder=folder, key=families.model_key(name))
    return rows.exclude(family="").values_list("family", flat=True).first() or ""


def grouped(digits: str) -> str:
    """Return a number with its digits in groups of three."""
    head = len(digits) % 3
    parts = [digits[:head]] if head else []
    return " ".join(parts + [digits[place : place + 3] for place in range(head, len(digits), 3)])
