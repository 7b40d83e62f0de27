from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy import events
from farm_app.comfy.events import parse
from tests.farm.comfy.recorded import FIXTURES, recording

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)


def test_it_reads_a_plain_run_from_start_to_end() -> None:
    found = [e for e in recording("01-txt2img").events() if not isinstance(e, events.Status)]
    assert isinstance(found[0], events.Started)
    assert isinstance(found[1], events.Cached)
    assert found[1].nodes == ("4", "6", "7", "5")
    assert isinstance(found[-2], events.Succeeded)
    assert found[-1] == events.Executing(found[0].prompt_id, None, None)
    assert len({e.prompt_id for e in found if not isinstance(e, events.Preview)}) == 1


def test_it_reads_every_step_of_the_sampler() -> None:
    steps = [e for e in recording("01-txt2img").events() if isinstance(e, events.Progressed)]
    assert [(e.node, e.value, e.maximum) for e in steps] == [("3", i, 4.0) for i in (1, 2, 3, 4)]


def test_it_knows_all_messages_of_all_recordings() -> None:
    for path in sorted(FIXTURES.glob("*.jsonl")):
        found = recording(path.stem).events()
        strange = [e for e in found if isinstance(e, events.Unknown)]
        assert not strange, path.name


def test_a_cached_run_says_what_is_cached_and_gives_the_old_file() -> None:
    found = recording("02-cached").events()
    executed = next(e for e in found if isinstance(e, events.Executed))
    assert executed.outputs[0].filename == "eliot_00007_.png"


def test_a_batch_gives_its_files_in_order() -> None:
    executed = [e for e in recording("04-batch4").events() if isinstance(e, events.Executed)]
    assert [file.index for file in executed[0].outputs] == [0, 1, 2, 3]


def test_a_failure_carries_the_reason_and_no_tensors() -> None:
    failures = [e for e in recording("07-runtime-error").events() if isinstance(e, events.Failed)]
    late = failures[-1].failure
    assert (late.node_id, late.node_type, late.exception_type) == (
        "40",
        "LatentComposite",
        "RuntimeError",
    )
    assert "tensor([[" not in repr(failures)


def test_an_interruption_names_the_node() -> None:
    found = recording("05-interrupted").events()
    interrupted = next(e for e in found if isinstance(e, events.Interrupted))
    assert interrupted.node == "3"


def test_an_old_style_preview_belongs_to_nobody() -> None:
    previews = [
        e for e in recording("13-previews-legacy").events() if isinstance(e, events.Preview)
    ]
    assert previews
    assert {(p.prompt_id, p.node, p.content_type) for p in previews} == {(None, None, "image/jpeg")}


def test_a_preview_with_metadata_names_prompt_and_node() -> None:
    found = recording("14-previews-with-metadata").events()
    preview = next(e for e in found if isinstance(e, events.Preview))
    assert preview.node == "3"
    assert preview.prompt_id == "b7b1aae1-dcb8-4015-831a-abb48c04b1e4"
    assert preview.image.startswith(b"\xff\xd8\xff")


def test_a_picture_sent_over_the_socket_is_told_by_its_magic() -> None:
    found = recording("12-temp-and-websocket").events()
    assert [e.content_type for e in found if isinstance(e, events.Preview)].count("image/png") == 1


def test_the_first_message_tells_our_id_as_the_server_knows_it() -> None:
    first = recording("17-feature-flags").events()[0]
    assert isinstance(first, events.Status)
    assert (first.queue_remaining, first.sid) == (0, "d8174f07-4209-420a-96de-f0e347a16bb0")


def test_flags_come_as_the_server_sent_them() -> None:
    found = recording("17-feature-flags").events()
    flags = next(e for e in found if isinstance(e, events.FeatureFlags))
    assert flags.flags["max_upload_size"] == 104857600


def test_after_a_reconnect_the_present_node_comes_without_a_prompt() -> None:
    found = recording("18-reconnect").events()
    assert events.Executing(None, "3", "3") in found


def test_expanded_nodes_are_told_by_the_node_that_we_know() -> None:
    found = recording("36-custom-nodes").events()
    inner = [e for e in found if isinstance(e, events.Executing) and "." in (e.node or "")]
    assert {(e.node, e.display_node) for e in inner} == {("80.0.0.1", "80"), ("80.0.0.2", "80")}


def test_a_node_without_output_has_no_files() -> None:
    executed = [e for e in recording("36-custom-nodes").events() if isinstance(e, events.Executed)]
    assert () in [e.outputs for e in executed]


def test_a_text_frame_is_read() -> None:
    found = recording("36-custom-nodes").events()
    assert events.TextFrame("80", "half way é") in found


def test_an_event_of_another_client_keeps_its_prompt_id() -> None:
    found = recording("16-two-clients").events()
    assert {e.prompt_id for e in found} - {None}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("", "not JSON"),
        ("[1]", "not an object"),
        ('{"type": "cup.queue", "data": {}}', "no such type"),
        ("[" * 200_000, "not JSON"),
        (b"", "shorter than its header"),
        (struct.pack(">II", 2, 1) + JPEG, "no such kind"),
        (struct.pack(">II", 4, 5000) + JPEG, "shorter than it says"),
        (struct.pack(">II", 1, 1) + b"<svg onload=alert(1)>", "no picture"),
        (struct.pack(">II", 1, 1) + b"RIFF1234AVI ", "no picture"),
        (struct.pack(">II", 1, 1) + JPEG + bytes(512 * 1024), "over 512 KiB"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_says_why(message: str | bytes, reason: str) -> None:
    event = parse(message)
    assert isinstance(event, events.Unknown)
    assert reason in event.reason


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", '"x"', "true", "1e999"])
def test_a_step_that_is_no_number_counts_as_none(value: str) -> None:
    event = parse(f'{{"type":"progress","data":{{"value":{value},"max":4,"node":"3"}}}}')
    assert isinstance(event, events.Progressed)
    assert event.value == 0.0


def test_a_huge_number_does_not_break_it() -> None:
    event = parse('{"type":"progress","data":{"value":' + "9" * 400 + ',"max":4,"node":"3"}}')
    assert isinstance(event, events.Progressed)


def test_half_a_character_and_zeros_never_get_through() -> None:
    event = parse('{"type":"executing","data":{"node":"3","prompt_id":"a\\ud800b\\u0000"}}')
    assert event.prompt_id == "a\ufffdb\ufffd"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
TYPES = [
    *("status", "execution_start", "execution_cached", "executing", "progress", "progress_state"),
    *("executed", "execution_success", "execution_error", "execution_interrupted"),
    *("feature_flags", "other"),
]
KEYS = [
    *("node", "nodes", "prompt_id", "value", "max", "output", "status", "timestamp", "sid"),
    *("display_node", "node_id", "exception_message"),
]


@given(st.text() | st.binary())
def test_it_never_raises_on_any_message(message: str | bytes) -> None:
    assert isinstance(parse(message), events.Event)


@given(st.sampled_from(TYPES), st.dictionaries(st.sampled_from(KEYS), JSON))
def test_it_never_raises_on_any_data_of_a_known_type(kind: str, data: dict[str, object]) -> None:
    event = parse(json.dumps({"type": kind, "data": data}))
    assert event.prompt_id is None or isinstance(event.prompt_id, str)


@given(st.integers(0, 6), st.integers(0, 2**32 - 1), st.binary(max_size=64))
def test_it_never_raises_on_any_frame(kind: int, second: int, rest: bytes) -> None:
    event = parse(struct.pack(">II", kind, second) + rest)
    if isinstance(event, events.Preview):
        assert event.content_type in {"image/jpeg", "image/png", "image/webp"}
