"""How soon the studio answers: each kind of change on its page, over presets, with the longest lists open."""

from collections.abc import Iterator
from itertools import islice
from statistics import quantiles
from typing import Final

from eliot.bench.elsewhere import expect_page, measure_here, measured_elsewhere
from eliot.bench.timing import median_ms

TIMES: Final = 3
OPEN: Final = {"film": "open=lens&open=moods", "look": "open=moods&open=domain"}
CHANGES: Final = ("apply=tone%3Dsepia", "typing=1", "toggle=size", "flip=mood", "preset=dune_2021")
"""A choice, a letter, a list, a lock, another preset."""
EACH: Final = 6
"""Every so many presets one is measured."""


def change_ms() -> float:
    """Return milliseconds at the 95th percentile, of all changes over all measured presets.

    Raises:
        BenchFailed: The process that measures did not end well.
    """
    return measured_elsewhere("eliot.bench.studio")["change_ms"]


def _measure() -> dict[str, float]:
    from django.test import Client

    from eliot.launch.memory import settle

    person = Client(HTTP_HOST="127.0.0.1", HTTP_HX_REQUEST="true")
    settle()  # as every process that serves pages does
    found = [
        median_ms(lambda: expect_page(person.get(address)), TIMES)  # noqa: B023 - called at once
        for address in _addresses()
    ]
    return {"change_ms": quantiles(found, n=20)[-1]}


def _addresses() -> Iterator[str]:
    from sessions_app.cinema.films import Film
    from sessions_app.cinema.presets import presets

    for preset in islice(presets(), 0, None, EACH):
        lists = OPEN["film" if isinstance(preset, Film) else "look"]
        for change in CHANGES:
            scene = "scene=A+tired+man+waits+under+an+awning"
            yield f"/studio/?preset={preset.id}&{scene}&{lists}&compare=wan_t2v&{change}"


if __name__ == "__main__":
    measure_here(_measure)
