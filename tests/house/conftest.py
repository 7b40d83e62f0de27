"""The house's tests use the studio of the table's tests, and the farm's nodes."""

from tests.sessions.conftest import data, live_studio, stable, studio

__all__ = ["data", "live_studio", "stable", "studio"]
