from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from farm_app.comfy.events import parse
from farm_app.comfy.monitors import GIB, Monitored


def told(kind: str, data: Any) -> Monitored:
    event = parse(json.dumps({"type": kind, "data": data}))
    assert isinstance(event, Monitored)
    return event


def crystools(**gpu: Any) -> Monitored:
    whole = {
        "gpu_utilization": 96,
        "gpu_temperature": 71,
        "vram_total": 16 * GIB,
        "vram_used": 11.5 * GIB,
        "vram_used_percent": 71.9,
    }
    data = {"cpu_utilization": 4.7, "device_type": "cuda", "gpus": [{**whole, **gpu}]}
    return told("crystools.monitor", data)


def kaytool(**gpu: Any) -> Monitored:
    whole = {
        "index": 0,
        "name": "NVIDIA GeForce RTX 4060 Ti",
        "load": 97.0,
        "memory_used": 12.9,
        "memory_total": 16.0,
        "memory_percent": 80.6,
        "temperature": 84.0,
    }
    return told("kaytool.resources", {"cpu_percent": 3.0, "gpu": [{**whole, **gpu}]})


def test_crystools_tells_bytes() -> None:
    assert crystools() == Monitored(96, 71, 11.5, 16)


def test_kaytool_tells_gibibytes() -> None:
    assert kaytool() == Monitored(97, 84, 12.9, 16)


def test_minus_one_means_that_it_cannot_tell() -> None:
    found = crystools(gpu_utilization=-1, gpu_temperature=-1, vram_total=-1, vram_used=-1)
    assert found == Monitored()
    assert found.says_nothing


def test_an_idle_card_has_a_load_of_zero_but_never_a_temperature_of_zero() -> None:
    found = crystools(gpu_utilization=0, gpu_temperature=0)
    assert (found.load_percent, found.temperature_c) == (0, None)


def test_memory_is_told_whole_or_not_at_all() -> None:
    assert crystools(vram_total=0).vram_used_gb is None
    assert crystools(vram_used=17 * GIB).vram_total_gb is None


def test_of_several_cards_the_first_counts() -> None:
    gpus = [{"gpu_utilization": 1}, {"gpu_utilization": 99}]
    assert told("crystools.monitor", {"gpus": gpus}).load_percent == 1


@pytest.mark.parametrize("gpu", ["Error", "GPU information unavailable", [], None, [None], [7]])
def test_a_sentence_in_place_of_the_cards_says_nothing(gpu: Any) -> None:
    assert told("kaytool.resources", {"gpu": gpu}).says_nothing


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
names = st.sampled_from(
    ["gpu_utilization", "gpu_temperature", "vram_total", "vram_used", "load", "temperature"]
)


@given(
    kind=st.sampled_from(["crystools.monitor", "kaytool.resources"]),
    gpus=st.lists(st.dictionaries(names, junk, max_size=6) | junk, max_size=2) | junk,
)
def test_whatever_comes_what_is_shown_makes_sense(kind: str, gpus: Any) -> None:
    found = told(kind, {"gpus": gpus, "gpu": gpus})
    assert found.load_percent is None or 0 <= found.load_percent <= 100
    assert found.temperature_c is None or 0 < found.temperature_c <= 200
    assert (found.vram_used_gb is None) == (found.vram_total_gb is None)
