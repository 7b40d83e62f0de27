"""What the studio's templates need, worked out from a shot."""

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from sessions_app.cinema.presets import find_preset
from sessions_app.models import WorkSession
from sessions_app.pages import frame
from sessions_app.studio import keeping
from sessions_app.studio.about import facts_of
from sessions_app.studio.browser import Browser
from sessions_app.studio.panels import messages_of, panels_of
from sessions_app.studio.reading import target_groups, written_for
from sessions_app.studio.shot import Shot

MOST_SESSIONS = 8


def shot_context(request: HttpRequest, shot: Shot) -> dict[str, Any]:
    """Return what the parts around a shot show."""
    found = messages_of(shot)
    preset = find_preset(shot.config.preset) if shot.config.preset else None
    targets = [shot.target, *([shot.compared] if shot.compared else [])]
    return {
        "shot": shot,
        "title": preset.label if preset else "A shot of your own",
        "facts": facts_of(preset),
        "chosen": shot.config.preset,
        "carried": [*shot.choices(), *shot.around()],
        "changed_count": len(shot.changed_fields),
        "panels": panels_of(shot, found),
        "messages_found": found,
        "counts": _counts(found),
        "written": [written_for(shot, one) for one in targets],
        "target_groups": target_groups(),
        "sessions": list(_sessions(shot)),
        "recent": keeping.recent(request.user),
    }


def page_context(request: HttpRequest, shot: Shot, browser: Browser) -> dict[str, Any]:
    """Return what the whole page shows."""
    return {
        **frame("Prompt studio"),
        "nav": "studio",
        **shot_context(request, shot),
        **browser_context(browser),
    }


def browser_context(browser: Browser) -> dict[str, Any]:
    """Return what the preset browser shows."""
    return {"browser": browser, "browse_url": reverse("studio:browse")}


def _counts(found: Any) -> list[tuple[str, int]]:
    severities = [one.severity for one in found]
    return [(name, severities.count(name)) for name in ("hard", "warning", "info")]


def _sessions(shot: Shot) -> Iterator[tuple[str, str, bool]]:
    """Yield slug and title of the sessions that it can be sent to, and whether it is for that one."""
    meant = WorkSession.objects.there().at(shot.session) if shot.session else None
    rows = list(WorkSession.objects.current()[:MOST_SESSIONS])
    if meant is not None and meant not in rows:
        rows = [meant, *rows]
    for one in rows:
        yield one.slug, one.title, one == meant
