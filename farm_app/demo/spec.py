"""What one demo node is: its card, families, speed and habits; plain data, JSON in and out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from farm_app import families

Profile = Literal["legacy", "honours_id", "dedup_id", "jobs"]
Layout = Literal["flat", "folders", "windows"]
Pack = Literal["", "crystools", "kaytool"]

IMAGE_FAMILIES = tuple(families.FAMILIES)
FAMILIES = (*IMAGE_FAMILIES, "upscale")

DEFAULT_SECONDS: Mapping[str, float] = {
    "sd15": 1.0,
    "sdxl": 10.0,
    "pony": 10.0,
    "illustrious": 10.0,
    "flux": 20.0,
    "upscale": 4.0,
}
"""Seconds of a 12 GB card at each family's reference (see ``timing.REFERENCES``)."""


class SpecError(ValueError):
    """A node was described in a way that makes no sense; the message names the field."""


@dataclass(frozen=True)
class NodeSpec:
    """One demo node.

    Profiles: ``jobs`` is the 0.33.0 of the recordings; ``dedup_id`` the same, but a known
    ``prompt_id`` is refused with 409; ``honours_id`` is 0.3.64 (no jobs API, any id goes);
    ``legacy`` makes its own ids and interrupts whatever runs.
    """

    name: str
    card: str = "RTX 3060"
    tier: str = "standard"
    vram_gb: float = 12.0
    port: int = 8188
    """0 lets the system choose; ``DemoNode.port`` then has the real one."""
    families: tuple[str, ...] = ("sd15",)
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Family to nominal seconds at its reference; what is missing is a 12 GB card's."""
    load_s: Mapping[str, float] = field(default_factory=dict)
    """Family to seconds of loading a checkpoint that is not resident; missing means warm."""
    latency_s: float = 0.0
    """Added before every HTTP answer."""
    profile: Profile = "jobs"
    previews: bool = True
    """As if started with ``--preview-method latent2rgb``."""
    folder: Path = Path("demo-node")
    """Holds input, output, temp and models; files stay, everything else is forgotten."""
    host: str = "127.0.0.1"
    max_resolution: int = 1024
    """Longest side for whoever registers the node; the node itself does not enforce it."""
    max_batch: int = 1
    """Like ``max_resolution``: data for the register."""
    layout: Layout = "flat"
    """How this machine's owner keeps model files: flat, in folders, or Windows backslashes."""
    monitor: Pack = ""
    """The node pack that tells how the GPU is; without one, nobody knows its load and temperature."""
    rules: Path | None = None
    ledger: Path | None = None
    painter: str = "farm_app.demo.painter"
    """Dotted name of the module that draws."""

    def __post_init__(self) -> None:
        """Refuse nonsense early.

        Raises:
            SpecError: an unknown family, profile, layout or monitor, or seconds that are not positive.
        """
        _known("families", self.families, FAMILIES)
        _known("seconds", self.seconds, FAMILIES)
        _known("load_s", self.load_s, FAMILIES)
        _known("profile", (self.profile,), get_args(Profile))
        _known("layout", (self.layout,), get_args(Layout))
        _known("monitor", (self.monitor,), get_args(Pack))
        if any(value <= 0 for value in self.seconds.values()):
            raise SpecError(f"{self.name}: seconds must be above 0")

    @property
    def modern(self) -> bool:
        """Whether the server has the jobs API and the 0.33 error types."""
        return self.profile in ("jobs", "dedup_id")

    def seconds_for(self, family: str) -> float:
        """Nominal seconds at the family's reference."""
        return self.seconds.get(family, DEFAULT_SECONDS.get(family, DEFAULT_SECONDS["sd15"]))

    def faster(self, speed: float) -> "NodeSpec":
        """Return the same node with all its seconds divided by ``speed``."""
        return replace(
            self,
            seconds={family: self.seconds_for(family) / speed for family in self.families},
            load_s={family: value / speed for family, value in self.load_s.items()},
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; ``from_json`` reads them back."""
        raw = asdict(self)
        raw["families"] = list(self.families)
        for key in ("folder", "rules", "ledger"):
            raw[key] = None if raw[key] is None else str(raw[key])
        return raw

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "NodeSpec":
        """Read what ``to_json`` wrote; keys may be missing, except ``name``.

        Raises:
            SpecError: a key is unknown, or a value makes no sense.
        """
        unknown = set(raw) - {item.name for item in fields(cls)}
        if unknown:
            raise SpecError(f"unknown key(s): {', '.join(sorted(unknown))}")
        if not raw.get("name"):
            raise SpecError("a node needs a name")
        values = dict(raw)
        values["families"] = tuple(raw.get("families", ("sd15",)))
        for key in ("folder", "rules", "ledger"):
            if values.get(key) is not None:
                values[key] = Path(values[key])
        return cls(**values)


def _known(label: str, given: Any, allowed: tuple[str, ...]) -> None:
    for value in given:
        if value not in allowed:
            raise SpecError(f"{label}: {value!r} is not one of {', '.join(allowed)}")


def parse_seconds(text: str) -> dict[str, float]:
    """Read ``"sd15=1.0,sdxl=10"``.

    Raises:
        SpecError: a part is not ``family=number``.
    """
    seconds = {}
    for part in filter(None, text.split(",")):
        family, _, number = part.partition("=")
        try:
            seconds[family.strip()] = float(number)
        except ValueError:
            raise SpecError(f"{part!r} is not family=seconds") from None
    return seconds
