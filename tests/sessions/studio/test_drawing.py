"""What cards draw: palettes in the frame's shape, and light seen from above with the camera at the foot."""

import re
from itertools import combinations
from math import dist

import pytest

from sessions_app.cinema.films import Film, Lamp, LightPlan
from sessions_app.cinema.looks import Look
from sessions_app.cinema.presets import presets
from sessions_app.cinema.vocabulary import vocabularies
from sessions_app.studio.drawing import (
    CAMERA,
    HIGH,
    MOST_HIGH_PX,
    MOST_WIDE_PX,
    SUBJECT,
    WIDE,
    frame_size,
    light_of,
    marks_of,
    palette_of,
    rings_of,
    said_of,
)
from tests.markup import Element, Markup

PLANS = [one.light for one in presets() if isinstance(one, Film | Look) and one.light]
COLORS = ("#101010", "#404040", "#808080", "#c0c0c0", "#f0f0f0")


def bars_of(palette: str) -> list[Element]:
    return [one for one in Markup(palette).all("rect") if "fill" in one.attrs]


def place_of(lamp: Lamp) -> tuple[float, float]:
    (mark,) = marks_of(LightPlan(key=lamp))
    return mark.x, mark.y


def test_every_frame_has_its_true_shape_and_fits_the_card():
    for one in vocabularies().ratios.values():
        wide, high = frame_size(one.ratio)
        assert wide <= MOST_WIDE_PX
        assert high <= MOST_HIGH_PX
        assert wide / high == pytest.approx(one.ratio, rel=0.03)


def test_the_first_colors_of_a_palette_are_the_widest_and_they_fill_the_frame():
    bars = bars_of(palette_of(COLORS, 2.39))
    widths = [int(one.attrs["width"]) for one in bars]
    assert [one.attrs["fill"] for one in bars] == list(COLORS)
    assert widths == sorted(widths, reverse=True)
    assert widths[0] > 3 * widths[-1]
    assert sum(widths) == frame_size(2.39)[0]


def test_what_is_no_color_is_not_drawn():
    drawn = palette_of(["#123456", 'red"/><script>', "#12345", "#12345678"], 1.85)
    assert [one.attrs["fill"] for one in bars_of(drawn)] == ["#123456"]


def test_without_colors_or_a_ratio_an_empty_frame_is_drawn():
    assert not bars_of(palette_of((), None))


def test_the_camera_is_below_the_subject_and_looks_up():
    assert CAMERA[0] == SUBJECT[0]
    assert CAMERA[1] > SUBJECT[1]


def test_ninety_degrees_is_on_the_right_of_the_camera():
    x, y = place_of(Lamp(azimuth=90))
    assert x > SUBJECT[0] + 10
    assert y == pytest.approx(SUBJECT[1])


def test_the_left_is_on_the_left_and_behind_is_above():
    assert place_of(Lamp(azimuth=270))[0] < SUBJECT[0] - 10
    x, y = place_of(Lamp(azimuth=180))
    assert y < SUBJECT[1] - 10
    assert x == pytest.approx(SUBJECT[0])


def test_what_is_near_the_camera_is_between_it_and_the_subject():
    _, y = place_of(Lamp(azimuth=0))
    assert SUBJECT[1] < y < CAMERA[1]


def test_what_hangs_overhead_is_nearer_than_what_stands_at_eye_level():
    places = [place_of(Lamp(azimuth=180, height=one)) for one in ("top", "high", "eye")]
    away = [dist(one, SUBJECT) for one in places]
    assert away == sorted(away)
    assert len(set(away)) == 3


def test_no_lamp_of_any_preset_hides_another_or_the_camera():
    for plan in PLANS:
        marks = marks_of(plan)
        places = [CAMERA, SUBJECT, *((one.x, one.y) for one in marks), *rings_of(plan, marks)]
        assert min(dist(one, other) for one, other in combinations(places, 2)) > 7, plan


def test_everything_is_drawn_inside_its_picture():
    for plan in PLANS:
        for one in Markup(light_of(plan)).all():
            radius = float(one.attrs.get("r", 0))
            across = [float(one.attrs[name]) for name in ("x1", "x2", "cx") if name in one.attrs]
            down = [float(one.attrs[name]) for name in ("y1", "y2", "cy") if name in one.attrs]
            assert all(radius <= at <= WIDE - radius for at in across), plan
            assert all(radius <= at <= HIGH - radius for at in down), plan


def test_a_hard_lamp_is_a_point_with_one_ray_and_a_soft_one_a_bar_with_two_edges():
    hard = Markup(light_of(LightPlan(key=Lamp(azimuth=200, hard=True))))
    soft = Markup(light_of(LightPlan(key=Lamp(azimuth=200))))
    assert len(list(hard.all("circle", stroke="none"))) == 1
    assert len(list(hard.all("line"))) == 1
    assert not list(soft.all("circle", stroke="none"))
    assert len(list(soft.all("line"))) == 3


@pytest.mark.parametrize(("height", "where"), [("top", -1), ("low", 1)])
def test_a_bar_above_or_below_a_lamp_says_its_height(height: str, where: int):
    lamp = Lamp(azimuth=90, height=height, hard=True)
    _, y = place_of(lamp)
    level = [
        float(one.attrs["y1"])
        for one in Markup(light_of(LightPlan(key=lamp))).all("line")
        if one.attrs["y1"] == one.attrs["y2"] and one.attrs["stroke-width"] == "1"
    ]
    assert [(at - y) * where > 3 for at in level] == [True]


def test_each_practical_is_a_ring():
    drawn = light_of(LightPlan(key=Lamp(azimuth=45), practicals=3))
    assert len(list(Markup(drawn).all("circle", fill="none"))) == 3


def test_the_picture_says_in_words_what_it_shows():
    plan = LightPlan(key=Lamp(azimuth=200, hard=True), practicals=2)
    drawn = Markup(light_of(plan))
    (picture,) = drawn.all("svg", role="img")
    assert picture.text == "Key from behind the left, high and hard; two practicals"
    assert said_of(plan) == picture.text[0].lower() + picture.text[1:]


@pytest.mark.parametrize(
    ("azimuth", "where"),
    [
        (0, "near the camera"),
        (350, "near the camera"),
        (45, "from the front right"),
        (90, "from the right"),
        (135, "from behind the right"),
        (180, "from behind"),
        (-90, "from the left"),
        (300, "from the front left"),
        (360 + 200, "from behind the left"),
    ],
)
def test_a_place_is_said_as_the_camera_sees_it(azimuth: float, where: str):
    assert said_of(LightPlan(key=Lamp(azimuth=azimuth))) == f"key {where}, high and soft"


def test_all_lamps_of_a_plan_are_said():
    plan = LightPlan(
        key=Lamp(azimuth=300, height="top"),
        fill=Lamp(azimuth=10, height="low"),
        back=Lamp(azimuth=180, height="eye", hard=True),
        practicals=1,
    )
    assert said_of(plan) == (
        "key from the front left, overhead and soft; fill near the camera, low and soft; "
        "back light from behind, at eye level and hard; one practical"
    )


def test_nothing_drawn_has_a_color_of_its_own_but_the_palette():
    for plan in PLANS:
        assert not re.search(r"#[0-9a-fA-F]{3}|style=", light_of(plan))
