"""D03 to D14: Eliot's workers die, stumble or sleep after each durable step of a picture's way; others go on."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.farm.rig import NodeProcess, Stable, on_request, wait_until
from tests.faults.elsewhere import Elsewhere, assert_whole
from tests.faults.marking import rows_of
from tests.faults.nursery import Nursery
from tests.faults.oracle import assert_made_once, assert_others_left_alone
from tests.faults.page import read_rows

pytestmark = pytest.mark.drill
Begin = Callable[..., Elsewhere]


@pytest.fixture
def begin(
    tmp_path: Path,
    stable: Stable,
    nursery: Nursery,
    profile: str,
    action: str,
    request: pytest.FixtureRequest,
) -> Iterator[Begin]:
    """Give an Eliot elsewhere with so many nodes; at the end the nodes' ledgers are looked into."""
    lent: list[NodeProcess] = []
    begun_here: list[Elsewhere] = []

    def begun(*specs: dict[str, Any]) -> Elsewhere:
        for number, spec in enumerate(specs or ({},)):
            facts = {"seconds": {"sd15": 0.15}, "profile": profile, **spec}
            lent.append(stable.lend(f"gpu-{'abcdef'[number]}", **facts).start())
        begun_here.append(Elsewhere(nursery, tmp_path, lent, action))
        return begun_here[-1]

    yield begun
    try:
        for eliot in begun_here:
            assert_promises(eliot, rows_of(request.node))
    finally:
        for node in lent:
            stable.take_back(node)


def assert_promises(eliot: Elsewhere, marked: list[str]) -> None:
    """See what the nodes saw: who stumbles over a picture or sleeps through its lease may have it made again."""
    rows, known = read_rows(), eliot.attempts()
    more = eliot.more + (0 if eliot.action == "kill9" else 1)
    assert_made_once(eliot.nodes, [rows[one] for one in marked], known=known, more=more)
    assert_others_left_alone(eliot.nodes, known=known)


def through(eliot: Elsewhere, at: str, *, count: int = 1) -> dict[str, Any]:
    """Die at that point of one picture's way; return what is there when others have gone on."""
    eliot.crash(*eliot.place(count), "work", at=at)
    told = eliot.go_on()
    assert_whole(told, count)
    return told


@pytest.mark.fault("D03")
def test_what_was_reserved_is_sent_by_the_next(begin: Begin) -> None:
    eliot = begin()
    eliot.ended(eliot.start(*eliot.place(1), "work,tell"))
    eliot.crash("refine,work", at="attempt new>reserved after")
    assert_whole(eliot.go_on(), 2)
    assert eliot.executions() == 2


@pytest.mark.fault("D04")
def test_what_was_about_to_be_sent_is_looked_for_and_sent_again(begin: Begin) -> None:
    eliot = begin()
    through(eliot, "post before")
    assert eliot.executions() == 1


@pytest.mark.fault("D05")
def test_what_was_sent_is_found_on_the_node(begin: Begin) -> None:
    eliot = begin()
    told = through(eliot, "post after")
    if eliot.action != "raise":  # then Eliot itself says that it stumbled, and tries anew
        assert told["attempts"] == [[1, "gpu-a", "committed"]]
        assert eliot.executions() == 1


@pytest.mark.fault("D06")
def test_what_renders_is_taken_up_again(begin: Begin, profile: str) -> None:
    eliot = begin({"seconds": {"sd15": 1.0}})
    # A server with ids of its own is known to have it before it begins.
    before = "accepted" if profile == "legacy" else "submitting"
    told = through(eliot, f"attempt {before}>running after")
    if eliot.action != "raise":
        assert told["attempts"] == [[1, "gpu-a", "committed"]]
        assert eliot.executions() == 1


@pytest.mark.fault("D07")
def test_what_is_made_is_fetched_by_the_next(begin: Begin) -> None:
    eliot = begin()
    told = through(eliot, "attempt running>produced after")
    assert told["attempts"] == [[1, "gpu-a", "committed"]]
    assert eliot.executions() == 1


@pytest.mark.fault("D08")
def test_half_a_download_is_dropped_and_fetched_anew(begin: Begin) -> None:
    eliot = begin(
        {
            "rules": [
                on_request("/view", {"drip": {"bytes": 256, "pause_ms": 20}}, method="GET", count=1)
            ]
        }
    )
    if eliot.action == "kill9":
        process = eliot.start(*eliot.place(1), "work")
        wait_until(lambda: any(path.stat().st_size for path in eliot.data.glob("spool/*.part")))
        process.send(signal.SIGKILL)
        wait_until(process.poll)
        told = eliot.go_on()
    else:
        told = through(eliot, "download after")
    assert_whole(told, 1)
    assert eliot.executions() == 1


@pytest.mark.fault("D09")
def test_what_is_in_the_spool_goes_on_from_there(begin: Begin) -> None:
    eliot = begin()
    told = through(eliot, "attempt produced>fetched after")
    if eliot.action == "kill9":
        eliot.nodes[0].set_rules()
        assert told["fetches"] == [0]
    assert told["attempts"] == [[1, "gpu-a", "committed"]]
    assert eliot.executions() == 1


class Onlooker(threading.Thread):
    """Opens every picture that is to be seen in a library, again and again."""

    def __init__(self, library: Path) -> None:
        super().__init__(daemon=True)
        self.library = library
        self.seen = 0
        self.broken: list[str] = []
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.is_set():
            for path in self.library.rglob("*.png"):
                if ".gallery" not in path.parts:
                    self._look_at(path)
            time.sleep(0.001)

    def _look_at(self, path: Path) -> None:
        self.seen += 1
        try:
            with Image.open(path) as picture:
                picture.load()
        except (OSError, ValueError, SyntaxError) as fault:
            self.broken.append(f"{path.name}: {fault}")

    def stop(self) -> None:
        self._is_over.set()
        self.join()


ON_ITS_WAY = (
    "attempt new>submitting before",
    "spool before",
    "spool after",
    "place before",
    "mark after",
)


@pytest.mark.fault
def test_a_picture_comes_home_wherever_its_way_was_broken_off(begin: Begin) -> None:
    eliot = begin({"seconds": {"sd15": 0.05}})
    eliot.crash(*eliot.place(1), "work", at=ON_ITS_WAY[0])
    for point in ON_ITS_WAY[1:]:
        eliot.crash("more,work", at=point)
    assert_whole(eliot.go_on(), len(ON_ITS_WAY))
    assert eliot.executions() == len(ON_ITS_WAY)


@pytest.mark.fault("D10")
def test_no_half_file_is_ever_seen_in_the_library(begin: Begin) -> None:
    eliot = begin()
    onlooker = Onlooker(eliot.data / "pictures")
    onlooker.start()
    told = through(eliot, "copy")
    onlooker.stop()
    assert onlooker.seen
    assert onlooker.broken == []
    assert told["attempts"] == [[1, "gpu-a", "committed"]]
    assert eliot.executions() == 1


@pytest.mark.fault("D11")
def test_a_file_that_is_in_its_place_is_adopted(begin: Begin) -> None:
    eliot = begin()
    told = through(eliot, "place after")
    assert told["files"] == ["0001.png"]
    assert told["attempts"] == [[1, "gpu-a", "committed"]]
    assert eliot.executions() == 1


@pytest.mark.fault("D12")
def test_what_a_dead_one_did_not_tidy_is_tidied(begin: Begin) -> None:
    eliot = begin()
    told = through(eliot, "tidy before")
    assert told["attempts"] == [[1, "gpu-a", "committed"]]
    assert list((eliot.data / "spool").iterdir()) == []


CANCEL = (
    "job running>cancelling before",
    "job running>cancelling after",
    "stop before",
    "stop after",
    "attempt running>cancelled before",
    "attempt running>cancelled after",
)


@pytest.mark.fault("D13")
def test_a_cancel_is_completed_wherever_it_was_broken_off(begin: Begin) -> None:
    eliot = begin({"seconds": {"sd15": 20.0}})
    eliot.ended(eliot.start(*eliot.place(0), "tell"))
    for count, point in enumerate(CANCEL, 1):
        eliot.crash("more,begin,cancel,work", at=point)
        # What was killed before it was written down is not cancelled by itself: somebody asks again.
        told = eliot.go_on(*(["cancel"] if point == CANCEL[0] else []))
        assert told["states"] == ["cancelled"] * count, point
    assert told["files"] == []
    assert eliot.executions() <= len(CANCEL)


@pytest.mark.fault
@pytest.mark.parametrize("point", ["jobs>cancelled before", "jobs>cancelled after"])
def test_a_batch_is_cancelled_as_a_whole_or_not_at_all(begin: Begin, point: str) -> None:
    eliot = begin()
    eliot.crash(*eliot.place(3), "cancel", at=point)
    is_kept = eliot.action == "kill9" and point.endswith("before")
    assert eliot.go_on()["states"] == ["done" if is_kept else "cancelled"] * 3
    assert eliot.executions() == (3 if is_kept else 0)


@pytest.mark.fault
@pytest.mark.parametrize("side", ["before", "after"])
def test_a_copy_of_what_a_silent_node_has_is_there_or_not(begin: Begin, side: str) -> None:
    eliot = begin({"seconds": {"sd15": 3.0}}, {})
    silent, _ = eliot.nodes
    eliot.more = 1  # the silent node's own
    process = eliot.start(*eliot.place(0), "prefer,work", at=f"attempt new>copy {side}")
    wait_until(silent.executions)
    silent.signal(signal.SIGSTOP)
    wait_until(lambda: f"failpoint attempt new>copy {side}:" in process.said())
    wait_until(process.poll)
    silent.signal(signal.SIGCONT)
    told = eliot.go_on()
    assert_whole(told, 1)
    copied = side == "after" or eliot.action != "kill9"
    assert not copied or {node for _, node, _ in told["attempts"]} == {"gpu-a", "gpu-b"}


BROKEN = {"raise": {"type": "RuntimeError", "message": "no"}}


@pytest.mark.fault("D14")
def test_a_retry_is_decided_once(begin: Begin) -> None:
    rule = {"on": {"event": "progress"}, "do": BROKEN}
    eliot = begin({"rules": [rule], "seconds": {"sd15": 0.05}}, {"seconds": {"sd15": 2.0}})
    eliot.crash(*eliot.place(0), "prefer,work", at="job running>queued before")
    eliot.crash("prefer,work", at="job running>queued after")
    told = eliot.go_on()
    assert_whole(told, 2)
    failed = [
        [node for one, node, state in told["attempts"] if (one, state) == (job, "failed")]
        for job in (1, 2)
    ]
    # What a kill found half sent is lost and counts for nothing.
    assert all(nodes in ([], ["gpu-a"]) for nodes in failed), told["attempts"]
    assert ["gpu-a"] in failed, told["attempts"]
    assert told["failures"] == [len(nodes) for nodes in failed], told["attempts"]
