"""Model families that the seeded templates can drive, as data; and which one a file belongs to.

Sizes and windows are what the models were trained on: Stable Diffusion 1.5 on 512 x 512, SDXL and
its finetunes on buckets of about a megapixel (SDXL report, appendix I), Flux from 0.1 to 2
megapixels. File names follow no rule, so a guess from one may be None and an admin's word wins.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

Size = tuple[int, int, str]


@dataclass(frozen=True)
class Family:
    """Facts of one family. All sizes are multiples of 8, in pixels."""

    id: str
    label: str
    native: tuple[int, int]
    """Width and height at which it draws best."""
    sizes: tuple[Size, ...]
    """Width, height and label of the shapes to offer, the native one first."""
    steps: int
    cfg: float
    sampler: str
    """ComfyUI's name for it."""
    scheduler: str
    guidance: float | None
    """Flux's own guidance, which takes the place of cfg; None where there is none."""
    supports_negative: bool
    """At cfg 1.0 ComfyUI does not even look at the negative prompt."""
    token_window: int
    """Tokens of text read at once; CLIP reads longer texts in further windows, weaker."""
    clip_skip: int
    """How the family was trained; ComfyUI does this for SDXL by itself. 0 where there is no CLIP
    to skip in."""
    vram_gb: float
    """The least that works, slowly, with ComfyUI's own offloading."""
    folder: str
    """The folder of the node's models that its files are in."""
    patterns: tuple[str, ...]
    """Regular expressions, any of which finds the family in a lower-case file name."""


_SD15_SIZES: tuple[Size, ...] = (
    (512, 512, "1:1 square"),
    (768, 512, "3:2 landscape"),
    (512, 768, "2:3 portrait"),
    (680, 512, "4:3 Academy"),
    (768, 432, "16:9 wide"),
    (432, 768, "9:16 tall"),
    (768, 416, "1.85:1 flat"),
    (912, 384, "2.39:1 scope"),
)
_MEGAPIXEL_SIZES: tuple[Size, ...] = (
    (1024, 1024, "1:1 square"),
    (1216, 832, "3:2 landscape"),
    (832, 1216, "2:3 portrait"),
    (1152, 896, "4:3 Academy"),
    (1344, 768, "16:9 wide"),
    (768, 1344, "9:16 tall"),
    (1408, 768, "1.85:1 flat"),
    (1536, 640, "2.39:1 scope"),
)

# Names of well-known Stable Diffusion 1.x checkpoints: most say nothing of their family.
_SD15_NAMES = (
    r"dreamshaper|realistic_?-?vision|deliberate|rev_?animated|majicmix|epic_?realism|"
    r"absolute_?reality|cyberrealistic|anything[-_ ]?v?\d|counterfeit|meina(mix|unreal|hentai)|"
    r"chilloutmix|rpg_?v?\d|perfect_?world|toonyou|ghostmix|abyss_?orange|aom3|openjourney|"
    r"protogen|dark_?sushi|pastel[-_ ]?mix|never_?ending|lyriel|azovya|photon_v\d|analog_?madness|"
    r"icbinp|edge_?of_?realism|juggernaut_(reborn|aftermath|final|v[1-6])|f222|mo-di-diffusion|"
    r"aniverse|cetus_?mix|beautiful_?realistic|henmix|hassaku|mistoon_?anime|ghibli[-_]?diffusion|"
    r"inkpunk|dosmix|kotosmix|sardonyx|cardos|dvarch|flat2d|aurora_v|unstable_?photoreal"
)

_FAMILIES = (
    Family(
        id="sd15",
        label="SD 1.5",
        native=(512, 512),
        sizes=_SD15_SIZES,
        steps=20,
        cfg=7.0,
        sampler="euler",
        scheduler="normal",
        guidance=None,
        supports_negative=True,
        token_window=75,
        clip_skip=1,
        vram_gb=4.0,
        folder="checkpoints",
        patterns=(
            r"^v?1[-_. ][45](?![0-9])(?=.*(pruned|emaonly|sd|diffusion))",
            r"(?<![a-z])sd[-_. ]?v?1[-_. ]?[3-5](?![0-9])",
            r"stable[-_ ]?diffusion[-_ ]?v?1",
            _SD15_NAMES,
        ),
    ),
    Family(
        id="sdxl",
        label="SDXL",
        native=(1024, 1024),
        sizes=_MEGAPIXEL_SIZES,
        steps=25,
        cfg=7.0,
        sampler="euler",
        scheduler="normal",
        guidance=None,
        supports_negative=True,
        token_window=75,
        clip_skip=2,
        vram_gb=6.0,
        folder="checkpoints",
        patterns=(
            r"sd[-_. ]?xl",
            r"xl(?![a-z])",
            r"xl(?=v\d|turbo|lightning|hyper|lcm|dmd|base|rundiffusion)",
            r"juggernautx|playground[-_ ]?v2|proteus|mobius",
        ),
    ),
    Family(
        id="pony",
        label="Pony Diffusion",
        native=(1024, 1024),
        sizes=_MEGAPIXEL_SIZES,
        steps=25,
        cfg=7.0,
        sampler="euler_ancestral",
        scheduler="normal",
        guidance=None,
        supports_negative=True,
        token_window=75,
        clip_skip=2,
        vram_gb=6.0,
        folder="checkpoints",
        patterns=(r"pony", r"autismmix", r"tponynai", r"pny(?=xl|by|[-_ v\d]|$)"),
    ),
    Family(
        id="illustrious",
        label="Illustrious and NoobAI",
        native=(1024, 1024),
        sizes=_MEGAPIXEL_SIZES,
        steps=28,
        cfg=5.5,
        sampler="euler_ancestral",
        scheduler="normal",
        guidance=None,
        supports_negative=True,
        token_window=75,
        clip_skip=2,
        vram_gb=6.0,
        folder="checkpoints",
        patterns=(
            r"illustr(?!at)",
            r"noob",
            r"(?<![a-z])il(xl)?(?=[-_ .v\d]|$)",
            r"nova[-_ ]?anime",
        ),
    ),
    Family(
        id="flux",
        label="FLUX.1",
        native=(1024, 1024),
        sizes=_MEGAPIXEL_SIZES,
        steps=20,
        cfg=1.0,
        sampler="euler",
        scheduler="simple",
        guidance=3.5,
        supports_negative=False,
        token_window=512,
        clip_skip=0,
        vram_gb=12.0,
        folder="checkpoints",
        patterns=(r"flux", r"schnell"),
    ),
)

FAMILIES: Mapping[str, Family] = MappingProxyType({family.id: family for family in _FAMILIES})
"""By id."""

# Names win over what they are built on: Pony and Illustrious are SDXL, Flux mixes say so first.
_ASKED = ("flux", "illustrious", "pony", "sdxl", "sd15")

# What the seeded templates cannot drive although the name looks like one of the families:
# refiners and inpainting models want other inputs, the rest are other architectures.
_OTHERS = re.compile(
    r"refiner|in[-_ ]?paint|outpaint|instruct[-_ ]?pix2pix|(?<![a-z])ip2p|"
    r"flux[-_. ]?2(?![0-9])|klein|kontext|flux.*(fill|redux|canny|depth)|(?<![a-z])chroma|"
    r"(?<![a-z])sd[-_. ]?v?[23](?![0-9])|^v2[-_. ][01][-_. ]|"
    r"stable[-_ ]?diffusion[-_ ]?v?[23]|stable[-_ ]?cascade|(?<![a-z])svd(?![a-z])|"
    r"animatediff|(?<![a-z])(motion[-_ ]?(module|lora|model)|mm[-_]sd)|"
    r"hunyuan|(?<![a-z])(wan[-_ ]?2|ltx|mochi[-_ ]?1|qwen|z[-_ ]image|pixart|kolors|lumina)|"
    r"aura[-_ ]?flow|ssd[-_ ]?1b|segmind[-_ ]?vega|control[-_ ]?net|(?<![a-z])lora(?![a-z])"
)


def model_key(filename: str) -> str:
    """Returns what a model file is called on every node: no folder, one case, one Unicode form.

    Nodes keep the same file in different folders and Windows writes them with backslashes. Two
    files of one name may still differ; without hashes nothing tells.
    """
    name = filename.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def guess(filename: str) -> str | None:
    """Guesses the family of a checkpoint from its name alone; None if unknown or not drivable."""
    name = _bare(filename)
    if _OTHERS.search(name):
        return None
    return next((family for family in _ASKED if _matches(FAMILIES[family], name)), None)


def _bare(filename: str) -> str:
    return re.sub(r"\.(safetensors|sft|ckpt|pt|pth|bin|gguf)$", "", model_key(filename))


def _matches(family: Family, name: str) -> bool:
    return any(re.search(pattern, name) for pattern in family.patterns)
