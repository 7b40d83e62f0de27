"""The walk of a picture through the pages, on real demo nodes: asked for, judged, continued, cancelled."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from PIL import Image

from farm_app.models import Attempt, Job
from farm_app.models.states import JobState
from sessions_app.forms import starting_values
from sessions_app.funnel import Stage
from sessions_app.models import Generation, Round, WorkSession
from tests import factories
from tests.farm.rig import Farm, wait_until
from tests.markup import Markup

STAGES = (Stage("Drafts", 2, "sd15", 64, 64, 4), Stage("Refined", 3, "sd15", 128, 128, 8, 0.5))


@pytest.fixture
def session(farm: Farm, settings: LazySettings) -> WorkSession:
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)  # pages look for it
    made = factories.session()
    made.set_stages(STAGES)
    return made


def generate(client: Client, session: WorkSession, **typed: Any) -> Round:
    values = {**starting_values(session, 0), "prompt": "a lighthouse", **typed}
    sent = {name: "" if value is None else value for name, value in values.items()}
    page = Markup(client.get(session.url).content)
    url = page.id("ask-form").attrs["action"]
    assert client.post(url, sent).status_code == 302
    return session.rounds.get(stage=0)


def pictures(placed: Round) -> list[Generation]:
    return list(placed.generations.with_pictures().order_by("number"))


def test_kept_drafts_are_refined_from_their_pixels(
    farm: Farm, session: WorkSession, client: Client
) -> None:
    farm.node()
    prompt = 'he said "no", {{seed}}\n\u202e é 🎬'
    drafts = generate(client, session, prompt=prompt.replace("\n", "\r\n"), seed=str(2**64 - 1))
    farm.work()
    farm.done(drafts)
    for one in pictures(drafts):
        client.post(f"/takes/{one.pk}/keep/")
    client.post(f"/sessions/{session.slug}/continue/?stage=1")
    refined = session.rounds.get(stage=1)
    jobs = farm.done(refined)
    first, second = (one.job.output for one in pictures(drafts))
    assert first is not None
    assert [job.source for job in jobs] == [first, first, second]
    sent = json.dumps(Attempt.objects.get(job=jobs[0]).sent)
    assert json.dumps(prompt)[1:-1] in sent
    assert f"{first.pk}.png" in sent


def test_a_picture_tells_how_it_was_made_and_where_it_lies(
    farm: Farm, session: WorkSession, client: Client
) -> None:
    farm.node()
    drafts = generate(client, session, seed=str(2**64 - 1))
    farm.work()
    farm.done(drafts)
    one, other = pictures(drafts)
    assert one.picture is not None
    with Image.open(one.picture.absolute_path) as image:
        record = json.loads(image.info["eliot"])
    assert (record["seed"], record["session"], record["round"]) == (str(2**64 - 1), session.slug, 1)
    assert (record["node"], other.job.seed) == ("gpu-a", "0")
    facts = Markup(client.get(f"/takes/{one.pk}/large/", headers={"HX-Request": "true"}).content)
    assert {"64 × 64", "gpu-a", "0001.png"} <= {fact.text for fact in facts.all("dd")}


def test_what_renders_is_cancelled_and_may_be_asked_again(
    farm: Farm, session: WorkSession, client: Client
) -> None:
    node = farm.node(seconds={"sd15": 20})
    drafts = generate(client, session, count="1")
    farm.work()
    wait_until(node.executions)
    (one,) = pictures(drafts)
    client.post(f"/takes/{one.pk}/cancel/")
    assert farm.settled(drafts)[0].state == JobState.CANCELLED
    page = Markup(client.get(session.url).content)
    assert "Cancelled by you" in page.id(f"cell-body-{one.pk}").text
    seed = one.job.seed
    client.post(f"/takes/{one.pk}/retry/")
    again = Job.objects.get(pk=one.job_id)
    assert (again.seed, again.state in (JobState.QUEUED, JobState.RUNNING)) == (seed, True)
    client.post(f"/sessions/{session.slug}/cancel/?stage=1")
    farm.settled(drafts)


def test_a_cell_shows_its_phase_while_it_renders(
    farm: Farm, session: WorkSession, client: Client
) -> None:
    farm.node(seconds={"sd15": 60})
    drafts = generate(client, session, count="1")
    farm.work()
    (one,) = pictures(drafts)

    def says(word: str) -> bool:
        cell = Markup(client.get(session.url).content).id(f"cell-body-{one.pk}")
        return word in cell.text and "gpu-a" in cell.text

    wait_until(lambda: says("step "))
    deleted = client.post(f"/sessions/{session.slug}/delete/")
    assert deleted.status_code == 302
    assert farm.settled(drafts)[0].state == JobState.CANCELLED
