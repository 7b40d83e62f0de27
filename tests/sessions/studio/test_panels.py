"""The stack of panels: summaries, what differs, what does not fit and the press that mends it."""

import pytest
from django.http import QueryDict

from sessions_app.cinema import engine
from sessions_app.cinema.presets import presets
from sessions_app.cinema.rules import HARD, INFO
from sessions_app.studio.panels import LABELS, Choice, Panel, messages_of, panels_of
from sessions_app.studio.shot import Shot


def shot(query: str) -> Shot:
    return Shot.asked(QueryDict(query))


def panels(query: str) -> dict[str, Panel]:
    found = shot(query)
    return {one.name: one for one in panels_of(found, messages_of(found))}


def choices(query: str, field: str) -> dict[str, Choice]:
    found = panels(f"{query}&open={field}")
    row = next(one for panel in found.values() for one in panel.rows if one.name == field)
    return {one.key: one for one in row.choices}


def after(query: str, apply: str) -> Shot:
    told = QueryDict(query, mutable=True)
    told["apply"] = apply
    return Shot.asked(told)


def test_a_panel_says_what_is_chosen_what_follows_and_what_it_was() -> None:
    found = panels("preset=blade_runner&body=alexa_mini")
    assert found["camera"].summary.startswith("ARRI ALEXA Mini · digital, Super 35")
    assert found["camera"].summary.endswith("set in 1982")
    assert found["camera"].was == "Panavision Panaflex Gold"
    assert "2× squeeze" in found["lens"].summary
    assert (found["mood"].was, found["mood"].is_open) == ("", False)


def test_what_cannot_be_stands_at_its_panel_with_ways_out_that_work() -> None:
    query = "preset=blade_runner&body=alexa_mini"
    stock = panels(query)["stock"]
    assert stock.problem_count == 1
    (message,) = (one for one in stock.messages if one.severity == HARD)
    assert "no emulsion" in message.reason
    assert [one.label for one in message.ways] == [
        "Remove film stock",
        "Use Panavision Panaflex Gold",
    ]
    for way in message.ways:
        assert not panels_of_mended(after(query, way.apply))["stock"].problem_count


def panels_of_mended(found: Shot) -> dict[str, Panel]:
    return {one.name: one for one in panels_of(found, messages_of(found))}


def test_lists_are_worked_out_only_where_they_are_open() -> None:
    found = panels("preset=blade_runner&open=lens")
    assert len(found["lens"].rows[0].choices) > 60
    assert not any(
        row.choices for panel in found.values() for row in panel.rows if row.name != "lens"
    )


def test_what_does_not_fit_says_why_and_is_one_press_away() -> None:
    found = choices("preset=blade_runner", "body")
    mini = found["alexa_mini"]
    assert not mini.is_allowed
    assert "1982" in mini.line
    assert mini.way is not None
    assert engine.is_valid(after("preset=blade_runner", mini.way.apply).config)
    assert getattr(after("preset=blade_runner", mini.way.apply).config, "body") == "alexa_mini"  # noqa: B009


def test_a_locked_panel_is_not_touched_by_any_way_out() -> None:
    query = "preset=blade_runner&lock=stock&lock=lens"
    before = shot(query).config
    for one in choices(query, "body").values():
        if one.way:
            mended = after(query, one.way.apply).config
            assert all(
                getattr(mended, name) == getattr(before, name)
                for name in ("stock", "ratio", "lens", "focal_mm")
            )


def test_what_is_chosen_is_let_go_by_the_same_press() -> None:
    noir = choices("preset=blade_runner", "moods")["noir"]
    assert noir.is_chosen
    assert "noir" not in after("preset=blade_runner", noir.apply).config.moods
    epic = choices("preset=blade_runner", "moods")["epic"]
    assert after("preset=blade_runner", epic.apply).config.moods[-1] == "epic"


def test_an_info_offers_no_repair() -> None:
    found = messages_of(shot("preset=blade_runner"))
    assert all(not one.ways for one in found if one.severity == INFO)


@pytest.mark.parametrize("preset", [one.id for one in presets()])
def test_every_preset_has_a_stack_without_a_problem(preset: str) -> None:
    found = panels(f"preset={preset}")
    assert all(name in LABELS for name in found)
    assert sum(one.problem_count for one in found.values()) == 0
