"""The one way in: the door, then media and sockets beside Django, with few page renders at a time."""

import asyncio
import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "eliot.settings")

from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async
from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import path, re_path

django_app = get_asgi_application()

from eliot.policy import Door  # noqa: E402 - these need the apps to be loaded
from farm_app.api.sockets import GroupSocket, JobSocket  # noqa: E402
from farm_app.consumers import FarmPage, LogPage  # noqa: E402
from farm_app.job_page.live import JobPage  # noqa: E402
from farm_app.live import StripPage  # noqa: E402
from farm_app.models import ApiToken  # noqa: E402
from farm_app.previews import PATH as PREVIEW_PATH  # noqa: E402
from farm_app.previews import previews_app  # noqa: E402
from gallery_app.media import media_app  # noqa: E402
from sessions_app.consumers import SessionPage  # noqa: E402

RENDERS_AT_ONCE = 4


class FewAtOnce:
    """Lets only some requests render at once: more would only take turns under one interpreter lock."""

    def __init__(self, app: Any, limit: int) -> None:
        """Guard ``app``."""
        self.app = app
        self.limit = limit
        self._slots: asyncio.Semaphore | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Wait for a slot, then pass through."""
        if self._slots is None:  # made on the server's loop
            self._slots = asyncio.Semaphore(self.limit)
        async with self._slots:
            await self.app(scope, receive, send)


class MediaFirst:
    """Sends pictures and previews past Django."""

    def __init__(self, app: Any) -> None:
        """Keep what answers everything else."""
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Choose by path."""
        path = scope["path"]
        if path.startswith("/media/"):
            await media_app(scope, receive, send)
        elif PREVIEW_PATH.match(path):
            await previews_app(scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def nowhere(scope: Any, receive: Any, send: Any) -> None:
    """Close a socket that asks for no page's address: that is the asker's mistake and no fault of ours."""
    await send({"type": "websocket.close", "code": 4404})


sockets = URLRouter(
    [
        path("ws/farm/nodes/", FarmPage.as_asgi()),  # type: ignore[arg-type, list-item]
        path("ws/jobs/<int:job_id>/", JobPage.as_asgi()),  # type: ignore[arg-type, list-item]
        path("ws/farm/log/", LogPage.as_asgi()),  # type: ignore[arg-type, list-item]
        path("ws/farm/", StripPage.as_asgi()),  # type: ignore[arg-type, list-item]
        path("ws/sessions/<int:session_id>/", SessionPage.as_asgi()),  # type: ignore[arg-type, list-item]
        path("api/ws/jobs/<int:pk>/", JobSocket.as_asgi()),  # type: ignore[arg-type, list-item]
        path("api/ws/job-groups/<int:pk>/", GroupSocket.as_asgi()),  # type: ignore[arg-type, list-item]
        re_path("", nowhere),  # type: ignore[arg-type, list-item]
    ]
)
application = Door(
    ProtocolTypeRouter(
        {
            "http": MediaFirst(FewAtOnce(django_app, RENDERS_AT_ONCE)),
            "websocket": AuthMiddlewareStack(sockets),
        }
    ),
    database_sync_to_async(ApiToken.objects.read_pass, thread_sensitive=False),
)
