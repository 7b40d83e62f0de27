"""What the nodes of this farm can do, as far as pages offer it."""

from eliot.live import kept_briefly
from farm_app.models import NodeModel


@kept_briefly(1.0)
def can_upscale() -> bool:
    """Say whether some node has an upscale model."""
    return NodeModel.objects.on_hand().filter(folder="upscale_models").exists()
