"""The banner: what holds the farm up, and where to change that."""

import re

import pytest
from django.test import Client

from farm_app import tending
from farm_app.banner import banner
from farm_app.models import GpuNode
from farm_app.queue.pausing import pause_all, resume_all
from sessions_app.table import Table
from tests import factories
from tests.sessions.conftest import studio

__all__ = ["studio"]

pytestmark = pytest.mark.django_db


def test_a_paused_queue_is_said_on_every_page_until_it_goes_on(studio: None) -> None:
    before = banner()
    pause_all(actor="You")
    held = banner()
    assert held is not None
    assert held["title"] == "The queue is paused"
    assert re.match(r"Since \d\d:\d\d, by you\. ", held["text"])
    assert held["post_url"] == "/farm/queue/all/resume/"
    resume_all()
    assert banner() == before


def test_a_farm_whose_nodes_are_all_paused_says_so(studio: None) -> None:
    tending.pause(GpuNode.objects.all()[0])
    assert (banner() or {}).get("title") != "All nodes are paused"
    for node in GpuNode.objects.all():
        tending.pause(node)
    assert (banner() or {})["title"] == "All nodes are paused"


def test_nodes_that_do_not_answer_are_not_called_draining(studio: None) -> None:
    first, *others = GpuNode.objects.all()
    tending.drain(first)
    GpuNode.objects.exclude(pk=first.pk).update(health="offline")
    said = banner() or {}
    assert said["title"] == "No node takes new work"
    assert said["text"].startswith(f"{len(others)} do not answer, 1 is paused or draining.")


def test_a_session_says_that_it_waits_for_the_queue(studio: None, client: Client) -> None:
    placed = factories.placed(2)
    pause_all()
    assert Table(placed.session, 0).actions.left == "the queue is paused"
    assert "the queue is paused" in client.get(placed.session.url).content.decode()


def test_a_farm_that_is_drained_says_so_too(studio: None) -> None:
    first, *others = GpuNode.objects.all()
    for node in others:
        tending.drain(node)
    assert "draining" not in (banner() or {}).get("title", "")
    tending.drain(first)
    assert (banner() or {})["title"] == "All nodes are draining"
    tending.pause(first)
    assert (banner() or {})["title"] == "No node takes new work"
