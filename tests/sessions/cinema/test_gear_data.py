"""What the data of bodies, lenses, stocks and ratios promise to menus, prompts and rules."""

import math
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parents[3] / "sessions_app" / "cinema" / "data"
SHOWN = ("label", "line", "prose", "tag", "look")
GAUGES = {
    "film_16mm": 16,
    "film_35mm": 35,
    "film_vistavision": 35,
    "film_65mm": 65,
    "imax_15_70": 65,
}


def entries_of(kind):
    return yaml.safe_load((DATA / f"{kind}.yaml").read_text(encoding="utf-8"))[kind]


CAMERAS = entries_of("cameras")
LENSES = entries_of("lenses")
STOCKS = entries_of("film_stocks")
RATIOS = entries_of("aspect_ratios")
LISTS = {"cameras": CAMERAS, "lenses": LENSES, "stocks": STOCKS, "ratios": RATIOS}
ALL = [entry for entries in LISTS.values() for entry in entries]
FILM_BODIES = [body for body in CAMERAS if body["medium"] == "film"]


def by_id(entry):
    return entry["id"]


@pytest.mark.parametrize("entry", ALL, ids=by_id)
def test_every_entry_has_its_words(entry):
    wanted = SHOWN[:-1] if entry in RATIOS else SHOWN
    assert all(entry[key].strip() for key in wanted)
    assert 35 <= len(entry["line"]) <= 95
    assert not [key for key in SHOWN if "_" in entry.get(key, "")]
    assert entry["tag"] == entry["tag"].lower()


def test_no_line_or_look_is_said_twice():
    for key in ("line", "look"):
        said = [entry[key] for entry in ALL if key in entry]
        assert len(said) == len(set(said))


@pytest.mark.parametrize("entries", LISTS.values(), ids=LISTS)
def test_a_name_means_one_entry(entries):
    names = [name for entry in entries for name in [entry["id"], *entry.get("aliases", [])]]
    assert len(names) == len(set(names))
    assert all(isinstance(name, str) for name in names)


@pytest.mark.parametrize("body", CAMERAS, ids=by_id)
def test_every_body_has_a_lens_that_fits_and_covers(body):
    mounts = {*body["mounts"], *body.get("adapts", [])}
    diagonal = math.hypot(*body["image_area_mm"])
    assert [
        lens["id"]
        for lens in LENSES
        if mounts & set(lens["mounts"]) and lens["image_circle_mm"] >= 0.95 * diagonal
    ]


@pytest.mark.parametrize("body", FILM_BODIES, ids=by_id)
def test_every_film_body_has_a_stock_of_its_gauge_from_its_first_year(body):
    gauge, year = GAUGES[body["format"]], body["introduced"]
    assert [
        stock["id"]
        for stock in STOCKS
        if gauge in stock["formats_mm"]
        and stock.get("gauge_from", {}).get(gauge, stock["from"]) <= year
        and (stock["until"] or year) >= year
    ]
