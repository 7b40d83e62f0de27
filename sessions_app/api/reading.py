"""From what was posted to what the engine takes; what it does not know is refused in its own words, at the field."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast

from farm_app.api.errors import Fault, Refused, invalid
from sessions_app.api.schemas import Kind
from sessions_app.cinema import presets
from sessions_app.cinema.config import BadValue, Configuration, flat, read_config
from sessions_app.cinema.plain import field_called
from sessions_app.cinema.presets import Preset, find_preset
from sessions_app.cinema.targets import Target, UnknownTarget, find_target
from sessions_app.cinema.vocabulary import UnknownTerm

T = TypeVar("T")

MOST_FIELDS: Final = 60
MOST_VALUES: Final = 20
LONGEST_VALUE: Final = 200
LONGEST_SAID: Final = 400
_HEADS: Final = ("kind", "project_type", "preset")
_LEAF: Final = "It must be text, a number, or a list of texts."


def config_of(posted: Mapping[str, Any], at: str = "config") -> Configuration:
    """Return the configuration that was posted; a preset says its kind where nothing else does.

    Raises:
        Refused: It holds what is unknown; all of that is told at once.
    """
    told = dict(flat(posted))
    _require_small(told, at)
    named = told.pop("preset", None)
    if named:
        preset = preset_of(str(named), f"{at}.preset")
        told["preset"] = preset.id
        _require_its_kind(told, preset, at)
    begun = _begun(told, at)
    _require_known({name: one for name, one in told.items() if name not in _HEADS}, begun, at)
    return read_config(told)


def _require_its_kind(told: dict[str, Any], preset: Preset, at: str) -> None:
    """Let a configuration be of its preset's kind, or refuse it if it says another."""
    said = next((name for name in ("kind", "project_type") if name in told), None)
    if said is None:
        told["kind"] = kind_of(preset)
    elif str(told[said]).lower() != kind_of(preset):
        fault = f"{preset.label} is of the kind {kind_of(preset)}."
        raise invalid([Fault(f"{at}.{said}", fault, kind_of(preset))])


def kind_of(preset: Preset) -> Kind:
    """Return the kind of configuration that a preset begins."""
    return cast(Kind, presets.kind_of(preset))


def _begun(told: Mapping[str, Any], at: str) -> Configuration:
    heads = {name: told[name] for name in ("kind", "project_type") if name in told}
    return known(lambda: read_config(heads), f"{at}.{next(iter(heads), 'kind')}")


def require_overrides(posted: Mapping[str, Any], begun: Configuration) -> dict[str, Any]:
    """Return what is to be changed in a configuration, by field or path.

    Raises:
        Refused: It holds what is unknown.
    """
    told = dict(flat(posted))
    _require_small(told, "overrides")
    _require_known(told, begun, "overrides")
    return told


def _require_small(told: Mapping[str, Any], at: str) -> None:
    if len(told) > MOST_FIELDS:
        raise invalid([Fault(at, f"{len(told)} fields are too many; at most {MOST_FIELDS}.")])
    faults = [
        Fault(f"{at}.{name}"[:LONGEST_VALUE], said)
        for name, one in told.items()
        if (said := _misfit(name, one))
    ]
    if faults:
        raise invalid(faults[:MOST_VALUES])


def _misfit(name: str, value: Any) -> str:
    """Return why something is no value at all; empty if it may be one."""
    parts = value if isinstance(value, list) else [value]
    if not all(part is None or isinstance(part, str | int | float) for part in parts):
        return _LEAF
    if len(parts) > MOST_VALUES:
        return f"{len(parts)} values are too many."
    if len(name) > LONGEST_VALUE or any(len(str(part)) > LONGEST_VALUE for part in parts):
        return f"It is longer than {LONGEST_VALUE} characters."
    return ""


def _require_known(told: Mapping[str, Any], begun: Configuration, at: str) -> None:
    faults = list(_wrong_values(told, begun, at))
    if faults:
        raise invalid(faults[:MOST_VALUES])


def _wrong_values(told: Mapping[str, Any], begun: Configuration, at: str) -> Iterator[Fault]:
    """Yield what is wrong, field by field: the engine itself stops at the first."""
    for name, value in told.items():
        try:
            begun.with_told({name: value})
        except BadValue as bad:
            yield Fault(f"{at}.{name}", str(bad))


def names_of(posted: Iterable[str], config: Configuration, at: str) -> frozenset[str]:
    """Return fields that were named or given by path.

    Raises:
        Refused: There is no such field.
    """
    return frozenset(
        known(partial(field_called, config, name), f"{at}.{place}").name
        for place, name in enumerate(posted)
    )


def target_of(name: str, at: str) -> Target:
    """Return the target that was named.

    Raises:
        Refused: There is none.
    """
    return known(lambda: find_target(name), at)


def preset_of(name: str, at: str) -> Preset:
    """Return the preset that was named.

    Raises:
        Refused: There is none.
    """
    return known(lambda: find_preset(name), at)


def known(found: Callable[[], T], at: str) -> T:
    """Return what is found under a name.

    Raises:
        Refused: The engine knows none; at the field where the name was told.
    """
    try:
        return found()
    except (BadValue, UnknownTerm, UnknownTarget) as unknown:
        raise invalid([Fault(at, str(unknown))]) from unknown


def there(found: Callable[[], T]) -> T:
    """Return what stands at an address.

    Raises:
        Refused: The engine knows none of this name.
    """
    try:
        return found()
    except (UnknownTerm, UnknownTarget) as unknown:
        raise Refused(404, "not_found", str(unknown)[:LONGEST_SAID]) from unknown
