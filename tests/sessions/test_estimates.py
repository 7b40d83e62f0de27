"""What the page says of time is about the very pictures that its buttons ask for."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from farm_app import planning
from farm_app.models import Attempt, GpuNode
from sessions_app.forms import starting_values
from sessions_app.funnel import DEFAULT_STAGES
from sessions_app.models import WorkSession
from sessions_app.table import Table, estimate_text, expected_end_s
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning.drawing, "RECENT_S", 0.0)
    monkeypatch.setattr(planning.drawing, "TIMES_AS_LONG", 0)


def typed(session: WorkSession, **changes: Any) -> dict[str, Any]:
    return {**starting_values(session, 0), "prompt": "a lighthouse", **changes}


def seconds(text: str) -> float:
    found = re.search(r"(?:(\d+):)?(\d+)(?: s)?\.?$", text)
    assert found is not None, text
    return int(found[1] or 0) * 60 + int(found[2])


def test_the_estimate_beside_the_button_is_of_what_the_button_asks_for(
    studio: None, client: Client
) -> None:
    session = factories.session()
    url = f"{session.url}generate/?stage=1"
    reply = Markup(client.post(url, typed(session, count="7"), headers=HTMX).content)
    session.refresh_from_db()
    for found in (reply, Markup(client.get(session.url).content)):
        assert found.id("generate").text.startswith("Generate 7 more")
        assert found.id("estimate").text.startswith("7 more pictures would take about ")
    asked = client.post(f"{session.url}estimate/?stage=1", typed(session, count="7"))
    assert Markup(asked.content).id("estimate").text.startswith("7 more pictures would")


def test_the_estimate_before_a_press_is_of_the_remembered_form(
    studio: None, client: Client
) -> None:
    session = factories.session()
    plain = seconds(Markup(client.get(session.url).content).id("estimate").text)
    session.remember_form(0, {"count": 20, "steps": 150})
    assert seconds(Markup(client.get(session.url).content).id("estimate").text) > 3 * plain


def test_a_growing_stage_is_estimated_with_its_own_last_form(studio: None) -> None:
    session = factories.session()
    factories.pictures(9, of=session, flag="keep")
    confirm = Table(session, 0).actions.needs_confirm
    session.remember_form(1, {"steps": 150})
    slower = Table(session, 0).actions.needs_confirm
    assert confirm is not None
    assert slower is not None
    assert seconds(slower["eta"]) > 2 * seconds(confirm["eta"])


def test_loading_the_chosen_model_takes_time_too(studio: None) -> None:
    without = seconds(estimate_text(0, DEFAULT_STAGES[0], 1))
    assert seconds(estimate_text(0, DEFAULT_STAGES[0], 1, "sd15-base.safetensors")) > without


def test_the_time_left_is_that_of_the_stage_alone(studio: None) -> None:
    session = factories.session()
    factories.placed(1, of=session)
    alone = expected_end_s(session, 0)
    later = {"stage": 1, "stage_name": "Refined", "values": {"steps": 150}}
    factories.placed(200, of=session, **later)
    both = [expected_end_s(session, stage) for stage in (0, 1)]
    assert alone is not None
    assert both[0] is not None
    assert both[1] is not None
    assert both[0] < alone + 5 < both[1]


def test_of_running_pictures_only_their_own_nodes_count(studio: None) -> None:
    session, other = factories.session(), factories.session()
    for of, slug, takes_s in ((session, "gpu-draft", 10), (other, "gpu-quality", 900)):
        (one,) = factories.takes(factories.placed(1, of=of))
        held = factories.running(one, on=GpuNode.objects.get(slug=slug))
        now = timezone.now() - timedelta(seconds=1)
        Attempt.objects.filter(pk=held.pk).update(started=now, expected_s=takes_s)
    left = expected_end_s(session, 0)
    assert left == pytest.approx(9, abs=1)


def test_what_no_node_will_begin_has_no_end(studio: None) -> None:
    session = factories.session()
    factories.placed(1, of=session)
    GpuNode.objects.all().update(is_draining=True)
    assert expected_end_s(session, 0) is None
    assert Table(session, 0).actions.left == "all nodes are draining"
