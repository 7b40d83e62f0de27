"""The words of light, movement, picture grammar, animation and angles: complete, shown as people read, fit for prompts."""

import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

import sessions_app.cinema

DATA = Path(sessions_app.cinema.__file__).parent / "data"
Entry = dict[str, Any]
SHOWN = {"label", "line", "prose", "tag", "adjective", "result", "manner", "noun"}
PROPER = {
    "2D",
    "3D",
    "LED",
    "HMI",
    "Rembrandt",
    "Rembrandt-style",
    "Christmas",
    "Japanese",
    "Western",
}
WORDS = {
    "lighting": {
        "places": "prose tag",
        "times": "prose tag",
        "sources": "prose tag",
        "styles": "adjective result tag",
    },
    "movement": {
        "equipment": "manner tag",
        "types": "prose noun tag",
        "timings": "prose adjective tag",
    },
    "grammar": {
        "shot_sizes": "prose tag",
        "compositions": "prose tag",
        "moods": "prose tag",
        "tones": "prose tag",
    },
    "animation": {
        "mediums": "prose tag",
        "style_domains": "prose tag",
        "line_treatments": "prose tag",
        "color_applications": "prose tag",
        "lighting_models": "prose tag",
        "surface_details": "prose tag",
        "motion_styles": "prose tag",
        "virtual_cameras": "prose noun tag",
    },
    "angles": {"directions": "prose tag", "heights": "prose tag", "distances": "prose tag"},
}
FILES = {name: yaml.safe_load((DATA / f"{name}.yaml").read_text("utf-8")) for name in WORDS}
VOCABULARIES = [
    pytest.param(FILES[file][key], set(words.split()), id=f"{file}-{key}")
    for file, keys in WORDS.items()
    for key, words in keys.items()
]
every_vocabulary = pytest.mark.parametrize(("entries", "words"), VOCABULARIES)


def shown(entry: Entry) -> dict[str, str]:
    return {key: entry[key] for key in SHOWN & entry.keys()}


def names(entries: list[Entry]) -> list[str]:
    return [name for entry in entries for name in (entry["id"], *entry.get("aliases", ()))]


@every_vocabulary
def test_every_entry_has_the_words_of_its_role_and_no_others(
    entries: list[Entry], words: set[str]
) -> None:
    for entry in entries:
        assert shown(entry).keys() == words | {"label", "line"}, entry["id"]
        assert all(text and text == text.strip() for text in shown(entry).values()), entry["id"]


@every_vocabulary
def test_every_line_is_one_sentence_that_a_hover_can_show(
    entries: list[Entry], words: set[str]
) -> None:
    for entry in entries:
        assert 35 <= len(entry["line"]) <= 95, entry["line"]
        assert re.fullmatch(r"[A-Z][^.!?<>]*\.", entry["line"]), entry["line"]


@every_vocabulary
def test_no_two_entries_of_a_vocabulary_say_the_same(entries: list[Entry], words: set[str]) -> None:
    for key in words | {"label", "line"}:
        said = [entry[key] for entry in entries]
        assert len(said) == len(set(said)), key


@every_vocabulary
def test_each_name_means_one_entry(entries: list[Entry], words: set[str]) -> None:
    assert len(names(entries)) == len(set(names(entries)))
    assert all(re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", name) for name in names(entries))


@every_vocabulary
def test_people_never_read_an_underscore_or_a_code(entries: list[Entry], words: set[str]) -> None:
    codes = re.compile(r"_|\b(?:[EMBC]?[WMC]S|[MBE]?CU|OTS|POV|INT|EXT)\b|[a-z][A-Z]|[a-z]\d")
    for entry in entries:
        for text in shown(entry).values():
            assert not codes.search(text.replace("SnorriCam", "")), text


@every_vocabulary
def test_labels_are_in_sentence_case(entries: list[Entry], words: set[str]) -> None:
    proper = PROPER | {"Kino", "Flo"}
    for entry in entries:
        first, *rest = entry["label"].split()
        assert first[0].isupper() or first in proper, entry["label"]
        assert all(word in proper or word == word.lower() for word in rest), entry["label"]


@every_vocabulary
def test_only_proper_names_have_capitals_in_prompt_words(
    entries: list[Entry], words: set[str]
) -> None:
    for entry in entries:
        for text in (entry[key] for key in words):
            capitals = {word for word in re.findall(r"[\w-]+", text) if word != word.lower()}
            assert capitals <= PROPER, text
            assert not text.endswith("."), text


@every_vocabulary
def test_tags_are_one_or_two_short_phrases(entries: list[Entry], words: set[str]) -> None:
    for entry in entries:
        phrases = entry["tag"].split(", ")
        assert len(phrases) <= 2, entry["tag"]
        assert all(1 <= len(phrase.split()) <= 5 for phrase in phrases), entry["tag"]


@every_vocabulary
def test_no_prompt_word_is_the_empty_word_cinematic(entries: list[Entry], words: set[str]) -> None:
    for entry in entries:
        assert "cinematic" not in " ".join(shown(entry).values()).lower(), entry["id"]


def test_nothing_of_the_agreed_vocabulary_is_missing() -> None:
    grammar, movement = FILES["grammar"], FILES["movement"]
    assert {key: len(entries) for key, entries in grammar.items()} == {
        "shot_sizes": 12,
        "compositions": 67,
        "moods": 89,
        "tones": 13,
    }
    assert len(movement["equipment"]) == 16
    assert len(movement["types"]) == 29


@pytest.mark.parametrize(
    ("file", "key", "name", "meant"),
    [
        ("lighting", "times", "day", "midday"),
        ("lighting", "styles", "soft_lighting", "soft"),
        ("lighting", "styles", "practical_motivated", "motivated"),
        ("lighting", "sources", "candle", "candlelight"),
        ("movement", "types", "track", "track_in"),
        ("movement", "types", "crane", "crane_up"),
        ("movement", "timings", "normal", "moderate"),
        ("movement", "equipment", "tripod", "static"),
        ("movement", "equipment", "track_dolly", "dolly_track"),
        ("animation", "mediums", "stop_motion", "stopmotion"),
        ("animation", "style_domains", "threed_animation", "threed"),
        ("animation", "color_applications", "cel_shaded", "cel"),
        ("animation", "lighting_models", "graphic_light", "graphic"),
        ("animation", "lighting_models", "glow_emission", "glow"),
        ("angles", "distances", "close_up", "close"),
    ],
)
def test_old_names_find_the_entry_that_means_the_same(
    file: str, key: str, name: str, meant: str
) -> None:
    found = [entry["id"] for entry in FILES[file][key] if name in entry.get("aliases", ())]
    assert found == [meant]


def test_moods_fit_after_the_mood_is() -> None:
    for mood in FILES["grammar"]["moods"]:
        assert not re.search(r",|^(?:an?|the|full|with)\b|\band\b", mood["prose"]), mood["prose"]
        assert len(mood["prose"].split()) <= 3, mood["prose"]


def test_adjectives_and_results_fit_around_the_word_light() -> None:
    for style in FILES["lighting"]["styles"]:
        assert not re.search(r",|\blight(?:ing)?\b", style["adjective"]), style["adjective"]
        assert re.match(r"[a-z]+ing\b|left\b|held\b", style["result"]), style["result"]


@pytest.mark.parametrize(("file", "key"), [("movement", "types"), ("animation", "virtual_cameras")])
def test_movements_are_verb_phrases_with_the_camera_as_subject(file: str, key: str) -> None:
    for move in FILES[file][key]:
        assert move["prose"].split()[0].endswith("s"), move["prose"]
        assert not re.match(r"(?:an?|the) ", move["noun"]), move["noun"]


@pytest.mark.parametrize(
    "key", ["line_treatments", "color_applications", "lighting_models", "surface_details"]
)
def test_what_is_listed_in_one_sentence_has_no_comma_of_its_own(key: str) -> None:
    for entry in FILES["animation"][key]:
        assert "," not in entry["prose"], entry["prose"]


def test_shot_sizes_are_noun_phrases_without_article() -> None:
    widths = {"extreme_wide", "wide", "medium", "close", "extreme_close"}
    for size in FILES["grammar"]["shot_sizes"]:
        assert not re.match(r"(?:an?|the) ", size["prose"]), size["prose"]
        assert size["width"] in widths


def test_colors_of_tones_and_sources_can_be_shown() -> None:
    swatches = [tone["swatch"] for tone in FILES["grammar"]["tones"]]
    colors = [source["color"] for source in FILES["lighting"]["sources"]]
    assert {len(swatch) for swatch in swatches} == {3}
    for color in [*colors, *(color for swatch in swatches for color in swatch)]:
        assert re.fullmatch(r"#[0-9a-f]{6}", color), color


def test_black_and_white_swatches_have_no_color_but_sepia() -> None:
    for tone in FILES["grammar"]["tones"]:
        grays = [color[1:3] == color[3:5] == color[5:7] for color in tone["swatch"]]
        assert all(grays) == (tone["black_and_white"] and tone["id"] != "sepia"), tone["id"]


def test_equipment_moves_only_as_it_can() -> None:
    kinds = {move["id"]: move["kind"] for move in FILES["movement"]["types"]}
    for carrier in FILES["movement"]["equipment"]:
        moves = carrier["movements"]
        assert len(moves) == len(set(moves)), carrier["id"]
        travels = any(kinds[move].startswith("travel") for move in moves)
        assert travels == carrier["travels"], carrier["id"]


def test_no_machine_bears_less_than_what_it_warns_of() -> None:
    for carrier in FILES["movement"]["equipment"]:
        warn, block = carrier["warn_above_kg"], carrier["block_above_kg"]
        assert block is None or (warn is not None and warn < block), carrier["id"]


def test_three_axes_make_144_angles_of_which_the_lora_knows_96() -> None:
    axes = [FILES["angles"][key] for key in ("directions", "heights", "distances")]
    angles = list(product(*axes))
    known = [angle for angle in angles if all("token" in part for part in angle)]
    assert (len(angles), len(known)) == (144, 96)
    assert len({tuple(part["token"] for part in angle) for angle in known}) == 96


def test_directions_go_round_in_steps_of_thirty_degrees() -> None:
    directions = FILES["angles"]["directions"]
    assert [way["azimuth_deg"] for way in directions] == list(range(0, 360, 30))
    meant = {way["id"]: way["token_azimuth_deg"] for way in directions if "token" in way}
    assert list(meant.values()) == list(range(0, 360, 45))
    assert all(
        abs(way["azimuth_deg"] - way.get("token_azimuth_deg", way["azimuth_deg"])) <= 15
        for way in directions
    )


def test_an_angle_becomes_the_phrase_that_the_lora_was_taught() -> None:
    angles = FILES["angles"]
    parts = {key[:-1]: angles[key][0]["token"] for key in ("directions", "heights", "distances")}
    assert angles["format"].format(**parts) == "<sks> front view low-angle shot close-up"
    assert angles["format"].startswith(angles["trigger"])
