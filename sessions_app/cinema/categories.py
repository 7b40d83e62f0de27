"""The word lists of `data/categories.yaml`, for those who join and those who cut tags."""

from collections.abc import Mapping
from typing import Any, Final

from sessions_app.cinema.vocabulary import read_file

LISTS: Final[Mapping[str, Any]] = read_file("categories")
"""By the keys of the file, which says what each is for."""
