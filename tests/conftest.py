"""What all tests share."""

import pytest
from django.conf import LazySettings
from hypothesis import settings as hypothesis_settings

from eliot.live import forget_what_is_kept
from farm_app import planning
from sessions_app import own_cinema

# A busy machine is not a slow function. The suite tries the same examples each time, so that what it finds is of today's
# change; `--hypothesis-profile=searching` looks for others.
hypothesis_settings.register_profile("patient", deadline=None, derandomize=True)
hypothesis_settings.register_profile("searching", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    """Let no test see what another one's pages have kept for a moment."""
    forget_what_is_kept()
    planning.forget_recent_plan()
    own_cinema.forget()


@pytest.fixture(autouse=True)
def plain_static_files(settings: LazySettings) -> None:
    """Name static files plainly: hashed names need a collected folder."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
