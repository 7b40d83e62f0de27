"""Rows for tests, as plain functions with keyword defaults: nodes, sessions, orders, pictures."""

import io
from collections.abc import Iterable, Sequence
from copy import copy
from typing import Any

from django.db import transaction
from django.utils import timezone
from PIL import Image

from farm_app import families
from farm_app.models import (
    Attempt,
    GpuNode,
    Job,
    JobOutput,
    NodeModel,
    TemplateVersion,
    WorkflowTemplate,
)
from farm_app.models.nodes import Health
from farm_app.models.states import AttemptState, JobState
from farm_app.seeding import seed_workflows
from gallery_app.models import MediaFacts, MediaFile
from gallery_app.names import path_key
from sessions_app.models import Generation, Round, WorkSession
from sessions_app.order import Order, place_round

FOUR_CARDS: dict[str, dict[str, Any]] = {
    "gpu-premium": {"tier": "premium", "vram_gb": 16, "max_resolution": 1536},
    "gpu-quality": {"tier": "quality", "vram_gb": 8, "max_resolution": 1024},
    "gpu-standard": {"tier": "standard", "vram_gb": 12, "max_resolution": 1024},
    "gpu-draft": {"tier": "draft", "vram_gb": 4, "max_resolution": 512},
}


_workflows: list[tuple[list[WorkflowTemplate], list[TemplateVersion]]] = []


def workflows() -> None:
    """Seed the workflow templates; the files are read once for all tests."""
    if not _workflows:
        seed_workflows()
        _workflows.append(
            (list(WorkflowTemplate.objects.all()), list(TemplateVersion.objects.all()))
        )
        return
    templates, versions = _workflows[0]
    with transaction.atomic():  # they name each other
        WorkflowTemplate.objects.bulk_create(copy(one) for one in templates)
        TemplateVersion.objects.bulk_create(copy(one) for one in versions)


def node(
    slug: str = "gpu-a", *, has: Sequence[str] = ("sd15",), upscales: bool = False, **fields: Any
) -> GpuNode:
    """Make the row of a node that was looked at and answers; no process stands behind it."""
    now = timezone.now()
    facts = {
        "host": "127.0.0.1",
        "port": 30_000 + GpuNode.objects.count(),
        "capabilities": [*has, *(["upscale"] if upscales else [])],
        "vram_gb": 8,
        "health": Health.READY,
        **dict.fromkeys(("health_checked_at", "seen_at", "inventory_at"), now),
        **fields,
    }
    made = GpuNode.objects.create(slug=slug, **facts)
    for family in has:
        model_file(made, f"{family}-base.safetensors", family=family)
    if upscales:
        model_file(made, "4x-UltraSharp.pth", folder="upscale_models")
    return made


def model_file(
    on: GpuNode, name: str, *, folder: str = "checkpoints", family: str = "", **fields: Any
) -> NodeModel:
    """Put a model file on a node."""
    key = families.model_key(name)
    return NodeModel.objects.create(
        node=on, folder=folder, name=name, key=key, family=family, **fields
    )


def four_cards() -> list[GpuNode]:
    """Make the rows of four unequal cards; the weakest has SD 1.5 only, the strongest upscales."""
    return [
        node(
            slug,
            has=("sd15",) if slug == "gpu-draft" else ("sd15", "sdxl"),
            upscales=slug == "gpu-premium",
            **fields,
        )
        for slug, fields in FOUR_CARDS.items()
    ]


def session(title: str = "Lighthouse", **fields: Any) -> WorkSession:
    """Begin a session with the default funnel."""
    made = WorkSession.begin(title=title)
    for name, value in fields.items():
        setattr(made, name, value)
    made.save()
    return made


def order(count: int = 1, **changes: Any) -> Order:
    """Describe drafts of a lighthouse; ``values`` are changed one by one."""
    values = {
        "prompt": "a lighthouse",
        "negative": "fog",
        "steps": 10,
        "cfg": 7.0,
        "sampler": "euler",
        "scheduler": "normal",
        "width": 512,
        "height": 512,
        "checkpoint": "",
        **changes.pop("values", {}),
    }
    facts = {"stage": 0, "stage_name": "Drafts", "family": "sd15", "work": "draft", **changes}
    return Order(count=count, values=values, **facts)


def placed(count: int = 1, *, of: WorkSession | None = None, **changes: Any) -> Round:
    """Place an order, by default in a session of its own."""
    return place_round(of or session(), order(count, **changes))


def takes(of: Round) -> list[Generation]:
    """Return a round's pictures in order, freshly read as pages read them."""
    return list(of.generations.with_pictures().order_by("number"))


def finish(
    generations: Iterable[Generation], *, flag: str = "", on: GpuNode | None = None
) -> list[MediaFile]:
    """Give each one a picture, as if a node had made it; rows only, no files."""
    found = list(generations)
    by = on or GpuNode.objects.first() or node()
    files = [_media_file(one, flag) for one in found]
    attempts = [_attempt(one, by, file) for one, file in zip(found, files, strict=True)]
    MediaFile.objects.bulk_create(files)
    Attempt.objects.bulk_create(attempts)
    MediaFacts.objects.bulk_create(_facts(one) for one in files)
    JobOutput.objects.bulk_create(
        JobOutput(job=one.job, ordinal=0, media_file=file)
        for one, file in zip(found, files, strict=True)
    )
    for one, attempt in zip(found, attempts, strict=True):
        job = Job.objects.filter(pk=one.job_id)
        now = timezone.now()
        job.update(state=JobState.DONE, winner=attempt, seconds=0.5, finished=now, fence=1)
    return files


def _attempt(one: Generation, by: GpuNode, file: MediaFile) -> Attempt:
    return Attempt(
        job=one.job,
        node=by,
        origin=by.origin,
        fence=1,
        state=AttemptState.COMMITTED,
        media_file=file,
    )


def _media_file(one: Generation, flag: str) -> MediaFile:
    path = one.job.destination
    return MediaFile(
        library=one.job.library,
        path=path,
        path_key=path_key(path),
        flag=flag,
        placed_at=timezone.now(),
    )


def _facts(file: MediaFile) -> MediaFacts:
    return MediaFacts(
        media_file=file,
        sha256_file=file.pk.hex * 2,
        size_bytes=1,
        mime="image/png",
        width=512,
        height=512,
    )


def pictures(count: int = 1, *, flag: str = "", **changes: Any) -> list[Generation]:
    """Place an order and give each of it a picture."""
    made = placed(count, **changes)
    finish(takes(made), flag=flag)
    return takes(made)


def second_output(one: Generation, *, flag: str = "") -> MediaFile:
    """Give a finished one a further file, as a workflow with two save nodes does."""
    path = f"{one.job.destination}.mask.png"
    file = MediaFile.objects.create(
        library=one.job.library,
        path=path,
        path_key=path_key(path),
        flag=flag,
        placed_at=timezone.now(),
    )
    JobOutput.objects.create(job=one.job, ordinal=1, role="mask", media_file=file)
    return file


def on_disk(picture: MediaFile) -> MediaFile:
    """Put a small file where the row says that it is."""
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    picture.absolute_path.parent.mkdir(parents=True, exist_ok=True)
    picture.absolute_path.write_bytes(out.getvalue())
    return picture


def running(
    one: Generation, *, on: GpuNode | None = None, state: AttemptState = AttemptState.RUNNING
) -> Attempt:
    """Let a node work on it: the attempt is on the node, or its picture on the way home."""
    by = on or GpuNode.objects.first() or node()
    attempt = Attempt.objects.create(
        job=one.job, node=by, origin=by.origin, fence=one.job.fence + 1, state=state
    )
    is_made = state in (AttemptState.PRODUCED, AttemptState.FETCHED, AttemptState.PLACED)
    Job.objects.filter(pk=one.job_id).update(
        state=JobState.STORING if is_made else JobState.RUNNING, fence=attempt.fence
    )
    one.job.refresh_from_db()
    return attempt


def failed(one: Generation, reason: str = "The node ran out of memory.") -> None:
    """Let it fail with a reason and an advice."""
    one.job.move(JobState.FAILED, reason, reason=reason, advice="Choose a smaller size.")
