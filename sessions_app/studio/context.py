"""What the studio's templates need, worked out from a shot."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from sessions_app.cinema.presets import find_preset
from sessions_app.models import WorkSession
from sessions_app.pages import frame
from sessions_app.studio import keeping
from sessions_app.studio.about import facts_of
from sessions_app.studio.browser import Browser
from sessions_app.studio.panels import ICONS, Message, messages_of, panels_of
from sessions_app.studio.reading import target_groups, written_for
from sessions_app.studio.shot import Shot

MOST_SESSIONS = 8


def written_context(shot: Shot) -> dict[str, Any]:
    """Return what the prompt's part shows: all that a letter of the scene changes."""
    found = messages_of(shot)
    targets = [shot.target, *([shot.compared] if shot.compared else [])]
    return {
        "shot": shot,
        "messages_found": found,
        "counts": _counts(found),
        "written": [written_for(shot, one) for one in targets],
    }


def shot_context(shot: Shot) -> dict[str, Any]:
    """Return what all parts show that a choice may change."""
    preset = find_preset(shot.config.preset) if shot.config.preset else None
    written = written_context(shot)
    return {
        **written,
        "title": preset.label if preset else "A shot of your own",
        "facts": facts_of(preset),
        "carried": [*shot.choices(), *shot.around()],
        "changed_count": len(shot.changed_fields),
        "panels": panels_of(shot, written["messages_found"]),
    }


def picker_context(request: HttpRequest, shot: Shot, browser: Browser) -> dict[str, Any]:
    """Return what the whole picker shows, on its page or inside a session."""
    return {
        **shot_context(shot),
        **browser_context(shot, browser),
        "target_groups": target_groups(),
        "sessions": list(_sessions(shot)),
        "recent": keeping.recent(request.user),
    }


def page_context(request: HttpRequest, shot: Shot, browser: Browser) -> dict[str, Any]:
    """Return what the whole page shows."""
    return {
        **frame("Prompt studio"),
        "nav": "studio",
        **picker_context(request, shot, browser),
    }


def browser_context(shot: Shot, browser: Browser) -> dict[str, Any]:
    """Return what the preset browser shows."""
    browse_url = reverse("studio:browse")
    return {"browser": browser, "browse_url": browse_url, "chosen": shot.config.preset}


def _counts(found: Sequence[Message]) -> list[tuple[str, str, int]]:
    """Return severity, icon and how often, the worst first."""
    severities = [one.severity for one in found]
    return [(name, icon, severities.count(name)) for name, icon in ICONS.items()]


def _sessions(shot: Shot) -> Iterator[tuple[str, str, bool]]:
    """Yield slug and title of the sessions that it can be sent to, and whether it is for that one."""
    meant = WorkSession.objects.there().at(shot.session) if shot.session else None
    rows = list(WorkSession.objects.current()[:MOST_SESSIONS])
    if meant is not None and meant not in rows:
        rows = [meant, *rows]
    for one in rows:
        yield one.slug, one.title, one == meant
