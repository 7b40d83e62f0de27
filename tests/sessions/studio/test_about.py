"""What is known of a preset, and how sure it is."""

import pytest

from sessions_app.cinema.films import FILMS
from sessions_app.cinema.presets import find_preset, presets
from sessions_app.studio.about import facts_of


def facts(name: str) -> dict[str, tuple[str, str]]:
    return {one.label: (one.text, one.unsure) for one in facts_of(find_preset(name))}


def test_a_film_says_who_made_it_and_with_what() -> None:
    found = facts("blade_runner")
    assert found["Director"] == ("Ridley Scott", "")
    assert found["Cinematography"] == ("Jordan Cronenweth", "")
    assert found["Camera"][0].startswith("Panavision Panaflex Gold")
    assert "2.39:1" in found["Ratio"][0]
    assert "key" in found["Light"][0].lower()


def test_what_is_not_sure_says_so() -> None:
    unsure = next(one for one in FILMS.values() if one.certainty == "low" and one.cameras)
    assert facts(unsure.id)["Camera"][1] == "not certain"


def test_a_look_names_works_that_show_it() -> None:
    assert "My Neighbor Totoro" in facts("ghibli_classic")["Shown in"][0]


@pytest.mark.parametrize("preset", [one.id for one in presets()])
def test_no_fact_is_empty_or_a_code_word(preset: str) -> None:
    found = facts_of(find_preset(preset))
    assert len(found) > 3
    assert all(one.text and "_" not in one.text for one in found)
    assert facts_of(None) == ()
