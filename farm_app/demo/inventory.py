"""Which model files a demo node has, spelt the way its owner keeps them."""

import re
from pathlib import Path, PurePosixPath

from farm_app import families
from farm_app.demo.spec import IMAGE_FAMILIES, NodeSpec

FOLDERS = (
    "checkpoints",
    "configs",
    "loras",
    "vae",
    "text_encoders",
    "diffusion_models",
    "clip_vision",
    "style_models",
    "embeddings",
    "controlnet",
    "upscale_models",
)

MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "sd15": {
        "checkpoints": ("v1-5-pruned-emaonly.safetensors", "dreamshaper_8.safetensors"),
        "vae": ("vae-ft-mse-840000-ema-pruned.safetensors",),
        "loras": ("add_detail.safetensors", "film_grain_15.safetensors"),
        "embeddings": ("easynegative.safetensors",),
    },
    "sdxl": {
        "checkpoints": ("sd_xl_base_1.0.safetensors", "juggernautXL_v9.safetensors"),
        "vae": ("sdxl_vae.safetensors",),
        "loras": ("film_grain_xl.safetensors", "cinematic_light_xl.safetensors"),
    },
    "pony": {
        "checkpoints": ("ponyDiffusionV6XL.safetensors",),
        "loras": ("pony_line_art.safetensors",),
    },
    "illustrious": {"checkpoints": ("illustriousXL_v01.safetensors",)},
    "flux": {
        "checkpoints": ("flux1-dev-fp8.safetensors",),
        "diffusion_models": ("flux1-dev-fp8.safetensors", "flux1-schnell-fp8.safetensors"),
        "text_encoders": ("clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"),
        "vae": ("ae.safetensors",),
        "loras": ("flux_realism.safetensors",),
    },
    "upscale": {"upscale_models": ("4x-UltraSharp.pth", "RealESRGAN_x4plus.pth")},
}

SORTED_INTO_FOLDERS = re.compile(r"juggernaut|dreamshaper|schnell|_xl\.|_15\.|line_art|realism")
"""Which files a tidy owner moved; the others lie where the download put them."""


class Inventory:
    """The model files of one node: what its families bring, and what lies in its folder.

    A file put into ``<folder>/models/<kind>/`` shows up at once, as on a real server.
    """

    def __init__(self, spec: NodeSpec) -> None:
        """Spell the bundled names in the node's own layout."""
        self.root = spec.folder / "models"
        self.layout = spec.layout
        self._families: dict[str, str] = {}
        self._bundled: dict[str, list[str]] = {kind: [] for kind in FOLDERS}
        for family in spec.families:
            for kind, names in MODELS[family].items():
                for name in names:
                    self._families[name] = family
                    self._bundled[kind].append(self._spelt(family, name))

    def _spelt(self, family: str, name: str) -> str:
        if self.layout == "flat" or not SORTED_INTO_FOLDERS.search(name):
            return name
        return f"{family}\\{name}" if self.layout == "windows" else f"{family}/{name}"

    def names(self, kind: str) -> list[str]:
        """Names of one kind, sorted as the server sorts them."""
        return sorted({*self._bundled.get(kind, ()), *self._dropped(kind)})

    def _dropped(self, kind: str) -> list[str]:
        base = self.root / kind
        if not base.is_dir():
            return []
        found = [path.relative_to(base) for path in base.rglob("*") if path.is_file()]
        separator = "\\" if self.layout == "windows" else "/"
        return [separator.join(path.parts) for path in found]

    def path(self, kind: str, name: str) -> Path | None:
        """Where a dropped-in file lies; None for a bundled name, which has no bytes."""
        path = self.root / kind / name.replace("\\", "/")
        return path if path.is_file() else None

    def family(self, name: str) -> str:
        """The family of a model, by its bundled entry or by what its name says."""
        base = PurePosixPath(name.replace("\\", "/")).name
        known = self._families.get(base)
        return known if known in IMAGE_FAMILIES else families.guess(base) or IMAGE_FAMILIES[0]
