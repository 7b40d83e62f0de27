"""The ``eliot`` record, version 1: how a picture was made, flat, in words that need no graph."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, NoReturn, Self
from uuid import UUID

MAX_RECORD_BYTES: Final = 1 << 20  # Pillow and others read no longer text chunk
MAX_SEED: Final = 2**64 - 1

# An id of a higher room: opaque here, so a number or a slug, whatever that room uses.
Ref = int | str | None


class RecordError(ValueError):
    """The record holds, or would hold, something that version 1 does not allow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lora:
    """One LoRA as the template names it; never normalised."""

    name: str
    strength: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EliotRecord:
    """Everything worth knowing about one picture; what is unknown stays empty.

    ``uid`` is the MediaFile's id, ``seed`` decimal text up to 2^64-1 (JavaScript and SQL integers
    end earlier), ``parents`` are MediaFile ids in the order they were handed in, ``seconds`` the
    node's own time, ``created`` ISO 8601. Ids of sessions, jobs and so on are opaque.

    Raises:
        RecordError: A value of the wrong type, out of range, or text that is not Unicode.
    """

    v: int = 1
    uid: str = ""
    prompt: str = ""
    negative: str = ""
    seed: str = ""
    steps: int | None = None
    cfg: float | None = None
    sampler: str = ""
    scheduler: str = ""
    denoise: float | None = None
    width: int | None = None
    height: int | None = None
    family: str = ""
    model: str = ""
    loras: tuple[Lora, ...] = ()
    template: str = ""
    template_version: Ref = None
    session: Ref = None
    round: Ref = None
    generation: Ref = None
    parents: tuple[str, ...] = ()
    project: Ref = None
    panel: Ref = None
    job: Ref = None
    attempt: Ref = None
    node: str = ""
    seconds: float | None = None
    created: str = ""

    def __post_init__(self) -> None:
        for field in fields(self):
            _CHECKS.get(field.name, _require_text)(field.name, getattr(self, field.name))

    def as_dict(self) -> dict[str, Any]:
        """Return what ``MediaFacts.recipe`` holds: all keys, in the order of version 1."""
        found = asdict(self)
        return {**found, "loras": list(found["loras"]), "parents": list(found["parents"])}

    def to_json(self) -> str:
        """Return the one text of this record: the same record is always the same bytes.

        Raises:
            RecordError: The text would be longer than ``MAX_RECORD_BYTES``.
        """
        text = json.dumps(
            self.as_dict(), ensure_ascii=False, allow_nan=False, separators=(",", ":")
        )
        if len(text.encode()) > MAX_RECORD_BYTES:
            msg = f"a record of more than {MAX_RECORD_BYTES} bytes fits no file"
            raise RecordError(msg)
        return text

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a record; absent and unknown keys are fine, wrong types are not.

        Raises:
            RecordError: Not JSON, no object, too long or nested, or a wrong type.
        """
        if len(text) > MAX_RECORD_BYTES:
            msg = "the record is too long"
            raise RecordError(msg)
        try:
            found = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise RecordError(str(error)) from error
        return cls.from_dict(found)

    @classmethod
    def from_dict(cls, found: object) -> Self:
        """Read a parsed record; see ``from_json``."""
        if not isinstance(found, Mapping):
            msg = "the record is no object"
            raise RecordError(msg)
        known = {field.name: found[field.name] for field in fields(cls) if field.name in found}
        for name, read in (("loras", _lora), ("parents", _same)):
            if name in known:
                known[name] = tuple(read(entry) for entry in _listed(name, known[name]))
        return cls(**known)


def _same(entry: Any) -> Any:
    return entry


def _lora(entry: Any) -> Lora:
    if not isinstance(entry, Mapping) or not {"name", "strength"} <= entry.keys():
        msg = "loras: each needs a name and a strength"
        raise RecordError(msg)
    return Lora(name=entry["name"], strength=entry["strength"])


def _listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        _refuse(name, value, "a list")
    return value


def _require_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        _refuse(name, value, "text")
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        msg = f"{name}: NUL and lone surrogates are no text"
        raise RecordError(msg)


def _require_count(name: str, value: object) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        _refuse(name, value, "a whole number from 0")


def _require_real(name: str, value: object) -> None:
    if value is not None:
        _require_number(name, value)


def _require_number(name: str, value: object) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or abs(value) > 1e300 or not math.isfinite(value):  # type: ignore[arg-type]
        _refuse(name, value, "a number")


def _require_ref(name: str, value: object) -> None:
    if isinstance(value, str):
        _require_text(name, value)
    elif value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        _refuse(name, value, "a number or text")


def _require_version(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        _refuse(name, value, "a version number")


def _require_seed(name: str, value: object) -> None:
    _require_text(name, value)
    text = str(value)
    if text and not (re.fullmatch(r"[0-9]{1,20}", text) and int(text) <= MAX_SEED):
        _refuse(name, value, "decimal text up to 2^64-1")


def _require_uid(name: str, value: object) -> None:
    if value != "":
        _require_uuid(name, value)


def _require_uuid(name: str, value: object) -> None:
    _require_text(name, value)
    try:
        canonical = str(UUID(str(value)))
    except ValueError:
        canonical = ""
    if canonical != value:
        _refuse(name, value, "a UUID in its canonical spelling")


def _require_time(name: str, value: object) -> None:
    _require_text(name, value)
    try:
        if value:
            datetime.fromisoformat(str(value))
    except ValueError:
        _refuse(name, value, "an ISO 8601 time")


def _require_loras(name: str, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(entry, Lora) for entry in value):
        _refuse(name, value, "a tuple of Lora")
    for entry in value:
        _require_text(f"{name}.name", entry.name)
        _require_number(f"{name}.strength", entry.strength)


def _require_parents(name: str, value: object) -> None:
    if not isinstance(value, tuple):
        _refuse(name, value, "a tuple of UUIDs")
    for entry in value:
        _require_uuid(name, entry)


def _refuse(name: str, value: object, wanted: str) -> NoReturn:
    msg = f"{name}: {wanted} is wanted, not {type(value).__name__} {str(value)[:40]!r}"
    raise RecordError(msg)


def _refuse_constant(constant: str) -> NoReturn:
    msg = f"{constant} is no JSON number"
    raise RecordError(msg)


_CHECKS: Final = {
    "v": _require_version,
    "uid": _require_uid,
    "seed": _require_seed,
    "loras": _require_loras,
    "parents": _require_parents,
    "created": _require_time,
    **dict.fromkeys(("steps", "width", "height"), _require_count),
    **dict.fromkeys(("cfg", "denoise", "seconds"), _require_real),
    **dict.fromkeys(("template_version", "session", "round", "generation"), _require_ref),
    **dict.fromkeys(("project", "panel", "job", "attempt"), _require_ref),
}
