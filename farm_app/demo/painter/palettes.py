"""The colour worlds that a still can be shot in, as data."""

from dataclasses import dataclass, fields, replace
from functools import cached_property

from farm_app.demo.painter.film import light
from farm_app.demo.painter.noise import Field


@dataclass(frozen=True)
class Palette:
    """Colours as the finished film shows them; `night` has stars and a moon for a sun."""

    name: str
    tags: frozenset[str]
    zenith: str
    sky: str
    horizon: str
    sun: str
    cloud: str
    shade: str
    haze: str
    land: str
    lamp: str = "#ffd596"
    accents: tuple[str, str, str] = ("#ff3d68", "#35e0ee", "#ffb347")
    power: float = 1.0  # strength of sun or moon
    night: bool = False
    mono: bool = False
    contrast: float = 0.35
    shadows: str = "#7f7f7f"
    highlights: str = "#7f7f7f"

    @cached_property
    def tones(self) -> "Tones":
        """The same colours as scene light."""
        return Tones(
            zenith=light(self.zenith),
            sky=light(self.sky),
            horizon=light(self.horizon),
            sun=light(self.sun),
            cloud=light(self.cloud),
            shade=light(self.shade),
            haze=light(self.haze),
            land=light(self.land),
            lamp=light(self.lamp),
            accents=tuple(light(accent) for accent in self.accents),
        )


@dataclass(frozen=True, eq=False)
class Tones:
    """A palette as arrays of scene light, each of shape (3, 1, 1)."""

    zenith: Field
    sky: Field
    horizon: Field
    sun: Field
    cloud: Field
    shade: Field
    haze: Field
    land: Field
    lamp: Field
    accents: tuple[Field, ...]

    def tinted(self, other: "Tones", amount: float) -> "Tones":
        """These tones, `amount` 0..1 of the way to others; lamps and accents stay."""
        kept = ("lamp", "accents")
        mixed = {
            one.name: getattr(self, one.name) * (1 - amount) + getattr(other, one.name) * amount
            for one in fields(self)
            if one.name not in kept
        }
        return replace(self, **mixed)


def _tags(words: str) -> frozenset[str]:
    return frozenset(words.split())


PALETTES: tuple[Palette, ...] = (
    Palette(
        "rose", _tags("dawn dusk pink warm soft"),
        "#4d4468", "#a56f88", "#ffc3a0", "#ffd2a2", "#ffae98", "#6a5272", "#c98d8e", "#1b141b",
        shadows="#807c88", highlights="#86807a",
    ),
    Palette(
        "amber", _tags("tungsten dawn dusk golden orange yellow warm sand"),
        "#2f3142", "#8f5f45", "#ffb45c", "#ffd890", "#ffa25c", "#4a3a3d", "#b97f50", "#150e0a",
        shadows="#7a7f86", highlights="#8a8072",
    ),
    Palette(
        "teal-orange", _tags("dawn dusk teal orange cinematic"),
        "#102c38", "#37686f", "#ffb47a", "#ffcb92", "#d8926c", "#234049", "#6b8581", "#0a1113",
        contrast=0.42, shadows="#74828a", highlights="#8a8074",
    ),
    Palette(
        "golden", _tags("tungsten golden dawn day yellow warm sand soft"),
        "#7f8f9c", "#cdae82", "#ffe3a6", "#fff0c4", "#ffe6bc", "#9c8b7c", "#dcc092", "#231a10",
        contrast=0.3, shadows="#86807a", highlights="#86807a",
    ),
    Palette(
        "ice", _tags("dawn day blue cold soft winter"),
        "#38566f", "#86a8bd", "#f3dccb", "#ffe9d6", "#e9d2cb", "#5c7588", "#b4c4cc", "#141b22",
        contrast=0.3, shadows="#788088",
    ),
    Palette(
        "violet", _tags("dusk night purple violet lavender"),
        "#17123a", "#4d3a80", "#f58f96", "#ffc3a8", "#b06a98", "#2b2450", "#7b5f94", "#0c0916",
        shadows="#7a7a8c",
    ),
    Palette(
        "crimson", _tags("dusk red crimson warm fire"),
        "#25060b", "#8a1c1c", "#ff8248", "#ffcf90", "#e0503a", "#3f0e12", "#a8402c", "#110406",
        contrast=0.45, shadows="#86787a", lamp="#ffd080",
    ),
    Palette(
        "green", _tags("dusk day green fluorescence emerald sickly"),
        "#1c2a17", "#5b7343", "#dfe9aa", "#f6ffd6", "#b5c684", "#35442b", "#8a9b68", "#090e08",
        lamp="#f2ffb8", accents=("#7dff9a", "#e9ff7a", "#35e0c0"), shadows="#768478",
    ),
    Palette(
        "blue-night", _tags("night blue moon cold"),
        "#050a20", "#10225a", "#3760aa", "#dbe7ff", "#39568f", "#0c1738", "#25427f", "#03050c",
        power=0.5, night=True, lamp="#ffdba4", shadows="#787c8a",
    ),
    Palette(
        "teal-night", _tags("night teal cyan turquoise moon cold"),
        "#03141a", "#0c3a44", "#3e8c92", "#d5fbf6", "#3a7c82", "#0a262d", "#25626a", "#020809",
        power=0.5, night=True, lamp="#ffe0aa", shadows="#748484",
    ),
    Palette(
        "neon-night", _tags("night neon magenta pink purple city"),
        "#0a0618", "#24103f", "#7e2c78", "#ffd6f2", "#6a2a6a", "#160a2a", "#4a1f5c", "#05030b",
        power=0.4, night=True, accents=("#ff2fa0", "#2fe4ff", "#ffd14a"), shadows="#7c7a8c",
    ),
    Palette(
        "sodium-night", _tags("night orange amber tungsten city warm"),
        "#0c0a0d", "#2a2018", "#8a5a2e", "#ffe0b0", "#6a4a30", "#17120f", "#4d3620", "#060403",
        power=0.35, night=True, accents=("#ff4a3a", "#49d8e8", "#ffb050"), contrast=0.42,
        shadows="#788080",
    ),
    Palette(
        "noon", _tags("day noon blue bright summer"),
        "#2a64a8", "#6fa6d6", "#dcecf3", "#fffbea", "#ffffff", "#9fb3c8", "#b4cad9", "#1c271d",
        contrast=0.3, highlights="#84807a",
    ),
    Palette(
        "overcast", _tags("day snow white soft winter fog bright"),
        "#a3b0bd", "#c9d3da", "#f3f2ee", "#fff7ea", "#f7f8f8", "#a7b2bd", "#dbe2e7", "#2a2f35",
        power=0.45, contrast=0.28,
    ),
    Palette(
        "lagoon", _tags("day blue teal turquoise cyan cold sea"),
        "#03222f", "#0f6b80", "#9be4e0", "#eafff6", "#7fc8cc", "#0b4454", "#3f98a3", "#03141a",
        power=0.7, contrast=0.36,
    ),
    Palette(
        "storm", _tags("day storm grey gray dark fog"),
        "#171d24", "#46525b", "#a9b2ae", "#e4e8df", "#7d8a90", "#20282f", "#6c777b", "#0b0e11",
        power=0.4, contrast=0.42, lamp="#ffc878", shadows="#768086",
    ),
    Palette(
        "tungsten", _tags("interior night tungsten warm orange brown candle"),
        "#140c07", "#4b2d16", "#dd9a4e", "#ffd595", "#a06a36", "#24160c", "#6e4622", "#0b0603",
        power=0.7, contrast=0.42, lamp="#ffb95c", shadows="#84807a",
    ),
    Palette(
        "silver", _tags("dawn dusk day mono silver grey gray white"),
        "#2c2c2d", "#777877", "#e6e5e1", "#ffffff", "#c8c8c5", "#444545", "#9b9b99", "#0c0c0c",
        lamp="#fff4e0", accents=("#f4f4f2", "#c9cac8", "#9b9b9a"), mono=True, contrast=0.48,
    ),
    Palette(
        "noir", _tags("night mono noir black dark"),
        "#070707", "#262626", "#8c8c8a", "#f6f5f2", "#6c6c6b", "#121212", "#484847", "#030303",
        power=0.7, night=True, lamp="#fff2da", accents=("#ffffff", "#c8c8c6", "#a0a09e"),
        mono=True, contrast=0.62,
    ),
    Palette(
        "sepia", _tags("dawn dusk day sepia brown vintage mono"),
        "#3a2d20", "#8d7250", "#f1dcb2", "#fff0cf", "#d8bd90", "#52402c", "#b0946a", "#150e07",
        accents=("#ffe0a8", "#d8b27a", "#b98a52"), contrast=0.42, shadows="#837f78",
    ),
)  # fmt: skip

BY_NAME = {palette.name: palette for palette in PALETTES}
