"""What flows between nodes: models, words, latents, pictures; and what it takes to make them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from PIL import Image

from farm_app.demo.folders import Folders
from farm_app.demo.inventory import Inventory

Picture = Image.Image


class Painter(Protocol):
    """Draws; ``farm_app.demo.painter`` is one."""

    def paint(self, prompt: str, negative: str, seed: int, width: int, height: int) -> Picture:
        """Draw a picture from words and a seed; the same words and seed give the same."""

    def repaint(
        self,
        source: Picture,
        prompt: str,
        negative: str,
        seed: int,
        denoise: float,
        width: int,
        height: int,
    ) -> Picture:
        """Draw over a picture; the lower ``denoise``, the more of it stays."""

    def preview(self, picture: Picture, fraction: float, seed: int) -> Picture:
        """Show how far a picture is: small, and noisy while ``fraction`` is low."""

    def enlarge(self, picture: Picture, factor: float) -> Picture:
        """Enlarge as an upscale model does."""

    def label(self, picture: Picture, text: str) -> Picture:
        """Stamp a small label into a corner."""


@dataclass(frozen=True)
class Model:
    """A diffusion model with what was stacked upon it."""

    family: str
    name: str
    loras: tuple[str, ...] = ()


@dataclass(frozen=True)
class Named:
    """A text encoder, a VAE or an upscale model."""

    kind: str
    name: str
    family: str = "sd15"


@dataclass(frozen=True)
class Conditioning:
    """Encoded words; here, the words."""

    text: str


@dataclass(frozen=True)
class Latent:
    """A latent batch; ``pictures`` is None while it is empty."""

    width: int
    height: int
    batch: int
    pictures: tuple[Picture, ...] | None = None
    family: str | None = None

    def __str__(self) -> str:
        """Return what an error event shows instead of numbers."""
        shape = [self.batch, 4, self.height // 8, self.width // 8]
        return f"{{'samples': tensor(..., size={shape})}}"


@dataclass(frozen=True)
class Pictures:
    """An IMAGE: a batch of pictures."""

    batch: tuple[Picture, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the first."""
        return self.batch[0].size

    def __str__(self) -> str:
        """Return what an error event shows instead of numbers."""
        width, height = self.size
        return f"tensor(..., size=({len(self.batch)}, {height}, {width}, 3))"


@dataclass(frozen=True)
class Product:
    """What a node made: its outputs, and what an output node is about to show."""

    values: tuple[Any, ...] = ()
    files: tuple[bytes, ...] = ()
    size: tuple[int, int] = (0, 0)
    text: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Studio:
    """What nodes draw with, for one prompt."""

    painter: Painter
    folders: Folders
    inventory: Inventory
    node_name: str
    chunks: Mapping[str, Any] = field(default_factory=dict)
    """Text chunks of every saved PNG."""
