"""The admin of the lab: what people settle there, and what follows from it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from eliot.policy import local_owner
from farm_app.models import (
    ApiToken,
    GpuNode,
    Job,
    JobEvent,
    JobGroup,
    JobRequest,
    NodeBlock,
    QueueState,
    WorkflowTemplate,
    tokens,
)
from farm_app.models.states import JobState
from tests import factories
from tests.sessions.conftest import studio

__all__ = ["studio"]

NODES = "/admin/farm_app/gpunode/"
TEMPLATES = "/admin/farm_app/workflowtemplate/"
JOBS = "/admin/farm_app/job/"
TOKENS = "/admin/farm_app/apitoken/"


@pytest.fixture
def owner(settings: LazySettings, db: None) -> Client:
    """The owner at this machine, whom the door lets in without a login."""
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }
    return Client(headers={"host": "localhost"})


def form_of(node: GpuNode, **changes: str) -> dict[str, str]:
    """Return the page of a node as a browser sends it, with some fields typed over."""
    file = node.model_files.get()
    ticks = {"is_settled": file.is_settled, "is_preferred": file.is_preferred}
    return {
        **{name: str(getattr(node, name)) for name in ("slug", "host", "port", "tier", "vram_gb")},
        "card": node.card,
        "capabilities": '["sd15"]',
        "is_enabled": "on",
        "model_files-TOTAL_FORMS": "1",
        "model_files-INITIAL_FORMS": "1",
        "model_files-0-id": str(file.pk),
        "model_files-0-node": str(node.pk),
        "model_files-0-family": file.family,
        **{f"model_files-0-{name}": "on" for name, is_ticked in ticks.items() if is_ticked},
        **changes,
    }


def send(owner: Client, node: GpuNode, values: dict[str, str]) -> None:
    sent = owner.post(f"{NODES}{node.pk}/change/", values)
    assert sent.status_code == 302, sent.content.decode()


def act(owner: Client, url: str, action: str, *rows: Any) -> str:
    """Press an action of a list; returns the page that follows."""
    chosen = {"action": action, "_selected_action": [one.pk for one in rows]}
    return owner.post(url, chosen, follow=True).content.decode()


def test_a_first_choice_leaves_a_guessed_family_open(owner: Client) -> None:
    node = factories.node()
    send(owner, node, form_of(node, **{"model_files-0-is_preferred": "on"}))
    file = node.model_files.get()
    assert (file.is_preferred, file.is_settled) == (True, False)


def test_a_family_set_by_hand_is_settled(owner: Client) -> None:
    node = factories.node()
    send(owner, node, form_of(node, **{"model_files-0-family": "sdxl"}))
    file = node.model_files.get()
    assert (file.family, file.is_settled) == ("sdxl", True)


def test_a_settled_family_can_be_opened_again(owner: Client) -> None:
    node = factories.node()
    node.model_files.update(is_settled=True)
    values = form_of(node)
    del values["model_files-0-is_settled"]
    send(owner, node, values)
    assert not node.model_files.get().is_settled


def test_a_node_at_another_address_is_looked_at_anew(
    owner: Client, django_capture_on_commit_callbacks: Any
) -> None:
    node = factories.node(warm_model="sd15-base.safetensors", unseen_since=timezone.now())
    with django_capture_on_commit_callbacks(execute=True):
        send(owner, node, form_of(node, port="31234"))
    node.refresh_from_db()
    assert (node.standing, node.warm_model, node.unseen_since) == ("unknown", "", None)
    assert (node.health_checked_at, node.inventory_at) == (None, None)


def test_a_host_that_no_node_can_have_is_refused_at_its_field(owner: Client) -> None:
    node = factories.node("gpu-a")
    sent = owner.post(f"{NODES}{node.pk}/change/", form_of(node, host="0xa9fea9fe"))
    faults = sent.context["adminform"].form.errors
    assert faults == {"host": ["Write an address in full, such as 192.168.0.20 or [fd00::20]."]}


def test_a_node_that_stays_where_it_is_keeps_its_health(owner: Client) -> None:
    node = factories.node(warm_model="sd15-base.safetensors")
    send(owner, node, form_of(node, card="RTX 4090"))
    node.refresh_from_db()
    assert (node.standing, node.warm_model) == ("ready", "sd15-base.safetensors")


NEW = {
    "slug": "rtx",
    "host": "10.0.0.5",
    "port": "8188",
    "tier": "draft",
    "is_enabled": "on",
    "capabilities": "[]",
    "model_files-TOTAL_FORMS": "0",
    "model_files-INITIAL_FORMS": "0",
}


def test_a_new_real_node_switches_the_demo_nodes_off_and_says_so(owner: Client, data: Path) -> None:
    demo = factories.node(is_demo=True)
    page = owner.post(f"{NODES}add/", NEW, follow=True).content.decode()
    demo.refresh_from_db()
    assert not demo.is_enabled
    assert "Switched 1 demo node off." in page


def test_a_demo_node_switched_on_again_stays_on_beside_a_real_one(
    owner: Client, data: Path
) -> None:
    real, demo = factories.node("rtx"), factories.node("demo", is_demo=True, is_enabled=False)
    act(owner, NODES, "resume", demo)
    send(owner, real, form_of(real, card="RTX 4090"))
    demo.refresh_from_db()
    assert demo.is_enabled


def test_a_demo_node_given_another_address_is_a_real_one(owner: Client, data: Path) -> None:
    demo = factories.node(is_demo=True)
    send(owner, demo, form_of(demo, host="10.0.0.5", **{"model_files-0-family": "sdxl"}))
    demo.refresh_from_db()
    assert (demo.is_demo, demo.is_enabled, demo.model_files.count()) == (False, True, 0)


def test_a_family_is_one_that_eliot_draws_with_or_none(owner: Client) -> None:
    node = factories.node()
    wrong = form_of(node, **{"model_files-0-family": "sd-1.5"})
    page = owner.post(f"{NODES}{node.pk}/change/", wrong).content.decode()
    assert "Select a valid choice. sd-1.5 is not one of the available choices." in page
    send(owner, node, form_of(node, **{"model_files-0-family": ""}))
    assert node.model_files.get().family == ""


def template_form(template: WorkflowTemplate, **changes: Any) -> dict[str, Any]:
    """Return the page of a template as a browser sends it, with some fields typed over."""
    return {
        "slug": template.slug,
        "model_families": json.dumps(template.model_families),
        "default_params": "{}",
        "max_loras": "0",
        "work": template.work,
        "current": template.current_id,
        "is_enabled": "on",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
        **changes,
    }


@pytest.mark.parametrize("typed", ['"sd15"', '["sd-15"]', "[1]", '{"sd15": 1}'])
def test_families_of_a_template_are_a_list_of_known_ones(
    owner: Client, studio: None, typed: str
) -> None:
    template = WorkflowTemplate.objects.get(slug="sd15_txt2img")
    url = f"{TEMPLATES}{template.pk}/change/"
    page = owner.post(url, template_form(template, model_families=typed)).content.decode()
    assert "A list of words, such as" in page
    assert owner.post(url, template_form(template)).status_code == 302


def test_a_template_offers_and_takes_its_own_versions_only(owner: Client, studio: None) -> None:
    one, other = WorkflowTemplate.objects.order_by("pk")[:2]
    url = f"{TEMPLATES}{one.pk}/change/"
    assert f'<option value="{other.current_id}"' not in owner.get(url).content.decode()
    page = owner.post(url, template_form(one, current=other.current_id)).content.decode()
    assert "Select a valid choice." in page
    one.current = other.current
    with pytest.raises(ValidationError, match="A version of this template"):
        one.full_clean()


def test_one_node_is_one_node(owner: Client) -> None:
    node, other = factories.node("gpu-a"), factories.node("gpu-b")
    assert "Resumed 1 node." in act(owner, NODES, "resume", node)
    assert "Draining 2 nodes:" in act(owner, NODES, "drain", node, other)


def test_jobs_are_cancelled_and_asked_again_by_whoever_is_there(
    owner: Client, studio: None
) -> None:
    factories.placed(3)
    first, second, third = Job.objects.order_by("pk")
    assert "Cancelled 2 jobs." in act(owner, JOBS, "cancel", first, second)
    assert "Asked again for 1 job." in act(owner, JOBS, "requeue", second, third)
    states = list(Job.objects.order_by("pk").values_list("state", flat=True))
    assert states == [JobState.CANCELLED, JobState.QUEUED, JobState.QUEUED]
    assert set(JobEvent.objects.exclude(actor="").values_list("actor", flat=True)) == {"you"}


def test_nodes_are_switched_removed_and_brought_back_in_the_admin(owner: Client) -> None:
    node = factories.node("gpu-a")
    act(owner, NODES, "disable", node)
    assert not GpuNode.objects.get().is_enabled
    act(owner, NODES, "enable", node)
    assert GpuNode.objects.get().is_enabled
    assert "Removed gpu-a." in act(owner, NODES, "remove", node)
    assert not GpuNode.objects.exists()
    assert "Brought gpu-a back." in act(owner, NODES, "bring_back", node)
    assert GpuNode.objects.get() == node
    who = JobEvent.objects.order_by("pk").values_list("actor", flat=True)
    assert set(who) == {"you"}


def test_a_node_without_mac_or_models_says_so_in_the_admin(owner: Client) -> None:
    node = factories.node("gpu-a", has=())
    assert "No MAC address: gpu-a." in act(owner, NODES, "wake", node)
    assert "Not measured: gpu-a has no model that Eliot can draw with." in act(
        owner, NODES, "benchmark", node
    )


def test_a_block_is_lifted_in_the_admin(owner: Client) -> None:
    block = NodeBlock.objects.create(node=factories.node(), template="x", is_active=True)
    assert "Lifted 1 block." in act(owner, "/admin/farm_app/nodeblock/", "lift", block)
    assert not NodeBlock.objects.exists()


def test_two_nodes_of_one_name_or_address_are_refused_in_the_admin(owner: Client) -> None:
    factories.node("gpu-a", host="10.0.0.5", port=8188)
    sent = owner.post(f"{NODES}add/", {**NEW, "slug": "gpu-a", "port": "9000"})
    assert "Another node already has this name." in sent.content.decode()
    sent = owner.post(f"{NODES}add/", NEW)
    assert "Another node already has this address." in sent.content.decode()


@pytest.mark.parametrize("model", ["jobevent", "healthspan", "nodeprobe", "nodeblock"])
def test_what_only_the_farm_writes_can_be_read_in_the_admin(owner: Client, model: str) -> None:
    JobEvent.objects.create(sentence="Something.", node=factories.node())
    assert owner.get(f"/admin/farm_app/{model}/").status_code == 200
    assert owner.get(f"/admin/farm_app/{model}/add/").status_code == 403


def test_a_token_is_shown_once_and_revoked_later(owner: Client) -> None:
    made = owner.post(f"{TOKENS}add/", {"name": "render-script", "may": "read"}, follow=True)
    row = ApiToken.objects.get()
    found = re.search(rf"eliot_{row.prefix}_[\w-]{{43}}", made.content.decode())
    assert found
    assert (row.name, row.may, row.owner.username) == ("render-script", "read", "local")
    assert ApiToken.objects.read_pass(found[0])
    for address in (TOKENS, f"{TOKENS}{row.pk}/change/"):
        assert found[0] not in owner.get(address).content.decode()
    act(owner, TOKENS, "revoke", row)
    assert ApiToken.objects.read_pass(found[0]) is None


def test_a_token_is_never_made_good_for_more(owner: Client) -> None:
    row, _ = ApiToken.objects.issue("x", owner_id=local_owner().pk, may="read")
    owner.post(f"{TOKENS}{row.pk}/change/", {"name": "y", "may": "graphs"})
    row.refresh_from_db()
    assert (row.name, row.may) == ("y", "read")


def test_there_are_only_so_many_tokens(owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "MOST_LIVE", 0)
    said = owner.post(f"{TOKENS}add/", {"name": "x", "may": "read"}, follow=True)
    assert "Revoke some first" in said.content.decode()
    assert not ApiToken.objects.exists()


def test_nodes_are_pinned_and_what_renders_there_is_interrupted(
    owner: Client, studio: None
) -> None:
    node = GpuNode.objects.get(slug="gpu-quality")
    assert "Pinned 1 node." in act(owner, NODES, "pin", node)
    node.refresh_from_db()
    assert node.is_pinned
    act(owner, NODES, "unpin", node)
    node.refresh_from_db()
    assert not node.is_pinned
    assert "Nothing of ours renders there." in act(owner, NODES, "interrupt", node)
    (one,) = factories.takes(factories.placed(1))
    factories.running(one, on=node)
    assert "Stopped 1 picture" in act(owner, NODES, "interrupt", node)
    assert Job.objects.get().state == JobState.QUEUED


def test_fields_say_what_it_means_to_leave_them_empty(owner: Client) -> None:
    page = owner.get(f"{NODES}{factories.node().pk}/change/").content.decode()
    assert "Without any family it draws with whatever" in page
    assert "Empty: any size." in page


def test_groups_requests_and_the_queue_are_read_and_paused_there(
    owner: Client, studio: None
) -> None:
    factories.placed(2)
    group = JobGroup.objects.get()
    page = owner.get(f"/admin/farm_app/jobgroup/{group.pk}/change/").content.decode()
    assert group.label in page
    assert 'name="_save"' not in page
    assert "Paused 2 jobs." in act(owner, "/admin/farm_app/jobgroup/", "pause", group)
    assert Job.objects.filter(is_paused=True).count() == 2
    assert "Resumed 2 jobs." in act(owner, "/admin/farm_app/jobgroup/", "resume", group)
    request = JobRequest.objects.create(kind="job", key="shot-7", digest="x", asked={})
    assert "shot-7" in owner.get("/admin/farm_app/jobrequest/").content.decode()
    assert owner.get(f"/admin/farm_app/jobrequest/{request.pk}/change/").status_code == 200
    owner.get("/admin/farm_app/queuestate/")
    state = QueueState.objects.get()
    assert "The queue is paused." in act(owner, "/admin/farm_app/queuestate/", "pause", state)
    state.refresh_from_db()
    assert state.is_paused
    assert "The queue goes on." in act(owner, "/admin/farm_app/queuestate/", "resume", state)
