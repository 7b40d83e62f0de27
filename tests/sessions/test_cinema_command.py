"""`manage.py cinema`: the engine from the command line."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from sessions_app.cinema.presets import presets
from sessions_app.cinema.targets import TARGETS

pytestmark = pytest.mark.django_db  # people's own presets are rows

SCENE = "A tired investigator waits in the rain."


def run(*words: str) -> str:
    out = StringIO()
    call_command("cinema", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def rows(*words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in run(*words, "--json").splitlines()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shot.yaml"


def test_a_prompt_is_written_for_the_target_that_is_named() -> None:
    said = run("prompt", "--preset", "blade_runner", "--target", "flux.1", "--scene", SCENE)
    assert said.startswith(SCENE + " A wide shot, centered in the frame. At night, hard low-key")
    assert "Shot on Eastman Color Negative II with a Panavision Panaflex Gold" in said
    assert "Size: 1568 × 656" in said
    assert "Negative:" not in said


def test_choices_change_it() -> None:
    (made,) = rows(
        "prompt", "--preset", "blade_runner", "--set", "size=cu", "--set", "moods=tense,noir"
    )
    assert "A close-up" in str(made["prompt"])
    assert "The mood is tense and noir" in str(made["prompt"])


def test_options_say_why_not_and_what_would_help() -> None:
    said = run("options", "body", "--preset", "blade_runner")
    line = next(one for one in said.splitlines() if " alexa_mini " in one)
    assert line.startswith("- ")
    assert "came in 2015; the scene looks like 1982." in line
    assert "Let the year go" in line
    found = {
        one["value"]: one for one in rows("options", "camera.body", "--preset", "blade_runner")
    }
    assert found["panaflex_gold"]["allowed"] is True
    assert found["alexa_mini"]["allowed"] is False


def test_a_file_that_fits_says_so(file: Path) -> None:
    file.write_text("body: alexa_mini\nlens: cooke_s4\n")
    assert run("validate", str(file)) == "Everything fits.\n"


def test_a_file_that_does_not_fit_ends_with_1_and_the_ways_out(file: Path) -> None:
    file.write_text("camera:\n  body: alexa_mini\n  film_stock: kodak_vision3_500t\n")
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("cinema", "validate", str(file), stdout=out)
    assert ended.value.code == 1
    assert "exposes a sensor, so there is no emulsion to choose." in out.getvalue()
    assert "Remove film stock." in out.getvalue()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("body: nikon_f3\n", "There is no body called nikon_f3."),
        ("flavor: sweet\n", "There is no field called flavor."),
        ("- a list\n", "holds no configuration"),
        ("{", "cannot be read"),
        ("focal_mm: wide\n", "Focal length is a number, not wide."),
        ("focal_mm: 9000\n", "Focal length lies between 4 and 2000."),
        ("moods: [tense, noir, bleak, cool]\n", "Mood takes at most 3; 4 are given."),
    ],
)
def test_what_is_wrong_with_a_file_is_said(file: Path, text: str, said: str) -> None:
    file.write_text(text)
    with pytest.raises(CommandError, match=said) as ended:
        run("validate", str(file))
    assert ended.value.returncode == 2


def test_unknown_names_bring_near_ones() -> None:
    with pytest.raises(CommandError, match="blade_runner"):
        run("prompt", "--preset", "bladerunner")
    with pytest.raises(CommandError, match="flux"):
        run("prompt", "--target", "flux9")
    with pytest.raises(CommandError, match="There are year, body"):
        run("options", "flavor")
    with pytest.raises(CommandError, match="FIELD=VALUE"):
        run("prompt", "--set", "size")


def test_the_matrix_has_every_preset_for_every_target() -> None:
    found = rows("matrix")
    assert len(found) == len(TARGETS) * sum(1 for _ in presets())
    assert set(found[0]) == {
        "preset",
        "target",
        "prompt",
        "negative",
        "words",
        "tokens",
        "messages",
    }
