"""The log: levels, filters, pages, downloads, and its speed over many events."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.test import AsyncClient, Client
from django.urls import reverse

from farm_app import log, tending
from farm_app.models import GpuNode, JobEvent
from farm_app.models.states import JobState
from tests import factories
from tests.markup import Markup
from tests.sessions.conftest import live_studio, studio

__all__ = ["live_studio", "studio"]


@pytest.fixture
def owner(studio: None) -> Client:
    return Client(headers={"host": "localhost"})


def sentences(reply: Any) -> list[str]:
    found = Markup(reply.content).elements
    return [one.text for one in found if one.attrs.get("class") == "sentence"]


def say(sentence: str, *, level: str = "info", **fields: Any) -> JobEvent:
    return JobEvent.objects.create(sentence=sentence, level=level, **fields)


def test_a_failed_job_is_an_error_and_one_that_falls_back_a_warning(studio: None) -> None:
    first, second = factories.takes(factories.placed(2))
    attempt = factories.running(first)
    first.job.move(JobState.QUEUED, "gpu-a went away.", attempt=attempt)
    second.job.move(JobState.FAILED, "It failed.")
    levels = JobEvent.objects.order_by("pk").values_list("level", flat=True)
    assert list(levels) == ["info", "info", "warn", "error"]


def test_a_job_that_is_asked_again_is_no_warning(studio: None) -> None:
    (take,) = factories.takes(factories.placed(1))
    take.job.move(JobState.FAILED, "It failed.")
    take.job.ask_again(actor="ann")
    assert JobEvent.objects.latest("pk").level == "info"


def test_the_newest_stands_first(owner: Client) -> None:
    say("First.")
    say("Second.")
    assert sentences(owner.get("/farm/log/"))[:2] == ["Second.", "First."]


def test_it_is_filtered_by_node_job_session_and_level(owner: Client) -> None:
    (mine,) = factories.takes(factories.placed(1))
    (other,) = factories.takes(factories.placed(1))
    node = GpuNode.objects.get(slug="gpu-draft")
    say("Of the node.", node=node, level="warn")
    say("Of my job.", job=mine.job, level="error")
    say("Of another.", job=other.job)

    def asked(**query: Any) -> list[str]:
        return sentences(owner.get("/farm/log/", query))

    assert asked(node=node.pk) == ["Of the node."]
    assert asked(job=mine.job_id) == ["Of my job.", "Asked for."]
    assert asked(share=mine.job.group.share_key) == ["Of my job.", "Asked for."]
    assert asked(level="warn") == ["Of my job.", "Of the node."]
    assert asked(level="error") == ["Of my job."]
    assert asked(level="error", node=node.pk) == []
    assert asked(level="nonsense", node="x", job="-1")[:1] == ["Of another."]


def test_it_is_read_page_by_page(owner: Client) -> None:
    JobEvent.objects.bulk_create(JobEvent(sentence=f"Event {n}.") for n in range(log.PAGE + 5))
    first = owner.get("/farm/log/")
    assert sentences(first)[0] == f"Event {log.PAGE + 4}."
    link = next(
        one.attrs
        for one in Markup(first.content).elements
        if "before=" in one.attrs.get("href", "")
    )
    assert sentences(owner.get(link["href"])) == [f"Event {n}." for n in (4, 3, 2, 1, 0)]
    part = owner.get(link["hx-get"], headers={"HX-Request": "true"})
    assert sentences(part) == [f"Event {n}." for n in (4, 3, 2, 1, 0)]
    assert "<html" not in part.content.decode()


def test_of_an_older_page_nothing_new_is_told(owner: Client) -> None:
    say("One.")
    assert "/ws/farm/log/" not in owner.get("/farm/log/?before=99").content.decode()


async def downloaded(kind: str, **query: Any) -> str:
    client = AsyncClient(headers={"host": "localhost"})
    reply = await client.get(reverse("farm:download_log", args=[kind]), query)
    assert reply.status_code == 200
    assert f'filename="eliot-farm-log.{kind}"' in reply["Content-Disposition"]
    return b"".join([piece async for piece in reply.streaming_content]).decode()  # type: ignore[attr-defined]


@pytest.mark.django_db(transaction=True)
async def test_it_is_downloaded_as_text_table_and_json_lines(
    monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    monkeypatch.setattr(log, "CHUNK", 2)

    @sync_to_async
    def fill() -> None:
        for number in range(5):
            say(f"Event {number}.", level="warn" if number == 3 else "info", actor="ann")
        say('=HYPERLINK("x")')

    await fill()
    lines = (await downloaded("txt")).splitlines()
    assert len(lines) == 6
    assert lines[1].endswith("Event 4. (ann)")
    table = (await downloaded("csv")).splitlines()
    assert table[0] == "at,level,node,job,asked_by,sentence,actor"
    assert "'=HYPERLINK" in table[1]
    rows = [json.loads(line) for line in (await downloaded("jsonl", level="warn")).splitlines()]
    assert [row["sentence"] for row in rows] == ["Event 3."]


def test_another_kind_of_file_there_is_none(owner: Client) -> None:
    assert owner.get("/farm/log/farm-log.exe").status_code == 404


def test_hostile_sentences_are_text(owner: Client) -> None:
    say("<img src=x onerror=alert(1)>")
    assert "<img src=x" not in owner.get("/farm/log/").content.decode()


def test_every_filter_reads_its_rows_by_an_index(studio: None) -> None:
    (take,) = factories.takes(factories.placed(1))
    node = GpuNode.objects.first()
    assert node is not None
    for filters in (
        log.Filters(),
        log.Filters(node=node.pk),
        log.Filters(job=take.job_id),
        log.Filters(level="error"),
    ):
        levels = log.LEVELS[filters.level]
        rows = filters.rows().filter(level=levels[0]) if levels else filters.rows()
        plan = rows[: log.PAGE].explain()
        assert "USE TEMP B-TREE" not in plan, plan


def test_a_job_that_is_no_number_is_said_at_its_field(studio: None, client: Client) -> None:
    page = Markup(client.get("/farm/log/?job=abc").content)
    (field,) = page.all("input", name="job")
    assert (field.attrs["value"], field.attrs["aria-invalid"]) == ("abc", "true")
    assert "“abc” is none" in page.id(field.attrs["aria-describedby"]).text
    assert (
        "aria-invalid"
        not in next(Markup(client.get("/farm/log/?job=7").content).all("input", name="job")).attrs
    )


def test_the_log_calls_who_sits_here_you_and_names_the_picture(
    studio: None, client: Client
) -> None:
    one, other = factories.takes(factories.placed(2))
    client.post(f"/farm/queue/j{other.job_id}/pause/")
    tending.drain(GpuNode.objects.all()[0], actor="local")
    told = [log.as_text(log.entry_of(event)) for event in JobEvent.objects.all()]
    assert "".join(told).count("(you)") == 2
    page = client.get(f"/farm/log/?job={other.job_id}").content.decode()
    assert f"{other.job.group.label} 2" in page
    assert one.job.group.label in page


def test_a_sentence_is_one_line_of_text_whatever_a_node_put_into_it(db: None) -> None:
    said = "It said \x1b[31mred\r\nthen\x00 2026-11-27 error gpu-b: broken"
    event = JobEvent.objects.create(sentence=said, level="warn")
    line = log.as_text(log.entry_of(event))
    assert line.count("\n") == 1
    assert all(sign.isprintable() for sign in line.rstrip("\n"))
