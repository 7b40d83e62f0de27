"""Keeping shots: as presets of one's own, and among the recent ones."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from sessions_app import own_cinema
from sessions_app.cinema.config import write_config
from sessions_app.cinema.presets import apply_preset, find_preset
from sessions_app.models import CinemaPreset, RecentShot, first_words
from sessions_app.studio.shot import Shot

SHOWN: Final = 6


def keep(shot: Shot, title: str, *, owner: Any) -> CinemaPreset:
    """Keep a shot's choices and scene under a name; another of that name is left alone."""
    kept = CinemaPreset.keep(
        title=title,
        kind=shot.config.KIND,
        choices=write_config(shot.config),
        scene=shot.scene,
        query=shot.kept_query,
        owner=owner,
    )
    own_cinema.bring_up_to_date(force=True)
    return kept


def query_of(kept: CinemaPreset, shot: Shot) -> str:
    """Return the studio's address with a kept preset chosen, and all around it as it was."""
    config = apply_preset(kept.key)
    return urlencode([*replace(shot, config=config).pairs(), ("tab", "own")])


def note(shot: Shot, *, owner: Any) -> None:
    """Put a shot on top of the recent ones."""
    values = shot.config.values()
    named = ("body", "lens", "medium", "domain", "tone")
    said = [shot.config.FIELDS[one].label_of(values[one]) for one in named if one in values]
    preset = find_preset(shot.config.preset) if shot.config.preset else None
    RecentShot.note(
        owner=owner,
        title=first_words(shot.scene) or (preset.label if preset else "Untitled shot"),
        query=shot.kept_query,
        summary=", ".join(said[:2]),
        palette=preset.palette if preset else (),
    )


def recent(owner: Any) -> Sequence[RecentShot]:
    """Return the latest shots of somebody."""
    return list(RecentShot.objects.of(owner)[:SHOWN])
