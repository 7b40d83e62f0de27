"""Placing what a program asks for: the request, its groups and its jobs in one transaction, and only once."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError
from django.utils import timezone

from eliot.writing import written
from farm_app.adhoc import kept
from farm_app.api.entrance import Caller
from farm_app.api.errors import Fault, Refused, invalid
from farm_app.api.reading import Errand, Reader, nodes_called, require_possible
from farm_app.api.schemas import GroupPosted, JobPosted, Posted
from farm_app.asking import Wanted, ask, recipe_of
from farm_app.models import GpuNode, JobGroup, JobRequest
from farm_app.models.jobs import NodeMode
from farm_app.models.requests import Kind
from farm_app.parameters import WrongValue, exact_seed
from farm_app.seed_strategies import SEED_LIMIT, SeedStrategy, draw_seed, seeds

MOST_METADATA: Final = 16_000
_MODES: Final = {"none": NodeMode.ONLY, "any": NodeMode.PREFER}


@dataclass(frozen=True)
class Pile:
    """Children that go to the same node, or to any, with their seeds."""

    node_mode: str
    node: GpuNode | None
    seeds: Sequence[str]


def place_job(posted: JobPosted, caller: Caller) -> tuple[JobRequest, bool]:
    """Place one job; say whether it is new.

    Raises:
        Refused: Something in it is wrong, or its key stands for another request.
    """
    digest = _digest(Kind.JOB, posted)
    known = _known(caller, posted.idempotency_key, digest)
    if known is not None:
        return known, False
    _require_small(posted.metadata)
    errand = Reader(posted, caller).errand()
    mode, node = NodeMode.ANY, None
    if posted.affinity is not None:
        (node,) = nodes_called([posted.affinity.node], "affinity.node")
        mode = _MODES[posted.affinity.fallback]
    require_possible(errand, node_mode=mode, node=node, at="", node_field="affinity.node")
    request = _request(Kind.JOB, posted, caller, digest)
    return _placed(request, errand, [Pile(mode, node, [errand.seed])], caller, posted.timeout_s)


def place_group(posted: GroupPosted, caller: Caller) -> tuple[JobRequest, bool]:
    """Place a job group; say whether it is new.

    Raises:
        Refused: Something in it is wrong, or its key stands for another request.
    """
    digest = _digest(Kind.GROUP, posted)
    known = _known(caller, posted.idempotency_key, digest)
    if known is not None:
        return known, False
    _require_small(posted.metadata)
    if "seed" in posted.job.parameters:
        raise invalid([Fault("job.parameters.seed", "The seeds of a group follow from `seeds`.")])
    errand = Reader(posted.job, caller, "job.").errand()
    nodes = [] if posted.nodes == "any" else _nodes(posted)
    count = len(nodes) or posted.count or 1
    if count > 1 and not errand.takes_seed and not nodes:
        said = "The workflow has no seed, so all its pictures would be the same one."
        raise invalid([Fault("count", said, "1")])
    base = _base(posted)
    drawn = seeds(SeedStrategy(posted.seeds.strategy), count, base)
    piles = _piles(posted, nodes, drawn if errand.takes_seed else [""] * count)
    for pile in piles:
        require_possible(
            errand, node_mode=pile.node_mode, node=pile.node, at="job.", node_field="nodes"
        )
    request = _request(Kind.GROUP, posted, caller, digest)
    request.asked["seeds"]["base"] = str(base)  # the drawn one, too, so that it can be told
    return _placed(request, errand, piles, caller, posted.timeout_s)


def _nodes(posted: GroupPosted) -> list[GpuNode]:
    if not posted.nodes:
        raise invalid([Fault("nodes", "Name at least one, or say any.", "any")])
    nodes = nodes_called(posted.nodes, "nodes")
    if posted.count not in (None, len(nodes)):
        made = (
            "One node makes one child"
            if len(nodes) == 1
            else f"{len(nodes)} nodes make {len(nodes)} children, one each"
        )
        said = f"{made}; leave the count out."
        raise invalid([Fault("count", said, str(len(nodes)))])
    return nodes


def _base(posted: GroupPosted) -> int:
    given = posted.seeds.base
    if given is None:
        return draw_seed()
    try:
        text = str(exact_seed(given))
    except WrongValue as fault:
        raise invalid([Fault("seeds.base", str(fault))]) from fault
    is_whole = text.isascii() and text.isdecimal() and len(text) <= 20
    if not is_whole or int(text) >= SEED_LIMIT:
        said = f"A whole number from 0 to {SEED_LIMIT - 1}, or nothing for a random one."
        raise invalid([Fault("seeds.base", said)])
    return int(text)


def _piles(posted: GroupPosted, nodes: Sequence[GpuNode], drawn: Sequence[str]) -> list[Pile]:
    if not nodes:
        return [Pile(NodeMode.ANY, None, drawn)]
    mode = _MODES[posted.fallback]
    return [Pile(mode, node, [seed]) for node, seed in zip(nodes, drawn, strict=True)]


def _digest(kind: Kind, posted: Posted) -> str:
    text = json.dumps([kind.value, posted.model_dump()], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _require_small(metadata: dict[str, Any]) -> None:
    size = len(json.dumps(metadata))
    if size > MOST_METADATA:
        raise invalid([Fault("metadata", f"{size:,} bytes; at most {MOST_METADATA:,}.")])


def _request(
    kind: Kind, posted: JobPosted | GroupPosted, caller: Caller, digest: str
) -> JobRequest:
    return JobRequest(
        kind=kind,
        owner=caller.user,
        key=posted.idempotency_key,
        digest=digest,
        asked=posted.model_dump(exclude={"metadata"}),
        metadata=posted.metadata,
    )


def _known(caller: Caller, key: str, digest: str) -> JobRequest | None:
    """Return the request that was accepted under this key.

    Raises:
        Refused: That was another one.
    """
    found = JobRequest.objects.filter(owner=caller.user, key=key).first() if key else None
    if found is not None and found.digest != digest:
        said = "This key stands for another request already."
        raise Refused(409, "conflict", said, [Fault("idempotency_key", said)])
    return found


def _placed(
    request: JobRequest,
    errand: Errand,
    piles: Sequence[Pile],
    caller: Caller,
    timeout_s: float | None,
) -> tuple[JobRequest, bool]:
    for is_last in (False, True):
        try:
            with written():
                request.save(force_insert=True)
                _write(request, errand, piles, caller, timeout_s)
        except IntegrityError:  # the same request, or the same new graph, came at the same moment
            known = _known(caller, request.key, request.digest)
            if known is not None:
                return known, False
            if is_last:
                raise
            request.pk = None
        else:
            break
    return request, True


def _write(
    request: JobRequest,
    errand: Errand,
    piles: Sequence[Pile],
    caller: Caller,
    timeout_s: float | None,
) -> None:
    version = kept(errand.version)
    deadline = None if timeout_s is None else request.created + timedelta(seconds=timeout_s)
    recipe = recipe_of(version, errand.family, errand.values, {})
    place = 0
    for pile in piles:
        group = JobGroup.objects.create(
            version=version,
            family=errand.family,
            label=errand.label,
            share_key=caller.share_key,
            owner=caller.user,
            priority=errand.priority,
            work=errand.work,
            node_mode=pile.node_mode,
            node=pile.node,
            tags=list(errand.tags),
            request=request,
        )
        wanted = [
            Wanted(seed=seed, destination=_path(request, place + number), source=errand.source)
            for number, seed in enumerate(pile.seeds)
        ]
        place += len(wanted)
        ask(group, errand.values, wanted, recipe=recipe, deadline=deadline)


def _path(request: JobRequest, place: int) -> str:
    day = timezone.localtime(request.created).strftime("%Y-%m-%d")
    number = f"-{place + 1:03d}" if request.kind == Kind.GROUP else ""
    return f"jobs/{day}/{request.pk:06d}{number}.png"
