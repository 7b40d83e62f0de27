"""The studio's left column: what is found, what a card says, and what the fragment sends."""

from dataclasses import dataclass

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string

from sessions_app.cinema.config import KINDS
from sessions_app.cinema.films import FILMS
from sessions_app.cinema.presets import presets
from sessions_app.studio.browser import Browser
from sessions_app.studio.cards import Card, family_name, short_name
from tests.markup import Markup

TABS = ("film", "animation")


@dataclass(frozen=True)
class OwnPreset:
    """A preset of a class that the browser does not know."""

    id: str
    label: str
    kind: str = "live_action"


def found(**params: str) -> list[str]:
    return [one.id for one in Browser.asked(params).cards]


def card(preset: str, tab: str = "film") -> Card:
    return next(one for one in Browser.asked({"tab": tab}).cards if one.id == preset)


def page(browser: Browser, chosen: str | None = None) -> Markup:
    context = {"browser": browser, "chosen": chosen, "browse_url": "/browse/"}
    return Markup(render_to_string("studio/_browser.html", context))


def test_every_preset_has_one_card_with_five_colors_and_light_in_words():
    cards = [one for tab in TABS for one in Browser.asked({"tab": tab}).cards]
    assert sorted(one.id for one in cards) == sorted(one.id for one in presets())
    for one in cards:
        assert one.palette.count("fill=") == 5, one.id
        assert one.light
        assert "<title>Key " in one.light, one.id
        assert all((one.title, one.line, one.gear, one.shape)), one.id


def test_a_card_says_when_by_whom_and_with_what():
    one = card("blade_runner")
    assert one.title == "Blade Runner"
    assert one.line == "1982 · Scott, Cronenweth"
    assert one.gear == "Panaflex Gold, C Series, Eastman 5247"
    assert one.shape == "2.39:1"


def test_a_look_says_of_what_sort_it_is_and_which_works_show_it():
    one = card("pastoral_painted", "animation")
    assert one.line == "1990s · Anime, 2D"
    assert one.gear == "Spirited Away, My Neighbor Totoro"


def test_a_film_of_which_little_is_known_is_a_style_without_equipment():
    for one in Browser.asked({}).cards:
        is_low = FILMS[one.id].certainty == "low"
        assert one.is_uncertain == is_low
        assert one.title.startswith("In the style of ") == is_low
        assert (one.gear == "Equipment not certain") == is_low


def test_a_lens_that_nobody_recorded_is_left_out():
    assert FILMS["seven_samurai"].lens_certainty == "low"
    assert card("seven_samurai").gear == "Mitchell NC, Fuji black-and-white negative"


def test_who_directs_and_lights_is_named_once():
    assert card("roma").line == "2018 · Cuarón"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("Ridley Scott", "Scott"),
        ("Vittorio De Sica", "De Sica"),
        ("Hoyte van Hoytema", "van Hoytema"),
        ("Francis Ford Coppola", "Coppola"),
        ("Jean-Pierre Jeunet", "Jeunet"),
        ("Bong Joon-ho", "Bong"),
        ("Madonna", "Madonna"),
    ],
)
def test_people_are_called_by_their_family(name: str, family: str):
    assert family_name(name) == family


@pytest.mark.parametrize(
    ("label", "short"),
    [
        ("Panavision Panaflex Gold", "Panaflex Gold"),
        ("ARRI ALEXA 65", "ALEXA 65"),
        ("ARRI/ZEISS Master Prime", "Master Prime"),
        ("Kodak Vision3 500T", "Vision3 500T"),
        ("Eastman Color Negative II 5247", "Eastman 5247"),
        ("Eastman 4-X", "Eastman 4-X"),
        ("Panavision 65 mm studio camera", "Panavision 65 mm studio camera"),
        ("Mitchell BNC", "Mitchell BNC"),
        ("Cooke S4/i", "Cooke S4/i"),
    ],
)
def test_equipment_is_called_as_crews_call_it(label: str, short: str):
    assert short_name(label) == short


@pytest.mark.parametrize(
    ("words", "preset"),
    [
        ("deakins", "blade_runner_2049"),
        ("alexa", "drive"),
        ("noir", "the_maltese_falcon"),
        ("kubrick", "barry_lyndon"),
        ("KUBRICK lyndon", "barry_lyndon"),
        ("amelie", "amelie"),
        ("Amélie", "amelie"),
        ("cuckoos", "one_flew_over_cuckoos_nest"),
        ("kaminski", "schindlers_list"),
        ("new hope", "star_wars_anh"),
        ("5247", "alien"),
        ("1982", "blade_runner"),
    ],
)
def test_words_find_a_film_without_case_or_accents(words: str, preset: str):
    among = found(q=words)
    assert preset in among
    assert len(among) < 25


def test_works_find_the_look_that_they_show():
    assert found(tab="animation", q="totoro") == ["pastoral_painted"]


def test_all_words_must_match():
    assert set(found(q="scott noir")) == set(found(q="scott")) & set(found(q="noir"))
    assert found(q="kubrick deakins") == []


def test_what_has_the_words_in_its_title_comes_first():
    assert found(q="alien")[:2] == ["alien", "taxi_driver"]


def test_filters_combine():
    of_eighties, noir = set(found(era="1980s")), set(found(mood="noir"))
    both = found(era="1980s", mood="noir")
    assert set(both) == of_eighties & noir
    assert both == ["blade_runner"]
    assert set(found(mood="noir", q="huston")) == noir & set(found(q="huston"))


@pytest.mark.parametrize("tab", TABS)
def test_each_choice_finds_what_it_names_and_never_everything(tab: str):
    browser = Browser.asked({"tab": tab})
    for menu in browser.filters:
        assert len(menu.choices) > 1, menu.name
        for one in menu.choices:
            chosen = Browser.asked({"tab": tab, menu.name: one.value})
            assert 0 < chosen.total < browser.total, (menu.name, one.value)
            (on,) = (other for other in chosen.filters if other.is_on)
            assert [other.value for other in on.choices if other.is_chosen] == [one.value]


@pytest.mark.parametrize(
    "params",
    [
        {"era": "1780s"},
        {"mood": "purple"},
        {"light": ""},
        {"shape": "17:3"},
        {"sort": "anime"},
        {"tab": "theatre"},
        {"colour": "red"},
        {"q": "   "},
    ],
)
def test_what_nobody_knows_changes_nothing(params: dict[str, str]):
    browser = Browser.asked(params)
    assert browser.cards == Browser.asked({}).cards
    assert browser.query == []
    assert not browser.is_filtered


@pytest.mark.parametrize(
    "query",
    [
        [],
        [("q", "scott")],
        [("era", "1980s"), ("mood", "noir")],
        [("tab", "animation"), ("q", "ink"), ("sort", "manga")],
        [("tab", "own")],
    ],
)
def test_the_query_is_what_was_asked_and_finds_the_same(query: list[tuple[str, str]]):
    browser = Browser.asked(dict(query))
    assert browser.query == query
    assert Browser.asked(dict(browser.query)).cards == browser.cards


def test_clearing_lets_the_filters_go_and_keeps_the_tab():
    browser = Browser.asked({"tab": "animation", "q": "ink", "sort": "manga", "clear": "1"})
    assert browser.query == [("tab", "animation")]
    assert browser.total == browser.whole


def test_of_several_values_the_last_counts():
    assert Browser.asked(QueryDict("tab=own&tab=animation")).tab == "animation"
    assert Browser.asked({"era": ["1970s", "1980s"]}).chosen == {"era": "1980s"}


def test_cards_are_made_once():
    assert Browser.asked({}).cards[0] is Browser.asked({"q": "metropolis"}).cards[0]


def test_presets_of_an_unknown_class_stand_among_ones_own():
    own = OwnPreset("mine", "Wet <b>streets</b>")
    browser = Browser.asked({"tab": "own", "q": "streets"}, [*presets(), own])
    (shown,) = browser.cards
    assert (shown.title, shown.line) == ("Wet <b>streets</b>", "Live action")
    assert next(page(browser).all("b")).text == "Wet <b>streets</b>"


def test_each_card_is_a_button_and_the_chosen_one_says_so():
    drawn = page(Browser.asked({}), chosen="alien")
    cards = list(drawn.all("button", name="pick"))
    assert [one.attrs["value"] for one in cards] == [one.id for one in Browser.asked({}).cards]
    assert [one.attrs["value"] for one in cards if "aria-current" in one.attrs] == ["alien"]
    assert all(one.attrs["type"] == "submit" for one in cards)
    assert not any(name.startswith("hx-") for one in cards for name in one.attrs)


def test_enter_presses_a_button_that_chooses_nothing():
    first = next(iter(page(Browser.asked({})).all("button")))
    assert first.attrs["type"] == "submit"
    assert "name" not in first.attrs


def test_the_fields_show_what_was_asked():
    drawn = page(Browser.asked({"q": 'a "b', "era": "1980s"}))
    assert drawn.id("browser-q").attrs["value"] == 'a "b'
    assert [one.attrs["value"] for one in drawn.all("option", selected="")] == ["1980s"]
    assert [one.attrs["value"] for one in drawn.all("input", checked="")] == ["film"]


def test_the_count_is_said():
    assert page(Browser.asked({})).id("browser-count").text == "70 films"
    assert page(Browser.asked({"q": "kubrick"})).id("browser-count").text == "4 of 70 films"


def test_where_nothing_fits_there_is_a_way_out():
    found_room = page(Browser.asked({"q": "no such film"})).id("browser-found")
    assert "No film fits" in found_room.text
    assert "Clear the filters" in found_room.text


def test_without_own_presets_it_says_how_to_make_one():
    drawn = page(Browser.asked({"tab": "own"}))
    assert "Nothing of your own yet" in drawn.id("browser-found").text
    assert "Clear the filters" not in drawn.id("browser-found").text


def test_no_filter_is_called_as_a_field_of_a_shot_in_the_same_address() -> None:
    names = {one.name for tab in TABS for one in Browser.asked({"tab": tab}).filters}
    assert not names & {field for kind in KINDS.values() for field in kind.FIELDS}
