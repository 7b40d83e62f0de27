"""Looking at addresses that somebody typed: is a ComfyUI there, and what has it? Rows are written as answers come."""

import time
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.text import slugify

from eliot.writing import written
from farm_app import families, nudges
from farm_app.addresses import Address
from farm_app.comfy.client import ComfyClient, Inventory, SystemStats
from farm_app.comfy.errors import BadResponse, ComfyError, NeedsCredentials, Unreachable
from farm_app.comfy.names import NameUnknown
from farm_app.models import GpuNode, NodeProbe
from farm_app.models.nodes import Tier

AT_ONCE: Final = 16
CONNECT_S: Final = 1.5
ANSWER_S: Final = 4.0
INVENTORY_S: Final = 20.0
# Nobody took it up in this time: the workers are busy, or there are none.
PATIENCE: Final = timedelta(seconds=40)
KEPT: Final = timedelta(days=1)
MOST_A_MINUTE: Final = 20
_TIERS: Final = ((15.5, Tier.PREMIUM), (9.5, Tier.QUALITY), (5.5, Tier.STANDARD))
# Below so many gigabytes; a larger card is asked for any size.
_LONGEST: Final = ((5.5, 768), (7.5, 1024), (15.5, 1536), (23.0, 2048))
_ADVICE: Final = (
    (
        NeedsCredentials,
        "Let this machine through without a password, or give the address behind it.",
    ),
    (BadResponse, "Check the port: ComfyUI's usual one is 8188."),
    (Unreachable, "Start ComfyUI there with --listen, and see that no firewall is between."),
)

_NO_NAME: Final = "Check the spelling, or use the machine's address, such as 192.168.0.20."


class TooMany(Exception):
    """So many searches in a minute are no person's."""


def begin(addresses: Sequence[Address]) -> str:
    """Write down what is to be looked at, and nudge a worker; returns the name of the search.

    Raises:
        TooMany: Others were begun a moment ago.
    """
    recent = NodeProbe.objects.filter(created__gte=timezone.now() - timedelta(minutes=1))
    if recent.values("search").distinct().count() >= MOST_A_MINUTE:
        raise TooMany
    search = uuid.uuid4().hex
    with written():
        NodeProbe.objects.bulk_create(
            NodeProbe(search=search, host=host, port=port) for host, port in addresses
        )
    nudges.look_at_addresses(search)
    return search


def look(search: str) -> None:
    """Look at every address of a search, some at once, and write each answer down as it comes."""
    asked = list(NodeProbe.objects.filter(search=search, state=NodeProbe.State.ASKED))
    if not asked:
        return
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="search") as pool:
        looks = {pool.submit(look_at, probe.origin): probe for probe in asked}
        for done in as_completed(looks):
            _note(looks[done], *done.result())


def _note(probe: NodeProbe, facts: dict[str, Any], sentence: str) -> None:
    state = NodeProbe.State.FAILED if sentence else NodeProbe.State.FOUND
    with written():
        NodeProbe.objects.filter(pk=probe.pk).update(
            state=state, facts=facts, sentence=sentence[:300]
        )


def look_at(origin: str) -> tuple[dict[str, Any], str]:
    """Ask one address what it is; returns what was found, or why nothing was, in a sentence. Reads no rows."""
    try:
        with ComfyClient(origin, connect_timeout_s=CONNECT_S, read_timeout_s=ANSWER_S) as client:
            stats = client.system_stats()
            began = time.monotonic()
            client.queue_remaining()
            latency_ms = (time.monotonic() - began) * 1000
        with ComfyClient(origin, connect_timeout_s=CONNECT_S, read_timeout_s=INVENTORY_S) as client:
            inventory = client.inventory()
    except ComfyError as fault:
        advice = next((said for kind, said in _ADVICE if isinstance(fault, kind)), "")
        advice = _NO_NAME if _is_name_unknown(fault) else advice
        return {"answers": not isinstance(fault, Unreachable)}, f"{fault.sentence} {advice}".strip()
    except ValueError:  # what no resolver takes for a name
        return {}, "There can be no such host."
    return facts_of(stats, inventory, latency_ms), ""


def _is_name_unknown(fault: BaseException | None) -> bool:
    """Say whether it was for want of an address that nobody answered."""
    while fault is not None:
        if isinstance(fault, NameUnknown):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def facts_of(stats: SystemStats, inventory: Inventory, latency_ms: float) -> dict[str, Any]:
    """Return what a page shows of a node that was found, and what is suggested for it, as plain JSON."""
    checkpoints = inventory.models.get("checkpoints", ())
    guessed = Counter(family for name in checkpoints if (family := families.guess(name)))
    vram_gb = round(stats.vram_total_gb or 0.0, 1)
    return {
        "version": stats.version,
        "device": stats.device,
        "card": card_name(stats.device),
        "os": stats.os,
        "vram_gb": vram_gb,
        "latency_ms": round(latency_ms, 1),
        "checkpoints": len(checkpoints),
        "families": dict(guessed),
        "fitting": [
            one for one in guessed if not vram_gb or families.FAMILIES[one].vram_gb <= vram_gb
        ],
        "can_upscale": bool(inventory.models.get("upscale_models")),
        "tier": tier_for(vram_gb),
        "longest": longest_for(vram_gb),
    }


def tier_for(vram_gb: float) -> str:
    """Guess from its memory how strong a card is; what it shows soon counts for more."""
    return next((tier for least, tier in _TIERS if vram_gb >= least), Tier.DRAFT).value


def longest_for(vram_gb: float) -> int | None:
    """Guess from its memory the longest side in pixels that a card should be asked for; None for any."""
    if not vram_gb:
        return None
    return next((side for below, side in _LONGEST if vram_gb < below), None)


def card_name(device: str) -> str:
    """Return what people call a card: ``cuda:0 NVIDIA GeForce RTX 3060 : cudaMallocAsync`` is an RTX 3060."""
    name = device.partition(" : ")[0]
    if name.startswith(("cuda:", "mps", "xpu:", "cpu")):
        name = name.partition(" ")[2]
    return name.replace("NVIDIA ", "").replace("GeForce ", "").strip()[:80]


def free_name(wanted: str) -> str:
    """Return a name like the wanted one that no node has."""
    base = slugify(wanted)[:50] or "node"
    taken = set(GpuNode.objects.filter(slug__startswith=base).values_list("slug", flat=True))
    numbered = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(one for one in numbered if one not in taken)


def is_given_up(probe: NodeProbe) -> bool:
    """Say whether nobody has looked for so long that somebody should be told."""
    return probe.state == NodeProbe.State.ASKED and timezone.now() - probe.created > PATIENCE


def prune() -> None:
    """Forget old searches."""
    NodeProbe.objects.filter(created__lt=timezone.now() - KEPT).delete()
