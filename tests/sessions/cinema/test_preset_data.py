"""Films and animation looks: every choice is known, and a film's first choices can be shot with."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

import sessions_app.cinema

DATA = Path(sessions_app.cinema.__file__).parent / "data"
Entry = dict[str, Any]


def read(name: str, key: str) -> list[Entry]:
    entries: list[Entry] = yaml.safe_load((DATA / f"{name}.yaml").read_text("utf-8"))[key]
    return entries


def called(name: str, key: str) -> dict[str, Entry]:
    """Entries by id and by alias."""
    return {
        spelled: entry
        for entry in read(name, key)
        for spelled in (entry["id"], *entry.get("aliases", []))
    }


FILMS = read("films", "films")
LOOKS = read("looks", "looks")
BODIES = called("cameras", "cameras")
LENSES = called("lenses", "lenses")
STOCKS = called("film_stocks", "film_stocks")
RATIOS = called("aspect_ratios", "aspect_ratios")
TIMES = called("lighting", "times")
SOURCES = called("lighting", "sources")
STYLES = called("lighting", "styles")
CARRIERS = called("movement", "equipment")
MOVES = called("movement", "types")
TIMINGS = called("movement", "timings")
SIZES = called("grammar", "shot_sizes")
COMPOSITIONS = called("grammar", "compositions")
MOODS = called("grammar", "moods")
TONES = called("grammar", "tones")
DRAWN = {
    field: called("animation", key)
    for field, key in {
        "domain": "style_domains",
        "medium": "mediums",
        "line_treatment": "line_treatments",
        "color_application": "color_applications",
        "lighting_model": "lighting_models",
        "surface_detail": "surface_details",
        "motion_style": "motion_styles",
        "virtual_camera": "virtual_cameras",
    }.items()
}

each_film = pytest.mark.parametrize("film", FILMS, ids=lambda film: film["id"])
each_look = pytest.mark.parametrize("look", LOOKS, ids=lambda look: look["id"])
each_preset = pytest.mark.parametrize("preset", FILMS + LOOKS, ids=lambda preset: preset["id"])

GAUGES_MM = {
    "film_16mm": 16,
    "film_35mm": 35,
    "film_vistavision": 35,
    "film_65mm": 65,
    "imax_15_70": 65,
}
COVERAGE_GRACE = 0.95
STOCK_GRACE_YEARS = 2
CARRIED_UP_TO_KG = 20
SCOPE = range(220, 256)  # hundredths
CARRIERS_SINCE = {
    "steadicam": 1975,
    "motion_control": 1976,
    "cable_cam": 1984,
    "technocrane": 1986,
    "snorricam": 1996,
    "drone": 2011,
    "gimbal": 2013,
}
CERTAINTIES = {"high", "medium", "low"}
LAMP_HEIGHTS = {"low", "eye", "high", "top"}
LOOK_KEYS = set(
    "id aliases label line prose tag domain medium line_treatment color_application lighting_model"
    " surface_detail motion_style virtual_camera moods tones compositions sizes aspect_ratio era"
    " reference_works palette light disallowed_cameras disallowed_motion".split()
)
FILM_KEYS = set(
    "id aliases title year director cinematographer line cameras lenses film_stocks aspect_ratios"
    " process certainty focal_lengths_mm look avoids palette light".split()
)
FILM_MAY_HAVE = {"lens_certainty", "stock_certainty", "note"}
# The houses and people of the reference works, and what people call a look after them.
NAMES = [
    *("ghibli", "makoto", "shinkai", "comix wave", "kyoto animation", "kyoani", "mappa"),
    *("wit studio", "ufotable", "trigger", "gainax", "khara", "satoshi kon", "madhouse", "bones"),
    *("sunrise", "manglobe", "white fox", "production i.g", "toei", "shaft", "science saru"),
    *("pixar", "dreamworks", "disney", "illumination", "sony", "marvel", "dc", "dark horse"),
    *("laika", "aardman", "fortiche", "riot", "unreal", "blender", "artstation", "lucasfilm"),
    *("miyazaki", "takahata", "otomo", "katsuhiro", "oshii", "anno", "hideaki", "yamada"),
    *("watanabe", "shinichiro", "imaishi", "yoshinari", "araki", "isayama", "toriyama"),
    *("oda", "kishimoto", "miura", "inoue", "urasawa", "nihei", "takeuchi", "yazawa"),
    *("ito", "junji", "umezu", "iwaaki", "azuma", "mead", "mullins", "feng zhu", "stålenhag"),
    *("potter", "sendak", "blake", "spiegelman", "satrapi", "moore", "miller", "mignola"),
    *("selick", "anderson", "burton", "new yorker", "shonen jump", "netflix"),
]


def lamps(preset: Entry) -> list[Entry]:
    return [lamp for part in ("key", "fill", "back") if (lamp := preset["light"][part])]


def ratio_of(ratio_id: str) -> float:
    width, height = ratio_id.split(":")
    return float(width) / float(height)


def first(film: Entry) -> tuple[Entry, Entry | None, Entry | None, Entry]:
    """The body, lens, stock and ratio that stand first."""
    return (
        BODIES[film["cameras"][0]],
        LENSES[film["lenses"][0]] if film["lenses"] else None,
        STOCKS[film["film_stocks"][0]] if film["film_stocks"] else None,
        RATIOS[film["aspect_ratios"][0]],
    )


def can_mount(body: Entry, lens: Entry) -> bool:
    """Whether they share a mount; PL lenses fit LPL bodies, and never the reverse."""
    takes = {*body["mounts"], *body.get("adapts", [])}
    if "lpl" in takes:
        takes.add("pl")
    return bool(takes & set(lens["mounts"]))


def test_there_are_seventy_films_and_forty_five_looks():
    assert (len(FILMS), len(LOOKS)) == (70, 45)


@pytest.mark.parametrize("presets", [FILMS, LOOKS], ids=["films", "looks"])
def test_no_two_presets_share_an_id_or_an_alias(presets):
    spelled = Counter(one for preset in presets for one in (preset["id"], *preset["aliases"]))
    assert [one for one, times in spelled.items() if times > 1] == []
    assert [one for one in spelled if not re.fullmatch("[a-z0-9_]+", one)] == []


@pytest.mark.parametrize(
    "spelled",
    "blade_runner_2049 dune_2021 dune mad_max_fury_road interstellar".split(),
)
def test_films_are_found_under_the_ids_of_the_design(spelled):
    assert any(spelled in (film["id"], *film["aliases"]) for film in FILMS)


@pytest.mark.parametrize(
    ("spelled", "label"),
    {
        "ghibli_classic": "Pastoral hand-painted fantasy",
        "makoto_shinkai": "Luminous skies and light",
        "junji_ito": "Spiral horror in ink",
        "katsuhiro_otomo": "Dense mechanical ink",
        "pixar_style": "Warm rounded 3D",
        "spider_verse": "Living comic print",
    }.items(),
)
def test_looks_are_found_under_the_ids_of_the_design(spelled, label):
    assert [look["label"] for look in LOOKS if spelled in look["aliases"]] == [label]


@each_film
def test_a_film_has_its_keys_and_no_others(film):
    assert FILM_KEYS <= film.keys() <= FILM_KEYS | FILM_MAY_HAVE
    assert film["certainty"] in CERTAINTIES
    assert {film.get("lens_certainty", "low"), film.get("stock_certainty", "low")} == {"low"}


@each_look
def test_a_look_has_its_keys_and_no_others(look):
    assert look.keys() == LOOK_KEYS


@each_preset
def test_what_people_read_is_plain(preset):
    assert 35 <= len(preset["line"]) <= 95
    for key in "line title label process note prose tag".split():
        said = preset.get(key, "")
        assert "_" not in said, key
        assert "http" not in said, key
        assert not re.search("[Cc]olour|[Gg]rey", said), key


def test_no_two_presets_are_described_by_the_same_sentence():
    for key in ("line", "note", "prose", "tag", "label"):
        said = [preset[key] for preset in FILMS + LOOKS if key in preset]
        assert len(said) == len(set(said)), key


@each_preset
def test_a_palette_is_five_colors(preset):
    assert len(preset["palette"]) == len(set(preset["palette"])) == 5
    assert all(re.fullmatch("#[0-9a-f]{6}", color) for color in preset["palette"])


@pytest.mark.parametrize("presets", [FILMS, LOOKS], ids=["films", "looks"])
def test_no_two_presets_share_a_palette(presets):
    assert len({tuple(preset["palette"]) for preset in presets}) == len(presets)


@each_preset
def test_a_black_and_white_palette_is_gray(preset):
    tones = (preset.get("look") or preset)["tones"]
    if all(TONES[tone]["black_and_white"] for tone in tones):
        for color in preset["palette"]:
            channels = bytes.fromhex(color[1:])
            assert max(channels) - min(channels) <= 12, color


@each_preset
def test_a_light_plan_can_be_drawn(preset):
    plan = preset["light"]
    assert plan.keys() == {"key", "fill", "back", "practicals", "certainty"}
    assert plan["key"]
    assert plan["practicals"] in range(4)
    assert plan["certainty"] in CERTAINTIES
    for lamp in lamps(preset):
        assert lamp.keys() == {"azimuth", "height", "hard"}
        assert -60 <= lamp["azimuth"] <= 360
        assert lamp["height"] in LAMP_HEIGHTS
        assert isinstance(lamp["hard"], bool)
    if plan["back"]:
        assert 90 <= plan["back"]["azimuth"] % 360 <= 270, "a back light stands behind"
    if plan["fill"]:
        turned = plan["fill"]["azimuth"] % 360
        assert turned <= 90 or turned >= 270, "a fill light stands in front"


@each_film
def test_the_equipment_of_a_film_is_known(film):
    for key, known in (
        ("cameras", BODIES),
        ("lenses", LENSES),
        ("film_stocks", STOCKS),
        ("aspect_ratios", RATIOS),
    ):
        assert [one for one in film[key] if one not in known] == [], key
    assert film["focal_lengths_mm"] == sorted(set(film["focal_lengths_mm"]))


@each_film
def test_the_look_of_a_film_is_known_and_short(film):
    look = film["look"]
    for key, known, most in (
        ("moods", MOODS, 3),
        ("tones", TONES, 2),
        ("styles", STYLES, 2),
        ("sources", SOURCES, 3),
        ("compositions", COMPOSITIONS, 2),
        ("sizes", SIZES, 3),
    ):
        assert [one for one in look[key] if one not in known] == [], key
        assert 1 <= len(look[key]) == len(set(look[key])) <= most, key
    assert [one for one in look.get("times", []) if one not in TIMES] == []
    assert look.get("place", "interior") in ("interior", "exterior")
    assert look.get("certainty", "high") in CERTAINTIES


@each_film
def test_a_film_avoids_nothing_that_it_shows(film):
    avoids, look = film["avoids"], film["look"]
    assert avoids.keys() == {"moods", "sources"}
    for key, known in (("moods", MOODS), ("sources", SOURCES)):
        assert [one for one in avoids[key] if one not in known] == []
        assert set(avoids[key]).isdisjoint(look[key])


@each_film
def test_no_lamp_of_a_film_is_younger_than_the_film(film):
    for source in film["look"]["sources"] + film["avoids"]["sources"]:
        assert SOURCES[source]["first_year"] <= film["year"], source


@each_film
def test_a_film_is_not_lit_by_what_is_not_in_the_sky(film):
    look = film["look"]
    sun_up_to = [TIMES[time]["sun_elevation_deg"][1] for time in look.get("times", [])]
    if sun_up_to and sun_up_to[0] <= 0:
        assert look["sources"][0] != "sun"
    if look["sources"][0] == "moon":
        assert look["times"][0] == "night"
    if look.get("place") == "interior":
        assert look["sources"][0] != "sun", "inside, name the window"


@each_film
def test_a_day_at_its_brightest_is_not_low_key(film):
    look = film["look"]
    if look.get("place") == "exterior" and look.get("times", [""])[0] == "midday":
        assert look["styles"][0] != "low_key"


@each_film
def test_a_composition_fits_the_size_of_the_shot(film):
    composition, size = film["look"]["compositions"][0], film["look"]["sizes"][0]
    assert (composition, size) not in {
        ("negative_space", "ecu"),
        ("depth_layering", "ecu"),
        ("depth_layering", "bcu"),
        ("frame_within_frame", "ews"),
        *(("leading_lines", close) for close in ("cu", "bcu", "ecu")),
        *(("fill_the_frame", wide) for wide in ("ews", "ws")),
    }


@each_film
def test_every_movement_is_whole_and_possible(film):
    assert film["look"]["movements"]
    for move in film["look"]["movements"]:
        assert move.keys() == {"equipment", "type", "timing"}
        assert MOVES[move["type"]]["id"] in CARRIERS[move["equipment"]]["movements"]
        assert move["timing"] in TIMINGS
        assert (move["type"] == "static") is (move["timing"] == "static")
        assert CARRIERS_SINCE.get(move["equipment"], 0) <= film["year"]


@each_film
def test_whatever_an_operator_carries_can_be_carried(film):
    body, _, _, _ = first(film)
    for move in film["look"]["movements"]:
        carrier = CARRIERS[move["equipment"]]
        if carrier["carrier"] in ("operator", "on the actor"):
            most = carrier.get("block_above_kg") or CARRIED_UP_TO_KG
            assert body["weight_kg"] <= most, move


@each_film
def test_the_first_lens_fits_the_first_body(film):
    body, lens, _, _ = first(film)
    assert lens is None or can_mount(body, lens)


@each_film
def test_the_first_lens_covers_the_first_body(film):
    body, lens, _, _ = first(film)
    if lens:
        assert lens["image_circle_mm"] >= COVERAGE_GRACE * body["diagonal_mm"]


@each_film
def test_the_first_stock_runs_through_the_first_body(film):
    body, _, stock, _ = first(film)
    if stock is None:
        assert body["medium"] == "digital"
    else:
        assert GAUGES_MM[body["format"]] in stock["formats_mm"]


@each_film
def test_the_first_choices_were_there_in_the_year_of_the_film(film):
    body, lens, stock, ratio = first(film)
    year = film["year"]
    assert body["introduced"] <= year
    assert not lens or lens["introduced"] <= year
    assert not stock or stock["from"] <= year <= (stock["until"] or year) + STOCK_GRACE_YEARS
    assert (ratio["since"] or year) <= year


@each_film
def test_an_anamorphic_lens_makes_a_wide_frame(film):
    _, lens, _, ratio = first(film)
    if lens and lens["squeeze"] == 2.0:
        assert round(ratio["ratio"] * 100) in SCOPE


@each_film
def test_a_black_and_white_stock_has_no_color_tone(film):
    _, _, stock, _ = first(film)
    if stock and stock["kind"].startswith("bw"):
        assert all(TONES[tone]["black_and_white"] for tone in film["look"]["tones"])


@each_film
def test_the_tall_imax_frame_comes_from_an_imax_body(film):
    body, _, _, ratio = first(film)
    assert (body["format"] == "imax_15_70") is (ratio["id"] == "1.43:1")


@pytest.mark.parametrize(
    "name",
    [
        *("Luis Buñuel", "Günther Rittau", "François Truffaut", "Yasujirō Ozu", "Miloš Forman"),
        *("Alfonso Cuarón", "Gaspar Noé", "Benoît Debie", "Pierre Aïm", "Janusz Kamiński"),
        *("Andrzej Sekuła", "Yūharu Atsuta"),
    ],
)
def test_names_keep_their_accents(name):
    assert any(name in film["director"] + film["cinematographer"] for film in FILMS)


@pytest.mark.parametrize(
    ("film_id", "body", "lens"),
    [
        ("blade_runner_2049", "alexa_xt", "arri_zeiss_master_prime"),
        ("dune_2021", "alexa_lf", "panavision_ultra_vista"),
        ("interstellar", "imax_mk_iv", "imax_lenses"),
        ("vertigo", "mitchell_vistavision", "vistavision_nikkor_leitz"),
        ("roma", "alexa_65", "arri_prime_65"),
    ],
)
def test_what_is_well_known_of_a_film_stands_first(film_id, body, lens):
    film = next(film for film in FILMS if film["id"] == film_id)
    assert (film["cameras"][0], film["lenses"][0]) == (body, lens)


@each_look
def test_the_values_of_a_look_are_known(look):
    for key, known in DRAWN.items():
        assert look[key] in known, key
    for key, known, most in (
        ("moods", MOODS, 3),
        ("tones", TONES, 2),
        ("compositions", COMPOSITIONS, 2),
        ("sizes", SIZES, 2),
    ):
        assert [one for one in look[key] if one not in known] == [], key
        assert 1 <= len(look[key]) == len(set(look[key])) <= most, key
    assert look["aspect_ratio"] in RATIOS
    assert re.fullmatch("(19|20)[0-9]0s", look["era"])
    assert look["reference_works"]


@each_look
def test_a_look_names_no_studio_and_no_artist(look):
    said = " / ".join(look[key] for key in ("label", "line", "prose", "tag", "id"))
    words = said.casefold().replace("_", " ")
    assert [name for name in NAMES if re.search(rf"\b{re.escape(name)}\b", words)] == []


@each_look
def test_a_look_names_none_of_its_reference_works(look):
    said = " / ".join(look[key] for key in ("label", "line", "prose", "tag")).casefold()
    assert [work for work in look["reference_works"] if work.casefold() in said] == []


@each_look
def test_the_words_of_a_look_fit_their_role(look):
    assert look["prose"] == look["prose"][0].lower() + look["prose"][1:]
    assert not look["prose"].endswith(".")
    assert not look["prose"].startswith(("a ", "an ", "the "))
    assert 2 <= len(look["tag"].split(", ")) <= 4
    assert look["tag"] == look["tag"].lower()
    assert len(look["label"]) <= 40


@each_look
def test_a_look_disallows_nothing_that_it_is(look):
    for key, own in (
        ("disallowed_cameras", "virtual_camera"),
        ("disallowed_motion", "motion_style"),
    ):
        assert [one for one in look[key] if one not in DRAWN[own]] == []
        assert look[own] not in look[key]


@each_look
def test_drawn_pages_are_still_inked_and_flat(look):
    if look["domain"] == "manga":
        assert look["color_application"] == "monochrome_ink"
        assert look["lighting_model"] in ("graphic", "symbolic")
        assert look["virtual_camera"] in ("locked", "motion_comic")
        assert look["motion_style"] == "none"
        assert look["medium"] == "2d"
        assert all(TONES[tone]["black_and_white"] for tone in look["tones"])
    if look["domain"] == "illustration":
        assert look["virtual_camera"] in ("locked", "motion_comic", "parallax")
        assert look["motion_style"] == "none"


@each_look
def test_nothing_flat_is_orbited_and_nothing_still_is_animated(look):
    if look["medium"] == "2d":
        assert look["virtual_camera"] != "free_3d"
    if look["medium"] == "hybrid":
        assert look["virtual_camera"] == "free_3d"
    if look["motion_style"] == "none":
        assert look["virtual_camera"] in ("locked", "motion_comic", "parallax")


@each_look
def test_a_picture_of_a_look_is_not_older_than_its_frame(look):
    assert (RATIOS[look["aspect_ratio"]]["since"] or 0) <= int(look["era"][:4]) + 9 or ratio_of(
        look["aspect_ratio"]
    ) < 1
