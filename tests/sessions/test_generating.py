"""Pressing Generate: what is placed, what comes back, and what bad input says beside its field."""

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from farm_app.models import GpuNode, Job, JobGroup
from sessions_app.forms import family_values, starting_values
from sessions_app.models import Generation, Round, WorkSession
from tests import factories
from tests.markup import Markup

HTMX = {"HX-Request": "true"}


def typed(session: WorkSession, stage: int = 0, **changes: Any) -> dict[str, Any]:
    values = {**starting_values(session, stage), "prompt": "a lighthouse", **changes}
    return {name: "" if value is None else value for name, value in values.items()}


def form(client: Client, session: WorkSession, stage: int = 0) -> Markup:
    return Markup(client.get(f"{session.url}?stage={stage + 1}").content)


def action(client: Client, session: WorkSession, stage: int = 0) -> str:
    """Return where the form on the page of a stage is sent to."""
    attrs = form(client, session, stage).id("ask-form").attrs
    assert attrs["action"] == attrs["hx-post"]
    return attrs["action"]


def press(
    client: Client, session: WorkSession, headers: Any = None, stage: int = 0, **changes: Any
) -> Any:
    url = action(client, session, stage)
    return client.post(url, typed(session, stage, **changes), headers=headers or {})


def rows() -> list[int]:
    return [one._default_manager.count() for one in (Round, Generation, JobGroup, Job)]


def test_without_scripts_it_leads_back_to_the_page(studio: None, client: Client) -> None:
    session = factories.session()
    response = press(client, session, count="3")
    assert (response.status_code, response["Location"]) == (302, f"{session.url}?stage=1")
    assert rows() == [1, 3, 1, 3]


def test_the_form_of_an_earlier_stage_asks_for_that_stage(studio: None, client: Client) -> None:
    session = factories.session()
    drafts = factories.pictures(1, of=session, flag="keep")
    press(client, session, stage=1, count="2")
    assert session.current_stage() == 1
    assert press(client, session, count="3")["Location"] == f"{session.url}?stage=1"
    session.refresh_from_db()
    asked = [Generation.objects.of_stage(session, stage).count() for stage in (0, 1)]
    assert (asked, session.last_form(0)["count"]) == ([len(drafts) + 3, 2], 3)


def test_every_part_of_the_form_knows_the_stage_that_it_is_of(studio: None, client: Client) -> None:
    session = factories.session()
    factories.pictures(1, of=session, flag="keep")
    press(client, session, stage=1, count="2")
    for stage in (0, 1):
        found = form(client, session, stage)
        (less,) = found.all(class_="less")
        for url in (found.id("ask-fields").attrs["hx-post"], less.attrs["hx-post"]):
            assert url.endswith(f"?stage={stage + 1}")
            reply = Markup(client.post(url, typed(session, stage)).content)
            again = [one.attrs["hx-post"] for one in reply.all(class_="less")]
            assert again in ([], [less.attrs["hx-post"]])


def test_with_htmx_it_replies_with_the_waiting_cells_and_a_ready_form(
    studio: None, client: Client
) -> None:
    session = WorkSession.begin()
    response = press(client, session, HTMX, count="3", submission_key="k")
    found = Markup(response.content)
    session.refresh_from_db()
    assert response.status_code == 200
    assert response["HX-Replace-Url"] == f"{session.url}?stage=1"
    assert [one.text for one in found.all("span", class_="no")] == ["01", "02", "03"]
    assert found.id("generate").text == "Generate 3 more G"
    assert found.id("submission-key").attrs["value"] not in ("", "k")
    assert "a lighthouse" in found.id("title").text
    assert {"actions", "stages", "counts", "estimate"} <= set(found.ids())


def test_every_further_fragment_of_the_reply_knows_its_place(studio: None, client: Client) -> None:
    response = press(client, factories.session(), HTMX, count="1")
    found = Markup(response.content)
    for name in ("actions", "stages", "counts", "title", "generate", "submission-key", "estimate"):
        assert found.id(name).attrs["hx-swap-oob"] == "true", name
    assert found.id("cells").attrs["hx-swap-oob"] == "beforeend"


def test_a_form_that_is_sent_twice_is_one_round(studio: None, client: Client) -> None:
    session = factories.session()
    for _ in range(2):
        assert press(client, session, submission_key="k", count="2").status_code == 302
    assert rows() == [1, 2, 1, 2]
    press(client, session, count="2")
    assert rows() == [2, 4, 2, 4]


def test_a_form_that_back_brought_up_and_somebody_changed_is_a_round_of_its_own(
    studio: None, client: Client
) -> None:
    session = factories.session()
    for prompt in ("a lighthouse", "a fox", "a fox", "a lighthouse", "a ship"):
        press(client, session, submission_key="k", count="2", prompt=prompt)
    assert rows() == [3, 6, 3, 6]
    asked = [one.values["prompt"] for one in Round.objects.order_by("number")]
    assert asked == ["a lighthouse", "a fox", "a ship"]


def test_more_than_a_window_sends_the_browser_to_the_page_itself(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.placed(199, of=session)
    assert press(client, session, HTMX, count="1").status_code == 200
    response = press(client, session, HTMX, count="1")
    assert (response.status_code, response["HX-Redirect"]) == (204, f"{session.url}?stage=1")


def test_a_prompt_comes_through_the_form_byte_for_byte(studio: None, client: Client) -> None:
    prompt = 'he said "no", {{seed}} \\ ${x} <b>&amp;\n\ttab — é 🎬 \u202e end  '
    press(client, factories.session(), count="1", prompt=prompt.replace("\n", "\r\n"))
    job = Job.objects.get()
    assert job.values["prompt"] == prompt == job.recipe["prompt"]


def test_the_page_says_the_prompt_again_as_it_was_typed(studio: None, client: Client) -> None:
    session = factories.session()
    prompt = '\n"quoted" </textarea><script>alert(1)</script>\n second'
    press(client, session, count="1", prompt=prompt)
    area = Markup(client.get(session.url).content).id("id_prompt")
    assert area.raw.removeprefix("\n") == prompt  # a browser drops the first line break


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("prompt", "", "Write what the picture shows."),
        ("prompt", "x" * 1_000_000, "1,000,000 characters are too many; at most 20,000."),
        ("prompt", "a\0b", "Null characters are not allowed."),
        ("negative", "a\0b", "Null characters are not allowed."),
        ("steps", str(10**9), "Must be from 1 to 150."),
        ("steps", "1" * 400, "Must be from 1 to 150."),
        ("width", "-1", "Must be from 64 to 4096."),
        ("width", "0", "Must be from 64 to 4096."),
        ("height", "1e400", "Enter a whole number."),
        ("height", "NaN", "Enter a whole number."),
        ("steps", "\u0661\u0662", "Write the number with the digits 0 to 9."),
        ("width", str(2**63), "Must be from 64 to 4096."),
        ("count", "10000", "Must be from 1 to 500."),
        ("cfg", "inf", "Enter a number."),
        ("seed", "-1", "A whole number from 0 to"),
        ("seed", "1.5", "A whole number from 0 to"),
        ("seed", str(2**64), "A whole number from 0 to"),
        ("checkpoint", "../../x", "No node has ../../x for this model."),
        ("family", "flux", "No node has FLUX.1."),
    ],
)
def test_bad_input_is_told_beside_its_field_and_nothing_is_placed(
    studio: None, client: Client, name: str, value: str, sentence: str
) -> None:
    changes: dict[str, Any] = {name: value}
    response = press(client, factories.session(), HTMX, **changes)
    assert response.status_code == 422
    assert (response["HX-Retarget"], response["HX-Reswap"]) == ("#ask-fields", "outerHTML")
    found = Markup(response.content)
    widget = found.id(f"id_{name}")
    assert widget.attrs["aria-invalid"] == "true"
    assert sentence in found.id(widget.attrs["aria-describedby"]).text
    assert widget.attrs.get("value", value) == value
    assert rows() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b'{"prompt": "x"}', "application/json", 422),
        (b"prompt=x", "text/plain", 422),
        (b"", "application/x-www-form-urlencoded", 422),
        (b"\xff\xfe=\x00&&==%", "application/x-www-form-urlencoded", 422),
        (b"prompt=" + b"x" * 7_000_000, "application/x-www-form-urlencoded", 400),
        (b"&".join(b"prompt=x" for _ in range(2_000)), "application/x-www-form-urlencoded", 400),
    ],
)
def test_what_no_browser_sends_places_nothing(
    studio: None, client: Client, body: bytes, kind: str, status: int
) -> None:
    url = action(client, factories.session())
    assert client.post(url, body, content_type=kind).status_code == status
    assert rows() == [0, 0, 0, 0]


def test_half_a_character_becomes_the_sign_for_one(studio: None, client: Client) -> None:
    session = factories.session()
    sent = urlencode({**typed(session, count="1"), "prompt": "MARK"}).replace("MARK", "a%ED%A0%80")
    client.post(action(client, session), sent, "application/x-www-form-urlencoded")
    assert Job.objects.get().values["prompt"].startswith("a\ufffd")


def test_without_scripts_the_whole_page_comes_back_with_the_reasons(
    studio: None, client: Client
) -> None:
    session = factories.session()
    factories.placed(1, of=session)
    response = press(client, session, steps="0", width="-1")
    found = Markup(response.content)
    assert response.status_code == 422
    assert list(found.all("html"))
    assert found.id("id_steps").attrs["aria-invalid"] == "true"
    assert len(list(found.all(role="gridcell"))) == 1
    (head,) = found.all(class_="wrong-list")
    assert "2 things to put right" in head.text
    assert found.id("live").attrs["ws-connect"].startswith(f"/ws/sessions/{session.pk}/?stage=0")
    (crumb,) = found.all(class_="crumb")
    assert crumb.text == session.title
    assert found.id("show-kept").attrs["href"] == f"{session.url}?stage=1&show=kept"
    assert rows() == [1, 1, 1, 1]


def test_a_wrong_number_offers_one_that_would_do(studio: None, client: Client) -> None:
    found = Markup(press(client, factories.session(), HTMX, width="513").content)
    (use,) = found.all("button", data_for="id_width")
    assert (use.attrs["data-use"], use.text) == ("512", "Use 512")


def test_a_form_put_right_sends_its_clean_fields_back(studio: None, client: Client) -> None:
    session = factories.session()
    wrong = Markup(press(client, session, HTMX, steps="0").content)
    assert next(wrong.all("input", name="had_errors")).attrs["value"] == "1"
    right = Markup(press(client, session, HTMX, had_errors="1").content)
    assert right.id("ask-fields").attrs["hx-swap-oob"] == "true"
    assert "aria-invalid" not in right.id("id_steps").attrs


def test_a_refinement_without_kept_pictures_is_told_at_the_prompt(
    studio: None, client: Client
) -> None:
    session = factories.session()
    response = press(client, session, HTMX, stage=1)
    assert response.status_code == 422
    said = Markup(response.content).id("id_prompt_error").text
    assert said.endswith("none is kept in Drafts. Keep one in Drafts.")
    assert rows() == [0, 0, 0, 0]


def test_a_refused_first_prompt_does_not_name_the_session(studio: None, client: Client) -> None:
    session = WorkSession.begin()
    press(client, session, HTMX, stage=1, prompt="a fox")
    session.refresh_from_db()
    assert session.is_untitled


def test_an_upscale_stage_has_no_form_to_send(studio: None, client: Client) -> None:
    session = factories.session()
    last = len(session.stages)
    session.config = {
        "stages": [
            *(one.as_json() for one in session.stages),
            {"name": "Upscaled", "want": 1, "kind": "upscale"},
        ]
    }
    session.touch("config")
    url = action(client, session).replace("?stage=1", f"?stage={last + 1}")
    assert client.post(url, typed(session)).status_code == 404
    assert rows() == [0, 0, 0, 0]


def test_a_wish_for_a_node_is_placed_with_the_round(studio: None, client: Client) -> None:
    press(client, factories.session(), count="1", node_mode="prefer", node="gpu-quality")
    group = JobGroup.objects.get()
    assert (group.node_mode, group.node) == ("prefer", GpuNode.objects.get(slug="gpu-quality"))
    assert str(group.owner) == "local"


def test_an_estimate_follows_the_form(studio: None, client: Client) -> None:
    session = factories.session()
    url = form(client, session).id("ask-fields").attrs["hx-post"]
    said = Markup(client.post(url, typed(session, count="7")).content).id("estimate").text
    assert said.startswith("7 pictures would take about ")
    assert Markup(client.post(url, typed(session, count="x")).content).id("estimate").text == ""
    assert Markup(client.post(url, {}).content).id("estimate").text == ""
    assert rows() == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"prompt": "a lighthouse", "family": "sd15"}, "2 of 75 tokens"),
        ({"prompt": "", "family": "nobody"}, "0 of 75 tokens"),
        ({"negative": "fog", "counting": "negative"}, "1 of 75 tokens"),
        ({"prompt": "x", "counting": "<script>"}, "1 of 75 tokens"),
        ({}, "0 of 75 tokens"),
    ],
)
def test_tokens_are_counted_while_one_types(
    studio: None, client: Client, sent: dict[str, str], said: str
) -> None:
    url = factories.session().urls["tokens"]
    assert Markup(client.post(url, sent).content).elements[0].text == said


def test_another_family_brings_its_own_settings(studio: None, client: Client) -> None:
    session = factories.session()
    (less,) = form(client, session).all(class_="less")
    url = less.attrs["hx-post"]
    sent = {**typed(session, count="5"), "family": "sdxl"}
    found = Markup(client.post(url, sent).content).id("id_width")
    assert found.attrs["value"] == str(family_values("sdxl")["width"])
    whole = Markup(client.post(url, sent).content)
    assert whole.id("id_count").attrs["value"] == "5"
    chosen = [one.attrs["value"] for one in whole.all("option") if "selected" in one.attrs]
    assert {"sdxl", "sdxl-base.safetensors", "1024x1024"} <= set(chosen)
    assert client.post(url, {"family": "x"}).status_code == 404
