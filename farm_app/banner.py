"""The one thing to know about the farm before all else, with the next step."""

from django.db.models import Count, Q
from django.urls import reverse

from farm_app.found import found_node
from farm_app.models import GpuNode
from farm_app.models.nodes import Health


def banner() -> dict[str, str] | None:
    """Return the banner that every page shows, or None when all is well."""
    seen = GpuNode.objects.enabled().aggregate(
        all=Count("pk"),
        demo=Count("pk", filter=Q(is_demo=True)),
        up=Count("pk", filter=Q(health__in=(Health.READY, Health.UNKNOWN))),
    )
    add = reverse("admin:farm_app_gpunode_add")
    origin = found_node()
    if origin is not None:
        return {
            "kind": "found",
            "title": "A ComfyUI answers on this machine",
            "text": f"It is at {origin}. Add it, and your own GPU does the rendering.",
            "action_url": f"{add}?slug=this-machine&host=127.0.0.1&port=8188",
            "action_label": "Add this ComfyUI",
        }
    if not seen["all"]:
        return {
            "kind": "offline",
            "title": "No nodes yet",
            "text": "Eliot renders on machines that run ComfyUI. Add the first one.",
            "action_url": add,
            "action_label": "Add a node",
        }
    if not seen["up"]:
        return {
            "kind": "offline",
            "title": "No node answers",
            "text": "Whatever you ask for is kept and starts as soon as one is back.",
            "action_url": reverse("admin:farm_app_gpunode_changelist"),
            "action_label": "Look at the nodes",
        }
    if seen["demo"] == seen["all"]:
        many = {
            1: "One pretend node draws",
            2: "Two pretend nodes draw",
            3: "Three pretend nodes draw",
            4: "Four pretend nodes draw",
        }.get(seen["all"], f"{seen['all']} pretend nodes draw")
        return {
            "kind": "demo",
            "title": "Demo farm",
            "text": f"{many} labelled pictures; no GPU needed.",
            "action_url": add,
            "action_label": "Add a real node",
        }
    return None
