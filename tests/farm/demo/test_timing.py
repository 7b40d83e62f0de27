"""Seconds: what a prompt should take, and that it takes that long."""

from itertools import pairwise
from pathlib import Path

import pytest

from farm_app.demo import timing
from farm_app.demo.roster import SEED_FARM
from farm_app.demo.spec import NodeSpec
from tests.farm.demo.running import Listener, RunningNode, a_spec, text_to_image

REFERENCES = [("sd15", 10, 512), ("sdxl", 25, 1024), ("flux", 20, 1024)]


@pytest.mark.parametrize(("family", "steps", "side"), REFERENCES)
def test_seconds_hold_at_the_reference(family: str, steps: int, side: int) -> None:
    spec = SEED_FARM[0]
    pixels = side * side
    sampler = timing.sampling(spec, family, steps=steps, pixels=pixels, batch=1)
    decoder = timing.decoding(spec, family, pixels=pixels, batch=1)
    total = sampler.node_s + decoder.node_s + decoder.tail_s
    assert total == pytest.approx(spec.seconds[family])


def test_an_upscale_of_a_megapixel_takes_its_seconds() -> None:
    cost = timing.upscaling(SEED_FARM[0], pixels=1024 * 1024, batch=1)
    assert cost.node_s + cost.tail_s == pytest.approx(2.0)


def test_work_grows_with_steps_pixels_and_batch() -> None:
    spec = NodeSpec("one", seconds={"sd15": 1.0})

    def seconds(steps: int = 10, pixels: int = 512**2, batch: int = 1) -> float:
        return timing.sampling(spec, "sd15", steps=steps, pixels=pixels, batch=batch).node_s

    fixed = timing.SAMPLER_FIXED
    once = seconds() - fixed
    assert seconds(steps=20) - fixed == pytest.approx(2 * once)
    assert seconds(pixels=512**2 // 4) - fixed == pytest.approx(once / 4)
    assert seconds(batch=3) - fixed == pytest.approx(3 * once)


def run_timed(node: RunningNode, **changes: int) -> dict[str, float]:
    node.run(text_to_image(1, **changes))
    row: dict[str, float] = node.status()["prompts"][-1]
    return row


def test_a_prompt_takes_its_nominal_time(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, seconds={"sd15": 0.4})) as node:
        row = run_timed(node, steps=10, width=512, height=512)
    assert row["nominal_ms"] == pytest.approx(400, abs=1)
    assert row["actual_ms"] >= row["nominal_ms"] - 1  # on a busy machine any much longer


def test_steps_are_spread_over_the_time(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, seconds={"sd15": 0.5})) as node, node.socket() as listener:
        # A machine that is busy elsewhere hears several at once now and then, but not each time.
        assert any(_is_spread(gaps_of(node, listener, seed)) for seed in range(1, 9))


def gaps_of(node: RunningNode, listener: Listener, seed: int) -> list[float]:
    """Return the times between the steps of one picture, as heard."""
    before = len(listener.frames)
    graph = text_to_image(seed, steps=10, width=512, height=512)
    entry = node.run(graph, client_id=listener.client_id)
    listener.wait_for_end(entry["prompt"][1])
    heard = zip(listener.frames[before:], listener.heard_at[before:], strict=True)
    at = [t for frame, t in heard if isinstance(frame, dict) and frame["type"] == "progress"]
    gaps = [later - earlier for earlier, later in pairwise(at)]
    assert len(gaps) == 9
    return gaps


def _is_spread(gaps: list[float]) -> bool:
    return max(gaps) < sum(gaps) / 2


def test_loading_costs_only_when_the_model_is_not_resident(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, load_s={"sd15": 0.2})) as node:
        cold, warm = run_timed(node), run_timed(node, steps=5)
        node.http.post("/free", json={"unload_models": True, "free_memory": True})
        cold_again = run_timed(node)
    assert cold["nominal_ms"] - warm["nominal_ms"] > 190
    assert cold_again["nominal_ms"] == pytest.approx(cold["nominal_ms"])


def test_drawing_that_takes_too_long_is_reported(tmp_path: Path) -> None:
    slow = a_spec(tmp_path, seconds={"sd15": 0.001}, painter="tests.farm.demo.slow_painter")
    with RunningNode(slow) as node:
        row = run_timed(node)
        assert row["overrun_ms"] > 50
        assert row["drawing_ms"] > row["nominal_ms"]
        assert node.status()["overruns"] == 1


def test_a_prompt_cut_short_is_no_overrun() -> None:
    cut = timing.Timing("P", "interrupted", nominal_ms=10, actual_ms=500, drawing_ms=1)
    late = timing.Timing("P", "success", nominal_ms=10, actual_ms=500, drawing_ms=1)
    within = timing.Timing("P", "success", nominal_ms=10, actual_ms=25, drawing_ms=1)
    assert (cut.overrun_ms, late.overrun_ms, within.overrun_ms) == (0, 490, 0)


def test_latency_is_added_to_every_answer(tmp_path: Path) -> None:
    with RunningNode(a_spec(tmp_path, latency_s=0.1)) as node:
        assert node.http.get("/prompt").elapsed.total_seconds() >= 0.1
