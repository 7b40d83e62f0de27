"""The demo farm's pictures: procedural film stills that follow words, seed and size."""

from farm_app.demo.painter.again import enlarge, repaint
from farm_app.demo.painter.label import label
from farm_app.demo.painter.preview import preview
from farm_app.demo.painter.still import paint

__all__ = ["enlarge", "label", "paint", "preview", "repaint"]
