"""Asking for pictures: the one place where jobs come from, for pages, commands and programs alike."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from eliot import live
from farm_app import nudges
from farm_app.models import Job, JobEvent, JobGroup, TemplateVersion
from farm_app.models.jobs import share_group
from farm_app.needs import shape_of
from gallery_app.models import Library, MediaFile

_RECIPE_VALUES: Final = (
    "prompt",
    "negative",
    "steps",
    "cfg",
    "sampler",
    "scheduler",
    "denoise",
    "width",
    "height",
)


@dataclass(frozen=True)
class Wanted:
    """One picture of a group, as far as it differs from the others.

    Attributes:
        seed: Text; empty where the template takes none.
        destination: Wanted path in the library.
        recipe: What its file will say beside what all of them say.
        source: The picture that it starts from.
    """

    seed: str
    destination: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    source: MediaFile | None = None


def ask(
    group: JobGroup,
    values: Mapping[str, Any],
    wanted: Sequence[Wanted],
    *,
    recipe: Mapping[str, Any],
    deadline: datetime | None = None,
    sentence: str = "Asked for.",
) -> list[Job]:
    """Queue a job for each wanted picture, and nudge nodes and pages when that is committed.

    Runs in the caller's transaction, in which the group was saved.

    Args:
        group: What they have in common; it has no jobs yet.
        values: Template parameters that all pictures share; the seed is added.
        wanted: In the order in which they are asked for.
        recipe: What is written into every file.
        deadline: Whatever is not made by then is given up.
        sentence: What the first event of each says.
    """
    takes_seed = "seed" in group.version.parameters
    shape = shape_of(group.version, group.family, values, group.tags)
    library = Library.default()
    now = timezone.now()
    jobs = [
        Job(
            group=group,
            ordinal=place,
            values={**values, **({"seed": one.seed} if takes_seed else {})},
            seed=one.seed,
            shape=shape,
            recipe={**recipe, "seed": one.seed, "parents": _parents(one), **one.recipe},
            library=library,
            destination=one.destination,
            source=one.source,
            deadline=deadline,
        )
        for place, one in enumerate(wanted)
    ]
    Job.objects.bulk_create(jobs)
    JobEvent.objects.bulk_create(
        JobEvent(job=job, after=job.state, sentence=sentence, at=now) for job in jobs
    )
    share = share_group(group.share_key)
    transaction.on_commit(lambda: live.publish(share, "page.changed"))
    nudges.idle_nodes_on_commit()
    return jobs


def _parents(one: Wanted) -> list[str]:
    return [str(one.source.pk)] if one.source else []


def recipe_of(
    version: TemplateVersion, family: str, values: Mapping[str, Any], said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is known of the recipes when they are asked for; the farm adds who made each, and when.

    Args:
        version: What draws them.
        family: The model family; empty if none is known.
        values: The template's parameters, as the node gets them.
        said: What the asker said, which wins; the template may have no use for some of it.
    """
    told = {**values, **said}
    if "guidance" in values:  # the one that was used; cfg only stands beside it
        told["cfg"] = values["guidance"]
    return {
        "v": 1,
        **{name: told[name] for name in _RECIPE_VALUES if told.get(name) is not None},
        "family": family,
        "model": str(values.get("checkpoint") or values.get("upscale_model") or ""),
        "loras": [],
        "template": version.template.slug,
        "template_version": version.number,
    }
