"""The farm as data: which nodes, how fast, where."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.demo.inventory import Inventory
from farm_app.demo.roster import SEED_FARM, demo_farm
from farm_app.demo.spec import FAMILIES, NodeSpec, SpecError, parse_seconds


def test_the_first_four_are_the_four_cards() -> None:
    farm = demo_farm(4, 8200, Path("data"))
    assert [spec.name for spec in farm] == [spec.name for spec in SEED_FARM]
    assert [spec.seconds["sd15"] for spec in farm] == [0.5, 0.8, 1.0, 1.5]
    assert [spec.port for spec in farm] == [8200, 8201, 8202, 8203]
    assert farm[0].folder == Path("data/gpu-premium")


def test_more_nodes_are_unequal_and_always_the_same() -> None:
    farm = demo_farm(11, 8200, Path("data"))
    assert farm == demo_farm(11, 8200, Path("data"))
    assert len({spec.name for spec in farm}) == len({spec.folder for spec in farm}) == 11
    assert len({spec.seconds["sd15"] for spec in farm}) > 6


def test_speed_divides_all_seconds() -> None:
    slow, fast = (demo_farm(1, 8200, Path("data"), speed)[0] for speed in (1, 10))
    assert {family: value / 10 for family, value in slow.seconds.items()} == fast.seconds


def test_models_follow_the_families_and_the_owner() -> None:
    premium, quality, _, draft = map(Inventory, SEED_FARM)
    assert "flux1-dev-fp8.safetensors" in premium.names("checkpoints")
    assert premium.names("upscale_models")
    assert "sdxl\\juggernautXL_v9.safetensors" in quality.names("checkpoints")
    assert draft.names("checkpoints") == [
        "dreamshaper_8.safetensors",
        "v1-5-pruned-emaonly.safetensors",
    ]


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("sdxl\\juggernautXL_v9.safetensors", "sdxl"),
        ("ponyDiffusionV6XL.safetensors", "pony"),
        ("mine/unknown.ckpt", "sd15"),
        ("dropped/fluxReal.safetensors", "flux"),
    ],
)
def test_a_model_knows_its_family(name: str, family: str) -> None:
    assert Inventory(SEED_FARM[1]).family(name) == family


specs = st.builds(
    NodeSpec,
    name=st.text(min_size=1),
    vram_gb=st.floats(1, 80),
    families=st.lists(st.sampled_from(FAMILIES), min_size=1, unique=True).map(tuple),
    seconds=st.dictionaries(st.sampled_from(FAMILIES), st.floats(0.001, 100)),
    profile=st.sampled_from(["legacy", "honours_id", "dedup_id", "jobs"]),
    folder=st.just(Path("somewhere")),
    rules=st.sampled_from([None, Path("rules.yaml")]),
)


@given(specs)
def test_a_node_survives_json(spec: NodeSpec) -> None:
    assert NodeSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    "raw",
    [
        {"name": "a", "families": ["sd3"]},
        {"name": "a", "seconds": {"sd15": 0}},
        {"name": "a", "profile": "future"},
        {"name": ""},
    ],
)
def test_nonsense_is_refused(raw: dict[str, object]) -> None:
    with pytest.raises(SpecError):
        NodeSpec.from_json(raw)


def test_seconds_are_read_from_a_line() -> None:
    assert parse_seconds("sd15=1.0, sdxl=10") == {"sd15": 1.0, "sdxl": 10.0}
    assert parse_seconds("") == {}
    with pytest.raises(SpecError, match="family=seconds"):
        parse_seconds("sd15")
