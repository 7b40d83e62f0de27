"""How a node's GPU is at this moment, as far as the node tells: in the cache only, gone when it is old."""

from typing import Final

from django.core.cache import cache

from farm_app.comfy.monitors import Monitored

# Node packs tell every second or two while somebody listens; what is older says nothing of now.
FRESH_S: Final = 5


def note(node_id: int, told: Monitored) -> None:
    """Keep what a node pack told."""
    if not told.says_nothing:
        cache.set(_key(node_id), told, FRESH_S)


def latest(node_ids: list[int]) -> dict[int, Monitored]:
    """Return what these nodes told a moment ago, by node."""
    found = cache.get_many([_key(one) for one in node_ids])
    return {int(key.partition(":")[2]): told for key, told in found.items()}


def forget(node_id: int) -> None:
    """Drop it, as of a node that went away."""
    cache.delete(_key(node_id))


def _key(node_id: int) -> str:
    return f"metrics:{node_id}"
