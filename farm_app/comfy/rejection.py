"""Reads why a node will not run a graph. Touches no socket.

Answers as recorded from ComfyUI 0.33.0 and 0.3.64, which names an unknown class differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from farm_app.comfy.errors import GraphProblem, Rejected
from farm_app.comfy.untrusted import identifier, listing, mapping, text

_MISSING_CLASS = {"missing_node_type", "invalid_prompt"}
_ABSENT_VALUE = re.compile(r"^[^:]{1,200}: '(.*)' not in ", re.DOTALL)
_ABSENT_FILE = re.compile(r"Invalid \w+ file: (.+)$", re.DOTALL)
_OUT_OF_RANGE = {
    "value_smaller_than_min",
    "value_bigger_than_max",
    "invalid_input_type",
}


def read_rejection(
    answer: object,
    graph: Mapping[str, Any],
    *,
    where: str,
    accepted_as: str | None = None,
) -> Rejected:
    """Reads a 400 of POST /prompt, or a 200 that drops an output of the graph that was sent.

    ``where`` names the node in the sentence.
    """
    found = mapping(answer)
    pairs = list(_problems(found, graph))
    missing = tuple(dict.fromkeys(lack for _, lack in pairs if lack))
    capability = bool(pairs) and all(lack for _, lack in pairs)
    return Rejected(
        _sentence(where, pairs),
        kind="capability" if capability else "graph",
        problems=tuple(problem for problem, _ in pairs),
        missing=missing,
        accepted_as=accepted_as,
        evidence=text(mapping(found.get("error")).get("message")),
    )


def drops_output(answer: object, graph: Mapping[str, Any]) -> bool:
    """Says whether a 200 left out an output: the server then queues only the rest."""
    for error in mapping(mapping(answer).get("node_errors")).values():
        outputs = listing(mapping(error).get("dependent_outputs"))
        if not outputs or any(output in graph for output in outputs if isinstance(output, str)):
            return True
    return False


def _problems(
    answer: Mapping[str, Any], graph: Mapping[str, Any]
) -> Iterator[tuple[GraphProblem, str]]:
    """Yields each problem with what the node lacks, an empty text where it lacks nothing."""
    node_errors = mapping(answer.get("node_errors"))
    for node_id, found in node_errors.items():
        class_type = text(mapping(found).get("class_type"), 200)
        for error in listing(mapping(found).get("errors")):
            problem = _problem(text(node_id, 200), class_type, mapping(error), graph)
            yield problem, _lacking(problem, mapping(error))
    if not node_errors:
        error = mapping(answer.get("error"))
        problem = _whole(error, graph)
        yield problem, problem.class_type if _lacks_class(problem) else ""


def _problem(
    node_id: str, class_type: str, error: Mapping[str, Any], graph: Mapping[str, Any]
) -> GraphProblem:
    kind = text(error.get("type"), 100)
    name = text(mapping(error.get("extra_info")).get("input_name"), 200)
    # an inner exception names an input of the node downstream of the one it is filed under
    input_name = "" if kind == "exception_during_inner_validation" else name
    return GraphProblem(
        node_id=node_id,
        class_type=class_type,
        title=_title(node_id, graph) or class_type,
        input_name=input_name,
        type=kind,
        message=text(error.get("message"), 300),
        details=text(error.get("details"), 300),
    )


def _whole(error: Mapping[str, Any], graph: Mapping[str, Any]) -> GraphProblem:
    """Reads an error about the graph as a whole, which names a node at most in passing."""
    extra = mapping(error.get("extra_info"))
    details = text(error.get("details"), 300)
    in_details = re.search(r"Node ID '#([^']{1,200})'", details)
    node_id = identifier(extra.get("node_id")) or (in_details[1] if in_details else "")
    class_type = text(mapping(graph.get(node_id)).get("class_type"), 200)
    return GraphProblem(
        node_id=node_id,
        class_type=text(extra.get("class_type"), 200) or class_type,
        title=_title(node_id, graph) or class_type,
        input_name="",
        type=text(error.get("type"), 100),
        message=text(error.get("message"), 300),
        details=details,
    )


def _title(node_id: str, graph: Mapping[str, Any]) -> str:
    node = mapping(graph.get(node_id))
    return text(mapping(node.get("_meta")).get("title"), 200) or text(node.get("class_type"), 200)


def _lacks_class(problem: GraphProblem) -> bool:
    return problem.type in _MISSING_CLASS and bool(problem.class_type)


def _lacking(problem: GraphProblem, error: Mapping[str, Any]) -> str:
    if problem.type == "value_not_in_list":
        value = mapping(error.get("extra_info")).get("received_value")
        quoted = _ABSENT_VALUE.search(problem.details)
        return text(value, 300) or (quoted[1] if quoted else "")
    if problem.type == "custom_validation_failed":
        absent = _ABSENT_FILE.search(problem.details)
        return absent[1] if absent else ""
    return ""


def _sentence(where: str, pairs: list[tuple[GraphProblem, str]]) -> str:
    if not pairs:
        return f"{where} rejected the workflow without saying why."
    first = _clause(where, *pairs[0])
    more = len(pairs) - 1
    return f"{first} ({more} more problem{'s' if more > 1 else ''}.)" if more else first


def _clause(where: str, problem: GraphProblem, lack: str) -> str:
    if _lacks_class(problem):
        return f"{where} has no node class “{lack}”; a custom node may not be installed there."
    if lack:
        return f"{where} does not have “{lack}”, which {problem.title or 'the workflow'} asks for."
    if problem.type == "prompt_no_outputs":
        return "The workflow has no node that saves or shows anything."
    if problem.type == "required_input_missing":
        return f"{problem.title}: a value for {problem.input_name or problem.details} is missing."
    name = f"{problem.title or 'The workflow'}: "
    if problem.type in _OUT_OF_RANGE and problem.input_name:
        name += f"{problem.input_name}: "
    detail = "" if problem.type in _OUT_OF_RANGE or not problem.details else f" ({problem.details})"
    return f"{name}{problem.message or problem.type}{detail}."
