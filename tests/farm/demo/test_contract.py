"""Scenes observed on a real server, played against the demo node: answers and events must agree.

Every payload is compared whole, after ids, times, queue numbers and file numbers were made
comparable. Deliberately different from ComfyUI 0.33.0:

=============================== ==================================================================
What                            Why
=============================== ==================================================================
Only 31 node classes            enough for pictures; graphs with others get ``missing_node_type``
Model names                     the node's own; the recordings' two were renamed in the fixtures
PreviewAny's text               names the value; there are no tensors to print
``current_inputs`` of errors    names agree, tensors are abbreviated
A file that is no picture       always ``PIL.UnidentifiedImageError`` (0.33 tries a video reader
                                first, which fails as ``av.error.InvalidDataError``)
A corrupt safetensors header    the message ends before the position of the mistake
``executed``, ``current_outputs`` of errors, outputs of a prompt
                                sets on the real server: any order; here the graph's or sorted
404 of an unknown path          empty, without the static file handler's headers
``%batch_num%``                 same trap; file numbers are only compared by rank here
Steps between first and last    not compared where previews are off (0.33 leaves some out by time)
                                or the prompt is interrupted
=============================== ==================================================================
"""

from pathlib import Path
from typing import Any

import pytest

from tests.farm.demo.replay import FIXTURES, Replay, Scene, lanes, transcript
from tests.farm.demo.running import MortalNode, RunningNode, a_spec

SCENES = sorted(path.stem for path in FIXTURES.glob("*.json"))
CORRUPT = (1000).to_bytes(8, "little") + b"this is no JSON"


@pytest.fixture(params=SCENES)
def played(request: Any, tmp_path: Path) -> Replay:
    scene = Scene.load(request.param)
    spoilt = tmp_path / "models" / "checkpoints"
    kind = MortalNode if scene.is_deadly else RunningNode
    with kind(a_spec(tmp_path, **scene.spec)) as node:
        if scene.name.startswith("07"):
            spoilt.mkdir(parents=True, exist_ok=True)
            (spoilt / "corrupt.safetensors").write_bytes(CORRUPT)
        replay = Replay(scene, node)
        replay.play()
    return replay


def test_it_answers_and_tells_what_the_real_server_does(played: Replay) -> None:
    scene = played.scene
    wanted = [[step["status"], step["body"]] for step in scene.steps if "request" in step]
    heard = {name: played.lines(name) for name in scene.events}
    expected = transcript(wanted, compared(scene, scene.events))
    actual = transcript(played.told_answers(), compared(scene, heard))
    for ours, theirs in zip(actual["answers"], expected["answers"], strict=True):
        assert ours == theirs
    assert actual["events"] == expected["events"]


def compared(scene: Scene, events: dict[str, list[str]]) -> dict[str, Any]:
    """One order of everything where prompts did not overlap; else one order per prompt."""
    if scene.one_at_a_time and not scene.loose:
        return dict(events)
    return {name: lanes(lines, scene.loose) for name, lines in events.items()}
