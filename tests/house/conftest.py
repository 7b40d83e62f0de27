"""The house's tests use the studio of the table's tests."""

from tests.sessions.conftest import data, live_studio, studio

__all__ = ["data", "live_studio", "studio"]
