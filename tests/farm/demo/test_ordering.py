"""Order and caching of nodes, for any graph."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from farm_app.demo.cache import NodeCache, Result, signatures
from farm_app.demo.ordering import execution_order, links
from tests.farm.demo.running import text_to_image


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, Any]:
    """Acyclic graphs: every node may take any earlier one as its source."""
    count = draw(st.integers(1, 12))
    graph: dict[str, Any] = {}
    for number in range(count):
        sources = draw(st.lists(st.integers(0, number - 1), max_size=3)) if number else []
        inputs: dict[str, Any] = {f"in{slot}": [str(s), 0] for slot, s in enumerate(sources)}
        kind = draw(st.sampled_from(["ImageInvert", "SaveImage"]))
        graph[str(number)] = {"class_type": kind, "inputs": {**inputs, "value": number}}
    graph[str(count)] = {"class_type": "SaveImage", "inputs": {"images": [str(count - 1), 0]}}
    return graph


def outputs_of(graph: dict[str, Any]) -> list[str]:
    return [node_id for node_id, node in graph.items() if node["class_type"] == "SaveImage"]


@given(graphs())
def test_every_node_comes_once_and_after_its_sources(graph: dict[str, Any]) -> None:
    order = execution_order(graph, outputs_of(graph), lambda node_id: False)
    assert len(order) == len(set(order))
    for place, node_id in enumerate(order):
        assert {source for _, source, _ in links(graph[node_id])} <= set(order[:place])
    assert set(outputs_of(graph)) <= set(order)


@given(graphs(), st.data())
def test_nothing_above_a_cached_node_runs_for_it(
    graph: dict[str, Any], data: st.DataObject
) -> None:
    cached = data.draw(st.sets(st.sampled_from(sorted(graph))))
    order = execution_order(graph, outputs_of(graph), cached.__contains__)
    wanted = set(outputs_of(graph))
    for node_id in reversed(order):
        assert node_id in wanted
        if node_id not in cached:
            wanted |= {source for _, source, _ in links(graph[node_id])}


@given(graphs())
def test_signatures_do_not_depend_on_ids(graph: dict[str, Any]) -> None:
    renamed = {
        f"n{node_id}": {
            **node,
            "inputs": {
                name: [f"n{value[0]}", value[1]] if isinstance(value, list) else value
                for name, value in node["inputs"].items()
            },
        }
        for node_id, node in graph.items()
    }
    here, there = signatures(graph, str), signatures(renamed, str)
    assert {f"n{node_id}": signature for node_id, signature in here.items()} == there


def test_one_change_upstream_changes_everything_below() -> None:
    before = signatures(text_to_image(1), str)
    after = signatures(text_to_image(2), str)
    changed = {node_id for node_id in before if before[node_id] != after[node_id]}
    assert changed == {"3", "8", "9"}


def test_the_first_finished_node_evicts_what_the_prompt_has_no_use_for() -> None:
    cache = NodeCache()
    for signature in ("old", "shared"):
        cache.put(signature, Result((signature,)), {"old", "shared"})
    assert cache.get("old")
    cache.put("new", Result(("new",)), {"shared", "new"})
    assert cache.get("old") is None
    assert cache.get("shared")
