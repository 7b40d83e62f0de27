"""The table's rows: sessions with their rounds and pictures."""

from sessions_app.models.sessions import (
    TITLE_LENGTH,
    TITLE_WORDS,
    Flow,
    Generation,
    GenerationQuerySet,
    Round,
    WorkSession,
    WorkSessionQuerySet,
)

__all__ = [
    "TITLE_LENGTH",
    "TITLE_WORDS",
    "Flow",
    "Generation",
    "GenerationQuerySet",
    "Round",
    "WorkSession",
    "WorkSessionQuerySet",
]
