"""The rule engine: what it blames on whom, and that there is always a way out."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sessions_app.cinema import engine, fitting
from sessions_app.cinema.config import Animation, Configuration, LiveAction
from sessions_app.cinema.engine import Finding, Option
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.rules import ANIMATION_RULES, LIVE_ACTION_RULES, animation, live_action
from sessions_app.cinema.vocabulary import vocabularies

# What older consoles have, and what a cinematographer missed there.
KNOWN_RULES = """
    LA_DIGITAL_NO_FILM_STOCK
    LA_FILM_REQUIRES_STOCK
    LA_65MM_STOCK_REQUIRES_65MM_CAMERA
    LA_IMAX_STOCK_REQUIRES_IMAX
    LA_ULTRA_PANAVISION_ASPECT
    LA_IMAX_1570_ASPECT
    LA_276_REQUIRES_ULTRA_PV70
    LA_PANAVISION_CLOSED_ECOSYSTEM
    LA_PANAVISION_LENS_REQUIRES_PV_CAMERA
    LA_NIGHT_NO_SUN
    LA_HEAVY_NO_HANDHELD
    LA_HEAVY_NO_GIMBAL
    LA_HEAVY_NO_DRONE
    LA_MEDIUM_HANDHELD_WARN
    LA_CHEERFUL_LOWKEY_WARN
    LA_ROMANTIC_LOWKEY_INFO
    LA_ERA_HMI_ANACHRONISM
    LA_ERA_KINO_ANACHRONISM
    LA_ERA_LED_ANACHRONISM
    LA_MIDDAY_NO_LOWKEY
    LA_MIDDAY_NO_MOON
    LA_BLUEHOUR_NO_SUN
    LA_JIB_MOVEMENT_RESTRICT
    LA_DRONE_MOVEMENT_RESTRICT
    LA_DOLLYZOOM_REQUIRES_DOLLY
    LA_DOLLYZOOM_TIMING_WARN
    LA_GLOOMY_HIGHKEY_WARN
    LA_HOPEFUL_LOWKEY_WARN
    LA_WIDE_LENS_CU_WARN
    LA_LONG_LENS_WIDE_WARN
    LA_ALEXA65_LENS_RESTRICT
    LA_LF_NO_S35_LENS
    LA_VINTAGE_HIGHRES_WARN
    LA_ANAMORPHIC_INFO
    LA_SYMMETRY_ECU_WARN
    LA_LEADING_LINES_CU_WARN
    LA_NEGATIVE_SPACE_ECU_WARN
    LA_FRAME_WITHIN_FRAME_EWS_WARN
    LA_FILL_FRAME_WIDE_WARN
    LA_DEPTH_LAYERING_ECU_WARN
    PRESET_DISALLOWED_MOOD
    PRESET_DISALLOWED_SOURCE
    ANIM_MANGA_MONOCHROME
    ANIM_MANGA_LOCKED_CAMERA
    ANIM_MANGA_GRAPHIC_LIGHT
    ANIM_MANGA_NO_MOTION
    ANIM_MANGA_REQUIRES_2D
    ANIM_ILLUSTRATION_STATIC
    ANIM_ILLUSTRATION_LOCKED_CAMERA
    ANIM_2D_NO_FREE3D
    ANIM_3D_NO_FLAT_LIGHT
    ANIM_3D_REQUIRES_CAMERA_OR_MOTION
    ANIM_HYBRID_REQUIRES_3D_CAMERA
    ANIM_NO_MOTION_NO_CAMERA
    ANIM_ANIME_NO_PHOTOREAL
    ANIM_FULL_ANIMATION_NEEDS_COLOR
    ANIM_PHOTOREAL_LIMITED_WARN
    ANIM_SATURATED_GLOOMY_WARN
    ANIM_MANGA_CLEAN_MENACING_WARN
    ANIM_3D_RIM_CHEERFUL_WARN
    ANIM_ANIME_MONOCHROME_WARN
    ANIM_SKETCHY_FULL_WARN
    ANIM_ANIME_NO_SIMULATED_HANDHELD
    ANIM_DREAMLIKE_HARSH_CONTRAST_WARN
    ANIM_ILLUSTRATION_DYNAMIC_STATIC_WARN
    PRESET_DISALLOWED_CAMERA
    PRESET_DISALLOWED_MOTION
    MOUNT_MATCH
    COVERAGE_MATCH
    GAUGE_MATCH
    CAMERA_YEAR
    LENS_YEAR
    STOCK_YEARS
    SOURCE_YEAR
    STOCK_COLOUR_TONE
    ANAMORPHIC_CONSISTENT
    MANUFACTURER_CONSISTENT
    FORMAT_CONSISTENT
    STATIC_MOVES
    STATIC_TIMING
    HANDHELD_CRANE
    SNORRICAM_SUBJECT
    FIXED_LENS_BODY
    DRONE_BODY
    MOON_NIGHT_ONLY
    NEON_YEAR
    MAGENTA_SUN_INTERIOR
    IMAGE_MODEL_MOVEMENT
""".split()
PRESETS = [one.id for one in presets()]
DIGITAL = LiveAction(body="alexa_mini", lens="cooke_s4")


def rules(config: Configuration, severity: str = "") -> set[str]:
    return {one.rule for one in engine.validate(config) if severity in ("", one.severity)}


def option(field: str, value: str, config: Configuration) -> Option:
    return next(one for one in engine.options(field, config) if one.value == value)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_passes_its_own_hard_rules(preset: str) -> None:
    assert not rules(apply_preset(preset), "hard")


def test_what_was_wrong_before_is_not_blamed_on_a_candidate() -> None:
    config = LiveAction(equipment="jib", movement="track_in")
    assert rules(config, "hard") == {"LA_JIB_MOVEMENT_RESTRICT"}
    assert all(one.is_allowed for one in engine.options("moods", config))


def test_a_film_body_is_reached_from_a_digital_setup_by_its_repair() -> None:
    found = option("body", "arricam_lt", DIGITAL)
    assert not found.is_allowed
    assert found.repair
    assert found.repair.config.changed({}) == found.repair.config
    assert isinstance(found.repair.config, LiveAction)
    assert found.repair.config.body == "arricam_lt"
    assert found.repair.config.the_stock
    assert 35 in found.repair.config.the_stock.formats_mm
    assert "Use " in found.repair.label
    assert not rules(found.repair.config, "hard")


def test_a_digital_body_lets_the_stock_go() -> None:
    film = LiveAction(body="arricam_lt", lens="cooke_s4", stock="kodak_vision3_500t")
    found = option("body", "alexa_mini", film)
    assert found.rule == "LA_DIGITAL_NO_FILM_STOCK"
    assert found.repair
    assert found.repair.changes == {"stock": None}
    assert found.repair.label == "Remove film stock"


def test_a_finding_offers_more_than_one_way_out() -> None:
    config = replace(DIGITAL, stock="kodak_vision3_500t")
    (found,) = (one for one in engine.validate(config) if one.severity == "hard")
    ways = engine.repairs(found, config)
    assert [sorted(way.changes) for way in ways] == [["stock"], ["body"]]
    assert not any(rules(way.config, "hard") for way in ways)


def test_a_repair_leaves_alone_what_is_locked() -> None:
    config = replace(DIGITAL, stock="kodak_vision3_500t")
    found = engine.repair(config, locked=("stock",))
    assert found
    assert isinstance(found.config, LiveAction)
    assert found.config.stock == "kodak_vision3_500t"
    assert found.config.the_body
    assert found.config.the_body.is_film


def test_what_follows_from_a_body_cannot_be_contradicted() -> None:
    told = {
        "camera.body": "alexa_65",
        "camera.manufacturer": "Sony",
        "lens.family": "arri_prime_65",
    }
    config = LiveAction().with_told(told)
    assert rules(config, "hard") == {"MANUFACTURER_CONSISTENT"}
    found = engine.repair(config)
    assert found
    assert found.config.claims == ()


def test_a_squeeze_is_held_against_the_lens() -> None:
    true = LiveAction().with_told({"lens.family": "cooke_anamorphic", "lens.is_anamorphic": True})
    false = LiveAction().with_told({"lens.family": "cooke_s4", "lens.is_anamorphic": True})
    assert "ANAMORPHIC_CONSISTENT" not in rules(true)
    assert "ANAMORPHIC_CONSISTENT" in rules(false, "hard")


def test_years_are_years_and_not_the_middle_of_a_decade() -> None:
    assert "LA_ERA_HMI_ANACHRONISM" in rules(LiveAction(year=1971, sources=("hmi",)), "hard")
    assert not rules(LiveAction(year=1972, sources=("hmi",)), "hard")
    assert "LA_ERA_LED_ANACHRONISM" in rules(LiveAction(year=2000, sources=("led",)), "hard")
    assert "NEON_YEAR" in rules(LiveAction(year=1922, sources=("neon",)), "hard")


def test_at_night_the_sun_is_let_go_or_the_night_made_by_day() -> None:
    config = LiveAction(time="night", sources=("sun", "practical_lights"))
    (found,) = engine.validate(config)
    first, second = engine.repairs(found, config)
    assert first.changes == {"sources": ("practical_lights",)}
    assert second.changes == {"time": "day_for_night"}


@pytest.mark.parametrize(
    ("config", "rule", "severity"),
    [
        (LiveAction(body="alexa_65", lens="cooke_s4"), "MOUNT_MATCH", "hard"),
        (LiveAction(body="alexa_mini_lf", lens="cooke_s4"), "COVERAGE_MATCH", "hard"),
        (
            LiveAction(body="alexa_mini", lens="panavision_c_series"),
            "LA_PANAVISION_LENS_REQUIRES_PV_CAMERA",
            "warning",
        ),
        (
            LiveAction(body="panaflex_gold", stock="eastman_5247_100t", lens="bausch_lomb_baltar"),
            "LA_PANAVISION_CLOSED_ECOSYSTEM",
            "warning",
        ),
        (
            LiveAction(body="panavision_65", stock="kodak_double_x", year=2010),
            "STOCK_YEARS",
            "hard",
        ),
        (LiveAction(body="panavision_65", stock="kodak_plus_x"), "GAUGE_MATCH", "hard"),
        (
            LiveAction(body="arricam_lt", stock="kodak_vision3_500t", year=1990),
            "STOCK_YEARS",
            "hard",
        ),
        (LiveAction(body="alexa_mini", year=1999), "CAMERA_YEAR", "hard"),
        (LiveAction(lens="cooke_s7", year=1999), "LENS_YEAR", "warning"),
        (LiveAction(stock="kodak_double_x", tone="warm_saturated"), "STOCK_COLOUR_TONE", "warning"),
        (LiveAction(equipment="static", movement="track_in"), "STATIC_MOVES", "hard"),
        (LiveAction(movement="static", timing="fast"), "STATIC_TIMING", "warning"),
        (LiveAction(equipment="handheld", movement="orbit"), "HANDHELD_CRANE", "warning"),
        (LiveAction(equipment="snorricam", size="ws"), "SNORRICAM_SUBJECT", "warning"),
        (LiveAction(body="mavic_3_cine", lens="cooke_s4"), "FIXED_LENS_BODY", "hard"),
        (LiveAction(body="inspire_3", equipment="dolly"), "DRONE_BODY", "hard"),
        (LiveAction(time="afternoon", sources=("moon",)), "MOON_NIGHT_ONLY", "warning"),
        (LiveAction(place="interior", sources=("sun",)), "MAGENTA_SUN_INTERIOR", "info"),
        (LiveAction(time="midday", sources=("moon",)), "LA_MIDDAY_NO_MOON", "hard"),
        (LiveAction(time="dusk", sources=("sun",)), "LA_BLUEHOUR_NO_SUN", "hard"),
        (
            LiveAction(time="midday", place="exterior", styles=("low_key",)),
            "LA_MIDDAY_NO_LOWKEY",
            "warning",
        ),
        (LiveAction(equipment="jib", movement="track_in"), "LA_JIB_MOVEMENT_RESTRICT", "hard"),
        (LiveAction(equipment="drone", movement="roll"), "LA_DRONE_MOVEMENT_RESTRICT", "hard"),
        (
            LiveAction(equipment="handheld", movement="dolly_zoom"),
            "LA_DOLLYZOOM_REQUIRES_DOLLY",
            "hard",
        ),
        (
            LiveAction(movement="push_pull", timing="fast"),
            "LA_DOLLYZOOM_TIMING_WARN",
            "warning",
        ),
        (LiveAction(body="imax_mk_iv", equipment="handheld"), "LA_HEAVY_NO_HANDHELD", "hard"),
        (LiveAction(body="alexa_65", equipment="handheld"), "LA_HEAVY_NO_HANDHELD", "warning"),
        (LiveAction(body="alexa_65", equipment="gimbal"), "LA_HEAVY_NO_GIMBAL", "warning"),
        (LiveAction(body="alexa_65", equipment="drone"), "LA_HEAVY_NO_DRONE", "hard"),
        (
            LiveAction(moods=("cheerful",), styles=("low_key",)),
            "LA_CHEERFUL_LOWKEY_WARN",
            "warning",
        ),
        (LiveAction(moods=("romantic",), styles=("low_key",)), "LA_ROMANTIC_LOWKEY_INFO", "info"),
        (LiveAction(moods=("gloomy",), styles=("high_key",)), "LA_GLOOMY_HIGHKEY_WARN", "warning"),
        (LiveAction(moods=("hopeful",), styles=("low_key",)), "LA_HOPEFUL_LOWKEY_WARN", "warning"),
        (LiveAction(composition="leading_lines", size="cu"), "LA_LEADING_LINES_CU_WARN", "warning"),
        (
            LiveAction(composition="negative_space", size="ecu"),
            "LA_NEGATIVE_SPACE_ECU_WARN",
            "warning",
        ),
        (
            LiveAction(composition="frame_within_frame", size="ews"),
            "LA_FRAME_WITHIN_FRAME_EWS_WARN",
            "warning",
        ),
        (LiveAction(composition="fill_the_frame", size="ws"), "LA_FILL_FRAME_WIDE_WARN", "warning"),
        (
            LiveAction(composition="depth_layering", size="bcu"),
            "LA_DEPTH_LAYERING_ECU_WARN",
            "warning",
        ),
        (LiveAction(composition="symmetrical", size="ecu"), None, None),
        (
            LiveAction(body="alexa_mini", lens="cooke_s4", focal_mm=14, size="cu"),
            "LA_WIDE_LENS_CU_WARN",
            "warning",
        ),
        (
            LiveAction(body="alexa_mini", lens="cooke_s4", focal_mm=135, size="ws"),
            "LA_LONG_LENS_WIDE_WARN",
            "warning",
        ),
        (LiveAction(body="venice_2", lens="canon_k35"), "LA_VINTAGE_HIGHRES_WARN", "warning"),
        (LiveAction(lens="panavision_ultra_vista"), "LA_ANAMORPHIC_INFO", "info"),
        (
            LiveAction(body="ultra_panavision_70", stock="eastman_5250_50t", ratio="1.85:1"),
            "LA_ULTRA_PANAVISION_ASPECT",
            "warning",
        ),
        (LiveAction(body="alexa_mini", ratio="2.76:1"), "LA_276_REQUIRES_ULTRA_PV70", "warning"),
        (
            LiveAction(body="imax_mk_iv", stock="kodak_vision3_250d", ratio="2.39:1"),
            "LA_IMAX_1570_ASPECT",
            "warning",
        ),
        (LiveAction(body="arricam_lt"), "LA_FILM_REQUIRES_STOCK", "hard"),
        (Animation(domain="manga", medium="3d"), "ANIM_MANGA_REQUIRES_2D", "hard"),
        (Animation(domain="manga", motion="full"), "ANIM_MANGA_NO_MOTION", "hard"),
        (Animation(domain="manga", color="full"), "ANIM_MANGA_MONOCHROME", "warning"),
        (Animation(domain="manga", camera="digital_pan"), "ANIM_MANGA_LOCKED_CAMERA", "warning"),
        (Animation(domain="manga", camera="motion_comic"), None, None),
        (Animation(domain="manga", lighting="glow"), "ANIM_MANGA_GRAPHIC_LIGHT", "warning"),
        (Animation(domain="illustration", motion="full"), "ANIM_ILLUSTRATION_STATIC", "hard"),
        (Animation(medium="2d", camera="free_3d"), "ANIM_2D_NO_FREE3D", "hard"),
        (Animation(medium="3d", lighting="flat_light"), "ANIM_3D_NO_FLAT_LIGHT", "warning"),
        (Animation(medium="hybrid", camera="locked"), "ANIM_HYBRID_REQUIRES_3D_CAMERA", "warning"),
        (
            Animation(surface="photoreal", motion="limited"),
            "ANIM_PHOTOREAL_LIMITED_WARN",
            "warning",
        ),
        (Animation(domain="anime", tone="monochrome"), "ANIM_ANIME_MONOCHROME_WARN", "warning"),
        (
            Animation(tone="high_contrast_bw", moods=("dreamlike",)),
            "ANIM_DREAMLIKE_HARSH_CONTRAST_WARN",
            "warning",
        ),
    ],
)
def test_each_rule_speaks_where_it_should(
    config: Configuration, rule: str | None, severity: str | None
) -> None:
    found = {one.rule: one.severity for one in engine.validate(config)}
    if rule is None:
        assert not found
    else:
        assert found.get(rule) == severity


def test_a_still_says_that_movement_is_left_out() -> None:
    config = LiveAction(movement="push_in")
    assert Finding(
        "IMAGE_MODEL_MOVEMENT", "info", "movement", "A still shows no movement; it is left out."
    ) in engine.validate(config, is_still=True)
    assert not engine.validate(config)


def test_every_known_rule_is_kept_or_stood_for_or_dropped_with_a_reason() -> None:
    rules_now = (*LIVE_ACTION_RULES, *ANIMATION_RULES)
    here = {one.id for one in rules_now} | {old for one in rules_now for old in one.absorbs}
    dropped = {**live_action.DROPPED, **animation.DROPPED}
    assert not here & dropped.keys()
    assert set(KNOWN_RULES) - here - dropped.keys() == {
        "IMAGE_MODEL_MOVEMENT"
    }  # asks for the target


def test_rules_have_ids_and_fields_of_their_own() -> None:
    for kind, found in ((LiveAction, LIVE_ACTION_RULES), (Animation, ANIMATION_RULES)):
        ids = [one.id for one in found]
        assert len(ids) == len(set(ids))
        known = {*kind.FIELDS, "preset", "claims"}
        assert all(one.reads <= known for one in found)


def _chosen(kind: type[Configuration]) -> st.SearchStrategy[Configuration]:
    """Any configuration: a preset's, with any fields chosen anew or emptied."""
    fields = [one for one in kind.FIELDS.values() if one.terms]
    begun = st.sampled_from([one for one in PRESETS if isinstance(apply_preset(one), kind)])
    changes = st.fixed_dictionaries(
        {}, optional={one.name: st.sampled_from([*one.vocabulary, None]) for one in fields}
    )

    def made(preset: str, told: dict[str, str | None]) -> Configuration:
        return apply_preset(preset).with_told(told)

    return st.builds(made, begun, changes)


any_config = st.one_of(_chosen(LiveAction), _chosen(Animation))
any_shot = _chosen(LiveAction)


@given(any_config, st.data())
@settings(max_examples=150, deadline=None)
def test_options_never_contradict_validate(config: Configuration, data: st.DataObject) -> None:
    field = config.FIELDS[data.draw(st.sampled_from(list(config.FIELDS)))]
    before = set(engine.validate(config))
    for one in engine.options(field.name, config, with_repairs=False):
        after = set(engine.validate(engine.with_choice(config, field, one.value)))
        added = {bad for bad in after - before if bad.severity == "hard"}
        assert one.is_allowed == (not added), (one.value, added)


@given(any_shot, st.sampled_from(["body", "lens"]))
@settings(max_examples=60, deadline=None)
def test_from_any_valid_configuration_every_body_and_lens_can_be_reached(
    config: Configuration, field: str
) -> None:
    mended = engine.repair(config)
    valid = mended.config if mended else config
    if not engine.is_valid(valid):
        return
    for one in engine.options(field, valid):
        if one.is_allowed:
            continue
        assert one.repair, (one.value, one.reason)
        assert getattr(one.repair.config, field) == one.value
        assert engine.is_valid(one.repair.config)


@given(any_config)
@settings(max_examples=60, deadline=None)
def test_whatever_was_chosen_can_be_made_valid(config: Configuration) -> None:
    found = engine.repair(config)
    assert (found is None) == engine.is_valid(config)
    if found:
        assert engine.is_valid(found.config)


@given(any_config)
@settings(max_examples=60, deadline=None)
def test_what_is_offered_breaks_nothing_else(config: Configuration) -> None:
    before = {one for one in engine.validate(config) if one.severity == "hard"}
    for bad in engine.validate(config):
        for way in engine.repairs(bad, config):
            after = {one for one in engine.validate(way.config) if one.severity == "hard"}
            assert after <= before - {bad}
            assert bad not in engine.validate(way.config)


def test_the_same_is_the_same_again() -> None:
    for field in LiveAction.FIELDS:
        assert engine.options(field, DIGITAL) == engine.options(field, DIGITAL)


def test_every_body_and_lens_has_a_partner() -> None:
    words = vocabularies()
    assert all(fitting.lenses_for(one) for one in words.bodies)
    assert all(fitting.bodies_for(one) for one in words.lenses)


def test_what_follows_from_a_choice_is_worked_out_anew_for_a_changed_copy() -> None:
    config = apply_preset("blade_runner")
    assert isinstance(config, LiveAction)
    before = config.the_body, config.angle_of_view_deg
    changed = config.changed({"body": "alexa_65", "focal_mm": 50})
    assert changed.the_body is not before[0]
    assert changed.angle_of_view_deg != before[1]
    assert (config.the_body, config.angle_of_view_deg) == before
    assert config == apply_preset("blade_runner")
