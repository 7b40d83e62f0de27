"""Twelve configurations written for every target, to be read by eye; `python -m tests.sessions.cinema.golden` writes them anew."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from sessions_app.cinema.config import Configuration, LiveAction
from sessions_app.cinema.presets import apply_preset
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import TARGETS

FOLDER: Final = Path(__file__).with_name("golden")

BAR: Final = (
    "A tired investigator waits under a noodle bar awning in heavy rain, steam from the grates, "
    "neon doubled in the wet street."
)
KEEPER: Final = "An old lighthouse keeper climbs the iron stairs with a lamp in his hand"
GIRL: Final = "A girl and her grandmother run through tall grass toward a train that has stopped in the meadow."

CASES: Final[Mapping[str, tuple[str, str, Mapping[str, Any]]]] = {
    "rain-1982": ("blade_runner", BAR, {"height": "low", "direction": "front_right"}),
    "rain-digital": (
        "blade_runner",
        BAR,
        {
            "year": None,
            "body": "alexa_mini",
            "lens": "cooke_anamorphic",
            "focal_mm": 50,
            "stock": None,
            "size": "mws",
            "height": "eye",
        },
    ),
    "keeper-square": ("the_lighthouse", KEEPER, {}),
    "corridor": (
        "in_the_mood_for_love",
        "Two neighbors pass each other on the stairs to the noodle stall.",
        {},
    ),
    "station": ("2001_a_space_odyssey", "A man runs laps inside a white rotating centrifuge.", {}),
    "house": (
        "parasite",
        "Two women listen behind a kitchen door as the family comes home early.",
        {},
    ),
    "desert": ("mad_max_fury_road", "A war rig breaks through a wall of orange dust.", {}),
    "coast-by-air": (
        "",
        "A small red boat crosses a dark fjord.",
        {
            "body": "inspire_3",
            "lens": "dji_dl",
            "equipment": "drone",
            "movement": "orbit",
            "timing": "slow",
            "time": "blue_hour",
            "place": "exterior",
            "sources": ["overcast"],
            "size": "ews",
            "moods": ["serene"],
            "tone": "cool_desaturated",
            "ratio": "2.00:1",
        },
    ),
    "bare": ("", KEEPER, {"size": "cu"}),
    "meadow-drawn": ("ghibli_classic", GIRL, {}),
    "spiral-ink": (
        "junji_ito",
        "A boy notices that every lock of his sister's hair has begun to curl.",
        {},
    ),
    "rooftop-3d": ("spider_verse", "A teenager falls backward off a skyscraper, laughing.", {}),
}


def configuration(name: str) -> Configuration:
    """Return the configuration of a case."""
    preset, _, changes = CASES[name]
    return apply_preset(preset, changes) if preset else LiveAction().with_told(changes)


def written(name: str) -> str:
    """Return what every target gets, as the file holds it."""
    config, scene = configuration(name), CASES[name][1]
    parts = []
    for target in TARGETS.values():
        made = compile_prompt(target, config, scene)
        size = f"{made.size[0]} x {made.size[1]}" if made.size else made.shape or "-"
        lines = [f"## {target.id} ({made.words} words, {size})", made.text]
        lines += [f"- {made.negative}"] if made.negative else []
        lines += [f"* {note}" for note in made.notes]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        (FOLDER / f"{case}.md").write_text(written(case), "utf-8")
