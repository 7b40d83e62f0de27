"""What a node class is, and how ``/object_info`` describes it (0.33.0).

Classes marked ``v3`` list choices as ``["COMBO", {"options": [...]}]``, the others as
``[[...], {...}]``: the real server mixes both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

InputConfig = list[Any]
"""``[type or list of choices, options]``."""

_V3_EXTRAS = {"deprecated": False, "experimental": False, "api_node": False}


@dataclass(frozen=True)
class Choice:
    """A pick from names that differ per node: ``kind`` is a model folder, or ``input files``."""

    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NodeClass:
    """One class: its inputs in order, what it returns, and how the server lists it."""

    name: str
    display: str
    category: str
    required: Mapping[str, InputConfig | Choice]
    outputs: tuple[str, ...] = ()
    optional: Mapping[str, InputConfig | Choice] = field(default_factory=dict)
    hidden: Mapping[str, str] = field(default_factory=dict)
    output_names: tuple[str, ...] = ()
    is_output: bool = False
    v3: bool = False
    module: str = "nodes"

    @property
    def inputs(self) -> dict[str, InputConfig | Choice]:
        """Required, then optional inputs."""
        return {**self.required, **self.optional}


NamesOf = Callable[[str], list[str]]
"""From a model folder or ``input files`` to the names this node has now."""


def input_config(node: NodeClass, name: str, names_of: NamesOf) -> InputConfig:
    """Return ``[type, options]`` of one input, with this node's choices filled in."""
    config = node.inputs[name]
    if isinstance(config, Choice):
        config = [names_of(config.kind), dict(config.options)]
    if node.v3 and isinstance(config[0], list):
        return ["COMBO", {"multiselect": False, **config[1], "options": config[0]}]
    return config


def choices(config: InputConfig) -> list[Any] | None:
    """Return the allowed values of a pick in either list form; None for any other input."""
    if isinstance(config[0], list):
        return config[0]
    return config[1].get("options") if config[0] == "COMBO" else None


def describe(node: NodeClass, names_of: NamesOf, modern: bool) -> dict[str, Any]:
    """Return the ``/object_info`` entry of one class."""
    groups = {"required": node.required, "optional": node.optional}
    listed: dict[str, Any] = {
        group: {name: input_config(node, name, names_of) for name in inputs}
        for group, inputs in groups.items()
        if inputs or group == "required"
    }
    if node.hidden:
        listed["hidden"] = dict(node.hidden)
    return {
        "input": listed,
        "input_order": {group: list(inputs) for group, inputs in listed.items()},
        **({"is_input_list": False} if modern else {}),
        "output": list(node.outputs),
        "output_is_list": [False] * len(node.outputs),
        "output_name": list(node.output_names or node.outputs),
        "name": node.name,
        "display_name": node.display,
        "description": "",
        "python_module": node.module,
        "category": node.category,
        "output_node": node.is_output,
        **({"has_intermediate_output": False} if modern else {}),
        **(_V3_EXTRAS if node.v3 else {}),
    }
