"""The prompt as the page shows it: its words by panel, its length, its size."""

from itertools import pairwise

import pytest
from django.http import QueryDict

from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import TARGETS
from sessions_app.studio.panels import LABELS
from sessions_app.studio.reading import Written, target_groups, written_for
from sessions_app.studio.shot import Shot


def written(query: str, target: str = "flux1") -> Written:
    return written_for(Shot.asked(QueryDict(query)), TARGETS[target])


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_pieces_are_the_prompt(target: str) -> None:
    shot = Shot.asked(QueryDict("preset=blade_runner&scene=rain+on+glass"))
    made = compile_prompt(TARGETS[target], shot.config, shot.scene)
    found = written_for(shot, TARGETS[target])
    assert "".join(one.text for one in found.pieces) == made.text == found.text
    assert all(one.title for one in found.pieces if one.panel)


def test_a_click_leads_to_a_field_of_the_panel_that_the_words_are_of() -> None:
    shot = Shot.asked(QueryDict("preset=blade_runner"))
    for one in written_for(shot, TARGETS["flux1"]).pieces:
        if one.field:
            assert shot.config.FIELDS[one.field].panel in LABELS
    lens = next(one for one in written("preset=blade_runner").pieces if one.field == "lens")
    assert (lens.panel, lens.title) == ("lens", "Lens")


def test_words_of_one_field_that_follow_each_other_are_one_piece() -> None:
    found = written("preset=blade_runner&scene=rain").pieces
    pairs = [(one.panel, one.field) for one in found]
    assert all(one != following for one, following in pairwise(pairs))


def test_length_is_told_in_what_the_model_counts() -> None:
    assert (written("preset=dune").unit, written("preset=dune").most) == ("tokens", 512)
    midjourney = written("preset=dune", "midjourney")
    assert (midjourney.unit, midjourney.most) == ("words", 60)
    generic = written("preset=dune", "generic")
    assert (generic.most, generic.is_too_long) == (0, False)


def test_a_scene_that_is_too_long_is_said() -> None:
    assert written(f"scene={'word+' * 290}", "cogvideox").is_too_long


def test_the_size_is_drawn_in_its_shape() -> None:
    wide = written("preset=blade_runner")
    assert wide.size is not None
    width, height = wide.shape_box
    assert width / height == pytest.approx(wide.size[0] / wide.size[1], rel=0.01)
    assert written("", "dalle").size is None


def test_every_target_is_in_the_menu_once() -> None:
    offered = [one.id for _, targets in target_groups() for one in targets]
    assert sorted(offered) == sorted(TARGETS)
