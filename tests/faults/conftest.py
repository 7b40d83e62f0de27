"""The farm of real demo nodes, for drills."""

from tests.farm.conftest import data, farm, stable

__all__ = ["data", "farm", "stable"]
