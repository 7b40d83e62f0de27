"""The table's rows: sessions with their rounds and pictures; presets, terms and shots of the studio."""

from sessions_app.models.cinema import CinemaPreset, CinemaTerm, RecentShot
from sessions_app.models.sessions import (
    TITLE_LENGTH,
    TITLE_WORDS,
    Flow,
    Generation,
    GenerationQuerySet,
    Round,
    WorkSession,
    WorkSessionQuerySet,
    first_words,
)

__all__ = [
    "TITLE_LENGTH",
    "TITLE_WORDS",
    "CinemaPreset",
    "CinemaTerm",
    "Flow",
    "Generation",
    "GenerationQuerySet",
    "RecentShot",
    "Round",
    "WorkSession",
    "WorkSessionQuerySet",
    "first_words",
]
