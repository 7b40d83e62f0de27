"""The queue bench: ten thousand jobs queued, as ten batches and as ten thousand of one job, as scripts ask.

Rows only, in a folder and a process of its own; no node renders. Pages are asked for as a browser would.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from eliot.bench.elsewhere import expect_page, measure_here, measured_elsewhere
from eliot.bench.timing import median_ms

JOBS: Final = 10_000
WAYS: Final[Mapping[str, int]] = {"batches": 10, "singles": JOBS}
"""In how many groups the jobs are asked for."""
NODES: Final = 20
TIMES: Final = 7
# What Eliot promises, in milliseconds: to plan, to show the farm page, and to answer a press on a row.
TARGETS: Final[Mapping[str, float]] = {"plan_ms": 250.0, "page_ms": 1000.0, "press_ms": 1500.0}


@dataclass(frozen=True)
class Outcome:
    """Medians in milliseconds: by way, then by figure."""

    found: Mapping[str, Mapping[str, float]]

    def lines(self) -> Iterable[str]:
        """Return it for people."""
        for way, figures in self.found.items():
            for name, value in figures.items():
                yield f"{way:8} {name:9} {value:8.1f}   (at most {TARGETS[name]:g})"

    def missed(self) -> list[str]:
        """Return, in sentences, which targets were missed."""
        return [
            f"{way}: {name} is {value:.0f}, and should be at most {TARGETS[name]:g}"
            for way, figures in self.found.items()
            for name, value in figures.items()
            if value > TARGETS[name]
        ]

    def as_json(self) -> str:
        """Return it for programs, in one line."""
        return json.dumps(self.found)


def measure(say: Callable[[str], None]) -> Outcome:
    """Measure each way in a process of its own.

    Raises:
        BenchFailed: One of them did not end well.
    """
    found = {}
    for way, groups in WAYS.items():
        say(f"{JOBS} jobs in {groups} groups")
        found[way] = measured_elsewhere("eliot.bench.queue", groups, JOBS)
    return Outcome(found)


def _measure_here(groups: int, jobs: int) -> dict[str, float]:
    from django.test import Client
    from django.urls import reverse

    from eliot.launch.memory import settle
    from farm_app import planning
    from farm_app.queue.entries import read_queue

    _queue(groups, jobs)
    settle()  # as every process that plans or serves pages does
    person = Client(HTTP_HOST="127.0.0.1", HTTP_HX_REQUEST="true")
    keys = [entry.key for entry in read_queue().turns]
    rows = iter(keys[len(keys) // 2 :] * TIMES)

    def press() -> None:
        expect_page(person.post(reverse("farm:queue_front", args=[next(rows)])))

    return {
        "plan_ms": _median_ms(planning.draw_plan),
        "page_ms": _median_ms(lambda: expect_page(person.get(reverse("farm:nodes"), follow=True))),
        "press_ms": _median_ms(press),
    }


def _median_ms(do: Callable[[], Any]) -> float:
    return round(median_ms(do, TIMES), 1)


def _queue(groups: int, jobs: int) -> None:
    from farm_app.models import GpuNode, Job, JobGroup, Priority, WorkflowTemplate
    from farm_app.models.nodes import Health, Tier
    from farm_app.seeding import seed_workflows
    from gallery_app.models import Library

    seed_workflows()
    version = WorkflowTemplate.objects.get(slug="sd15_txt2img").current
    facts = {"host": "127.0.0.1", "capabilities": ["sd15"], "health": Health.READY}
    GpuNode.objects.bulk_create(
        GpuNode(
            slug=f"gpu-{n:02}", port=20_000 + n, tier=Tier.values[n % len(Tier.values)], **facts
        )
        for n in range(NODES)
    )
    asked = {"version": version, "family": "sd15", "share_key": "api", "priority": Priority.BULK}
    made = JobGroup.objects.bulk_create(
        JobGroup(label=f"Group {n}", **asked) for n in range(groups)
    )
    library, each = Library.default(), jobs // groups
    values = {"prompt": "a lighthouse", "steps": 20, "width": 512, "height": 512}
    Job.objects.bulk_create(
        Job(
            group=group,
            ordinal=n,
            seed=str(n),
            shape="a1",
            values=values,
            library=library,
            destination=f"{group.pk}/{n}.png",
        )
        for group in made
        for n in range(each)
    )


if __name__ == "__main__":
    measure_here(lambda groups, jobs: _measure_here(int(groups), int(jobs)))
