"""The cinema bench: how long a choice, a check and a prompt take, over presets and fields."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from statistics import quantiles
from typing import Any, Final

from eliot.bench.studio import change_ms
from eliot.bench.timing import median_ms
from eliot.launch.memory import settle
from sessions_app.cinema import engine
from sessions_app.cinema.matrix import code_words, matrix
from sessions_app.cinema.presets import apply_preset, presets
from sessions_app.cinema.prompt import compile_prompt
from sessions_app.cinema.targets import TARGETS

SCENE: Final = "A tired investigator waits under a noodle bar awning in heavy rain, neon doubled in the wet street."
TIMES: Final = 5
# Milliseconds at the 95th percentile over all presets, but for what is counted.
TARGETS_MS: Final[Mapping[str, float]] = {
    "field_ms": 5.0,
    "all_fields_ms": 60.0,
    "validate_ms": 1.0,
    "compile_ms": 1.0,
    "change_ms": 60.0,
    "code_words": 0,
}


@dataclass(frozen=True)
class Outcome:
    """What was measured, by name."""

    found: Mapping[str, float]
    slowest: str

    def lines(self) -> Iterable[str]:
        """Return it for people."""
        for name, value in self.found.items():
            yield f"{name:14} {value:8.3f}   (at most {TARGETS_MS[name]:g})"
        yield f"slowest field  {self.slowest}"

    def missed(self) -> list[str]:
        """Return, in sentences, which targets were missed."""
        return [
            f"{name} is {value:.2f}, and should be at most {TARGETS_MS[name]:g}"
            for name, value in self.found.items()
            if value > TARGETS_MS[name]
        ]

    def as_json(self) -> str:
        """Return it for programs, in one line."""
        return json.dumps(self.found)


def measure(say: Callable[[str], None]) -> Outcome:
    """Measure over every preset, every field and every target."""
    configs = [apply_preset(one.id) for one in presets()]
    say(f"{len(configs)} presets, {len(TARGETS)} targets")
    settle()  # as every process that serves pages does
    fields: dict[str, list[float]] = {}
    whole: list[float] = []
    for config in configs:
        times = {name: _ms(lambda: engine.options(name, config)) for name in config.FIELDS}  # noqa: B023 - called at once
        whole.append(sum(times.values()))
        for name, one in times.items():
            fields.setdefault(name, []).append(one)
    slowest = max(fields, key=lambda name: _p95(fields[name]))
    found = {
        "field_ms": _p95(fields[slowest]),
        "all_fields_ms": _p95(whole),
        "validate_ms": _p95([_ms(lambda: engine.validate(config)) for config in configs]),  # noqa: B023
        "compile_ms": _p95(
            [
                _ms(lambda: compile_prompt(target, config, SCENE))  # noqa: B023
                for config in configs
                for target in TARGETS.values()
            ]
        ),
        "change_ms": change_ms(),
        "code_words": sum(
            len(code_words(row["prompt"], TARGETS[row["target"]])) for row in matrix(SCENE)
        ),
    }
    return Outcome(found, slowest)


def _ms(do: Callable[[], Any]) -> float:
    return median_ms(do, TIMES)


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20)[-1]
