from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy.history import (
    HistoryEntry,
    OutputFile,
    collect,
    natural,
    read_entry,
    read_queue,
)
from tests.farm.comfy.recorded import recording


def entries(name: str) -> list[HistoryEntry]:
    return [read_entry(key, entry) for key, entry in recording(name).histories().items()]


def test_a_plain_run_ended_well_with_one_file() -> None:
    [entry] = entries("01-txt2img")
    assert entry.outcome == "success"
    assert entry.outputs == (OutputFile("9", 0, "eliot_00007_.png", "", "output", False),)
    assert entry.failure is None
    assert (entry.started_ms, entry.ended_ms) == (1795165346404, 1795165346769)


def test_a_batch_keeps_its_order() -> None:
    [entry] = entries("04-batch4")
    assert [(f.index, f.filename[6:11]) for f in entry.outputs] == [
        (0, "00010"),
        (1, "00011"),
        (2, "00012"),
        (3, "00013"),
    ]


def test_an_interruption_is_told_from_an_error() -> None:
    interrupted = entries("05-interrupted")[0]
    assert (interrupted.outcome, interrupted.failure) == ("interrupted", None)
    assert interrupted.ended_ms


def test_an_error_says_which_node_and_why() -> None:
    corrupt, mismatch = entries("07-runtime-error")
    assert corrupt.failure
    assert corrupt.failure.node_type == "CheckpointLoaderSimple"
    assert corrupt.failure.message.startswith("Error while deserializing header")
    assert mismatch.failure
    assert "tensor([[" not in mismatch.failure.message


def test_an_interrupted_prompt_may_have_left_files() -> None:
    entry = entries("35-partial")[0]
    assert entry.outcome == "interrupted"
    assert [file.filename for file in entry.outputs] == ["eliot_00006_.png"]


def test_temporary_pictures_say_so() -> None:
    temp, nothing = entries("12-temp-and-websocket")
    assert [file.type for file in temp.outputs] == ["temp"]
    assert (nothing.outcome, nothing.outputs) == ("success", ())


def test_a_blocked_output_is_a_success_without_files() -> None:
    blocked = entries("36-custom-nodes")[:2]
    assert [(entry.outcome, entry.outputs) for entry in blocked] == [("success", ())] * 2


def test_files_are_found_under_the_keys_of_node_packs() -> None:
    names = [
        (file.node_id, file.filename) for e in entries("36-custom-nodes") for file in e.outputs
    ]
    assert ("81", "probe_00001.mp4") in names


def test_old_servers_tell_the_same() -> None:
    success, interrupted = entries("31-old")
    assert success.outcome == "success"
    assert success.outputs[0].filename == "eliot_00001_.png"
    assert interrupted.outcome == "interrupted"


def test_nodes_sort_by_number_and_all_files_of_a_node_count_on() -> None:
    file = {"filename": "a.png", "subfolder": "", "type": "output"}
    found = collect({"10": {"images": [file]}, "9": {"images": [file], "gifs": [file, 3, None]}})
    assert [(f.node_id, f.index) for f in found] == [("9", 0), ("9", 1), ("10", 0)]


def test_animated_is_the_node_s_word() -> None:
    output = {"images": [{"filename": "a.webp"}], "animated": [True]}
    assert collect({"1": output}) == (OutputFile("1", 0, "a.webp", "", "output", True),)


@pytest.mark.parametrize("entry", [None, [], {}, {"outputs": []}, {"outputs": None}])
def test_what_is_no_entry_is_refused(entry: object) -> None:
    with pytest.raises(ValueError, match="outputs"):
        read_entry("p", entry)


def test_an_error_without_a_reason_has_one() -> None:
    entry = read_entry("p", {"outputs": {}, "status": {"status_str": "error", "messages": [3, []]}})
    assert entry.failure
    assert entry.failure.message == "The node gave no reason."


def test_the_queue_is_read_in_the_order_in_which_it_runs() -> None:
    graph: dict[str, object] = {}
    heap = [(-1000.0, "c"), (-82, "e"), (-81, "b"), (80, "a"), (0.5, "d")]  # as a server gave it
    pending = [[number, key, graph, {}, ["9"]] for number, key in heap]
    queue = read_queue({"queue_running": [], "queue_pending": pending})
    assert queue.pending == ("c", "e", "b", "d", "a")


def test_recorded_queues_are_read() -> None:
    queues = [
        read_queue(row["body"]) for row in recording("05-interrupted").exchanges("GET /queue")
    ]
    assert queues[0].running == ("afadea62-3aee-4279-a7d9-09a5e4ab1ea4",)
    assert len(queues[0].pending) == 2


def test_our_marker_leads_to_the_server_s_own_id() -> None:
    item = [1, "server-made", {}, {"eliot": {"attempt": "mine"}}, ["9"]]
    assert read_queue({"queue_running": [item], "queue_pending": []}).markers == {
        "mine": "server-made"
    }


@pytest.mark.parametrize(
    "answer",
    [None, [], {}, {"queue_running": [], "queue_pending": [[1]]}, {"queue_running": [None]}],
)
def test_half_a_queue_is_refused(answer: object) -> None:
    with pytest.raises(ValueError, match="queue"):
        read_queue(answer)


@given(st.lists(st.integers(0, 10**6).map(str)))
def test_node_ids_sort_by_number(node_ids: list[str]) -> None:
    assert sorted(node_ids, key=natural) == sorted(node_ids, key=int)


@given(st.lists(st.text(max_size=8)))
def test_any_node_ids_can_be_sorted(node_ids: list[str]) -> None:
    assert len(sorted(node_ids, key=natural)) == len(node_ids)
