"""The word lists of `data/categories.yaml`, read once for those who join and those who cut tags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import yaml

_FILE: Final = Path(__file__).with_name("data") / "categories.yaml"

LISTS: Final[Mapping[str, Any]] = MappingProxyType(
    yaml.safe_load(_FILE.read_text(encoding="utf-8"))
)
"""By the keys of the file, which says what each is for."""
