"""D01, D02 and D15 to D25: pages and workers apart, two of them at once, stopped, stalled, upgraded and starved."""

import json
import resource
import signal
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from farm_app import binding, setbacks
from farm_app.models import Attempt
from farm_app.models.states import JobState
from farm_app.timers import LIFE_S, REQUEUE_S
from tests.farm.rig import Farm, wait_until
from tests.faults.elsewhere import Elsewhere, assert_whole
from tests.faults.nursery import Child
from tests.faults.test_dispatcher import Begin, begin
from tests.faults.toxic import ANSWERS, REQUESTS, ToxicProxy
from tests.house.household import FORM, hidden
from tests.markup import Markup

__all__ = ["begin"]

pytestmark = pytest.mark.drill
BEGUN = Path(__file__).with_name("begun_by_0_1_0.sql")
LONG: dict[str, Any] = {"seconds": {"sd15": 2.0}}


def rows(eliot: Elsewhere, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(eliot.data / "eliot.sqlite3", timeout=10)) as link:
        return link.execute(sql, values).fetchall()


def run(eliot: Elsewhere, sql: str) -> None:
    """Change rows behind everybody's back."""
    with closing(sqlite3.connect(eliot.data / "eliot.sqlite3", timeout=10)) as link, link:
        link.execute(sql)


def count(eliot: Elsewhere, table: str, state: str = "%") -> int:
    """Count jobs or attempts; none as long as there are no tables."""
    counted = {
        "job": "select count(*) from farm_app_job where state like ?",
        "attempt": "select count(*) from farm_app_attempt where state like ?",
    }
    if not (eliot.data / "eliot.sqlite3").exists():
        return 0
    return int(rows(eliot, counted[table], state)[0][0])


def visitor(process: Child) -> httpx.Client:
    """Return a browser on the pages that a process serves."""
    wait_until(lambda: process.heard() or process.poll())
    return httpx.Client(base_url=process.told(), follow_redirects=True, timeout=20, trust_env=False)


def opened(browser: httpx.Client) -> tuple[str, dict[str, Any]]:
    """Open a session; return where its form goes, and the form as filled in."""
    token = hidden(browser.get("/"), "csrfmiddlewaretoken")
    page = browser.post("/sessions/new/draft_grid/", data=token)
    action = str(Markup(page.text).id("ask-form").attrs["action"])
    kept = hidden(page, "csrfmiddlewaretoken", "submission_key")
    return action, {**FORM, **kept, "count": 3}


def pressed_in_vain(eliot: Elsewhere, at: str) -> int:
    """Press Generate on a server that dies or stumbles at that point; how many jobs are there, and press again."""
    eliot.ended(eliot.start(*eliot.place(0), "tell"))
    first = eliot.start("pages", at=at)
    with visitor(first) as browser:
        action, form = opened(browser)
        with suppress(httpx.HTTPError):
            browser.post(action, data=form)
        cookies = browser.cookies
    before = count(eliot, "job")
    if eliot.action == "kill9":
        wait_until(first.poll)
    else:
        first.send(signal.SIGKILL)
    second = eliot.start("pages")
    with visitor(second) as browser:
        browser.cookies = cookies
        for _ in range(2):
            assert browser.post(action, data=form).status_code == 200
    second.send(signal.SIGKILL)
    return before


@pytest.mark.fault("D01")
def test_a_press_that_was_not_written_down_is_pressed_again_and_is_one_order(begin: Begin) -> None:
    eliot = begin()
    before = pressed_in_vain(eliot, "order before")
    assert before == (3 if eliot.action == "sleep" else 0)
    assert_whole(eliot.go_on(), 3)
    assert eliot.executions() == 3


@pytest.mark.fault("D02")
def test_an_order_of_which_nobody_was_told_is_found(begin: Begin) -> None:
    eliot = begin()
    assert pressed_in_vain(eliot, "order after") == 3
    assert_whole(eliot.go_on(), 3)
    assert eliot.executions() == 3


def holders(eliot: Elsewhere) -> list[int]:
    """Return the process that feeds each node now."""
    held = rows(
        eliot, "select holder from farm_app_lease where name like 'node:%' and holder <> ''"
    )
    return [int(holder.split(":")[-2]) for (holder,) in held]


def until_it_feeds(eliot: Elsewhere, process: Child, nodes: int) -> None:
    """Wait until this process has so many nodes, and each of them renders."""
    wait_until(lambda: holders(eliot) == [process.pid] * nodes)
    wait_until(lambda: count(eliot, "attempt", "running") == nodes)


@pytest.mark.fault("D15", crash=False)
def test_workers_that_are_told_to_stop_let_go_and_the_next_go_on(begin: Begin) -> None:
    eliot = begin(LONG, LONG)
    eliot.ended(eliot.start(*eliot.place(4), "tell"))
    for number in (signal.SIGTERM, signal.SIGINT):
        process = eliot.start("huey")
        until_it_feeds(eliot, process, 2)
        began = time.monotonic()
        process.send(number)
        wait_until(process.poll)
        assert time.monotonic() - began < 10
        assert process.status == 0, process.said()
    assert_whole(eliot.go_on(), 4)
    assert eliot.executions() == 4


def left_alone(process: Child) -> int:
    """How often this process found that a node is somebody else's now."""
    return process.said().count("is left alone: LeaseGone")


def by_client(eliot: Elsewhere) -> dict[str, str]:
    """Return under which client id each attempt was sent: every turn at a node has its own."""
    return dict(rows(eliot, "select id, client_id from farm_app_attempt where client_id <> ''"))


def asleep_until_relieved(eliot: Elsewhere, first: Child, second: Child) -> set[str]:
    """Let the first sleep until the second has taken its node over; return what had been sent until then, and wake it."""
    wait_until(lambda: set(holders(eliot)) == {second.pid})
    sent = set(by_client(eliot))
    first.send(signal.SIGCONT)
    return sent


def assert_it_noticed(eliot: Elsewhere, first: Child, sent: set[str], turns: set[str]) -> None:
    """See that who woke found others in charge, and sent nothing more in its old turns."""
    wait_until(lambda: left_alone(first))
    wait_until(lambda: count(eliot, "job", "done") == count(eliot, "job"))
    later = {client for pk, client in by_client(eliot).items() if pk not in sent}
    assert later
    assert not later & turns


def stopped(*processes: Child) -> None:
    """Let them end in order."""
    for process in processes:
        process.send(signal.SIGTERM)
        wait_until(process.poll)
        assert process.status == 0, process.said()


@pytest.mark.fault("D16", crash=False)
def test_two_that_work_at_once_render_everything_once(begin: Begin) -> None:
    eliot = begin(LONG, LONG)
    eliot.ended(eliot.start(*eliot.place(0), "first,first,first,tell"))
    one = eliot.start("huey")
    until_it_feeds(eliot, one, 1)
    other = eliot.start("huey")
    one.send(signal.SIGSTOP)
    turns = set(by_client(eliot).values())
    asked = eliot.start("last")
    wait_until(lambda: other.pid in holders(eliot))  # the other one feeds what this one does not
    sent = asleep_until_relieved(eliot, one, other)
    assert_it_noticed(eliot, one, sent, turns)
    wait_until(asked.poll)
    stopped(one, other)
    assert_whole(eliot.go_on(), 4)
    assert eliot.executions() == 4


@pytest.mark.fault("D17", crash=False)
def test_one_that_slept_through_its_lease_finds_another_in_charge(begin: Begin) -> None:
    eliot = begin(LONG)
    eliot.ended(eliot.start(*eliot.place(4), "tell"))
    first = eliot.start("huey")
    until_it_feeds(eliot, first, 1)
    first.send(signal.SIGSTOP)
    turns = set(by_client(eliot).values())
    second = eliot.start("huey")
    sent = asleep_until_relieved(eliot, first, second)
    assert_it_noticed(eliot, first, sent, turns)
    stopped(first, second)
    assert_whole(eliot.go_on(), 4)
    assert eliot.executions() == 4


@pytest.mark.fault("D18", crash=False)
def test_pages_without_workers_take_orders_and_say_so(begin: Begin) -> None:
    eliot = begin()
    eliot.ended(eliot.start(*eliot.place(0), "tell"))
    eliot.ended(eliot.start("more,work,tell"))
    process = eliot.start("pages")
    with visitor(process) as browser:
        wait_until(lambda: browser.get("/health").status_code == 503)
        answer = browser.get("/health").json()
        assert (answer["status"], answer["workers"]) == ("degraded", "away")
        banner = Markup(browser.get("/").text).id("banner")
        assert banner.attrs["aria-label"].startswith("Dispatcher not running since ")
        action, form = opened(browser)
        assert browser.post(action, data=form).status_code == 200
        workers = eliot.start("huey")
        wait_until(lambda: count(eliot, "job", "done") == 4)
        wait_until(lambda: browser.get("/health").status_code == 200)
        assert "Dispatcher not running" not in browser.get("/").text
    for one in (process, workers):
        one.send(signal.SIGTERM)
        wait_until(one.poll)
    assert_whole(eliot.go_on(), 4)
    assert eliot.executions() == 4


@pytest.mark.fault("D19", crash=False)
def test_a_queue_of_nudges_that_is_gone_is_not_missed(begin: Begin) -> None:
    eliot = begin(LONG)
    process = eliot.start(*eliot.place(3), "begin,work")
    wait_until(lambda: count(eliot, "attempt", "running"))
    process.send(signal.SIGKILL)
    wait_until(process.poll)
    for file in eliot.data.glob("huey.sqlite3*"):
        file.unlink()
    assert_whole(eliot.go_on(), 3)
    assert eliot.executions() == 3


@pytest.mark.fault("D21", crash=False)
def test_the_locks_of_a_dead_process_hold_nobody_up(begin: Begin) -> None:
    eliot = begin(LONG)
    process = eliot.start(*eliot.place(1), "begin,work")
    wait_until(lambda: count(eliot, "attempt", "running"))
    process.send(signal.SIGKILL)
    wait_until(process.poll)
    assert holders(eliot) == [process.pid]
    run(eliot, "update farm_app_lease set expires = '2199-01-01 00:00:00'")
    assert_whole(eliot.go_on(), 1)  # who waited for them to run out would wait long
    assert eliot.executions() == 1


@pytest.mark.fault("D22")
def test_a_job_over_which_eliot_stumbles_does_not_hold_up_the_others(
    farm: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = farm.node()
    bad, good = farm.ask(1, prompt="bad"), farm.ask(4)
    monkeypatch.setattr(setbacks, "BACKOFF_LAST_S", 0.1)
    real = binding.bind_for

    def bind_for(attempt: Attempt, *args: Any) -> Any:
        if attempt.job.values["prompt"] == "bad":
            raise TypeError("oops")
        return real(attempt, *args)

    monkeypatch.setattr(binding, "bind_for", bind_for)
    monkeypatch.setattr(binding, "bind_at_once", lambda attempt: None)
    farm.work()
    farm.done(good)
    (job,) = farm.settled(bad)
    assert (job.state, job.reason) == (JobState.ATTENTION, "Eliot stumbled over it 5 times.")
    assert len(node.executions()) == 4


def moved_in(eliot: Elsewhere) -> None:
    """Put the rows of an older Eliot into the folder: one picture renders, one is made, one is being sent, one waits."""
    with closing(sqlite3.connect(eliot.data / "eliot.sqlite3")) as link:
        link.executescript(BEGUN.read_text(encoding="utf-8"))
        for node in eliot.nodes:
            link.execute(
                "update farm_app_gpunode set port = ? where slug = ?", (node.port, node.name)
            )
            which = "(select id from farm_app_gpunode where slug = ?)"
            link.execute(
                f"update farm_app_attempt set origin = ? where node_id = {which}",  # noqa: S608
                (node.url, node.name),
            )
        link.commit()
        ((marker,),) = link.execute("select marker from gallery_app_library").fetchall()
    root = eliot.data / "pictures" / ".gallery" / "root.json"
    root.parent.mkdir(parents=True)
    root.write_text(json.dumps({"v": 1, "uuid": str(UUID(marker))}))


@pytest.mark.fault("D23", crash=False)
def test_what_an_older_eliot_began_is_taken_up(begin: Begin) -> None:
    eliot = begin({}, {})
    moved_in(eliot)
    states = {state for (state,) in rows(eliot, "select state from farm_app_attempt")}
    assert states == {"running", "produced", "submitting"}
    told = eliot.ended(eliot.start("upgrade,work,tell"))
    assert_whole(told, 4)


@pytest.mark.fault("D24", crash=False)
def test_eliots_own_standstill_is_not_the_silence_of_nodes(begin: Begin) -> None:
    slow: dict[str, Any] = {"seconds": {"sd15": 9.0}}  # none is idle when the other is silent
    eliot = begin(slow, slow)
    late, prompt = eliot.nodes
    with ToxicProxy(late.port) as line:
        ports = json.dumps({late.name: line.port, prompt.name: prompt.port})
        process = eliot.start("place", ports, "2", "doze,begin,work,tell")
        wait_until(lambda: count(eliot, "attempt", "running") == 2)
        line.spoil(mute=frozenset({REQUESTS, ANSWERS}))
        wait_until(lambda: line.held_back)
        process.send(signal.SIGSTOP)
        time.sleep(1.2 * REQUEUE_S)  # longer than a silent node keeps its work
        process.send(signal.SIGCONT)
        time.sleep(LIFE_S + 0.3)  # the network wakes a moment later, when it was asked in vain
        line.heal()
        told = eliot.ended(process)
    assert_whole(told, 2)
    assert {state for _, _, state in told["attempts"]} == {"committed"}
    assert eliot.executions() == 2


@pytest.mark.fault("D25", crash=False)
def test_without_files_to_open_less_is_done_and_nothing_lost(begin: Begin) -> None:
    eliot = begin({"seconds": {"sd15": 0.3}})
    process = eliot.start(*eliot.place(6), "begin,work,tell")
    wait_until(lambda: count(eliot, "attempt", "running"))
    limits = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (20, limits[1]))
    wait_until(
        lambda: "Too many open files" in process.said() or "unable to open" in process.said()
    )
    assert not process.poll()
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, limits)
    assert_whole(eliot.ended(process), 6)
