"""Sockets: registration, feature flags, junk."""

import json

from tests.farm.demo.running import Listener, RunningNode, text_to_image, wait_until

FLAGS = json.dumps({"type": "feature_flags", "data": {"supports_preview_metadata": True}})


def test_a_socket_keeps_its_id_or_is_given_one(node: RunningNode) -> None:
    with node.socket("mine") as listener, Listener(node.url, "") as nameless:
        assert listener.wait_for("status")[0]["sid"] == "mine"
        sid = nameless.wait_for("status")[0]["sid"]
    assert len(sid) == 32
    assert "-" not in sid


def test_flags_are_heard_as_first_message_only(node: RunningNode) -> None:
    with node.socket() as listener:
        listener.socket.send(json.dumps({"type": "hello"}))
        listener.socket.send(FLAGS)
        entry = node.run(text_to_image(), client_id=listener.client_id)
        listener.wait_for_end(entry["prompt"][1])
        assert "feature_flags" not in listener.kinds
        binary = [frame for frame in listener.frames if isinstance(frame, bytes)]
        assert {frame[3] for frame in binary} == {1}


def test_flags_must_be_sent_again_after_a_reconnect(node: RunningNode) -> None:
    for flags, kind in ((True, 4), (False, 1)):
        with node.socket("same", flags=flags) as listener:
            wait_until(lambda: listener.events)
            if flags:
                listener.wait_for("feature_flags")
            entry = node.run(text_to_image(kind), client_id="same")
            listener.wait_for_end(entry["prompt"][1])
            frames = [frame for frame in listener.frames if isinstance(frame, bytes)]
            assert {frame[3] for frame in frames} == {kind}


def test_junk_does_no_harm(node: RunningNode) -> None:
    with node.socket() as listener:
        for junk in ("not json", "[1]", "null", b"\x00\x01"):
            listener.socket.send(junk)
        listener.socket.ping().wait(5)
        entry = node.run(text_to_image(), client_id=listener.client_id)
        listener.wait_for_end(entry["prompt"][1])
        assert listener.closed is None


def test_everybody_hears_of_the_queue(node: RunningNode) -> None:
    with node.socket() as one, node.socket() as other:
        one.wait_for("status"), other.wait_for("status")
        node.run(text_to_image())
        for listener in (one, other):
            counts = [
                status["status"]["exec_info"]["queue_remaining"]
                for status in listener.wait_for("status", 4)
            ]
            assert counts == [0, 1, 1, 0]


def test_a_stopped_node_cuts_its_sockets_without_a_close_frame(node: RunningNode) -> None:
    listener = node.socket()
    listener.wait_for("status")
    node._run(node.server.stop())
    wait_until(lambda: listener.closed)
    assert listener.closed is not None
    assert listener.closed.rcvd is None
