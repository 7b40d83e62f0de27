"""The farm's pages as they are asked for and acted on: cards, verbs, adding and finding nodes, hours and sleep."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from eliot import live
from farm_app import adding, searching, setbacks, tending
from farm_app.comfy.inventory import read_system_stats
from farm_app.forms import NodeForm
from farm_app.models import GpuNode, JobEvent, Level, NodeBlock, NodeProbe
from farm_app.models.nodes import Health
from farm_app.node_views import VERBS
from farm_app.templatetags.switches import with_switches
from tests import factories
from tests.farm.rig import Farm
from tests.markup import Markup
from tests.sessions.conftest import live_studio, studio

__all__ = ["live_studio", "studio"]

HTMX = {"HX-Request": "true"}


@pytest.fixture
def owner(studio: None) -> Client:
    return Client(headers={"host": "localhost"})


def node(slug: str = "gpu-quality") -> GpuNode:
    return GpuNode.everyone.get(slug=slug)


def act(owner: Client, verb: str, slug: str = "gpu-quality", **extra: Any) -> Any:
    return owner.post(reverse("farm:act", args=[node(slug).pk, verb]), headers=HTMX, **extra)


def text_of(page: Any, element_id: str) -> str:
    return next(
        one.text for one in Markup(page.content).elements if one.attrs.get("id") == element_id
    )


def test_each_node_has_a_card_that_names_it_its_state_and_its_paces(owner: Client) -> None:
    page = owner.get("/farm/")
    card = text_of(page, f"card-{node().pk}")
    for words in ("gpu-quality", "Ready", "8 GB", "SD 1.5", "SDXL", "Drain", "Benchmark"):
        assert words in card, words
    draft = text_of(page, f"card-{node('gpu-draft').pk}")
    assert "SDXL–needs 6 GB" in draft
    assert "Memory, load and heat are not known now" in draft


def test_the_page_reads_rows_in_a_fixed_number_of_queries(
    owner: Client, django_assert_max_num_queries: Any
) -> None:
    for number in range(20):
        factories.node(f"more-{number}")
    owner.get("/farm/")
    with django_assert_max_num_queries(30):
        owner.get("/farm/")


def test_a_farm_without_nodes_says_the_next_step(owner: Client) -> None:
    GpuNode.objects.all().delete()
    page = owner.get("/farm/").content.decode()
    assert "Add the first node" in page
    assert "Pause all nodes" not in page


@pytest.mark.parametrize(
    ("verb", "undo", "standing"),
    [("drain", "resume", "draining"), ("disable", "enable", "disabled")],
)
def test_a_verb_replies_with_the_card_and_a_way_back(
    owner: Client, verb: str, undo: str, standing: str
) -> None:
    reply = act(owner, verb)
    assert reply.status_code == 200
    assert node().standing == standing
    back = reverse("farm:act", args=[node().pk, undo])
    assert f'hx-post="{back}" hx-target="closest .toast"' in reply.content.decode()
    assert "gpu-quality" in text_of(reply, f"card-{node().pk}")
    owner.post(back, headers=HTMX)
    assert node().standing == "ready"


def test_without_scripts_a_verb_leads_back_to_the_card_and_says_what_it_did(owner: Client) -> None:
    sent = owner.post(reverse("farm:act", args=[node().pk, "drain"]), follow=True)
    assert sent.redirect_chain[0][0] == f"/farm/#card-{node().pk}"
    assert "gpu-quality finishes what renders there" in sent.content.decode()


def test_every_verb_is_a_post(owner: Client) -> None:
    for verb in VERBS:
        assert owner.get(reverse("farm:act", args=[node().pk, verb])).status_code == 405
    assert act(owner, "explode").status_code == 404
    assert owner.post("/farm/nodes/999/drain/").status_code == 404


def test_a_pinned_node_comes_first(owner: Client) -> None:
    act(owner, "pin", "gpu-draft")
    cards = [
        one.attrs["id"]
        for one in Markup(owner.get("/farm/").content).elements
        if one.tag == "article"
    ]
    assert cards[0] == f"card-{node('gpu-draft').pk}"


def test_a_node_that_works_is_not_removed_and_says_so(owner: Client) -> None:
    (take,) = factories.takes(factories.placed(1))
    factories.running(take, on=node())
    assert "still works" in act(owner, "remove").content.decode()
    assert node().removed_at is None


def test_a_removed_node_is_gone_from_the_page_and_comes_back(owner: Client) -> None:
    assert f'id="card-{node().pk}"' not in act(owner, "remove").content.decode()
    assert f'id="card-{node().pk}"' in act(owner, "bring-back").content.decode()


def test_all_are_paused_and_resumed_in_one_press(owner: Client) -> None:
    reply = owner.post(reverse("farm:act_on_all", args=["pause"]), headers=HTMX)
    assert "4 nodes are paused" in reply.content.decode()
    assert "Resume all nodes" in text_of(reply, "farm-totals")
    reply = owner.post(reverse("farm:act_on_all", args=["resume"]), headers=HTMX)
    assert "4 nodes go on." in reply.content.decode()


def test_a_block_says_why_and_is_lifted(owner: Client) -> None:
    block = NodeBlock.objects.create(
        node=node(), template="sdxl_txt2img", failures=3, is_active=True, reason="It raised."
    )
    card = text_of(owner.get("/farm/"), f"card-{node().pk}")
    assert "Takes no more of sdxl_txt2img It raised." in card
    reply = owner.post(reverse("farm:lift", args=[block.pk]), headers=HTMX)
    assert "may try sdxl_txt2img again" in reply.content.decode()
    assert not NodeBlock.objects.exists()


def test_hostile_names_are_text(owner: Client) -> None:
    GpuNode.objects.filter(slug="gpu-quality").update(
        card="<img src=x onerror=alert(1)>", last_error="<script>", health=Health.STRANGE
    )
    page = owner.get("/farm/").content.decode()
    assert "<img src=x" not in page
    assert "<script>" not in page.replace("<script>alert", "")


# Hours and sleep


def care(owner: Client, **values: Any) -> Any:
    return owner.post(reverse("farm:care", args=[node().pk]), values)


def test_hours_reserve_the_node_and_stand_on_its_card(owner: Client) -> None:
    sent = care(owner, own_days=list(range(7)), own_from="00:00", own_until="00:00")
    assert sent.status_code == 302
    assert node().standing == "reserved"
    assert "its owner's every day" in text_of(owner.get("/farm/"), f"card-{node().pk}")
    assert JobEvent.objects.latest("pk").sentence.startswith("gpu-quality: its owner's every day")


def test_a_node_that_is_its_owners_offers_hours_and_no_resume(owner: Client) -> None:
    care(owner, own_days=list(range(7)), own_from="00:00", own_until="00:00")
    card = text_of(owner.get("/farm/"), f"card-{node().pk}")
    assert "Resume" not in card
    assert "Benchmark" not in card
    assert "Change its hours" in text_of(owner.get("/farm/"), f"card-{node().pk}-acts")
    before = JobEvent.objects.count()
    reply = act(owner, "resume")
    assert "owner&#x27;s until" in reply.content.decode()
    assert JobEvent.objects.count() == before


def test_the_other_half_of_the_week_it_is_ready(owner: Client) -> None:
    away = (timezone.localtime().weekday() + 3) % 7
    care(owner, own_days=[away], own_from="09:00", own_until="18:00")
    assert node().standing == "ready"


@pytest.mark.parametrize(
    ("values", "field", "why"),
    [
        ({"own_days": [0], "own_from": "09:00"}, "own_until", "from when until when"),
        ({"own_days": [0]}, "own_from", "from when until when"),
        ({"own_from": "09:00", "own_until": "18:00"}, "own_days", "Choose the days"),
        ({"own_days": [9]}, "own_days", "not one of the available"),
        ({"mac": "nonsense"}, "mac", "Six pairs"),
        ({"wakes_for_jobs": "on"}, "mac", "nobody can wake"),
        ({"idle_minutes": "20"}, "idle_minutes", "woken when jobs wait"),
        ({"idle_minutes": "-3"}, "idle_minutes", "at least 0"),
    ],
)
def test_hours_and_sleep_that_make_no_sense_are_refused_at_their_field(
    owner: Client, values: dict[str, Any], field: str, why: str
) -> None:
    sent = care(owner, **values)
    assert sent.status_code == 422
    assert why in text_of(sent, f"id_{field}_error")
    fresh = node()
    assert (fresh.own_days, fresh.mac, fresh.idle_minutes) == ([], "", None)


# Adding and finding


@pytest.fixture
def visitor(farm: Farm) -> Client:
    return Client(headers={"host": "localhost"})


def test_a_node_is_added_by_its_address_without_scripts(visitor: Client, farm: Farm) -> None:
    process = farm.node("elsewhere", families=["sd15"], vram_gb=8)
    GpuNode.objects.all().delete()
    sent = visitor.post(reverse("farm:add"), {"address": f"127.0.0.1:{process.port}"}, follow=True)
    assert "Looking at" in sent.content.decode()
    probe = NodeProbe.objects.get()
    searching.look(probe.search)
    url = reverse("farm:found", args=[probe.search])
    page = visitor.get(url).content.decode()
    for words in ("A ComfyUI answers", "Version 0.33.0", "8.0 GB", "SD 1.5: "):
        assert words in page, words
    said = {
        "slug": "gpu-desk",
        "card": "RTX 3060",
        "tier": "standard",
        "vram_gb": "8",
        "families": ["sd15"],
    }
    sent = visitor.post(url, said, follow=True)
    assert "gpu-desk is added." in sent.content.decode()
    made = GpuNode.objects.get()
    assert (made.slug, made.port, made.capabilities) == ("gpu-desk", process.port, [])


def test_a_press_that_came_twice_adds_one_node_and_shows_it(
    visitor: Client, farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = farm.node("elsewhere", families=["sd15"], vram_gb=8)
    GpuNode.objects.all().delete()
    search = searching.begin([("127.0.0.1", process.port)])
    searching.look(search)
    url = reverse("farm:found", args=[search])
    said = {"slug": "gpu-desk", "tier": "draft", "families": ["sd15"]}
    add = adding._added

    def after_the_other(*args: Any) -> Any:
        """Both have read that nothing is there; the other one writes first."""
        monkeypatch.setattr(adding, "_added", add)
        assert visitor.post(url, said).status_code == 302
        return add(*args)

    monkeypatch.setattr(adding, "_added", after_the_other)
    sent = visitor.post(url, said)
    assert sent.status_code < 500
    assert GpuNode.objects.get().slug == "gpu-desk"
    assert "gpu-desk" in sent.content.decode()


def test_a_family_that_is_unticked_is_not_drawn_with_there(visitor: Client, farm: Farm) -> None:
    process = farm.node("elsewhere", families=["sd15", "sdxl", "upscale"], vram_gb=8)
    GpuNode.objects.all().delete()
    search = searching.begin([("127.0.0.1", process.port)])
    searching.look(search)
    said = {"slug": "a", "tier": "draft", "families": ["sd15"], "can_upscale": "on"}
    visitor.post(reverse("farm:found", args=[search]), said)
    assert GpuNode.objects.get().capabilities == ["sd15", "upscale"]


def test_a_removed_node_that_is_added_again_has_its_history(visitor: Client, farm: Farm) -> None:
    process = farm.node("gpu-a")
    farm.render()
    old = GpuNode.objects.get()
    GpuNode.objects.update(removed_at=timezone.now(), is_enabled=False)
    search = searching.begin([("127.0.0.1", process.port)])
    searching.look(search)
    url = reverse("farm:found", args=[search])
    sent = visitor.post(url, {"slug": "gpu-a", "tier": "draft", "families": ["sd15"]}, follow=True)
    assert "It was here before" in sent.content.decode()
    assert GpuNode.objects.get().pk == old.pk
    assert GpuNode.objects.get().attempts.exists()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "Write where ComfyUI is"),
        ("http://me:secret@rig", "no user name or password"),
        ("169.254.169.254", "link-local"),
        ("127.0.0.1:30001", "gpu-quality is at this address already"),
    ],
)
def test_an_address_that_cannot_be_is_refused_before_anybody_looks(
    owner: Client, address: str, why: str
) -> None:
    GpuNode.objects.filter(slug="gpu-quality").update(host="127.0.0.1", port=30001)
    GpuNode.objects.exclude(slug="gpu-quality").update(host="10.0.0.9")
    sent = owner.post(reverse("farm:add"), {"address": address})
    assert sent.status_code == 422
    assert why in text_of(sent, "id_address_error")
    assert not NodeProbe.objects.exists()


def test_a_failed_probe_says_why_and_adds_nothing(owner: Client) -> None:
    search = searching.begin([("rig", 8188)])
    NodeProbe.objects.update(state="failed", sentence="rig:8188 asks for credentials.")
    url = reverse("farm:found", args=[search])
    page = owner.get(url).content.decode()
    assert "rig:8188 asks for credentials." in page
    owner.post(url, {"slug": "x", "tier": "draft"})
    assert not GpuNode.objects.filter(slug="x").exists()


def test_a_probe_that_nobody_takes_up_is_given_up_in_words(owner: Client) -> None:
    search = searching.begin([("rig", 8188)])
    NodeProbe.objects.update(created=timezone.now() - searching.PATIENCE * 2)
    page = owner.get(reverse("farm:found", args=[search]), headers=HTMX).content.decode()
    assert "Nobody has looked" in page
    assert "hx-trigger" not in page


def test_a_name_that_is_taken_is_refused_at_its_field(owner: Client) -> None:
    search = searching.begin([("rig", 8188)])
    NodeProbe.objects.update(state="found", facts={"fitting": ["sd15"], "families": {"sd15": 1}})
    url = reverse("farm:found", args=[search])
    sent = owner.post(url, {"slug": "gpu-quality", "tier": "draft"})
    assert sent.status_code == 422
    assert "Another node already has this name." in sent.content.decode()


def test_a_search_shows_what_answers_as_it_comes(owner: Client) -> None:
    search = searching.begin([("10.0.0.1", 8188), ("10.0.0.2", 8188), ("10.0.0.3", 8188)])
    first, second, _ = NodeProbe.objects.order_by("pk")
    NodeProbe.objects.filter(pk=first.pk).update(
        state="found", facts={"card": "RTX 3060", "vram_gb": 12.0, "version": "0.33.0"}
    )
    NodeProbe.objects.filter(pk=second.pk).update(state="failed", facts={"answers": False})
    page = owner.get(reverse("farm:search", args=[search])).content.decode()
    assert "Looked at 2 of 3 addresses, found 1." in page
    assert f"?probe={first.pk}" in page
    assert "10.0.0.2" not in page
    NodeProbe.objects.update(state="failed", facts={})
    page = owner.get(reverse("farm:search", args=[search]), headers=HTMX).content.decode()
    assert "No ComfyUI answers there" in page
    assert "hx-trigger" not in page


def test_a_search_of_strangers_networks_is_refused(owner: Client) -> None:
    sent = owner.post(reverse("farm:find"), {"addresses": "8.8.8.0/24"})
    assert sent.status_code == 422
    assert "not a private network" in text_of(sent, "id_addresses_error")


def test_a_card_says_what_the_plan_has_for_its_node_next(owner: Client) -> None:
    GpuNode.objects.exclude(slug="gpu-quality").update(is_draining=True)
    placed = factories.placed(3, of=factories.session("Harbour"))
    card = text_of(owner.get("/farm/"), f"card-{node().pk}-ahead")
    first = factories.takes(placed)[0]
    assert card == f"Next {first.job.group.label} 1 3 planned here"
    assert text_of(owner.get("/farm/"), f"card-{node('gpu-draft').pk}-ahead") == ""
    GpuNode.objects.filter(slug="gpu-quality").update(is_draining=True)  # after the plan was drawn
    assert text_of(owner.get("/farm/"), f"card-{node().pk}-ahead") == ""


def fault_of(owner: Client, slug: str = "gpu-quality") -> str:
    live.forget_what_is_kept()
    return text_of(owner.get("/farm/"), f"card-{node(slug).pk}-fault")


def test_a_card_shows_its_last_error_with_the_fix_for_an_hour(owner: Client) -> None:
    assert fault_of(owner) == ""
    (one,) = factories.takes(factories.placed(1))
    attempt = factories.running(one, on=node())
    setbacks.run_out(attempt, "Out of memory in KSampler.")
    said = fault_of(owner)
    assert "Out of memory in KSampler." in said
    assert "Free its memory, or set a shorter longest side" in said
    assert fault_of(owner, "gpu-premium") == ""
    JobEvent.objects.update(at=timezone.now() - timedelta(minutes=61))
    assert fault_of(owner) == ""


def test_an_older_error_of_the_node_itself_gives_way_to_the_newest(owner: Client) -> None:
    tending.say(node(), "gpu-quality: It stopped answering.", level=Level.WARN)
    assert "It stopped answering. It answers again." in fault_of(owner)
    tending.say(node(), "gpu-quality restarted.", level=Level.WARN)
    assert "gpu-quality restarted." in fault_of(owner)
    GpuNode.objects.filter(slug="gpu-quality").update(health=Health.OFFLINE)
    assert fault_of(owner) == ""  # what is wrong now stands above


def test_memory_that_a_node_does_not_tell_is_not_shown(owner: Client) -> None:
    stats = read_system_stats(
        {"system": {"os": "nt"}, "devices": [{"name": "x", "vram_total": 2**34}]}
    )
    assert (stats.vram_total_gb, stats.vram_free_gb) == (16.0, None)
    facts = {"vram_total_gb": stats.vram_total_gb, "vram_free_gb": stats.vram_free_gb}
    GpuNode.objects.filter(slug="gpu-quality").update(**facts)
    assert "VRAM" not in text_of(owner.get("/farm/"), f"card-{node().pk}-gauges")


@pytest.mark.parametrize(
    ("vram_gb", "longest"), [(0, None), (4, 768), (6, 1024), (8, 1536), (16, 2048), (24, None)]
)
def test_a_longest_side_is_suggested_from_the_memory(vram_gb: float, longest: int | None) -> None:
    assert searching.longest_for(vram_gb) == longest


def test_a_wrong_hour_on_the_page_of_its_own_comes_back_there(owner: Client) -> None:
    url = reverse("farm:care", args=[node().pk])
    alone = owner.get(url)
    (form,) = [one for one in Markup(alone.content).all("form") if one.attrs.get("action") == url]
    assert "hx-post" not in form.attrs
    sheet = owner.get(url, headers=HTMX)
    (form,) = [one for one in Markup(sheet.content).all("form") if one.attrs.get("action") == url]
    assert form.attrs["hx-post"] == url
    reply = owner.post(url, {"own_days": ["0"]})
    assert reply.status_code == 422
    assert reply.content.decode().count("Say from when until when.") >= 1
    assert (
        len([one for one in Markup(reply.content).all("form") if one.attrs.get("action") == url])
        == 1
    )


def test_days_that_are_right_are_not_blamed_for_missing_hours(owner: Client) -> None:
    assert 'id="id_own_days_error"' not in care(owner, own_days=[0]).content.decode()


def test_the_hours_of_a_node_that_was_removed_meanwhile_lead_back_to_the_farm(
    owner: Client,
) -> None:
    url = reverse("farm:care", args=[node().pk])
    GpuNode.objects.filter(pk=node().pk).update(removed_at=timezone.now())
    reply = owner.post(url, {"own_days": ["0"]}, headers=HTMX)
    assert (reply.status_code, reply["HX-Redirect"]) == (204, reverse("farm:nodes"))
    assert "was removed meanwhile" in owner.get("/farm/").content.decode()


def test_a_node_in_its_owners_hours_offers_to_change_them_and_no_benchmark(owner: Client) -> None:
    own: dict[str, Any] = {"own_days": list(range(7)), "own_from": "00:00", "own_until": "00:00"}
    GpuNode.objects.filter(slug="gpu-quality").update(**own)
    card = text_of(owner.get("/farm/"), f"card-{node().pk}")
    assert "Change its hours" in card
    assert "Resume" not in card
    assert "Benchmark" not in card
    soon = timezone.now() + timedelta(hours=1)
    GpuNode.objects.filter(slug="gpu-quality").update(own_days=[], reserved_until=soon)
    assert "Resume" in text_of(owner.get("/farm/"), f"card-{node().pk}")


def test_an_unknown_name_is_told_from_a_machine_that_does_not_answer() -> None:
    facts, said = searching.look_at("http://no-such-host.invalid:8188")
    assert "Check the spelling" in said
    assert "--listen" not in said
    assert not facts["answers"]


def test_switches_in_sentences_are_not_broken() -> None:
    said = with_switches("Start ComfyUI <there> with --listen, please.")
    assert said == "Start ComfyUI &lt;there&gt; with <code>--listen</code>, please."


def test_limits_are_said_plainly(studio: None) -> None:
    form = NodeForm({"slug": "a", "tier": "draft", "vram_gb": "0.1"}, facts={})
    assert not form.is_valid()
    assert form.errors["vram_gb"] == ["It must be at least 0.5."]
