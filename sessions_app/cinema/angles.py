"""The 144 camera angles: twelve directions, four heights and three distances, in words and as a LoRA's tokens.

The multi-angle edit LoRA for Qwen-Image-Edit knows eight directions; the others are told in words alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sessions_app.cinema.vocabulary import AngleTerm, read_file, remembered, vocabularies


@dataclass(frozen=True, slots=True)
class Angle:
    """Where the camera stands.

    Attributes:
        prose: Its words, after "seen".
        token: What calls it in the LoRA; empty where that knows no such view.
    """

    id: str
    label: str
    prose: str
    token: str
    direction: AngleTerm
    height: AngleTerm
    distance: AngleTerm


@remembered
def angles() -> tuple[Angle, ...]:
    """Return all of them: around the subject, from low to high, from near to far."""
    return tuple(_all())


def find_angles(
    *, direction: str | None = None, height: str | None = None, distance: str | None = None
) -> tuple[Angle, ...]:
    """Return the angles with these parts, by id, alias or label.

    Raises:
        UnknownTerm: There is no such part.
    """
    words = vocabularies()
    wanted = [
        (name, vocabulary.find(told).id)
        for name, vocabulary, told in (
            ("direction", words.directions, direction),
            ("height", words.heights, height),
            ("distance", words.distances, distance),
        )
        if told
    ]
    return tuple(
        one for one in angles() if all(getattr(one, name).id == key for name, key in wanted)
    )


def _all() -> Iterator[Angle]:
    words, file = vocabularies(), read_file("angles")
    for direction in words.directions.values():
        for height in words.heights.values():
            for distance in words.distances.values():
                parts = (direction, height, distance)
                is_known = all(one.token for one in parts)
                token = str(file["format"]).format(
                    direction=direction.token, height=height.token, distance=distance.token
                )
                yield Angle(
                    id="_".join(one.id for one in parts),
                    label=", ".join((direction.label, *(one.label.lower() for one in parts[1:]))),
                    prose=", ".join((distance.prose, height.prose, direction.prose)),
                    token=token if is_known else "",
                    direction=direction,
                    height=height,
                    distance=distance,
                )
