"""What the nodes themselves saw: their ledgers say whether anything was made twice or taken from somebody."""

from collections import Counter
from collections.abc import Iterable, Set
from typing import Any

from farm_app.models import Attempt, Job
from tests.farm.rig import NodeProcess, story
from tests.faults.page import Row

Line = dict[str, Any]

EVERYBODYS = ("cancel", "delete", "interrupt", "clear")
"""What one client can do to another one's prompts."""
OURS = "Eliot"
"""How Eliot's requests sign."""


def assert_made_once(
    nodes: Iterable[NodeProcess],
    rows: Iterable[Row],
    *,
    known: Set[str] | None = None,
    more: int = 0,
) -> None:
    """Each attempt was begun at most once, each job as often as the fault allows.

    Args:
        nodes: Whose ledgers are read.
        rows: What is being shown.
        known: The attempts of an Eliot with a database of its own.
        more: How often a job may be begun beyond what the rows allow.
    """
    most = max((row.renders for row in rows), default=1) + more
    begun = [line["eliot"] for node in nodes for line in node.executions() if line["eliot"]]
    twice = {one: n for one, n in Counter(mark["attempt"] for mark in begun).items() if n > 1}
    assert not twice, "a prompt ran twice"
    often = {job: n for job, n in Counter(mark["job"] for mark in begun).items() if n > most}
    assert not often, {job: _story(job) for job in often} if known is None else often
    unknown = {mark["attempt"] for mark in begun} - (_attempts() if known is None else known)
    assert not unknown, "a node was sent what no row says"


def _story(job: int) -> list[str]:
    return story(Job.objects.get(pk=job))


def _attempts() -> set[str]:
    return {str(pk) for pk in Attempt.objects.values_list("pk", flat=True)}


def assert_others_left_alone(
    nodes: Iterable[NodeProcess], *, known: Set[str] | None = None
) -> None:
    """Eliot told no node to drop what is not Eliot's, nor simply whatever is there, and stopped nothing of others."""
    for node in nodes:
        ours = {line["prompt_id"] for line in node.told("prompt") if line.get("eliot")}
        ours |= _attempts() if known is None else known
        named = [line for kind in EVERYBODYS for line in node.told(kind) if line["by"] == OURS]
        foreign = [line for line in named if line.get("prompt_id") not in ours]
        assert not foreign, f"{node.name} was told to drop what is not ours"
        if any(line["by"] != OURS for line in node.told("interrupt")):
            continue  # by whoever the test plays
        stopped = {
            line["prompt_id"]
            for line in node.told("end")
            if line["status"] == "interrupted" and line["prompt_id"] not in ours
        }
        assert not stopped, f"{node.name} was made to stop what is not ours"
