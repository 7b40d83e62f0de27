"""The studio's page: whole and in parts, each state under its address, and what is done with a shot."""

from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import TARGETS
from sessions_app.models import CinemaPreset, RecentShot, WorkSession
from sessions_app.studio.shot import LONGEST_SCENE
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}
RUNNER = "/studio/?preset=blade_runner&body=alexa_mini&scene=rain"


def page(client: Client, url: str = RUNNER) -> Markup:
    response = client.get(url)
    assert response.status_code == 200
    return Markup(response.content)


def ids_of(client: Client, url: str) -> list[str]:
    """Return what a reply to htmx renews."""
    found = Markup(client.get(url, headers=HTMX).content)
    return [one.attrs["id"] for one in found.elements if "hx-swap-oob" in one.attrs]


def test_the_page_shows_presets_panels_and_a_prompt(studio: None, client: Client) -> None:
    found = page(client)
    assert found.id("panel-camera-toggle").text.startswith("Camera ARRI ALEXA Mini")
    assert found.id("scene").text == "rain"
    assert "ARRI ALEXA Mini" in found.id("written").text
    chosen = next(found.all("button", name="pick", aria_current="true"))
    assert chosen.attrs["value"] == "blade_runner"
    assert len(found.ids()) == len(set(found.ids()))


@pytest.mark.parametrize(
    "url",
    [
        "/studio/",
        "/studio/?kind=animation",
        "/studio/?preset=ghibli_classic&open=moods&compare=sdxl",
        "/studio/?tab=own",
        "/studio/?tab=animation&q=nothing+at+all",
        "/studio/?preset=gone&lens=x&target=y&focal_mm=z&moods=a",
        "/studio/?scene=%00%3Cscript%3E&session=gone",
    ],
)
def test_every_address_is_a_page(studio: None, client: Client, url: str) -> None:
    response = client.get(url)
    assert response.status_code == 200
    assert Markup(response.content).id("written").tag == "div"
    assert "<script>" not in response.content.decode().partition("<main")[2]


def test_what_an_old_link_says_wrongly_is_told(studio: None, client: Client) -> None:
    assert "no_such_film" in page(client, "/studio/?preset=no_such_film").id("written").text


def test_a_press_without_scripts_leads_to_the_address_of_what_it_made(
    studio: None, client: Client
) -> None:
    response = client.get(f"{RUNNER}&open=lens&apply=stock%3D")
    assert response.status_code == 302
    told = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)
    assert told == {
        "preset": ["blade_runner"],
        "body": ["alexa_mini"],
        "stock": [""],
        "scene": ["rain"],
        "open": ["lens"],
    }


def test_a_choice_is_a_step_back_undoes_and_a_look_is_none(studio: None, client: Client) -> None:
    for verb, is_step in (("apply=stock%3D", True), ("shuffle=1", True), ("pick=dune_2021", True)):
        response = client.get(f"{RUNNER}&{verb}", headers=HTMX)
        assert ("HX-Push-Url" in response.headers) is is_step
    for verb in ("toggle=lens", "flip=lens", "typing=1", "target=sdxl"):
        response = client.get(f"{RUNNER}&{verb}", headers=HTMX)
        assert "HX-Replace-Url" in response.headers
        assert "HX-Push-Url" not in response.headers


def test_typing_renews_the_prompt_and_leaves_the_field_alone(studio: None, client: Client) -> None:
    assert ids_of(client, f"{RUNNER}&typing=1") == ["written"]
    assert set(ids_of(client, f"{RUNNER}&apply=stock%3D")) == {
        "written",
        "studio-state",
        "studio-head",
        "studio-about",
        "stack",
    }


def test_the_form_carries_all_that_a_press_does_not_change(studio: None, client: Client) -> None:
    found = page(client, f"{RUNNER}&moods=epic&moods=noir&lock=lens&open=body")
    carried = [
        (one.attrs["name"], one.attrs["value"])
        for one in found.all("input", type="hidden")
        if one.attrs["name"] in ("preset", "body", "moods", "lock", "open")
    ]
    assert carried == [
        ("preset", "blade_runner"),
        ("body", "alexa_mini"),
        ("moods", "epic"),
        ("moods", "noir"),
        ("lock", "lens"),
        ("open", "body"),
    ]


def test_two_models_are_read_beside_each_other(studio: None, client: Client) -> None:
    found = page(client, f"{RUNNER}&compare=wan_t2v").id("written").text
    assert "FLUX.1" in found
    assert "Wan 2.1 and 2.2" in found


def test_presets_are_found_without_the_rest_of_the_page(studio: None, client: Client) -> None:
    response = client.get("/studio/presets/?q=deakins&preset=dune_2021", headers=HTMX)
    found = Markup(response.content)
    names = [one.attrs["value"] for one in found.all("button", name="pick")]
    assert "blade_runner_2049" in names
    assert "blade_runner" not in names
    assert client.get("/studio/presets/?q=deakins")["Location"] == "/studio/?q=deakins"


def shot(query: str = "preset=blade_runner&ratio=2.39:1") -> dict[str, str]:
    return {"shot": query, "scene": "a man waits in the rain"}


def test_a_shot_is_sent_to_a_new_session_in_the_words_of_its_model(
    studio: None, client: Client
) -> None:
    response = client.post("/studio/send/", shot())
    session = WorkSession.objects.get()
    assert response["Location"] == session.url
    form = session.last_form(0)
    target = next(one for one in TARGETS.values() if one.family == session.stages[0].family)
    made = compile_prompt(target, apply_preset("blade_runner"), "a man waits in the rain")
    assert (form["prompt"], form["negative"]) == (made.text, made.negative)
    assert [(one.width, one.height) for one in session.stages] == [
        (912, 384),
        (1536, 640),
        (1536, 640),
        (1536, 640),
    ]
    found = Markup(client.get(session.url).content)
    assert found.id("id_prompt").text == made.text
    assert "Change the shot" in found.id("ask-fields").text


def test_a_shot_goes_to_the_session_that_is_named_and_its_other_fields_stay(
    studio: None, client: Client
) -> None:
    session = factories.session()
    session.remember_form(0, {"prompt": "old", "steps": 33, "family": "sdxl"})
    client.post("/studio/send/", {**shot(), "session": session.slug})
    session.refresh_from_db()
    form = session.last_form(0)
    assert (form["steps"], form["family"]) == (33, "sdxl")
    assert form["prompt"].startswith("a man waits in the rain")
    assert WorkSession.objects.count() == 1


def test_a_session_that_is_gone_is_said_and_nothing_is_begun(studio: None, client: Client) -> None:
    response = client.post("/studio/send/", {**shot(), "session": "gone-9"})
    assert "not there any more" in str(next(iter(get_messages(response.wsgi_request))))
    assert not WorkSession.objects.exists()
    assert "scene=a+man" in response["Location"]


def test_the_next_stage_reads_its_own_models_words_unless_somebody_changed_them(
    studio: None, client: Client
) -> None:
    client.post("/studio/send/", shot())
    session = WorkSession.objects.get()
    first = session.last_form(0)
    following = session.words_for("sdxl", first)
    assert following["prompt"] != first["prompt"]
    assert following["prompt"].startswith("a man waits in the rain")
    changed = {**first, "prompt": f"{first['prompt']}, red umbrella"}
    assert session.words_for("sdxl", changed)["prompt"] == changed["prompt"]


def test_an_own_preset_keeps_choices_and_scene_and_can_be_taken_back(
    studio: None, client: Client
) -> None:
    data = {**shot("preset=blade_runner&tone=sepia"), "title": "Rain, again"}
    response = client.post("/studio/save/", data, follow=True)
    kept = CinemaPreset.objects.own().get()
    assert (kept.title, kept.scene) == ("Rain, again", "a man waits in the rain")
    found = Markup(response.content)
    assert next(found.all("button", name="pick", aria_current="true")).attrs["value"] == kept.key
    assert found.id("studio-head").text.startswith("Rain, again")
    assert "Sepia" in found.id("panel-mood-toggle").text
    client.post(f"/studio/own/{kept.key}/delete/")
    assert not list(page(client, "/studio/?tab=own").all("button", name="pick"))
    client.post(f"/studio/own/{kept.key}/restore/")
    assert list(page(client, "/studio/?tab=own").all("button", name="pick", value=kept.key))


def test_a_second_preset_of_a_name_leaves_the_first_alone(studio: None, client: Client) -> None:
    for tone in ("sepia", "monochrome"):
        client.post("/studio/save/", {**shot(f"tone={tone}"), "title": "Mine"})
    assert {one.choices["tone"] for one in CinemaPreset.objects.own()} == {"sepia", "monochrome"}


def test_a_preset_without_a_name_is_refused(studio: None, client: Client) -> None:
    response = client.post("/studio/save/", {**shot(), "title": "  "}, follow=True)
    assert "Give your preset a name." in response.content.decode()
    assert not CinemaPreset.objects.own().exists()


def test_what_was_used_is_among_the_recent_ones_once(studio: None, client: Client) -> None:
    for _ in range(2):
        reply = client.post("/studio/used/", shot(), headers=HTMX)
    assert "a man waits in the rain" in Markup(reply.content).id("recent").text
    (row,) = RecentShot.objects.all()
    assert "preset=blade_runner" in row.query
    assert "scene=a+man+waits" in row.query
    link = next(one for one in page(client).all("a") if row.query in one.attrs.get("href", ""))
    assert page(client, link.attrs["href"]).id("scene").text == "a man waits in the rain"


def test_a_shipped_preset_is_not_deleted_as_an_own_one(studio: None, client: Client) -> None:
    assert client.post("/studio/own/blade_runner/delete/").status_code == 404


def test_inside_a_session_the_picker_has_its_shot_and_leaves_the_address_alone(
    studio: None, client: Client
) -> None:
    client.post("/studio/send/", shot())
    session = WorkSession.objects.get()
    url = f"/studio/in/{session.slug}/"
    found = Markup(client.get(url, headers=HTMX).content)
    assert found.id("scene").text == "a man waits in the rain"
    assert next(found.all("option", value="sd15", selected="")).text == "Stable Diffusion 1.5"
    assert next(found.all("input", type="hidden", name="inside")).attrs["value"] == "1"
    reply = client.get(f"/studio/?inside=1&session={session.slug}&apply=tone%3Dsepia", headers=HTMX)
    assert not {"HX-Push-Url", "HX-Replace-Url"} & set(reply.headers)
    assert client.get(url)["Location"].startswith("/studio/?preset=blade_runner")


def test_inside_a_session_that_never_had_a_shot_the_scene_is_its_prompt(
    studio: None, client: Client
) -> None:
    session = factories.session()
    session.remember_form(0, {"prompt": "a lighthouse"})
    found = Markup(client.get(f"/studio/in/{session.slug}/", headers=HTMX).content)
    assert found.id("scene").text == "a lighthouse"
    reply = client.post(f"/studio/in/{session.slug}/", {"prompt": "x" * 9000}, headers=HTMX)
    assert Markup(reply.content).id("scene").text == "x" * LONGEST_SCENE
    assert client.get("/studio/in/gone-9/").status_code == 404


def own(client: Client, query: str, title: str = "Mine") -> CinemaPreset:
    client.post("/studio/save/", {"shot": query, "title": title})
    return CinemaPreset.objects.own().latest("pk")


def test_what_was_composed_from_an_own_preset_outlives_it(studio: None, client: Client) -> None:
    kept = own(client, "preset=blade_runner&tone=sepia")
    client.post("/studio/used/", {"shot": f"preset={kept.key}&lens=cooke_s4", "scene": "rain"})
    client.post("/studio/send/", {"shot": f"preset={kept.key}&lens=cooke_s4", "scene": "rain"})
    client.post(f"/studio/own/{kept.key}/delete/")
    queries = [RecentShot.objects.latest("at").query, WorkSession.objects.get().shot_query]
    for query in queries:
        found = page(client, f"/studio/?{query}")
        assert "Sepia" in found.id("panel-mood-toggle").text
        assert "Cooke S4" in found.id("panel-lens-toggle").text
    found = page(client, f"/studio/?preset={kept.key}&lens=cooke_s4")
    assert "was deleted; what it held is here" in found.id("written").text
    assert "Sepia" in found.id("panel-mood-toggle").text


def test_deleting_a_preset_leaves_what_is_composed(studio: None, client: Client) -> None:
    kept = own(client, "tone=sepia")
    before = "/studio/?preset=blade_runner&scene=rain"
    for sent_from, back in (
        (f"http://testserver{before}", before),
        ("http://elsewhere.example/studio/?preset=dune", f"/studio/?{kept.query}"),
        ("", f"/studio/?{kept.query}"),
    ):
        response = client.post(f"/studio/own/{kept.key}/delete/", headers={"Referer": sent_from})
        assert response["Location"] == back


def test_a_saved_preset_leaves_model_lock_and_session_as_they_are(
    studio: None, client: Client
) -> None:
    query = "preset=blade_runner&tone=sepia&target=sdxl&compare=pony&lock=lens&session=dunes-3"
    response = client.post("/studio/save/", {"shot": query, "title": "Mine"})
    told = parse_qs(urlsplit(response["Location"]).query)
    assert told == {
        "preset": ["mine"],
        "target": ["sdxl"],
        "compare": ["pony"],
        "lock": ["lens"],
        "session": ["dunes-3"],
        "tab": ["own"],
    }


def test_a_session_under_an_old_name_is_the_one_that_is_meant(studio: None, client: Client) -> None:
    session = factories.session()
    old = f"an-older-name-{session.pk}"
    found = page(client, f"/studio/?session={old}").id("send")
    assert found.text.count("Lighthouse") == 1
    chosen = page(client, f"/studio/?session={old}").all("option", selected="")
    assert session.slug in [one.attrs["value"] for one in chosen]


def test_inside_a_session_what_was_composed_and_not_sent_comes_first(
    studio: None, client: Client
) -> None:
    client.post("/studio/send/", shot())
    url = f"/studio/in/{WorkSession.objects.get().slug}/"
    composed = "scene=not+sent&tone=sepia&target=pony"
    found = Markup(client.post(url, {"shot": composed, "prompt": "x"}, headers=HTMX).content)
    assert found.id("scene").text == "not sent"
    assert len(list(found.all("option", value="pony", selected=""))) == 1
    saved = {"shot": f"{composed}&inside=1&session={url.split('/')[-2]}", "title": "Inside"}
    response = client.post("/studio/save/", saved)
    assert response["Location"].startswith("/sessions/")


def test_a_long_prompt_is_cut_for_a_scene_and_that_is_said(studio: None, client: Client) -> None:
    session = factories.session()
    reply = client.post(f"/studio/in/{session.slug}/", {"prompt": "x " * 3000}, headers=HTMX)
    assert "Only the beginning of the prompt fits" in Markup(reply.content).id("written").text


def test_a_new_session_is_named_after_the_scene(studio: None, client: Client) -> None:
    client.post("/studio/send/", shot())
    assert WorkSession.objects.get().title == "a man waits in the rain"
