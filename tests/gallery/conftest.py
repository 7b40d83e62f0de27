"""A data folder of its own for every test, and a library in it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from gallery_app.media import look, rows
from gallery_app.models import Library


@pytest.fixture(autouse=True)
def data(settings: LazySettings, tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    settings.ELIOT_DATA = folder
    return folder


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    yield
    rows._rows.clear()
    look._hopeless.clear()


@pytest.fixture
def library(data: Path, db: None) -> Library:
    return Library.default()


@pytest.fixture
def spool(data: Path) -> Path:
    folder = data / "spool"
    folder.mkdir()
    return folder
