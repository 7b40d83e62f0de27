"""Shipped films and looks as rows, to be read and edited in the admin; loaded as often as one likes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from eliot.writing import written
from farm_app.seeding import Loaded
from sessions_app.cinema.vocabulary import read_file
from sessions_app.models.cinema import PRESET_TITLE_LENGTH, CinemaPreset, digest_of
from sessions_app.own_cinema import bring_up_to_date

FILES: Final = (("films", CinemaPreset.Kind.LIVE_ACTION), ("looks", CinemaPreset.Kind.ANIMATION))


@dataclass
class LoadedPresets(Loaded):
    """What a load did, by id.

    Attributes:
        deleted: Those that stay deleted; they are counted among the others, too.
        gone: Rows whose preset is not shipped any more; they are left.
    """

    deleted: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)

    def parts(self) -> tuple[tuple[str, list[str]], ...]:
        """Return the lists, each with what is said of its number."""
        return (
            *super().parts(),
            ("still deleted", self.deleted),
            ("left though no longer shipped", self.gone),
        )


def seed_presets(*, is_dry: bool = False) -> LoadedPresets:
    """Load every shipped preset, all or none; what was edited by hand, or made by somebody, is left alone.

    Args:
        is_dry: Write nothing, and return what would be done.
    """
    loaded = LoadedPresets()
    shipped = {str(values["key"]): values for values in _shipped()}
    with written():
        rows = {row.key: row for row in CinemaPreset.objects.all()}
        _sort(shipped, rows, loaded)
        if not is_dry:
            CinemaPreset.objects.bulk_create([CinemaPreset(**shipped[key]) for key in loaded.added])
            _change([rows[key] for key in loaded.changed], shipped)
    return loaded


def put_back(preset: CinemaPreset) -> bool:
    """Put the shipped words back into a row; False if its preset is not shipped any more."""
    shipped = {str(values["key"]): values for values in _shipped()}
    if preset.key not in shipped or not preset.is_shipped:
        return False
    with written():
        _change([preset], shipped)
    transaction.on_commit(partial(bring_up_to_date, force=True), robust=True)
    return True


def _sort(
    shipped: Mapping[str, Mapping[str, Any]],
    rows: Mapping[str, CinemaPreset],
    loaded: LoadedPresets,
) -> None:
    for key, values in shipped.items():
        row = rows.get(key)
        if row is None:
            loaded.added.append(key)
            continue
        if not row.is_shipped or row.is_edited:
            loaded.kept.append(key)
        elif row.shipped_digest == values["shipped_digest"]:
            loaded.same.append(key)
        else:
            loaded.changed.append(key)
        if row.is_shipped and row.deleted_at is not None:
            loaded.deleted.append(key)
    loaded.gone += [row.key for row in rows.values() if row.is_shipped and row.key not in shipped]


def _change(rows: Sequence[CinemaPreset], shipped: Mapping[str, Mapping[str, Any]]) -> None:
    for row in rows:
        for name, value in shipped[row.key].items():
            setattr(row, name, value)
        row.updated = timezone.now()
    names = ("kind", "title", "entry", "is_shipped", "shipped_digest", "updated")
    CinemaPreset.objects.bulk_update(rows, names)


def _shipped() -> Iterator[dict[str, Any]]:
    """Yield the fields of each row."""
    for name, kind in FILES:
        for entry in read_file(name)[name]:
            title = entry.get("title") or entry["label"]
            yield {
                "key": entry["id"],
                "kind": kind,
                "title": title[:PRESET_TITLE_LENGTH],
                "entry": entry,
                "is_shipped": True,
                "shipped_digest": digest_of(entry),
            }
