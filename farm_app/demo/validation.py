"""Check a graph the way the real server does before it queues it: same types, texts and quirks.

Distilled from observed answers of 0.33.0 and, for the older profiles, of 0.3.64.
"""

import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from farm_app.demo.catalogue import InputConfig, NamesOf, NodeClass, choices, input_config
from farm_app.demo.classes import CLASSES, IMAGE_LOADERS

Graph = dict[str, Any]
Problem = dict[str, Any]
Casts = Mapping[str, Callable[[Any], Any]]

CASTS: Casts = {"INT": int, "FLOAT": float, "STRING": str, "BOOLEAN": bool}
LISTED_OPTIONS = 20
"""Longer lists of choices are left out of the answer."""

FileProblem = Callable[[str], str | None]
"""From the name in a LoadImage to what is wrong with it, or None."""


@dataclass
class Verdict:
    """What may run, and what the answer says about the rest."""

    outputs: list[str] = field(default_factory=list)
    error: Problem | None = None
    """Set when nothing may run: the ``error`` of a 400 answer."""
    node_errors: dict[str, Problem] = field(default_factory=dict)
    """May be filled although something runs: bad outputs are dropped without a word."""


def prompt_error(kind: str, message: str, details: str = "", **extra: Any) -> Problem:
    """Return the ``error`` of a 400 answer."""
    return {"type": kind, "message": message, "details": details, "extra_info": extra}


@dataclass
class Validator:
    """Validates one graph, and casts its literals in place.

    Args:
        graph: node id to node.
        names_of: this node's model names.
        file_problem: checks the file of a LoadImage.
        modern: answer as 0.33 rather than as 0.3.64.
    """

    graph: Graph
    names_of: NamesOf
    file_problem: FileProblem
    modern: bool = True
    _seen: dict[str, tuple[bool, list[Problem]]] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)

    def verdict(self, targets: list[str] | None = None) -> Verdict:
        """Check every output node, or only those named in ``targets``.

        Raises:
            AttributeError: a node is not an object; the real server answers 500 as well.
        """
        for node_id, node in self.graph.items():
            unknown = self._unknown_class(node_id, node)
            if unknown:
                return Verdict(error=unknown)
        outputs = [
            node_id
            for node_id, node in self.graph.items()
            if CLASSES[node["class_type"]].is_output and (targets is None or node_id in targets)
        ]
        if not outputs:
            return Verdict(error=prompt_error("prompt_no_outputs", "Prompt has no outputs"))
        return self._check_outputs(outputs)

    def _unknown_class(self, node_id: str, node: Any) -> Problem | None:
        name = node.get("class_type")
        if name in CLASSES:
            return None
        details = f"Node ID '#{node_id}'"
        if not self.modern:
            return prompt_error("invalid_prompt", _old_unknown(node), details)
        title = node.get("_meta", {}).get("title", name)
        if "class_type" in node:
            text = f"Node '{title}' not found. The custom node may not be installed."
        else:
            text = (
                f"Node '{title or f'ID #{node_id}'}' has no class_type. "
                "The workflow may be corrupted or a custom node is missing."
            )
        return prompt_error(
            "missing_node_type", text, details, node_id=node_id, class_type=name, node_title=title
        )

    def _check_outputs(self, outputs: list[str]) -> Verdict:
        verdict = Verdict()
        lines: list[str] = []
        for output in outputs:
            valid, problems = self._check_output(output)
            if valid:
                verdict.outputs.append(output)
                continue
            lines += [f"{problem['message']}: {problem['details']}" for problem in problems]
            self._blame(output, verdict.node_errors)
        if not verdict.outputs:
            verdict.error = prompt_error(
                "prompt_outputs_failed_validation",
                "Prompt outputs failed validation",
                "\n".join(lines),
            )
        return verdict

    def _check_output(self, output: str) -> tuple[bool, list[Problem]]:
        try:
            return self._check_node(output)
        except Exception as error:  # noqa: BLE001 - the real server reports any exception too
            problem = _exception_problem(
                "exception_during_validation", "Exception when validating node", error
            )
            self._seen[output] = (False, [problem])
            return self._seen[output]

    def _blame(self, output: str, node_errors: dict[str, Problem]) -> None:
        for node_id, (valid, problems) in self._seen.items():
            if valid or not problems:
                continue
            entry = node_errors.setdefault(
                node_id,
                {
                    "errors": problems,
                    "dependent_outputs": [],
                    "class_type": self.graph[node_id]["class_type"],
                },
            )
            entry["dependent_outputs"].append(output)

    def _check_node(self, node_id: str) -> tuple[bool, list[Problem]]:
        if node_id in self._seen:
            return self._seen[node_id]
        if node_id in self._path:
            return self._report_cycle(node_id)
        self._path.append(node_id)
        try:
            valid, problems = self._check_inputs(node_id)
        finally:
            self._path.pop()
        if node_id not in self._seen:
            self._seen[node_id] = (valid and not problems, problems)
        return self._seen[node_id]

    def _report_cycle(self, node_id: str) -> tuple[bool, list[Problem]]:
        cycle = self._path[self._path.index(node_id) :]
        names = [f"{member} ({self.graph[member]['class_type']})" for member in cycle]
        for member in cycle:
            problem = prompt_error(
                "dependency_cycle",
                "Dependency cycle detected",
                " -> ".join([*names, names[0]]),
                node_id=member,
                cycle_nodes=cycle,
            )
            self._seen[member] = (False, [problem])
        return self._seen[node_id]

    def _check_inputs(self, node_id: str) -> tuple[bool, list[Problem]]:
        inputs = self.graph[node_id]["inputs"]
        node = CLASSES[self.graph[node_id]["class_type"]]
        valid, problems = True, []
        for name in node.inputs:
            if name not in inputs:
                problems += [_missing(name)] if name in node.required else []
            elif isinstance(inputs[name], list):
                upstream_valid, found = self._check_link(node, name, inputs[name])
                valid = valid and upstream_valid
                problems += found
            elif node.name in IMAGE_LOADERS and name == "image":
                problems += self._check_file(name, str(inputs[name]))
            else:
                problems += self._check_literal(node, name, inputs)
        return valid, problems

    def _check_link(
        self, node: NodeClass, name: str, link: list[Any]
    ) -> tuple[bool, list[Problem]]:
        config = input_config(node, name, self.names_of)
        if len(link) != 2:
            return False, [_bad_link(name, config, link)]
        source, slot = link
        received = CLASSES[self.graph[source]["class_type"]].outputs[slot]
        if received != config[0] and config[0] != "*":
            return False, [_mismatch(name, config, link, received)]
        try:
            valid, _ = self._check_node(source)
        except Exception as error:  # noqa: BLE001 - reported under the node, as the server does
            problem = _exception_problem(
                "exception_during_inner_validation",
                "Exception when validating inner node",
                error,
                name=name,
                config=config,
                link=link,
            )
            self._seen[source] = (False, [problem])
            return False, []
        return valid, []

    def _check_literal(self, node: NodeClass, name: str, inputs: dict[str, Any]) -> list[Problem]:
        config, value = input_config(node, name, self.names_of), inputs[name]
        cast = CASTS.get(config[0]) if isinstance(config[0], str) else None
        if cast is not None:
            try:
                value = inputs[name] = cast(value)
            except (TypeError, ValueError, OverflowError) as error:
                return [_invalid_type(name, config, value, error)]
        return _out_of_range(name, config, value) or _not_in_list(name, config, value)

    def _check_file(self, name: str, value: str) -> list[Problem]:
        wrong = self.file_problem(value)
        if wrong is None:
            return []
        message = "Custom validation failed for node"
        details = f"{name} - {wrong}"
        return [prompt_error("custom_validation_failed", message, details, input_name=name)]


def _old_unknown(node: Mapping[str, Any]) -> str:
    if "class_type" in node:
        return f"Cannot execute because node {node['class_type']} does not exist."
    return "Cannot execute because a node is missing the class_type property."


def _missing(name: str) -> Problem:
    return prompt_error(
        "required_input_missing", "Required input is missing", name, input_name=name
    )


def _bad_link(name: str, config: InputConfig, link: list[Any]) -> Problem:
    return prompt_error(
        "bad_linked_input",
        "Bad linked input, must be a length-2 list of [node_id, slot_index]",
        name,
        input_name=name,
        input_config=config,
        received_value=link,
    )


def _mismatch(name: str, config: InputConfig, link: list[Any], received: str) -> Problem:
    return prompt_error(
        "return_type_mismatch",
        "Return type mismatch between linked nodes",
        f"{name}, received_type({received}) mismatch input_type({config[0]})",
        input_name=name,
        input_config=config,
        received_type=received,
        linked_node=link,
    )


def _invalid_type(name: str, config: InputConfig, value: Any, error: Exception) -> Problem:
    return prompt_error(
        "invalid_input_type",
        f"Failed to convert an input value to a {config[0]} value",
        f"{name}, {value}, {error}",
        input_name=name,
        input_config=config,
        received_value=value,
        exception_message=str(error),
    )


def _out_of_range(name: str, config: InputConfig, value: Any) -> list[Problem]:
    low, high = config[1].get("min"), config[1].get("max")
    if low is not None and value < low:
        kind, message = "value_smaller_than_min", f"Value {value} smaller than min of {low}"
    elif high is not None and value > high:
        kind, message = "value_bigger_than_max", f"Value {value} bigger than max of {high}"
    else:
        return []
    extra = {"input_name": name, "input_config": config, "received_value": value}
    return [prompt_error(kind, message, name, **extra)]


def _not_in_list(name: str, config: InputConfig, value: Any) -> list[Problem]:
    options = choices(config)
    if options is None or value in options:
        return []
    long = len(options) > LISTED_OPTIONS
    listed = f"(list of length {len(options)})" if long else str(options)
    return [
        prompt_error(
            "value_not_in_list",
            "Value not in list",
            f"{name}: '{value}' not in {listed}",
            input_name=name,
            input_config=None if long else config,
            received_value=value,
        )
    ]


def _exception_problem(
    kind: str,
    message: str,
    error: Exception,
    *,
    name: str | None = None,
    config: InputConfig | None = None,
    link: list[Any] | None = None,
) -> Problem:
    extra: dict[str, Any] = {} if name is None else {"input_name": name, "input_config": config}
    extra |= {
        "exception_message": str(error),
        "exception_type": type(error).__name__,
        "traceback": traceback.format_tb(error.__traceback__),
    }
    if link is not None:
        extra["linked_node"] = link
    return prompt_error(kind, message, str(error), **extra)
