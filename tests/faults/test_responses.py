"""Answers and events that are wrong, late, huge or hostile: nothing of it is believed unseen, or ever shown."""

import base64
import hashlib
import io
import math
import socket
import struct
import time
import zlib
from itertools import pairwise, takewhile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from farm_app import health, progress, store, timers
from farm_app.comfy.progress import Progress
from farm_app.models import Attempt, GpuNode, Job, JobEvent, TemplateVersion
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, FailureClass, JobState
from farm_app.progress import Frame, Teller, glimpses
from gallery_app.models import MediaFile
from tests.farm.rig import Farm, Rule, attempts, on_event, on_request, story, wait_until
from tests.farm.test_listening import post_foreign
from tests.faults.conftest import Lines
from tests.faults.toxic import ToxicProxy

pytestmark = pytest.mark.drill
MIB = 2**20
PAGE = "<html><script>alert(1)</script></html>"
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
PROGRAM = "#!/bin/sh\nrm -rf /\n"


def view(do: Rule, **rest: Any) -> Rule:
    return on_request("/view", do, method="GET", **rest)


def history(do: Rule, **rest: Any) -> Rule:
    return on_request("/history/*", do, method="GET", **rest)


def one(farm: Farm) -> Job:
    """Ask for a picture and wait for it."""
    (job,) = farm.done(farm.ask(1))
    return job


def encoded(data: bytes) -> Rule:
    return {"body_base64": base64.b64encode(data).decode()}


def picture(kind: str = "PNG", side: int = 64) -> bytes:
    """Return a picture that does not compress."""
    into = io.BytesIO()
    Image.effect_noise((side, side), 40).convert("RGB").save(into, kind)
    return into.getvalue()


def resident_bytes() -> int:
    """Return how much memory this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def files_in(farm: Farm) -> list[Path]:
    return [path for path in (farm.data / "pictures").rglob("*.*") if ".gallery" not in path.parts]


# The answer to a prompt


@pytest.mark.fault("R03", profile="dedup_id")
def test_an_id_that_is_known_already_is_looked_up(farm: Farm) -> None:
    known = {"accept": True, "then": {"status": 409, "json": {"error": "duplicate"}}}
    node = farm.node("gpu-a", rules=[on_request("/prompt", known, count=1)])
    farm.work()
    job = one(farm)
    assert attempts(job) == [("gpu-a", "committed")]
    assert len(node.told("prompt")) == 1


def assert_looked_for(line: ToxicProxy, sent: list[Attempt]) -> None:
    """See that each prompt was looked for in queue and history before the next one was sent on this line."""
    asked = iter(line.asked)
    list(takewhile(lambda one: one != "POST /prompt", asked))
    for attempt in sent:
        before_next = set(takewhile(lambda one: one != "POST /prompt", asked))
        assert {"GET /queue", f"GET /history/{attempt.pk}"} <= before_next


@pytest.mark.fault("R02")
def test_a_prompt_that_never_arrived_is_looked_for_and_sent_again(farm: Farm, line: Lines) -> None:
    node = farm.node("gpu-a", rules=[on_request("/prompt", {"reset": True}, count=1)])
    between = line(node)
    farm.work()
    job = one(farm)
    assert attempts(job) == [("gpu-a", "lost"), ("gpu-a", "committed")]
    assert_looked_for(between, [job.attempts.get(fence=1)])
    assert len(node.executions()) == 1


@pytest.mark.fault("R05")
def test_after_each_server_error_it_is_looked_up_and_tried_later_and_later(
    farm: Farm, line: Lines
) -> None:
    trouble = {"gpu-a": 500, "gpu-b": 502, "gpu-c": 503}
    nodes = farm.nodes(
        {
            name: {"rules": [on_request("/prompt", {"status": status})]}
            for name, status in trouble.items()
        }
    )
    lines = {node.name: line(node) for node in nodes}
    placed = farm.ask(1)
    farm.work()
    losses = Attempt.objects.filter(state=AttemptState.LOST)
    wait_until(lambda: losses.count() >= len(trouble))
    for node in nodes:
        node.set_rules()
    (job,) = farm.done(placed)
    *lost, last = job.attempts.order_by("fence").select_related("node")
    for name, between in lines.items():
        assert_looked_for(between, [one for one in lost if one.node.slug == name])
    pauses = [
        (after.reserved - before.ended).total_seconds()
        for before, after in pairwise([*lost, last])
        if before.ended
    ]
    longer = [0.8 * timers.BACKOFF_FIRST_S * 2**times for times in range(len(lost) - 1)]
    assert all(took >= least for took, least in zip(pauses, [0.0, *longer], strict=True)), pauses
    assert job.failures == 0


@pytest.mark.fault("R08")
def test_a_redirect_leads_nowhere(farm: Farm) -> None:
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0)
        target = f"http://127.0.0.1:{trap.getsockname()[1]}/"
        away = {"status": 307, "headers": {"Location": target}}
        led = farm.node("gpu-a", rules=[{"on": {"path": "*"}, "do": away}])
        placed = farm.ask(1)
        farm.work()
        wait_until(lambda: GpuNode.objects.get().health == Health.STRANGE)
        assert "unexpected redirect" in GpuNode.objects.get().last_error
        with pytest.raises(BlockingIOError):
            trap.accept()
    led.set_rules()
    farm.done(placed)


GARBAGE: dict[str, Rule] = {
    "a page": {"body": PAGE},
    "no UTF-8": encoded(b'{"queue_running": "\xff\xfe"}'),
    "too deep": {"body": "[" * 100_000},
    "not a number": {"body": '{"exec_info": {"queue_remaining": NaN}}'},
    "doubled": {"body": '{"a": 1, "a": {}}'},
}


@pytest.mark.fault("R09")
def test_garbage_is_a_fault_of_the_node_and_no_more(farm: Farm) -> None:
    kinds = {
        "/history/*": GARBAGE,
        "/queue": GARBAGE,
        "/system_stats": ("a page",),
        "/object_info": ("no UTF-8", "doubled"),
    }
    node = farm.node("gpu-a")
    rules = [
        on_request(path, GARBAGE[kind], method="GET", count=1)
        for path, listed in kinds.items()
        for kind in listed
    ]
    node.set_rules(*rules, on_event("any", {"drop": True}))
    GpuNode.objects.update(health_checked_at=None, inventory_at=None)
    placed = farm.ask(1)
    farm.work()
    (job,) = farm.done(placed)
    assert (job.failures, job.deaths) == (0, 0)
    heard = list(JobEvent.objects.filter(job=None).values_list("sentence", flat=True))
    assert any("sent something that is not JSON" in said for said in heard)
    assert not any("alert(1)" in said for said in heard)


@pytest.mark.fault("R10")
def test_an_endless_answer_is_read_up_to_its_cap(farm: Farm) -> None:
    flood = {"body": "{", "flood": 500 * MIB}
    node = farm.node("gpu-a")
    before = resident_bytes()
    for path in ("/prompt", "/object_info"):
        node.set_rules(on_request(path, flood, method="GET"))
        GpuNode.objects.update(inventory_at=None)
        assert health.probe(GpuNode.objects.get().pk) == Health.STRANGE
        assert "answers with more than" in GpuNode.objects.get().last_error
    node.set_rules(history(flood, count=2))
    farm.work()
    one(farm)
    assert resident_bytes() - before < 100 * MIB


# The picture


@pytest.mark.fault("R11")
def test_a_picture_that_is_cut_anywhere_is_never_kept(farm: Farm) -> None:
    node = farm.node("gpu-a")
    farm.work()
    for cut, claims_all in ((0.5, True), (-200, False), (-12, True), (-12, False), (-1, False)):
        node.set_rules(view({"truncate": cut, "keep_content_length": claims_all}, count=1))
        assert one(farm).attempts.get().fetches == 1, cut
    jpeg = picture("JPEG", side=256)
    node.set_rules(view(encoded(jpeg[:-200]), count=1))  # a sound head, and as long as is claimed
    assert one(farm).attempts.get().fetches == 1
    assert len(files_in(farm)) == MediaFile.objects.count() == 6
    for path in files_in(farm):
        with Image.open(path) as found:
            found.load()


@pytest.mark.fault("R12")
def test_a_flipped_bit_is_found_in_a_png_and_taken_in_a_jpeg(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[view({"flip": 0.5}, count=1)])
    farm.work()
    job = one(farm)
    assert (job.attempts.get().fetches, len(node.executions())) == (1, 1)
    jpeg = picture("JPEG")
    node.set_rules(view({**encoded(jpeg[:-200] + bytes([jpeg[-200] ^ 1]) + jpeg[-199:])}))
    job = one(farm)  # nothing in the format could tell
    assert job.attempts.get().fetches == 0
    assert job.attempts.get().sha256_node


@pytest.mark.parametrize(
    ("do", "said"),
    [
        pytest.param(
            {"truncate": 0}, "did not come whole", id="empty", marks=pytest.mark.fault("R13")
        ),
        pytest.param({"status": 404}, "has no /view", id="gone", marks=pytest.mark.fault("R18")),
    ],
)
def test_what_never_comes_is_asked_for_again_and_then_given_up(
    farm: Farm, do: Rule, said: str
) -> None:
    node = farm.node("gpu-a", rules=[view(do, count=1)])
    farm.work()
    assert one(farm).attempts.get().fetches == 1
    node.set_rules(view(do))
    assert_given_up(farm, said)
    assert node.hits() == store.MOST_FETCHES
    assert len(files_in(farm)) == 1


def assert_given_up(farm: Farm, said: str) -> None:
    """Ask for a picture that does not come; see that it ends with a reason and a way out."""
    (job,) = farm.settled(farm.ask(1))
    assert job.state in (JobState.FAILED, JobState.WAITING)
    assert any(said in sentence for sentence in story(job)), story(job)
    assert job.attempts.get().failure == FailureClass.FETCH
    assert "Retry renders it again." in (job.advice, *job.events.values_list("sentence", flat=True))


@pytest.mark.fault("R14")
def test_what_is_no_picture_is_never_shown(farm: Farm) -> None:
    node = farm.node("gpu-a", rules=[view({"body": PAGE}, count=1)])
    farm.work()
    assert one(farm).attempts.get().fetches == 1
    node.set_rules(*[view({"body": fake}, count=1) for fake in (PAGE, DRAWING, PROGRAM)])
    assert_given_up(farm, "not a picture")
    (kept,) = files_in(farm)
    assert kept.read_bytes().startswith(b"\x89PNG")


@pytest.mark.fault("R15")
def test_a_picture_of_gigabytes_ends_at_the_cap(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "IMAGE_CAP_BYTES", 32 * MIB)
    node = farm.node("gpu-a")
    node.set_rules(
        view({"body": "", "claim": 2048 * MIB, "flood": 2048 * MIB}, count=1),
        view({"body": "", "flood": 2048 * MIB}, count=1),
    )
    before = resident_bytes()
    farm.work()
    job = one(farm)
    assert job.attempts.get().fetches == 2
    assert sum("a file of more than 32 MiB" in said for said in story(job)) == 2
    assert resident_bytes() - before < 100 * MIB


def bomb(side: int = 60_000) -> bytes:
    """Return a PNG of so many pixels a side in a few hundred bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(MIB))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


@pytest.mark.fault("R16")
def test_a_bomb_is_refused_by_its_head(farm: Farm) -> None:
    farm.node("gpu-a", rules=[view(encoded(bomb()), count=1)])
    before = resident_bytes()
    farm.work()
    job = one(farm)
    assert any("more than 200 megapixels" in said for said in story(job))
    assert resident_bytes() - before < 300 * MIB


@pytest.mark.fault("R17")
def test_a_picture_that_drips_is_given_up_and_fetched_again(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "DRIP_S", 0.5)
    farm.node("gpu-a", rules=[view({"drip": {"bytes": 1, "pause_ms": 50}}, count=1)])
    farm.work()
    job = one(farm)
    assert attempts(job) == [("gpu-a", "committed")]
    assert job.attempts.get().fetches == 1


HOSTILE = [
    "../x",
    "/etc/passwd",
    "a\x00b.png",
    "n" * 300,
    "\u202egnp.exe",
    "CON",
    "x.",
    "..\\..\\x",
]


@pytest.mark.fault("R19")
def test_hostile_names_name_nothing_of_ours(farm: Farm) -> None:
    listed = [
        history({"set": {"*.outputs.9": {"images": [{"filename": name, "subfolder": "", "type": "output"}]}}}, count=1)
        for name in HOSTILE
    ]  # fmt: skip
    farm.node("gpu-a", rules=[view(encoded(picture())), *listed])
    farm.work()
    jobs = farm.done(farm.ask(len(HOSTILE)))
    given = [job.attempts.get().outputs[0]["filename"] for job in jobs]
    assert sorted(given) == sorted(name.replace("\x00", "\ufffd") for name in HOSTILE)
    names = {path.name for path in files_in(farm)}
    assert len(names) == len(HOSTILE)
    assert all(path.parent.is_relative_to(farm.data / "pictures") for path in files_in(farm))
    assert not names & set(HOSTILE)


def saved_twice(**size: Any) -> None:
    """Let the workflow for drafts save what it makes by a second node too."""
    version = TemplateVersion.objects.get(template__slug="sd15_txt2img")
    again = {"class_type": "SaveImage", "inputs": {"images": ["8", 0], "filename_prefix": "again"}}
    version.graph["5"]["inputs"] |= size
    version.graph = {"19": again, **version.graph}
    TemplateVersion.objects.filter(pk=version.pk).update(graph=version.graph)


@pytest.mark.fault("R25")
def test_one_of_two_pictures_is_no_success(farm: Farm) -> None:
    saved_twice()
    lost = history({"set": {"*.outputs.9": {"images": []}}})
    farm.two({"rules": [lost]}, {"rules": [lost]})
    farm.work()
    (job,) = farm.settled(farm.ask(1))
    assert job.state == JobState.FAILED
    said = "Of 2 pictures that were asked for 1 came: nothing from node 9. Tried on gpu-a, gpu-b."
    assert job.reason == said
    assert {one.evidence for one in job.attempts.all()} == {"still on the node: again_00001_.png"}
    assert files_in(farm) == []


@pytest.mark.fault("R26")
def test_which_picture_is_the_first_does_not_depend_on_the_list(farm: Farm) -> None:
    saved_twice(batch_size=4)
    node = farm.node("gpu-a")
    farm.work()
    job = one(farm)
    assert story(job)[-1].endswith("It made 8 pictures; the first one is kept.")
    attempt = job.attempts.get()
    order = [(found["node_id"], found["index"]) for found in attempt.outputs]
    assert order == [(where, n) for where in ("9", "19") for n in range(4)]
    first = node.folder / "output" / "eliot" / str(attempt.pk) / "picture_00001_.png"
    assert attempt.sha256_node == hashlib.sha256(first.read_bytes()).hexdigest()


@pytest.mark.fault("R27")
def test_passing_previews_are_not_taken_for_the_picture(farm: Farm) -> None:
    temp = {"filename": "ComfyUI_temp_x_00001_.png", "subfolder": "", "type": "temp"}
    passing = {"images": [temp]}
    farm.node("gpu-a", rules=[history({"set": {"*.outputs.1": passing, "*.outputs.12": passing}})])
    farm.work()
    (kept,) = one(farm).attempts.get().outputs
    assert (kept["node_id"], kept["type"]) == ("9", "output")


# Events


@pytest.mark.fault("R20")
def test_what_is_said_of_other_prompts_changes_nothing_of_ours(farm: Farm) -> None:
    node = farm.node("gpu-a", seconds={"sd15": 2.0})
    theirs = post_foreign(node.url)  # without a client: everybody hears of it
    false = {"data": {"prompt_id": "somebody-elses"}}
    node.set_rules(
        on_event("execution_success", false), on_event("executing", false, in_class="SaveImage")
    )
    placed = farm.ask(1)
    farm.work()
    wait_until(lambda: Attempt.objects.filter(state=AttemptState.ACCEPTED).exists())
    assert [one.fraction for one in glimpses([Job.objects.get().pk]).values()] == [0.0]
    (job,) = farm.done(placed)
    assert attempts(job) == [("gpu-a", "committed")]
    assert theirs in [line["prompt_id"] for line in node.told("end")]


@pytest.mark.fault("R21")
def test_progress_never_falls_and_stays_within_its_bounds(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[float] = []
    real = Teller.tell

    def tell(self: Teller, known: Progress, **rest: Any) -> None:
        told.append(known.fraction)
        real(self, known, **rest)

    monkeypatch.setattr(Teller, "tell", tell)
    senseless = [
        {"value": 99},
        {"max": 0},
        {"value": -7},
        {"value": 1},
        {"value": "x"},
        {"max": 10**400},
    ]
    rules = [
        on_event("progress", {"data": data, "duplicate": 1}, value=step)
        for step, data in enumerate(senseless, 2)
    ]
    early = [["execution_success", {}], ["executing", {"node": None}]]
    node = farm.node(
        "gpu-a",
        seconds={"sd15": 0.6},
        rules=[on_event("progress", {"follow": early}, value=1), *rules],
    )
    farm.work()
    job = one(farm)
    assert attempts(job) == [("gpu-a", "committed")]
    assert told == sorted(told)
    assert all(math.isfinite(part) and 0 <= part <= 1 for part in told)
    assert node.hits() > len(senseless)


@pytest.mark.fault("R22")
def test_an_end_that_is_told_twice_is_one_end(farm: Farm) -> None:
    doubled = [
        on_event(event, {"duplicate": 3})
        for event in ("executed", "execution_success", "executing")
    ]
    node = farm.node("gpu-a", rules=doubled)
    farm.work()
    for job in farm.done(farm.ask(2)):
        assert job.outputs.count() == 1
        assert sum(said.startswith("Done on") for said in story(job)) == 1
        assert len(story(job)) == 4
    assert len(node.executions()) == 2


@pytest.mark.fault("R23")
def test_after_success_and_error_the_history_decides(farm: Farm) -> None:
    error = {
        "node_id": "3",
        "node_type": "KSampler",
        "exception_message": "no",
        "exception_type": "X",
    }
    farm.node(
        "gpu-a", rules=[on_event("execution_success", {"follow": [["execution_error", error]]})]
    )
    farm.work()
    job = one(farm)
    assert (attempts(job), job.failures) == ([("gpu-a", "committed")], 0)


@pytest.mark.fault("R28")
def test_previews_are_few_small_and_pictures(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: dict[int, Frame] = {}
    real = Teller.show

    def show(self: Teller, mime: str, data: bytes) -> None:
        real(self, mime, data)
        if (frame := progress.frame(self.job_id)) is not None:
            shown[frame.number] = frame

    monkeypatch.setattr(Teller, "show", show)
    wrong = [{"starts": "ffd8ff", "bytes": 600 * 1024}, {"starts": "3c68746d6c", "bytes": 999}]
    floods = [on_event("preview", {"data": data, "duplicate": 20}, count=1) for data in wrong]
    farm.node(
        "gpu-a", seconds={"sd15": 2.0}, rules=[*floods, on_event("preview", {"duplicate": 30})]
    )
    farm.work()
    began = time.monotonic()
    job = one(farm)
    assert len(story(job)) == 4
    assert 1 <= len(shown) <= 2 * (time.monotonic() - began) + 1
    assert {frame.mime for frame in shown.values()} == {"image/jpeg"}
    assert all(len(frame.data) < 512 * 1024 for frame in shown.values())
