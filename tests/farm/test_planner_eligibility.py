"""Which node may run what, and the sentence for every no."""

from typing import Any

import pytest

from farm_app.planner import Needs, Reason, Speeds, plan, why_not
from tests.farm.planner_farm import batch, node

MODEL = "checkpoints/a.safetensors"
FACEID = frozenset({"faceid"})
ABLE: dict[str, Any] = {
    "name": "gpu-x",
    "vram_gb": 8,
    "models": frozenset({MODEL}),
    "node_classes": frozenset({"KSampler"}),
    "tags": FACEID,
    "max_resolution": 1024,
    "max_batch": 2,
}
LORA = frozenset({"loras/film.safetensors"})
REFUSALS = [
    (Needs("qwen"), "family", "gpu-x has no checkpoint of the family qwen."),
    (Needs(model="checkpoints/b.safetensors"), "model", "gpu-x does not have b.safetensors."),
    (Needs(loras=LORA), "loras", "gpu-x does not have film.safetensors."),
    (Needs(models=frozenset({"vae/v.pt"})), "models", "gpu-x does not have v.pt."),
    (Needs(node_classes=frozenset({"Upscale"})), "classes", "gpu-x does not know Upscale."),
    (Needs(tags=frozenset({"ipadapter"})), "tags", "gpu-x is not marked for ipadapter."),
    (Needs(vram_gb=12), "vram", "8 GB of video memory; this needs 12 GB."),
    (Needs(width=1536), "resolution", "gpu-x takes at most 1024 px; this is 1536 px."),
    (Needs(batch=4), "batch", "gpu-x makes at most 2 at once; this asks for 4."),
]


def refused(asked, here, job_id=None) -> Reason:
    reason = why_not(asked, here, job_id)
    assert reason is not None, "it was taken"
    return reason


@pytest.mark.parametrize(("needs", "code", "sentence"), REFUSALS)
def test_a_node_says_what_it_lacks(needs, code, sentence):
    reason = refused(batch(needs=needs), node(**ABLE))
    assert reason.code == code
    assert reason.sentence.endswith(sentence)
    assert reason.fix.endswith(".")
    assert not reason.passing


@pytest.mark.parametrize("state", ["offline", "draining", "paused", "disabled", "reserved", "???"])
def test_a_node_that_takes_no_work_says_so_and_may_come_back(state):
    reason = refused(batch(), node(state=state))
    assert (reason.code, reason.passing) == ("state", True)


def test_a_card_too_small_for_a_family_it_is_not_set_up_for_says_what_no_setting_changes():
    reason = refused(batch(needs=Needs("qwen", vram_gb=10)), node(**ABLE))
    assert (reason.code, reason.sentence) == (
        "vram",
        "gpu-x has 8 GB of video memory; this needs 10 GB.",
    )
    assert reason.fix == "Use a smaller model, or a node with more video memory."


def test_no_node_is_set_up_for_a_family_is_said_of_small_ones_too():
    nodes = [node(1, vram_gb=8), node(2, vram_gb=24)]
    refusal = plan([batch(needs=Needs("qwen", vram_gb=10))], nodes, Speeds(), 0.0).impossible
    assert [one.sentence for one in refusal.values()] == ["No node is set up for qwen."]


def test_a_node_with_everything_takes_it():
    needs = Needs("sd15", MODEL, width=1024, height=768, batch=2, vram_gb=8, tags=FACEID)
    assert why_not(batch(needs=needs), node(**ABLE)) is None


def test_an_unknown_inventory_refuses_nothing():
    needs = Needs(model="x/y", loras=LORA, node_classes=frozenset({"Z"}))
    assert why_not(batch(needs=needs), node()) is None


@pytest.mark.parametrize(
    ("needs", "fix"),
    [
        (Needs(width=1536, height=1536, vram_gb=12), "1024 px would fit."),
        (Needs(batch=4, vram_gb=10), "2 at once would fit."),
        (Needs(width=512, vram_gb=40), "Use a smaller model, or a node with more video memory."),
    ],
)
def test_too_little_video_memory_names_what_would_fit(needs, fix):
    assert refused(batch(needs=needs), node(vram_gb=8)).fix == fix


@pytest.mark.parametrize(
    ("entry", "blocked"),
    [(("t",), True), (("t", "m"), True), (("t", "other"), False), (("u",), False)],
)
def test_a_block_is_for_a_template_or_for_it_with_one_model(entry, blocked):
    asked = batch(needs=Needs(model="m", template="t"))
    reason = why_not(asked, node(blocked=frozenset({entry})))
    assert (reason is not None) == blocked


def test_a_job_that_failed_on_a_node_goes_elsewhere_and_the_others_may_stay():
    asked = batch("a", 3, excluded={1: frozenset({1})})
    assert refused(asked, node(1), 1).code == "excluded"
    assert why_not(asked, node(1), 2) is None
    assert why_not(asked, node(1)) is None
    made = plan([asked], [node(1), node(2, busy_until_s=99.0)], Speeds(), 0.0)
    assert made.expected[1].node_id == 2
    assert made.expected[0].node_id == made.expected[2].node_id == 1


def test_a_job_that_failed_everywhere_is_named_and_its_batch_goes_on():
    asked = batch("a", 3, excluded={1: frozenset({1, 2})})
    made = plan([asked], [node(1), node(2)], Speeds(), 0.0)
    assert made.stranded[1].sentence.endswith("could run it: gpu-1, gpu-2.")
    assert made.stranded[1].lasting
    assert made.expected.keys() == {0, 2}
    assert not made.impossible


def test_an_impossible_batch_is_named_at_once_and_blocks_nobody():
    wrong = batch("wrong", [1], needs=Needs("wan"), priority=0)
    made = plan([wrong, batch("right", [2], priority=3)], [node(1), node(2)], Speeds(), 0.0)
    assert made.impossible["wrong"].sentence == "No node is set up for wan."
    assert made.impossible["wrong"].lasting
    assert [given.job_id for given in made.now.values()] == [2]


def test_the_nearest_fix_is_on_the_node_that_lacks_least():
    asked = batch(needs=Needs("sdxl", "checkpoints/b.safetensors", width=1536, height=1536))
    far = node(1, models=frozenset(), max_resolution=512, families=frozenset())
    near = node(2, name="gpu-near", max_resolution=1024)
    refusal = plan([asked], [far, near], Speeds(), 0.0).impossible["a"]
    assert refusal.nearest == 2
    assert refusal.fix == "1024 px would fit."
    assert "gpu-near takes at most 1024 px" in refusal.sentence
    assert refusal.reasons.keys() == {1, 2}


def test_one_hard_obstacle_is_nearer_than_two_easy_ones():
    asked = batch(needs=Needs(model="m", width=1536, batch=4))
    farm = [node(1, max_batch=1, max_resolution=512), node(2, models=frozenset())]
    assert plan([asked], farm, Speeds(), 0.0).impossible["a"].nearest == 2


def test_a_node_that_draws_whatever_it_has_lacks_a_file_and_no_setting():
    asked = batch(needs=Needs("qwen"))
    lacking = refused(asked, node(**ABLE))
    assert "checkpoint of the family qwen" in lacking.sentence
    assert "models/checkpoints" in lacking.fix
    kept = refused(asked, node(**ABLE, meant_for=frozenset({"sd15"})))
    assert (kept.sentence, "capabilities" in kept.fix) == ("gpu-x is not set up for qwen.", True)
    meant = refused(asked, node(**ABLE, meant_for=frozenset({"qwen"})))
    assert "checkpoint of the family qwen" in meant.sentence


def test_a_node_that_never_told_what_it_has_is_waited_for():
    asked = batch(needs=Needs("flux"))
    refusal = plan([asked], [node(1, families=frozenset())], Speeds(), 0.0).impossible["a"]
    assert not refusal.lasting
    assert refusal.reasons[1].sentence == "gpu-1 has not told yet which models it has."


def test_what_a_node_can_never_do_is_said_before_what_passes():
    asked = batch(needs=Needs(width=4096))
    here = node(1, max_resolution=1024, state="draining")
    assert refused(asked, here).code == "resolution"
    assert refused(batch(), here).code == "state"


def test_what_only_an_offline_node_can_run_waits_for_it():
    asked = batch(needs=Needs("flux"))
    farm = [node(1, families=frozenset()), node(2, name="gpu-big", state="offline")]
    refusal = plan([asked], farm, Speeds(), 0.0).impossible["a"]
    assert not refusal.lasting
    assert refusal.sentence == "No node can take this now. Nearest: gpu-big is offline."


def test_a_chosen_node_that_cannot_is_named_with_the_way_out():
    asked = batch(needs=Needs("sd15"), node_mode="only", node_id=1)
    farm = [node(1, name="gpu-mine", state="paused"), node(2)]
    refusal = plan([asked], farm, Speeds(), 0.0).impossible["a"]
    assert refusal.sentence == "gpu-mine is paused."
    assert refusal.fix == "Resume it on the Farm page. Or let any node run it."
    lacking = [node(1, name="gpu-mine", families=frozenset()), node(2)]
    assert plan([asked], lacking, Speeds(), 0.0).impossible["a"].nearest == 1
    gone = plan([asked], farm[1:], Speeds(), 0.0).impossible["a"]
    assert gone.sentence == "The only node that this may run on no longer exists."


def test_without_nodes_the_next_step_is_to_add_one():
    made = plan([batch()], [], Speeds(), 0.0)
    assert made.impossible["a"].fix == "Add one on the Farm page."
    assert made.done_s is None
