"""What no node of this farm could ever draw is told beside its field, and nothing is placed."""

from typing import Any

import pytest
from django.test import Client

from eliot.live import forget_what_is_kept
from farm_app import planning
from farm_app.models import GpuNode, Job, NodeModel
from farm_app.models.nodes import Health
from sessions_app import takes
from sessions_app.cells import cells_of
from sessions_app.forms import starting_values
from sessions_app.models import WorkSession
from sessions_app.order import CannotPlace
from sessions_app.placing import continue_session
from sessions_app.table import Table
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}


def press(client: Client, session: WorkSession, **changes: Any) -> Any:
    values = {**starting_values(session, 0), "prompt": "a lighthouse", **changes}
    return client.post(f"{session.url}generate/?stage=1", values, headers=HTMX)


@pytest.mark.parametrize(("width", "height"), [("2048", "512"), ("512", "2048")])
def test_a_size_that_no_node_takes_is_told_at_the_longer_side(
    studio: None, client: Client, width: str, height: str
) -> None:
    name = "width" if width == "2048" else "height"
    response = press(client, factories.session(), width=width, height=height)
    found = Markup(response.content)
    assert response.status_code == 422
    assert "takes at most 1536 px; this is 2048 px. 1536 px would fit." in (
        found.id(f"id_{name}_error").text
    )
    (use,) = found.all("button", data_for=f"id_{name}")
    assert use.attrs["data-use"] == "1536"
    assert not Job.objects.exists()


def test_the_chosen_node_alone_is_judged_when_no_other_may(studio: None, client: Client) -> None:
    session = factories.session()
    asked = {"width": "1024", "height": "1024", "count": "1"}
    response = press(client, session, **asked, node_mode="only", node="gpu-draft")
    said = Markup(response.content).id("id_width_error").text
    assert "gpu-draft takes at most 512 px; this is 1024 px." in said
    assert press(client, session, **asked, node_mode="prefer", node="gpu-draft").status_code == 200


def test_a_node_that_is_down_may_come_back(studio: None, client: Client) -> None:
    GpuNode.objects.update(health=Health.OFFLINE, is_draining=True)
    assert press(client, factories.session(), count="1").status_code == 200
    GpuNode.objects.filter(slug="gpu-premium").update(is_enabled=False)
    assert press(client, factories.session(), width="1536", height="512").status_code == 422


def test_a_node_that_nobody_has_looked_at_may_have_anything(studio: None, client: Client) -> None:
    GpuNode.objects.all().delete()
    factories.node(has=(), health=Health.UNKNOWN, inventory_at=None)
    planning.forget_stock()
    forget_what_is_kept()
    assert press(client, factories.session(), count="1").status_code == 200


def test_continue_says_it_before_it_places(studio: None) -> None:
    session = factories.session()
    factories.pictures(1, of=session, flag="keep")
    session.remember_form(1, {"width": 2048})
    with pytest.raises(CannotPlace, match="takes at most 1536 px"):
        continue_session(session, Table(session, 0), owner=None, after=0)
    assert Job.objects.count() == 1


def test_upscale_is_neither_offered_nor_placed_where_no_node_has_the_model(studio: None) -> None:
    (one,) = factories.pictures()
    assert "upscale" in cells_of([one])[0].urls
    NodeModel.objects.filter(folder="upscale_models").delete()
    GpuNode.objects.update(capabilities=["sd15"])
    planning.forget_stock()
    forget_what_is_kept()
    assert "upscale" not in cells_of([one])[0].urls
    with pytest.raises(CannotPlace, match="No node has an upscale model"):
        takes.upscale(one)
    assert Job.objects.count() == 1
