"""A studio for the table's tests: templates, and four cards as rows; or a farm of real demo nodes."""

from pathlib import Path

import pytest
from django.conf import LazySettings

from farm_app import planning
from gallery_app.models import Library
from tests.factories import four_cards, workflows
from tests.farm.conftest import data, farm, stable

__all__ = ["data", "farm", "stable"]


@pytest.fixture
def studio(data: Path, settings: LazySettings, db: None) -> None:
    """Seed the templates and make four cards; everything is rolled back afterwards."""
    _furnish(settings)


@pytest.fixture
def live_studio(data: Path, settings: LazySettings, transactional_db: None) -> None:
    """Do the same with rows that other threads and connections see."""
    _furnish(settings)


def _furnish(settings: LazySettings) -> None:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it
    planning.forget_stock()
    workflows()
    Library.default()
    four_cards()
