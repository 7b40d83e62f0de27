"""The farm strip, from rows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from farm_app.strip import FEW, draw_strip
from tests import factories
from tests.sessions.conftest import studio

__all__ = ["studio"]
pytestmark = pytest.mark.django_db


def test_the_long_lists_of_nodes_are_not_read() -> None:
    factories.node(node_classes=["KSampler"] * 1000)
    with CaptureQueriesContext(connection) as seen:
        assert draw_strip().total == 1
    assert "node_classes" not in " ".join(query["sql"] for query in seen)


def test_busy_nodes_come_first_only_where_there_are_many(studio: None) -> None:
    last = factories.node("gpu-last")
    factories.running(factories.takes(factories.placed())[0], on=last)
    assert draw_strip().nodes[-1].pk == last.pk
    for number in range(FEW):
        factories.node(f"more-{number}")
    assert draw_strip().nodes[0].pk == last.pk
